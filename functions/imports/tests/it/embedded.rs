//! Generation A in small: a core and a pack written by hand with every trap of the real ones.

use imports::bmad;
use imports::model::{Generation, StepKind};

use crate::packing::{folder, read};

pub(crate) const MODULE: [(&str, &str); 18] = [
    ("package/package.json", r#"{ "name": "old-house", "version": "4.1.0", "license": "MIT" }"#),
    (
        "package/bmad-core/agents/cook.md",
        "# cook\n\nACTIVATION-NOTICE: read on.\n\n```yaml\nIDE-FILE-RESOLUTION:\n  - maps to {root}\nREQUEST-RESOLUTION: flexibly\nactivation-instructions:\n  - STEP 1: Read THIS ENTIRE FILE\n  - STAY IN CHARACTER!\n  - CRITICAL: Never serve it cold\nagent:\n  name: Rosa\n  id: cook\n  title: Cook\n  icon: 🍲\n  whenToUse: Use for soup: or stew\n```\n",
    ),
    (
        "package/bmad-core/agents/host.md",
        "```yaml\nagent:\n  name: Abel\n  id: host\n  title: Host\n  whenToUse: 'Use for guests'\n  customization: Speak softly.\npersona:\n  role: Host\n  style: Warm\n  identity: Knows everybody\n  focus: The guests\n  core_principles:\n    - Ask first\n    - CRITICAL: Never two soups\n  manners:\n    bow: true\ncommands:\n  - help: Show commands\n  - seat {guest}: run task seat-guest with table-tmpl\n  - '*toast\" - Raise a glass'\n  - '*leave'\n  - plan:\n      - order: first, then\n      - rules:\n          - never: late\ndependencies:\n  tasks:\n    - seat-guest.md\n    - create-doc\n    - nowhere.md\n  templates:\n    - table-tmpl.yaml\n```\n\n## Startup\n\nYou are Abel.\n",
    ),
    (
        "package/bmad-core/agents/steward.md",
        "```yaml\nagent:\n  name: Mo\n  id: steward\ncommands:\n  help: Show\n  count: Count the spoons\n```\n",
    ),
    ("package/bmad-core/tasks/seat-guest.md", "# Seat\n"),
    ("package/bmad-core/templates/table-tmpl.yaml", "template:\n  id: t\n"),
    ("package/bmad-core/checklists/manners.md", "- [ ] bow\n"),
    ("package/common/tasks/create-doc.md", "# Create\n"),
    (
        "package/bmad-core/agent-teams/team-all.yaml",
        "bundle:\n  name: All\n  icon: 👥\n  description: Everybody.\nagents:\n  - host\n  - '*'\n  - butler\nworkflows:\n  - feast.yaml\n  - famine.yaml\n",
    ),
    (
        "package/bmad-core/workflows/feast.yaml",
        "workflow:\n  id: feast\n  name: A Feast\n  description: Guests eat.\n  type: dinner\n  sequence:\n    - agent: host\n      creates: list.md\n      notes: Ask who comes.\n    - agent: cook\n      creates: menu.md (optional)\n      requires: list.md\n      uses: table-tmpl\n      condition: guests_are_hungry\n    - agent: various\n      updates: any_dish\n    - agent: cook/host\n      action: taste_dish\n      optional: true\n      repeats: for_each_dish\n    - agent: butler\n      action: pour\n    - step: decide\n      routes:\n        sweet:\n          agent: cook\n        sour:\n          agent: host\n    - workflow_end:\n        action: go_home\n  handoff_prompts:\n    host_to_cook: 'The list is ready.'\n",
    ),
    ("package/bmad-core/workflows/cover.md", "# Not YAML\n\n```yaml\nagent: x\n"),
    ("package/bmad-core/workflows/hollow.yaml", "workflow:\n  id: hollow\n"),
    (
        "package/expansion-packs/opera/config.yaml",
        "name: opera\nversion: 1.0.0\nshort-title: The Opera\nslashPrefix: OpX\n",
    ),
    (
        "package/expansion-packs/opera/agents/lead-cook.md",
        "```yaml\nagent:\n  name: Figaro\n  id: cook\n```\n",
    ),
    (
        "package/expansion-packs/opera/workflows/act.yaml",
        "name: act\ntitle: One Act\nsteps:\n  - id: overture\n    title: Overture\n    agent: cook\n    outputs: theme\n  - id: aria\n    title: Aria\n    agent: lead-cook\n    inputs: theme\n    outputs: song\n  - id: duet\n    title: Duet\n    agent: host\n    inputs: [theme]\n  - id: finale\n    title: Finale\n    agent: host\n    inputs: [song, other]\n",
    ),
    (
        "package/expansion-packs/opera/workflows/season.yaml",
        "workflow:\n  id: season\n  name: Season\n  phases:\n    spring:\n      - agent: cook\n        task: sow\n        output: seed.md\n    autumn:\n      - agent: cook\n        task: reap\n        input: seed.md\n      - agent: host\n        task: rest\n",
    ),
    (
        "package/expansion-packs/opera/workflows/short.yaml",
        "workflow:\n  id: short\n  full_sequence:\n    - agent: cook\n      step: one\n  quick_sequence:\n    - agent: cook\n      step: two\n  workflow_end:\n    action: end\n",
    ),
    ("package/dist/agents/cook.txt", "generated\n"),
];

#[test]
fn agents_are_read_with_their_commands_and_files() {
    let import = read(&MODULE);
    assert_eq!(import.source.generation, Generation::A);
    let slugs: Vec<&str> = import.agents.iter().map(|agent| agent.slug.as_str()).collect();
    // `whenToUse: Use for soup: or stew` is not YAML, so the cook is named in the report.
    assert_eq!(slugs, ["host", "steward", "opx-lead-cook"]);
    assert!(import.report.rejected.iter().any(|one| one.path == "bmad-core/agents/cook.md"));

    let host = &import.agents[0];
    assert_eq!((host.name.as_str(), host.team.as_deref()), ("Abel", Some("BMad Core")));
    assert_eq!(host.description, "Use for guests");
    assert_eq!(host.principles, ["Ask first", "CRITICAL: Never two soups"]);
    assert_eq!(
        host.instructions,
        "Focus: The guests\n\nSpeak softly.\n\n## Startup\n\nYou are Abel."
    );
    assert_eq!(host.extensions["persona"]["manners"]["bow"], true);
    let commands: Vec<_> = host
        .capabilities
        .iter()
        .map(|command| {
            (
                command.code.as_str(),
                command.args.join(" "),
                command.prompt.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        commands,
        [
            ("help", String::new(), "Show commands"),
            ("seat", "guest".to_owned(), "run task seat-guest with table-tmpl"),
            ("toast", String::new(), "Raise a glass"),
            ("leave", String::new(), "leave"),
            ("plan", String::new(), "order: first, then\nrules:\n  never: late"),
        ]
    );
    assert_eq!(
        host.capabilities[1].files,
        ["bmad-core/tasks/seat-guest.md", "bmad-core/templates/table-tmpl.yaml"]
    );
    assert_eq!(
        host.files,
        [
            "bmad-core/tasks/seat-guest.md",
            "common/tasks/create-doc.md",
            "bmad-core/templates/table-tmpl.yaml"
        ]
    );
    let missing: Vec<&str> = import.report.missing.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(missing, ["tasks/nowhere.md", "sow", "reap", "rest", "workflows/famine.yaml"]);
    let counts = &import.report.counts;
    let counted = ["commands", "commands_as_maps", "commands_as_texts", "commands_of_one_map"];
    assert_eq!(counted.map(|what| counts[what]), [7, 3, 2, 2]);
}

#[test]
fn a_sequence_keeps_its_order_and_its_doubts() {
    let import = read(&MODULE);
    let feast = import.workflows.iter().find(|workflow| workflow.slug == "feast").unwrap();
    let steps: Vec<_> = feast
        .steps
        .iter()
        .map(|step| (step.id.as_str(), step.kind, step.agent.as_deref(), step.needs.join(" ")))
        .collect();
    assert_eq!(
        steps,
        [
            ("list", StepKind::Agent, Some("host"), String::new()),
            // The core's own cook could not be read; the pack's goes by the same id.
            ("menu", StepKind::Agent, Some("opx-lead-cook"), "list".to_owned()),
            ("any-dish", StepKind::Room, None, "menu".to_owned()),
            ("taste-dish", StepKind::Choice, None, "any-dish".to_owned()),
            ("pour", StepKind::Agent, None, "taste-dish".to_owned()),
            ("decide", StepKind::Choice, None, "pour".to_owned()),
            ("workflow-end", StepKind::Agent, None, "decide".to_owned()),
        ]
    );
    assert!(feast.steps[1].optional && feast.steps[1].needs_review);
    assert_eq!(feast.steps[1].document.as_deref(), Some("menu.md"));
    assert_eq!(feast.steps[1].files, ["bmad-core/templates/table-tmpl.yaml"]);
    assert_eq!(feast.steps[2].candidates, ["host", "opx-lead-cook"]);
    assert_eq!(feast.steps[5].candidates, ["opx-lead-cook", "host"]);
    assert_eq!(feast.settings["handoff_prompts"]["host_to_cook"], "The list is ready.");
    let unresolved: Vec<&str> =
        import.report.unresolved.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(unresolved, ["various", "cook/host", "butler", "butler"]);
}

#[test]
fn inputs_phases_and_alternative_sequences_give_their_own_order() {
    let import = read(&MODULE);
    let steps = |slug: &str| -> Vec<(String, String)> {
        let workflow = import.workflows.iter().find(|workflow| workflow.slug == slug).unwrap();
        workflow.steps.iter().map(|step| (step.id.clone(), step.needs.join(" "))).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(id, needs)| ((*id).to_owned(), (*needs).to_owned())).collect()
    };
    assert_eq!(
        steps("opx-act"),
        pairs(&[("overture", ""), ("aria", "overture"), ("duet", "overture"), ("finale", "aria")])
    );
    assert_eq!(steps("opx-season"), pairs(&[("sow", ""), ("reap", "sow"), ("rest", "reap")]));
    assert_eq!(steps("opx-short"), pairs(&[("one", ""), ("two", "")]));
    // By id within the pack, although the file is named otherwise.
    let act = import.workflows.iter().find(|workflow| workflow.slug == "opx-act").unwrap();
    assert_eq!(act.steps[0].agent.as_deref(), Some("opx-lead-cook"));
    assert_eq!(act.steps[2].agent.as_deref(), Some("host"), "the core's");
    let doubts = import.report.needs_review.iter().filter(|one| one.workflow == "opx-short");
    assert_eq!(doubts.map(|one| one.step.as_str()).collect::<Vec<_>>(), ["two"]);
}

#[test]
fn a_team_is_a_room_and_what_is_no_workflow_is_named() {
    let import = read(&MODULE);
    assert_eq!(import.rooms.len(), 1);
    assert_eq!(import.rooms[0].members, ["host", "steward"]);
    assert_eq!(import.rooms[0].workflows, ["feast"]);
    let rejected: Vec<_> =
        import.report.rejected.iter().map(|one| (one.path.as_str(), one.reason.as_str())).collect();
    assert_eq!(rejected.len(), 3);
    assert_eq!(rejected[1].0, "bmad-core/workflows/cover.md");
    assert_eq!(
        rejected[2],
        (
            "bmad-core/workflows/hollow.yaml",
            "it has no steps: no `sequence`, `steps`, `phases` or `*_sequence`"
        )
    );
    assert_eq!(
        ["tasks", "templates", "checklists"].map(|what| import.report.counts[what]),
        [2, 1, 1]
    );
}

#[test]
fn one_pack_alone_and_an_installed_one_keep_their_slugs() {
    let agent = "```yaml\nagent:\n  name: Figaro\n  id: cook\n```\n";
    let config = "name: opera\nslashPrefix: OpX\n";
    for (config_path, agent_path) in [
        ("opera/config.yaml", "opera/agents/lead-cook.md"),
        (".bmad-opera/config.yaml", ".bmad-opera/agents/lead-cook.md"),
    ] {
        let import =
            bmad::read(&folder(&[(config_path, config), (agent_path, agent)]).unwrap()).unwrap();
        assert_eq!(import.agents[0].slug, "opx-lead-cook", "{agent_path}");
    }
}
