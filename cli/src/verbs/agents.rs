//! `cadre agents`: `GET /v1/agents`.

use crate::api::AGENTS;
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::show::{json as show_json, line, table, time};

pub(crate) fn list(client: &Client, json: bool) -> Result<()> {
    let answer = client.list(&AGENTS, None, &[], super::MOST)?;
    if json {
        return show_json(&answer.raw);
    }
    let rows: Vec<_> = answer
        .value
        .into_iter()
        .map(|agent| {
            let latest = agent.latest.unwrap_or_else(|| "draft".into());
            let title = agent.draft.title.unwrap_or_default();
            [agent.slug, latest, time(agent.updated_at), agent.draft.name, title]
        })
        .collect();
    table(["agent", "version", "changed", "name", "title"], &rows)
}

pub(crate) fn show(client: &Client, slug: &str, json: bool) -> Result<()> {
    let mut answer = client.list(&AGENTS, None, &[("slug", slug)], 1)?;
    let Some(agent) = answer.value.pop() else {
        let what = format!("no agent is called {slug}");
        return Err(Failure::new(what).next("cadre agents list"));
    };
    if json {
        return show_json(&answer.raw["items"][0]);
    }
    let draft = agent.draft;
    let latest = agent.latest.map_or("not published".into(), |it| format!("version {it}"));
    let title = draft.title.map(|title| format!(", {title}")).unwrap_or_default();
    line(&format!("{}{title} ({}, {latest})", draft.name, agent.slug))?;
    let parts = [
        ("when", draft.description),
        ("role", draft.role),
        ("identity", draft.identity),
        ("style", draft.communication_style),
        ("principles", draft.principles.join("\n  ")),
        ("source", draft.source.unwrap_or_default()),
    ];
    parts
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .try_for_each(|(name, text)| line(&format!("{name}: {text}")))
}
