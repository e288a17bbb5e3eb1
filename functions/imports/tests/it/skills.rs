//! Generation D in small: a module written by hand with every trap of the real ones.

use imports::bmad;
use imports::model::{AttachmentKind, Generation, StepKind};

use crate::packing::{folder, read};

pub(crate) const MODULE: [(&str, &str); 22] = [
    ("pkg/package.json", r#"{ "name": "tea-house", "version": "2.1.0", "license": "MIT" }"#),
    ("pkg/LICENSE", "MIT License\n\nCopyright (c) the tea house\n"),
    (
        "pkg/src/module.yaml",
        "code: tea\nname: Tea House\nagents:\n  - code: bmad-agent-brewer\n    name: Ito\n    team: kitchen\n    description: Waits for the water.\n  - code: bmad-agent-gone\n    name: Nobody\nstrength:\n  prompt: [How strong?, It matters.]\n  scope: user\n  default: medium\n  single-select:\n    - value: weak\n      label: Weak\n    - value: medium\n      label: Medium\n",
    ),
    (
        "pkg/src/module-help.csv",
        "module,skill,display-name,menu-code,description,action,args,phase,preceded-by,followed-by,required,output-location,outputs\nTea,_meta,,,,,,,,,false,https://tea.test/,\nTea,tea-serve,Serve,SV,Bring it,,,ship,tea-brew,,true,out,cup\nTea,tea-brew,Brew,BR,\"Heat, steep\",,,plan,,,true,out,pot\nTea,tea-taste,Taste,TS,Sip,,anytime,,,false,,\n",
    ),
    (
        "pkg/src/agents/bmad-agent-brewer/SKILL.md",
        "---\nname: bmad-agent-brewer\ndescription: Brews. Use when somebody is thirsty\n---\n\n# Ito — Brewer\n\n## Overview\n\nYou are Ito, who brews.\n\n## Conventions\n\n- Bare paths resolve from the skill root.\n\n## On Activation\n\n### Step 1: Resolve the Agent Block\n\nRun: `uv run {project-root}/_bmad/scripts/resolve_customization.py --key agent`\n\n### Step 3: Adopt Persona\n\nBe Ito.\n\n### Step 6: Greet the User\n\nBow to `{user_name}`.\n",
    ),
    (
        "pkg/src/agents/bmad-agent-brewer/customize.toml",
        "[agent]\nname = 'Ito'\ntitle = 'Brewer'\nicon = '🍵'\nrole = 'Make tea.'\nidentity = 'Patient.'\ncommunication_style = 'Few words.'\nprinciples = ['Water first.']\npersistent_facts = ['file:{project-root}/leaves.md']\nactivation_steps_prepend = []\nfavourite_cup = 'blue'\n[[agent.menu]]\ncode = 'BR'\ndescription = 'Brew'\nskill = 'tea-brew'\n[[agent.menu]]\ncode = 'OL'\ndescription = 'The old way'\nskill = 'tea-boil'\n[[agent.menu]]\ncode = 'HK'\ndescription = 'A haiku'\nprompt = 'Write a haiku about steam.'\n[[agent.menu]]\ncode = 'XX'\ndescription = 'Both'\nskill = 'tea-brew'\nprompt = 'x'\n[[agent.menu]]\ncode = 'DG'\ndescription = 'Dangling'\nskill = 'tea-nowhere'\n",
    ),
    (
        "pkg/src/plan/tea-brew/SKILL.md",
        "---\r\nname: tea-brew\r\ndescription: Brew a pot\r\n---\r\n\r\n# Brew a Pot\r\n\r\nHeat, steep, `{doc_workspace}`.\r\n\r\n## On Activation\r\n\r\n1. Resolve: `uv run {project-root}/_bmad/scripts/resolve_customization.py --skill x`. On failure, read `{skill-root}/customize.toml` directly.\r\n2. Run `{workflow.activation_steps_prepend}`. Leaves are in `{workflow.leaves}`.\r\n",
    ),
    (
        "pkg/src/plan/tea-brew/customize.toml",
        "[workflow]\nactivation_steps_prepend = ['Wash your hands.']\npersistent_facts = ['Tea is hot.']\non_complete = 'Ring the bell.'\npot_template = 'assets/pot.md'\n[[workflow.review_layers]]\nid = 'taster'\nname = 'Taster'\ninstruction = 'Sip it.'\n[[workflow.review_layers]]\nid = 'off'\nname = 'Off'\ninstruction = ''\n[[workflow.lenses]]\ncode = 'colour'\nname = 'Colour'\nwhen = 'always'\ninstruction = 'Look.'\n",
    ),
    (
        "pkg/src/plan/tea-brew/steps/step-01-heat.md",
        "---\nkettle: '' # set at run time\n---\n\n# Step 1: Heat\n\nHeat the water. HALT and ask the user whether it boils.\n\nIf cold, loop: `./step-01-heat.md`. Read fully and follow: `./step-02-steep.md`\n",
    ),
    (
        "pkg/src/plan/tea-brew/steps/step-02-steep.md",
        "# Step 2: Steep\n\nWait {minutes}. Bitter? Read `[[bmad-snapshot:step-01-heat.md]]` or `./step-oneshot.md`. HALT with status `blocked` if there is no pot.\n",
    ),
    ("pkg/src/plan/tea-brew/steps/step-oneshot.md", "# One Shot\n\nUse a bag.\n"),
    ("pkg/src/plan/tea-brew/assets/pot.md", "A pot.\n"),
    ("pkg/src/plan/tea-brew/assets/leaves.csv", "leaf,colour\nsencha,green\nassam,\"red, dark\"\n"),
    ("pkg/src/plan/tea-brew/scripts/boil.py", "print('never run')\n"),
    ("pkg/src/plan/tea-brew/scripts/tests/test_boil.py", "assert False\n"),
    (
        "pkg/src/ship/tea-serve/SKILL.md",
        "---\nname: tea-serve\ndescription: Serve it\n---\nServe with `uv run {skill-root}/scripts/tray.py`. Wait for the user to drink.\n",
    ),
    (
        "pkg/src/shims/tea-boil/SKILL.md",
        "---\nname: tea-boil\ndescription: 'Deprecated — forwards to tea-brew (plain intent)'\nmetadata:\n  lifecycle: shim\n---\nUse tea-brew.\n",
    ),
    (
        "pkg/src/core/tea-party/SKILL.md",
        "---\nname: tea-party\ndescription: Talk\n---\n# Tea Party\n\nTalk.\n",
    ),
    (
        "pkg/src/core/tea-party/customize.toml",
        "[workflow]\n[[workflow.party_members]]\ncode = 'hatter'\nname = 'Hatter'\nicon = '🎩'\ntitle = 'Host'\npersona = 'Asks riddles.'\nmodel = 'small'\n[[workflow.party_members]]\ncode = 'brewer'\nname = 'Ito'\npersona = 'Another Ito.'\n[[workflow.party_groups]]\nid = 'unbirthday'\nname = 'Unbirthday'\nscene = 'A long table.'\nmembers = ['hatter', 'bmad-agent-brewer', 'dormouse']\nmemory = true\n[[workflow.party_groups]]\nid = 'anybody'\nscene = 'Whoever passes by.'\n",
    ),
    ("pkg/src/odd/tea-misnamed/SKILL.md", "---\nname: tea-other\ndescription: d\n---\nx\n"),
    ("pkg/web-bundles/tea-brew/SKILL.md", "No front matter at all.\n"),
    ("pkg/README.md", "# Tea house\n"),
];

#[test]
fn a_module_is_read_into_agents_workflows_rooms_and_a_plan() {
    let import = read(&MODULE);
    assert_eq!(import.source.generation, Generation::D);
    assert_eq!(
        (import.source.name.as_str(), import.source.version.as_deref()),
        ("tea-house", Some("2.1.0"))
    );
    assert!(
        import.report.licence_notice.as_deref().is_some_and(|notice| notice.contains("tea house"))
    );

    let slugs: Vec<&str> = import.workflows.iter().map(|workflow| workflow.slug.as_str()).collect();
    assert_eq!(slugs, ["tea-party", "tea-brew", "tea-serve"]);
    assert_eq!(import.plan, ["tea-brew", "tea-serve"]);
    assert_eq!(import.edges.len(), 1);
    assert_eq!(import.catalog.len(), 3);
    assert_eq!(import.report.counts["catalog_rows_repaired"], 1);
    assert_eq!(import.aliases.len(), 1);
    assert_eq!(import.aliases[0].to, "tea-brew");
    assert_eq!(import.aliases[0].intent.as_deref(), Some("plain intent"));
    assert_eq!(import.questions.len(), 1);
    assert_eq!(import.questions[0].prompt, "How strong? It matters.");
    assert_eq!(import.questions[0].choices, ["weak", "medium"]);
    assert!(import.questions[0].personal);
}

#[test]
fn an_agent_keeps_its_character_and_loses_its_activation() {
    let import = read(&MODULE);
    let [ito] = import.agents.as_slice() else { panic!("one agent") };
    assert_eq!((ito.slug.as_str(), ito.name.as_str()), ("bmad-agent-brewer", "Ito"));
    assert_eq!(ito.team.as_deref(), Some("kitchen"));
    assert_eq!(ito.description, "Waits for the water.");
    assert_eq!(ito.instructions, "You are Ito, who brews.");
    assert_eq!(ito.facts, ["file:{project-root}/leaves.md"]);
    assert_eq!(ito.extensions["favourite_cup"], "blue");
    let menu: Vec<_> = ito
        .capabilities
        .iter()
        .map(|item| (item.code.as_str(), item.skill.as_deref(), item.prompt.as_deref()))
        .collect();
    assert_eq!(
        menu,
        [
            ("BR", Some("tea-brew"), None),
            ("OL", Some("tea-brew"), None),
            ("HK", None, Some("Write a haiku about steam.")),
            ("DG", Some("tea-nowhere"), None),
        ]
    );
    assert_eq!(import.report.missing[0].path, "tea-nowhere");
    assert!(import.report.warnings.iter().any(|warning| warning.contains("`XX`")));
    assert!(import.report.warnings.iter().any(|warning| warning.contains("bmad-agent-gone")));
}

#[test]
fn step_files_become_steps_with_approvals_and_doubts() {
    let import = read(&MODULE);
    let brew = &import.workflows[1];
    let steps: Vec<_> = brew
        .steps
        .iter()
        .map(|step| (step.id.as_str(), step.kind, step.needs.join(" "), step.needs_review))
        .collect();
    assert_eq!(
        steps,
        [
            ("step-01-heat", StepKind::Agent, String::new(), false),
            ("step-01-heat-approval", StepKind::Approval, "step-01-heat".to_owned(), false),
            ("step-02-steep", StepKind::Agent, "step-01-heat-approval".to_owned(), true),
            ("step-oneshot", StepKind::Agent, "step-02-steep".to_owned(), true),
        ]
    );
    assert_eq!(brew.steps[0].title, "Heat");
    assert_eq!(brew.steps[0].agent.as_deref(), Some("bmad-agent-brewer"));
    assert_eq!(brew.steps[1].agent, None);
    assert!(brew.steps[3].optional);
    let whys: Vec<&str> = import.report.needs_review.iter().map(|one| one.why.as_str()).collect();
    assert!(whys.contains(&"its text also leads to step-01-heat, step-oneshot"), "{whys:?}");

    assert_eq!(brew.title, "Brew a Pot");
    assert_eq!(brew.on_complete, ["Ring the bell."]);
    assert_eq!(brew.facts, ["Tea is hot."]);
    assert_eq!(brew.settings["before"][0], "Wash your hands.");
    assert_eq!(brew.settings["pot_template"], "assets/pot.md");
    assert!(brew.body.contains("Leaves are in `{workflow.leaves}`."), "{}", brew.body);
    assert!(!brew.body.contains("resolve_customization"));
    let layers: Vec<&str> = brew.review_layers.iter().map(|layer| layer.code.as_str()).collect();
    assert_eq!(layers, ["taster"], "an empty instruction disables");
    assert_eq!(brew.lenses[0].extensions["when"], "always");
}

#[test]
fn what_cannot_be_taken_over_is_in_the_report() {
    let import = read(&MODULE);
    let report = &import.report;
    assert_eq!(report.rejected.len(), 1);
    assert_eq!(report.rejected[0].path, "src/odd/tea-misnamed/SKILL.md");
    assert!(report.rejected[0].reason.contains("`tea-other`"));
    assert_eq!(report.placeholders["{doc_workspace}"], 1);
    assert_eq!(report.script_calls["tray.py"], 1);
    assert_eq!(report.unresolved[0].name, "dormouse");
    let scripts: Vec<_> = import
        .attachments
        .iter()
        .filter(|file| file.kind == AttachmentKind::Script)
        .map(|file| (file.path.as_str(), file.inert))
        .collect();
    assert_eq!(scripts, [("src/plan/tea-brew/scripts/boil.py", true)]);
    assert_eq!((import.tables[0].rows, import.tables[0].columns.len()), (2, 2));
}

#[test]
fn the_party_comes_with_its_rooms() {
    let import = read(&MODULE);
    assert_eq!(import.members.len(), 2);
    assert_eq!(import.members[0].overrides.as_deref(), Some("bmad-agent-brewer"));
    let rooms: Vec<_> = import
        .rooms
        .iter()
        .map(|room| (room.slug.as_str(), room.members.join(" "), room.open_cast, room.memory))
        .collect();
    assert_eq!(
        rooms,
        [
            ("unbirthday", "hatter bmad-agent-brewer".to_owned(), false, true),
            ("anybody", String::new(), true, false),
        ]
    );
}

#[test]
fn the_layers_of_an_installed_tree_are_merged_over_the_skills() {
    let skill = "---\nname: tea-brew\ndescription: d\n---\nBrew.\n";
    let base = "[workflow]\npot = 'clay'\nfacts = ['a']\n[[workflow.review_layers]]\nid = 'x'\ninstruction = 'Sip.'\n";
    let team = "[workflow]\npot = 'iron'\nfacts = ['b']\n[[workflow.review_layers]]\nid = 'x'\ninstruction = ''\n";
    let config = "[core]\nlanguage = 'Dutch'\n[modules.tea]\nfolder = 'out'\n[agents.sage]\nname = 'Sage'\ntitle = 'Elder'\ndescription = 'Remembers.'\n";
    let files = [
        ("_bmad/config.toml", config),
        ("_bmad/custom/config.user.toml", "[agents.sage]\nname = 'Old Sage'\n"),
        ("_bmad/custom/tea-brew.toml", team),
        ("_bmad/custom/tea-brew.user.toml", "[workflow]\npot = 'glass'\n"),
        ("_bmad/_config/manifest.yaml", "installation:\n  version: 6.12.0\n"),
        (
            "_bmad/_config/files-manifest.csv",
            "type,name,module,path,hash\nyaml,config,core,config.toml,00\n",
        ),
        (".claude/skills/tea-brew/SKILL.md", skill),
        (".claude/skills/tea-brew/customize.toml", base),
        (
            ".claude/skills/tea-serve/SKILL.md",
            "---\nname: tea-serve\ndescription: d\n---\nServe.\n",
        ),
        (".cursor/skills/tea-brew/SKILL.md", skill),
    ];
    let import = read(&files);
    assert_eq!(import.source.version.as_deref(), Some("6.12.0"));
    assert_eq!(import.workflows.len(), 2, "one tool's copy of the skills");
    assert_eq!(import.workflows[0].settings["pot"], "glass");
    assert_eq!(import.workflows[0].settings["facts"], serde_json::json!(["a", "b"]));
    assert!(import.workflows[0].review_layers.is_empty());
    assert_eq!(import.agents[0].name, "Old Sage");
    assert_eq!(import.agents[0].identity, "Remembers.");
    assert_eq!(import.questions.len(), 2);
    assert_eq!(import.report.counts["overrides"], 2);
    assert!(import.report.warnings.iter().any(|warning| warning.contains("was changed since")));
}

#[test]
fn a_file_in_another_encoding_is_named_and_the_rest_is_read() {
    let mut files: Vec<(String, Vec<u8>)> =
        MODULE.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    files[15].1 = b"---\nname: tea-serve\ndescription: caf\xe9\n---\n".to_vec();
    let bundle = imports::bundle::Bundle::from_files(files).unwrap();
    let import = bmad::read(&bundle).unwrap();
    assert_eq!(import.workflows.len(), 2);
    let rejected = &import.report.rejected;
    assert!(
        rejected.iter().any(
            |one| one.path == "src/ship/tea-serve/SKILL.md" && one.reason.contains("not UTF-8")
        )
    );
}

#[test]
fn a_definition_that_would_not_fit_the_record_is_named_and_the_rest_is_taken() {
    let long = "x".repeat(70_000);
    let files = [
        ("m/My Skill/SKILL.md", "---\nname: My Skill\ndescription: d\n---\nx\n"),
        ("m/wordy/SKILL.md", "---\nname: wordy\ndescription: d\n---\nx\n"),
        ("m/wordy/customize.toml", &format!("[agent]\nrole = '{long}'\n")),
        ("m/nul/SKILL.md", "---\nname: nul\ndescription: \"a\\0b\"\n---\nx\n"),
        ("m/nul/customize.toml", "[workflow]\non_complete = \"c\\u0000d\"\n\"k\\u0000\" = 1\n"),
        ("m/raw/SKILL.md", "---\nname: raw\ndescription: d\n---\nx\0y\n"),
        ("m/big/SKILL.md", &long.repeat(8)),
    ];
    let import = read(&files);
    let rejected: Vec<_> =
        import.report.rejected.iter().map(|one| (one.path.as_str(), one.reason.as_str())).collect();
    assert_eq!(
        rejected,
        [
            (
                "My Skill/SKILL.md",
                "`My Skill` is no name: use lower-case letters, digits and hyphens, at most 100"
            ),
            ("big/SKILL.md", "it is longer than 512 KiB, the most for a definition"),
            ("raw/SKILL.md", "it contains a NUL, which no text does"),
            ("wordy/SKILL.md", "one of its texts is longer than 64 KiB"),
        ]
    );
    assert_eq!(import.workflows.len(), 1);
    assert_eq!(import.workflows[0].on_complete, ["c\u{fffd}d"]);
    assert!(!serde_json::to_string(&import).unwrap().contains("\\u0000"));
}

#[test]
fn other_generations_and_empty_modules_are_refused_with_a_way_out() {
    let refused = |files: &[(&str, &str)]| bmad::read(&folder(files).unwrap()).unwrap_err();
    let b = refused(&[("src/core/agents/x.agent.yaml", "agent: {}\n")]);
    assert_eq!(b.code(), "bundle-generation-unsupported");
    assert!(b.to_string().contains("generation B (versions 6.0 to 6.1"), "{b}");
    let c = refused(&[("x/SKILL.md", "x"), ("x/bmad-skill-manifest.yaml", "type: agent\n")]);
    assert!(c.to_string().contains("generation C (versions 6.2 and 6.3"), "{c}");
    let seed =
        refused(&[("team/analyst.yaml", "llm:\n  provider: x\nagent:\n  name: a\ncommands: []\n")]);
    assert!(seed.to_string().contains("one flat YAML file an agent"), "{seed}");
    let hollow = refused(&[("src/module.yaml", "code: cis\n"), ("README.md", "x")]);
    assert_eq!(hollow.code(), "bundle-no-definitions");
    assert!(hollow.to_string().contains("without its skills"), "{hollow}");
    let nothing = refused(&[("README.md", "x")]);
    assert_eq!(nothing.code(), "bundle-no-definitions");
    let broken = refused(&[("x/SKILL.md", "no front matter"), ("x/customize.toml", "")]);
    assert!(broken.to_string().contains("x/SKILL.md"), "{broken}");
}
