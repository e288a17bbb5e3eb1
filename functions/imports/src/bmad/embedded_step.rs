//! The steps of a workflow of generation A, put into an order that can be run.

use std::collections::BTreeMap;

use serde_json::Map;

use super::cast::{self, Cast};
use super::command::described;
use super::embedded_agent::Found;
use super::library::Library;
use super::slug::{slug, unique};
use super::yaml::Node;
use crate::model::{StepDef, StepKind};
use crate::report::{Report, Unresolved};

/// What decides when a step may start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// One after the other, as written. Several sequences in one workflow are alternatives.
    Sequence,
    /// As soon as its inputs are there; without inputs, after the step before it.
    Inputs,
    /// The same, in phases that follow one another.
    Phases,
}

const READS: [&str; 3] = ["requires", "input", "inputs"];
const WRITES: [&str; 3] = ["creates", "output", "outputs"];

pub(super) struct Steps<'a> {
    workflow: &'a str,
    pack: usize,
    agents: &'a [Found],
    library: &'a Library<'a>,
    report: &'a mut Report,
    done: Vec<StepDef>,
    /// The step that last wrote or changed a document.
    written_by: BTreeMap<String, String>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        workflow: &'a str,
        pack: usize,
        agents: &'a [Found],
        library: &'a Library<'a>,
        report: &'a mut Report,
    ) -> Self {
        let (done, written_by) = (Vec::new(), BTreeMap::new());
        Self { workflow, pack, agents, library, report, done, written_by }
    }

    /// `later` is true for every line of the workflow but the first.
    pub(super) fn line(
        &mut self,
        nodes: &[Node],
        label: Option<&str>,
        course: Course,
        later: bool,
    ) {
        let mut last = match course {
            Course::Phases => self.done.last().map(|step| step.id.clone()),
            Course::Sequence | Course::Inputs => None,
        };
        for (at, node) in nodes.iter().enumerate() {
            let mut step = self.step(node);
            if let Some(label) = label {
                let key = if course == Course::Sequence { "sequence" } else { "phase" };
                step.extensions.insert(key.to_owned(), label.into());
            }
            step.needs = self.needs(node, course, last.as_deref());
            let mut doubts = doubts(node, &step);
            if course == Course::Sequence && later && at == 0 {
                doubts.push(
                    "it begins another sequence: an alternative to the first, or what follows it"
                        .to_owned(),
                );
            }
            step.needs_review = !doubts.is_empty();
            for doubt in doubts {
                self.report.review(self.workflow, &step.id, doubt);
            }
            for document in WRITES.iter().chain(&["updates"]).flat_map(|key| documents(node, key)) {
                self.written_by.insert(document, step.id.clone());
            }
            last = Some(step.id.clone());
            self.done.push(step);
        }
    }

    pub(super) fn finish(mut self) -> Vec<StepDef> {
        // Whoever is concerned: everybody who has a part in this workflow, or else in the pack.
        let mut everybody: Vec<String> =
            self.done.iter().filter_map(|step| step.agent.clone()).collect();
        everybody.sort();
        everybody.dedup();
        if everybody.len() < 2 {
            let pack = self.agents.iter().filter(|agent| agent.pack == self.pack);
            everybody = pack.map(|agent| agent.agent.slug.clone()).collect();
        }
        for step in self.done.iter_mut().filter(|step| step.kind == StepKind::Room) {
            step.candidates.clone_from(&everybody);
        }
        self.done
    }

    fn step(&mut self, node: &Node) -> StepDef {
        let (verb, name) = called(node);
        let id = slug(name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem));
        let id = if id.is_empty() { "step".to_owned() } else { id };
        let id = unique(id, |id| self.done.iter().any(|step| step.id == id));
        let document = WRITES.iter().find_map(|key| documents(node, key).into_iter().next());
        let said_optional = WRITES
            .iter()
            .filter_map(|key| node.text_at(key))
            .any(|text| text.to_lowercase().contains("(optional)"));
        let mut step = StepDef {
            title: node.text_at("title").unwrap_or_else(|| match verb {
                "" => sentence(&name),
                verb => format!("{verb} {}", name.replace('_', " ")),
            }),
            kind: StepKind::Agent,
            agent: None,
            candidates: Vec::new(),
            skill: None,
            instruction: instruction(node),
            needs: Vec::new(),
            document,
            needs_review: false,
            optional: said_optional || node.text_at("optional").as_deref() == Some("true"),
            condition: node.text_at("condition"),
            files: self.files(node),
            extensions: extensions(node),
            id,
        };
        if let Some(name) = node.text_at("agent") {
            self.cast(&name, &mut step);
        }
        for (_, route) in node.get("routes").map(Node::entries).unwrap_or_default() {
            step.kind = StepKind::Choice;
            if let Some(name) = route.text_at("agent") {
                let mut way = step.clone();
                self.cast(&name, &mut way);
                if let Some(slug) = way.agent
                    && !step.candidates.contains(&slug)
                {
                    step.candidates.push(slug);
                }
            }
        }
        step
    }

    fn cast(&mut self, name: &str, step: &mut StepDef) {
        let treated_as = match cast::called(name, self.pack, self.agents) {
            Cast::One(slug) => {
                step.agent = Some(slug);
                return;
            }
            Cast::Several(slugs) => {
                step.kind = StepKind::Choice;
                step.candidates.clone_from(&slugs);
                format!("a choice between {}", slugs.join(" and "))
            }
            Cast::Anybody => {
                step.kind = StepKind::Room;
                "a room of everybody in the workflow; who speaks is decided as it goes".to_owned()
            }
            Cast::Nobody => "nobody; the step has no agent".to_owned(),
        };
        self.report.unresolved(Unresolved {
            within: self.workflow.to_owned(),
            step: Some(step.id.clone()),
            name: name.to_owned(),
            treated_as,
        });
    }

    /// The tasks, templates and checklists that a step names. What is a sentence and not a name is
    /// left to the reader.
    fn files(&mut self, node: &Node) -> Vec<String> {
        let mut files = Vec::new();
        for name in ["uses", "task"].iter().flat_map(|key| node.texts_at(key)) {
            if name.contains(' ') {
                continue;
            }
            match self.library.find(self.pack, &name) {
                Some(path) => files.push(path.to_owned()),
                None => self.report.missing(self.workflow, name),
            }
        }
        files
    }

    fn needs(&self, node: &Node, course: Course, last: Option<&str>) -> Vec<String> {
        let read: Vec<String> = READS.iter().flat_map(|key| documents(node, key)).collect();
        let mut needs: Vec<String> =
            read.iter().filter_map(|document| self.written_by.get(document).cloned()).collect();
        let after_last = match course {
            Course::Sequence => true,
            Course::Inputs | Course::Phases => needs.is_empty(),
        };
        if after_last {
            needs.extend(last.map(str::to_owned));
        }
        needs.sort_by_key(|id| self.done.iter().position(|step| step.id == *id));
        needs.dedup();
        needs
    }
}

