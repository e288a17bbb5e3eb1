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
    uses: Vec<String>,
    memory: u32,
    timeout: u32,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub trigger: Trigger,
    /// `None` on a route: open to everybody, spelled `"public"` in the table.
    pub permission: Option<String>,
    pub uses: Vec<String>,
    pub memory: u32,
    pub timeout: u32,
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
    let Line { route, queue, schedule, task, permission, uses, memory, timeout } = line;
    let (trigger, permission) = match (route, queue, schedule, task) {
        (Some(route), None, None, None) => {
            let (method, path) = route.split_once(' ').context("a route is `METHOD /path`")?;
            let trigger = Trigger::Route { method: method.into(), path: path.into() };
            let permission = permission.context("a route names its permission, or `public`")?;
            (trigger, (permission != "public").then_some(permission))
        }
        (None, Some(queue), None, None) => (Trigger::Queue(queue), None),
        (None, None, Some(schedule), None) => (Trigger::Schedule(schedule), None),
        (None, None, None, Some(task)) => (Trigger::Task(task), None),
        _ => bail!("exactly one of route, queue, schedule and task"),
    };
    Ok(Row { trigger, permission, uses, memory, timeout })
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
    fn what_nobody_enforces_is_refused() {
        let json = r#"{"a-b": {"route": "GET /x", "permission": "x:read", "mfa": true, "uses": [],
                       "memory": 128, "timeout": 3}}"#;
        assert!(format!("{:#}", parse(json).unwrap_err()).contains("mfa"));
    }

    #[test]
    fn two_triggers_are_refused() {
        let json = r#"{"a-b": {"queue": "q", "task": "t", "uses": [], "memory": 1, "timeout": 1}}"#;
        assert!(parse(json).is_err());
    }
}
