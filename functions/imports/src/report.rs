//! What the sender is told: what was found, what was changed on the way in, and what could not be
//! taken over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Counts;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// How many of each thing; every name is always there for its generation, zero included.
    pub counts: Counts,
    /// Placeholders that stay in the texts as they are, each with how often it occurs.
    pub placeholders: Counts,
    /// Scripts that the texts ask to run and that never will be, each with how often it is asked
    /// for.
    pub script_calls: Counts,
    /// Agents that a definition names and nobody is.
    pub unresolved: Vec<Unresolved>,
    /// Files that a definition names and that are not in the bundle.
    pub missing: Vec<Missing>,
    /// Files that should be definitions and are not.
    pub rejected: Vec<Rejected>,
    /// Steps where something could only be guessed.
    pub needs_review: Vec<NeedsReview>,
    pub warnings: Vec<String>,
    /// Entries of the lists above that are not listed, because there were more than a report can
    /// hold.
    pub not_listed: u64,
    /// The notice that has to stay with the definitions.
    pub licence_notice: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unresolved {
    /// The workflow or room that names it.
    pub within: String,
    pub step: Option<String>,
    pub name: String,
    /// What became of it.
    pub treated_as: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    pub within: String,
    pub path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    pub path: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NeedsReview {
    pub workflow: String,
    pub step: String,
    pub why: String,
}

impl Report {
    pub(crate) fn count(&mut self, what: &str, more: usize) {
        *self.counts.entry(what.to_owned()).or_default() += more as u64;
    }

    pub(crate) fn reject(&mut self, path: &str, reason: impl Into<String>) {
        let rejected = Rejected { path: path.to_owned(), reason: reason.into() };
        self.not_listed += listed(&mut self.rejected, rejected);
    }

    pub(crate) fn unresolved(&mut self, unresolved: Unresolved) {
        self.count("unresolved_agents", 1);
        self.not_listed += listed(&mut self.unresolved, unresolved);
    }

    pub(crate) fn missing(&mut self, within: &str, path: impl Into<String>) {
        let missing = Missing { within: within.to_owned(), path: path.into() };
        self.not_listed += listed(&mut self.missing, missing);
    }

    pub(crate) fn review(&mut self, workflow: &str, step: &str, why: impl Into<String>) {
        let review =
            NeedsReview { workflow: workflow.to_owned(), step: step.to_owned(), why: why.into() };
        self.not_listed += listed(&mut self.needs_review, review);
    }

    pub(crate) fn warn(&mut self, warning: impl Into<String>) {
        self.not_listed += listed(&mut self.warnings, warning.into());
    }
}

/// A bundle may have more faults than anybody reads.
const MAX_LISTED: usize = 1_000;

fn listed<T>(list: &mut Vec<T>, entry: T) -> u64 {
    if list.len() >= MAX_LISTED {
        return 1;
    }
    list.push(entry);
    0
}
