//! What the sender is told: what was found, what was changed on the way in, and what could not be taken over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Counts;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// How many of each thing; every name is always there for its generation, zero included.
    pub counts: Counts,
    /// Placeholders that stay in the texts as they are, each with how often it occurs.
    pub placeholders: Counts,
    /// Scripts that the texts ask to run and that never will be, each with how often it is asked for.
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
        self.rejected.push(Rejected { path: path.to_owned(), reason: reason.into() });
    }

    pub(crate) fn review(&mut self, workflow: &str, step: &str, why: impl Into<String>) {
        self.needs_review.push(NeedsReview {
            workflow: workflow.to_owned(),
            step: step.to_owned(),
            why: why.into(),
        });
    }

    pub(crate) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }
}
