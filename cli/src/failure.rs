//! What went wrong, what to do next, and the exit code: 1 refused or failed, 2 wrong usage.

use std::fmt::Display;
use std::io::{Write, stderr};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::show::plain;

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Longest text of a server that is repeated in an error.
const LONGEST: usize = 2000;

#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    what: String,
    next: Option<String>,
    problem: Option<Value>,
}

impl Failure {
    pub(crate) fn new(what: impl Display) -> Self {
        Self { code: 1, what: what.to_string(), next: None, problem: None }
    }

    /// The command itself cannot be right.
    pub(crate) fn usage(what: impl Display) -> Self {
        Self { code: 2, ..Self::new(what) }
    }

    /// Nothing to say: a run that ended badly, after its end was shown.
    pub(crate) fn silent() -> Self {
        Self::new("")
    }

    /// Whoever reads our output has gone, which is not our mistake.
    pub(crate) fn nobody_reads() -> Self {
        Self { code: 0, ..Self::new("") }
    }

    pub(crate) fn next(self, next: impl Display) -> Self {
        Self { next: Some(next.to_string()), ..self }
    }

    /// More that helps, after what is advised already.
    pub(crate) fn also(mut self, more: &str) -> Self {
        self.next = Some(match self.next {
            Some(next) => format!("{next}; {more}"),
            None => more.to_owned(),
        });
        self
    }

    /// A refusal of the API, in its own words.
    pub(crate) fn problem(status: u16, problem: Value, wait: Option<u64>) -> Self {
        let text = |key: &str| problem[key].as_str().map(str::to_owned);
        let detail = ["detail", "error_description", "error", "title"].into_iter().find_map(text);
        let what = detail.unwrap_or_else(|| format!("the API answered {status}"));
        let next = advice(status, wait);
        Self { code: 1, what, next, problem: Some(problem) }
    }

    pub(crate) fn show(&self, as_json: bool) -> ExitCode {
        if !self.what.is_empty() {
            let text = if as_json { self.json().to_string() } else { self.text() };
            // Where errors cannot be written either, the exit code is left.
            let _ = writeln!(stderr().lock(), "{text}");
        }
        self.code.into()
    }

    fn text(&self) -> String {
        let what: String = plain(&self.what).chars().take(LONGEST).collect();
        let problem = self.problem.as_ref();
        let kind = problem.and_then(|problem| {
            let kind = problem["type"].as_str()?;
            Some(format!("\n  ({} {})", problem["status"], plain(kind)))
        });
        let next = self.next.as_ref().map(|next| format!("\n  next: {}", plain(next)));
        format!("cadre: {what}{}{}", kind.unwrap_or_default(), next.unwrap_or_default())
    }

    fn json(&self) -> Value {
        let mut value = self.problem.clone().filter(Value::is_object).unwrap_or_else(|| json!({}));
        value["detail"] = self.what.as_str().into();
        value["next"] = self.next.clone().into();
        value
    }
}

/// What a person can do about a refusal of this status.
fn advice(status: u16, wait: Option<u64>) -> Option<String> {
    let text = match (status, wait) {
        (401, _) => "sign in with `cadre login`, or set CADRE_TOKEN to a token that is still good",
        (403, _) => {
            "`cadre whoami` shows what you may do; an administrator of your organization can \
             give you a role"
        }
        (404, _) => "check the name or id: what another organization owns is not there for you",
        (409, _) => "look at how it is now, then decide again",
        (413, _) => "send less at once",
        (400 | 415 | 422, _) => "change what the sentence names, and try again",
        (429 | 503, Some(wait)) => return Some(format!("wait {wait} s, then try again")),
        (429, None) => "wait a minute, then go on more slowly",
        (500.., _) => "try again in a moment; if it stays, tell whoever runs this deployment",
        _ => return None,
    };
    Some(text.into())
}
