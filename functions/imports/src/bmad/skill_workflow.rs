//! A workflow of generation D: a skill, its settings under `[workflow]`, and its step files if it
//! has any.

use serde_json::Map;
use toml::Table;

use super::settings::{json, take_tables, take_text, take_texts};
use super::skills::Skill;
use super::{activation, files, front, prose, slug, steps};
use crate::bundle::Bundle;
use crate::model::{Reviewer, StepDef, StepKind, WorkflowDef};
use crate::report::Report;

pub(super) fn read(
    bundle: &Bundle,
    skill: &Skill,
    agent: Option<&str>,
    report: &mut Report,
) -> WorkflowDef {
    let mut table = skill.table("workflow");
    let body = body(bundle, skill, report);
    let step_files = steps::files_of(bundle, &skill.folder);
    report.count("step_files", step_files.len());
    let steps = if step_files.is_empty() {
        vec![whole(skill, agent, &body, report)]
    } else {
        steps::read(bundle, &skill.slug, agent, &step_files, report)
    };
    let first = take_texts(&mut table, "activation_steps_prepend");
    let then = take_texts(&mut table, "activation_steps_append");
    let lenses = reviewers(&mut table, "lenses", skill, report);
    let lists: Vec<String> =
        table.keys().filter(|key| key.ends_with("review_layers")).cloned().collect();
    let mut review_layers: Vec<Reviewer> =
        lists.iter().flat_map(|list| reviewers(&mut table, list, skill, report)).collect();
    // The main list before its variants.
    review_layers.sort_by_key(|layer| layer.list.len());
    // Read as members and rooms.
    table.remove("party_members");
    table.remove("party_groups");
    let on_complete = take_texts(&mut table, "on_complete");
    let facts = take_texts(&mut table, "persistent_facts");
    let mut settings = json(table);
    for (key, steps) in [("before", first), ("before_first_step", then)] {
        if !steps.is_empty() {
            settings.insert(key.to_owned(), steps.into());
        }
    }
    WorkflowDef {
        slug: skill.slug.clone(),
        name: skill.slug.clone(),
        title: prose::title(&body)
            .filter(|title| title != "Overview")
            .unwrap_or_else(|| named(&skill.slug)),
        description: skill.description.clone(),
        steps,
        settings,
        facts,
        lenses,
        review_layers,
        on_complete,
        body,
        source: skill.path(),
        files: Vec::new(),
    }
}

/// `bmad-product-brief` → `Product Brief`, for the skills whose text has no title of its own.
fn named(slug: &str) -> String {
    let words = slug.strip_prefix("bmad-").unwrap_or(slug).split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    });
    words.collect::<Vec<String>>().join(" ")
}

/// The skill's own prose; where that only renders a `workflow.md`, the prose is there.
fn body(bundle: &Bundle, skill: &Skill, report: &mut Report) -> String {
    let mut own = activation::strip(&skill.body);
    report.count("activation_steps_stripped", own.removed);
    if let Some(text) = files::text(bundle, &format!("{}/workflow.md", skill.folder), report) {
        let text = front::split(&text).map_or(text, |document| document.body);
        let inner = activation::strip(&text);
        report.count("activation_steps_stripped", inner.removed);
        if skill.body.contains("render_skill.py") {
            report.count("activation_steps_stripped", 1);
            own.text = inner.text;
        } else {
            own.text = [own.text, inner.text].join("\n\n");
        }
    }
    prose::count_scripts(&own.text, &mut report.script_calls);
    own.text
}

/// A skill without step files is one step of one agent. It may well talk with a person all the
/// time; where it says so the step is marked, because one turn of a model will not do what the text
/// asks for.
fn whole(skill: &Skill, agent: Option<&str>, body: &str, report: &mut Report) -> StepDef {
    let halts = prose::halts(body);
    report.count("halts_for_a_person", halts.person.len());
    report.count("halts_for_good", halts.stops);
    let id = slug::slug(skill.slug.strip_prefix("bmad-").unwrap_or(&skill.slug));
    if !halts.person.is_empty() {
        let why = format!("it waits for a person in {} places of one text", halts.person.len());
        report.review(&skill.slug, &id, why);
    }
    StepDef {
        title: named(&skill.slug),
        id,
        kind: StepKind::Agent,
        agent: agent.map(str::to_owned),
        candidates: Vec::new(),
        skill: Some(skill.slug.clone()),
        instruction: body.to_owned(),
        needs: Vec::new(),
        document: None,
        needs_review: !halts.person.is_empty(),
        optional: false,
        condition: None,
        files: Vec::new(),
        extensions: Map::new(),
    }
}

/// The voices of a review. One whose instruction was emptied by an override is disabled and goes.
fn reviewers(table: &mut Table, list: &str, skill: &Skill, report: &mut Report) -> Vec<Reviewer> {
    let mut reviewers = Vec::new();
    for mut item in take_tables(table, list) {
        let code = take_text(&mut item, "code").or_else(|| take_text(&mut item, "id"));
        let Some(code) = code else {
            report.warn(format!(
                "{}: an item of `{list}` has no `code` and no `id`; it is left out",
                skill.path()
            ));
            continue;
        };
        let Some(instruction) = take_text(&mut item, "instruction") else {
            report.count("reviewers_disabled", 1);
            continue;
        };
        report.count(
            match list {
                "lenses" | "review_layers" => list,
                _ => "review_layers_of_variants",
            },
            1,
        );
        reviewers.push(Reviewer {
            name: take_text(&mut item, "name").unwrap_or_else(|| code.clone()),
            code,
            instruction,
            list: list.to_owned(),
            extensions: json(item),
        });
    }
    reviewers
}
