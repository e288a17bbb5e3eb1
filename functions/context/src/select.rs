//! Which of the entries that hold are for this turn: by rule, by reference, by query.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::explain::Why;
use crate::model::{Entry, Load, Rule};

/// What a turn is, as rules and references see it.
#[derive(Clone, Debug, Default)]
pub struct About<'a> {
    pub agent: &'a str,
    pub workflow: &'a str,
    pub step: &'a str,
    /// The task and the brief: what a person or a workflow said, never what a model did, so that no
    /// answer of a model can call for context.
    pub texts: Vec<&'a str>,
    /// What a search found, best first.
    pub found: Vec<Uuid>,
}

/// What is looked up once for all entries of a turn.
#[derive(Debug)]
pub struct Wanted<'a> {
    about: &'a About<'a>,
    names: BTreeSet<String>,
    words: BTreeSet<String>,
    ranks: BTreeMap<Uuid, u32>,
}

impl<'a> Wanted<'a> {
    pub fn new(about: &'a About<'a>) -> Self {
        let names = about.texts.iter().flat_map(|text| references(text)).collect();
        let lower = about.texts.iter().flat_map(|text| words(text)).collect();
        let ranks = about.found.iter().copied().zip(1..).collect();
        Self { about, names, words: lower, ranks }
    }

    /// Why the entry is for this turn, or why not.
    pub fn judge(&self, entry: &Entry) -> Why {
        match &entry.load {
            Load::Always => Why::Always,
            _ if self.names.contains(&entry.name) => Why::Referred,
            Load::Reference => Why::NotReferred,
            Load::Query => {
                self.ranks.get(&entry.id).map_or(Why::NotFound, |rank| Why::Found { rank: *rank })
            }
            Load::Rule { rule } => self.rule(rule),
        }
    }

    fn rule(&self, rule: &Rule) -> Why {
        let About { agent, workflow, step, .. } = *self.about;
        let is =
            |list: &[String], one: &str| list.is_empty() || list.iter().any(|item| item == one);
        let said = |phrase: &String| {
            let mut parts = words(phrase).peekable();
            parts.peek().is_some() && parts.all(|word| self.words.contains(&word))
        };
        let lists = [
            ("agents", is(&rule.agents, agent)),
            ("workflows", is(&rule.workflows, workflow)),
            ("steps", is(&rule.steps, step)),
            ("words", rule.words.is_empty() || rule.words.iter().any(said)),
        ];
        match lists.into_iter().find(|(_, holds)| !holds) {
            Some((list, _)) => Why::RuleFails { list: list.into() },
            None => Why::Rule,
        }
    }
}

/// The names that a text refers to as `@name`, in lower case. An address such as `ada@sample.test`
/// is none.
pub fn references(text: &str) -> impl Iterator<Item = String> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.match_indices('@').filter_map(move |(at, _)| {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "-_.".contains(c)) {
            return None;
        }
        let rest = &text[at + 1..];
        let end = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
        let name = rest[..end].trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        (!name.is_empty()).then(|| name.to_lowercase())
    })
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let word = |c: char| !c.is_alphanumeric();
    text.split(word).filter(|word| !word.is_empty()).map(str::to_lowercase)
}
