//! `functions.json`: what each function answers to, who may call it, and what it may touch.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

pub type Table = BTreeMap<String, Row>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    route: Option<String>,
    queue: Option<String>,
    schedule: Option<String>,
    task: Option<String>,
    permission: Option<String>,
    #[serde(default)]
    mfa: bool,
    #[serde(default)]
    callers: Callers,
    limit: Option<Class>,
    once: Option<Once>,
    #[serde(default)]
    stream: bool,
    uses: Vec<String>,
    memory: u32,
    timeout: u32,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub trigger: Trigger,
    pub access: Access,
    /// Whether a request with an `Idempotency-Key` is done once.
    pub once: Option<Once>,
    /// Whether its answer is sent bit by bit, for as long as its timeout lets it.
    pub stream: bool,
    pub uses: Vec<String>,
    pub memory: u32,
    pub timeout: u32,
}

/// Who may come through a route's door.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// `None` on a route: open to everybody, spelled `"public"` in the table.
    pub permission: Option<String>,
    /// Only people who signed in with a second factor, not long ago (RFC 9470).
    pub mfa: bool,
    pub callers: Callers,
    /// How often it may be called: a name in `gate/limits.json`.
    pub class: Class,
}

/// What holds a request with an `Idempotency-Key` to being done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Once {
    /// The answer is kept in `DynamoDB`. Without it, a request with a key is refused.
    Kept,
    /// The same, and the record has a unique key of its own: without `DynamoDB` that is enough.
    Backed,
}

/// How often a route may be called, by what a call costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// What everybody may call without saying who they are.
    #[default]
    Open,
    /// A try to prove who one is.
    SignIn,
    Read,
    Write,
    /// Money, or a model's time.
    Spend,
}

/// Which kind of caller a route is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Callers {
    #[default]
    Anyone,
    People,
    Machines,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    Route { method: String, path: String },
    Queue(String),
    Schedule(String),
    Task(String),
}

/// Reads one domain's table. Anything that is not exactly one trigger, or a route that does not
/// say who may call it, is refused.
pub fn parse(json: &str) -> Result<Table> {
    let lines: BTreeMap<String, Line> = serde_json::from_str(json)?;
    lines.into_iter().map(|(name, line)| Ok((name.clone(), row(line).context(name)?))).collect()
}

/// One row, by the name of the binary that asks.
pub fn row_of(json: &str, name: &str) -> Result<Row> {
    parse(json)?.remove(name).with_context(|| format!("functions.json has no row `{name}`"))
}

fn row(line: Line) -> Result<Row> {
    let Line { route, queue, schedule, task, permission, mfa, callers, limit, once, .. } = line;
    let Line { stream, uses, memory, timeout, .. } = line;
    let (trigger, permission) = match (route, queue, schedule, task) {
        (Some(route), None, None, None) => {
            let (method, path) = route.split_once(' ').context("a route is `METHOD /path`")?;
            let trigger = Trigger::Route { method: method.into(), path: path.into() };
            let permission = permission.context("a route names its permission, or `public`")?;
            let open = permission == "public";
            if open && (mfa || callers != Callers::Anyone) {
                bail!("a public route asks nobody who they are: name a permission");
            }
            (trigger, (!open).then_some(permission))
        }
        (None, Some(queue), None, None) => (Trigger::Queue(queue), None),
        (None, None, Some(schedule), None) => (Trigger::Schedule(schedule), None),
        (None, None, None, Some(task)) => (Trigger::Task(task), None),
        _ => bail!("exactly one of route, queue, schedule and task"),
    };
    let usual = match &trigger {
        Trigger::Route { method, .. } if permission.is_some() && method == "GET" => Class::Read,
        Trigger::Route { .. } if permission.is_some() => Class::Write,
        _ => Class::Open,
    };
    let reads = matches!(&trigger, Trigger::Route { method, .. } if method == "GET");
    if stream && (!reads || permission.is_none()) {
        bail!("what streams is a route that reads, for those who have its permission");
    }
    let access = Access { permission, mfa, callers, class: limit.unwrap_or(usual) };
    Ok(Row { trigger, access, once, stream, uses, memory, timeout })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_route_without_a_permission_is_refused() {
        let json = r#"{"a-b": {"route": "GET /x", "uses": [], "memory": 128, "timeout": 3}}"#;
        assert!(format!("{:#}", parse(json).unwrap_err()).contains("permission"));
    }

    #[test]
    fn a_public_route_that_asks_for_a_second_factor_or_for_people_is_refused() {
        for more in [r#""mfa": true"#, r#""callers": "people""#, r#""callers": "machines""#] {
            let json = format!(
                r#"{{"a-b": {{"route": "GET /x", "permission": "public", {more},
                     "uses": [], "memory": 128, "timeout": 3}}}}"#
            );
            assert!(parse(&json).is_err(), "{more}");
        }
    }

    #[test]
    fn what_streams_reads_and_is_closed() {
        for (route, permission, fine) in [
            ("GET /x", "runs:read", true),
            ("POST /x", "runs:read", false),
            ("GET /x", "public", false),
        ] {
            let json = format!(
                r#"{{"a-b": {{"route": "{route}", "permission": "{permission}", "stream": true,
                     "uses": [], "memory": 128, "timeout": 3}}}}"#
            );
            assert_eq!(parse(&json).is_ok(), fine, "{route} {permission}");
        }
    }

    #[test]
    fn two_triggers_are_refused() {
        let json = r#"{"a-b": {"queue": "q", "task": "t", "uses": [], "memory": 1, "timeout": 1}}"#;
        assert!(parse(json).is_err());
    }
}