/// A step by its own name, else by what it does and to what.
fn called(node: &Node) -> (&'static str, String) {
    const NAMES: [(&str, &str); 10] = [
        ("id", ""),
        ("step", ""),
        ("task", ""),
        ("action", ""),
        ("title", ""),
        ("creates", "Write"),
        ("output", "Write"),
        ("validates", "Validate"),
        ("updates", "Update"),
        ("agent", "Work of"),
    ];
    for (key, verb) in NAMES {
        let name = documents(node, key).into_iter().next();
        if let Some(name) = name {
            return (verb, name);
        }
    }
    let name = node.text().or_else(|| node.entries().first().map(|(key, _)| key.clone()));
    ("", name.unwrap_or_default())
}

fn doubts(node: &Node, step: &StepDef) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(agent) = node.text_at("agent").filter(|_| step.agent.is_none()) {
        doubts.push(format!("its agent `{agent}` is nobody's name"));
    } else if step.agent.is_none() && step.kind == StepKind::Agent {
        doubts.push("it names no agent".to_owned());
    }
    if node.get("routes").is_some() {
        doubts.push("it routes to several ways".to_owned());
    }
    for key in ["repeats", "repeat", "repeat_for", "repeat_development_cycle"] {
        if let Some(what) = node.text_at(key) {
            doubts.push(format!("it repeats: {what}"));
        }
    }
    if let Some(condition) = &step.condition {
        doubts.push(format!("its condition is a name and not a rule: {condition}"));
    }
    doubts
}

/// `prd.md (if needed)` is `prd.md`; `a.md, b.md` are two.
fn documents(node: &Node, key: &str) -> Vec<String> {
    let texts = node.get(key).map(Node::texts).unwrap_or_default();
    let parts = texts.iter().flat_map(|text| text.split(", "));
    parts
        .map(|part| part.split(" (").next().unwrap_or(part).trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

fn instruction(node: &Node) -> String {
    let mut lines = Vec::new();
    let told = ["action", "task", "title", "step"].iter().find_map(|key| node.text_at(key));
    lines.extend(told.map(|told| format!("{}.", sentence(&told))));
    for (keys, word) in [
        (READS.as_slice(), "Read"),
        (&["uses"], "Use"),
        (&WRITES, "Write"),
        (&["updates"], "Update"),
        (&["validates"], "Validate"),
        (&["implements"], "Implement"),
    ] {
        let named: Vec<String> = keys.iter().flat_map(|key| node.texts_at(key)).collect();
        if !named.is_empty() {
            lines.push(format!("{word}: {}", named.join(", ")));
        }
    }
    if let Some(routes) = node.get("routes") {
        lines.push(format!("Ways:\n{}", described(routes)));
    }
    lines.extend(node.text_at("notes"));
    if lines.is_empty() {
        lines.push(described(node));
    }
    lines.join("\n")
}

/// What has no field of its own is kept.
fn extensions(node: &Node) -> Map<String, serde_json::Value> {
    node.to_map(&["agent", "title", "notes", "condition", "optional"])
}

/// `create_story` → `Create story`.
fn sentence(name: &str) -> String {
    let spaced = name.replace(['_', '-'], " ");
    let mut letters = spaced.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
