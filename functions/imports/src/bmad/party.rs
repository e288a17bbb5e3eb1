//! Members and groups of the party: personas that join a conversation, and the rooms they meet in.

use std::collections::BTreeMap;

use toml::Table;

use super::limits::{MAX_AGENT_NAME, MAX_CAST, MAX_TEXT_BYTES};
use super::names::Names;
use super::settings::{json, take_flag, take_tables, take_text, take_texts};
use super::skills::Skill;
use super::slug::slug;
use crate::model::{MemberDef, RoomDef};
use crate::report::{Report, Unresolved};

/// All members so far, by code. The first of a name stays.
pub(super) type Members = BTreeMap<String, MemberDef>;

pub(super) fn members(skill: &Skill, agents: &Names, members: &mut Members, report: &mut Report) {
    let mut table = skill.table("workflow");
    for mut item in take_tables(&mut table, "party_members").into_iter().take(MAX_CAST) {
        if members.len() >= MAX_CAST {
            report.warn(format!("only the first {MAX_CAST} party members are read"));
            return;
        }
        let code = take_text(&mut item, "code").map(|code| slug(&code)).unwrap_or_default();
        if code.is_empty() || members.contains_key(&code) {
            let why = "has no `code`, or one that another has";
            report.warn(format!("{}: a party member {why}; it is left out", skill.path()));
            continue;
        }
        let name = take_text(&mut item, "name").unwrap_or_else(|| code.clone());
        let member = MemberDef {
            icon: take_text(&mut item, "icon"),
            title: take_text(&mut item, "title").unwrap_or_default(),
            persona: take_text(&mut item, "persona").unwrap_or_default(),
            capabilities: take_text(&mut item, "capabilities"),
            model: take_text(&mut item, "model"),
            overrides: agents.slug(&code).or_else(|| agents.slug(&name)),
            source: skill.path(),
            extensions: json(item),
            name: name.chars().take(MAX_AGENT_NAME).collect(),
            code: code.clone(),
        };
        if member.persona.len() > MAX_TEXT_BYTES {
            report.warn(format!("{}: the persona of `{code}` is too long", skill.path()));
            continue;
        }
        members.insert(code, member);
    }
}

pub(super) fn rooms(
    skill: &Skill,
    members: &Members,
    agents: &Names,
    rooms: &mut Vec<RoomDef>,
    report: &mut Report,
) {
    let mut table = skill.table("workflow");
    for group in take_tables(&mut table, "party_groups").into_iter().take(MAX_CAST) {
        if rooms.len() >= MAX_CAST {
            report.warn(format!("only the first {MAX_CAST} rooms are read"));
            return;
        }
        let Some(room) = room(skill, group, members, agents, report) else { continue };
        if rooms.iter().any(|known| known.slug == room.slug) {
            report.warn(format!("{}: there is a room `{}` already", skill.path(), room.slug));
            continue;
        }
        rooms.push(room);
    }
}

fn room(
    skill: &Skill,
    mut group: Table,
    members: &Members,
    agents: &Names,
    report: &mut Report,
) -> Option<RoomDef> {
    let Some(id) = take_text(&mut group, "id").filter(|id| !slug(id).is_empty()) else {
        report.warn(format!("{}: a party group has no `id`; it is left out", skill.path()));
        return None;
    };
    let named = take_texts(&mut group, "members");
    let open_cast = named.is_empty();
    let mut cast = Vec::new();
    for name in named.into_iter().take(MAX_CAST) {
        // A member stands in for the agent of the same name.
        let known = members.get(&slug(&name)).map(|member| member.code.clone());
        match known.or_else(|| agents.slug(&name)) {
            Some(code) => cast.push(code),
            None => report.unresolved(Unresolved {
                within: id.clone(),
                step: None,
                name,
                treated_as: "left out of the room".to_owned(),
            }),
        }
    }
    Some(RoomDef {
        slug: slug(&id),
        name: take_text(&mut group, "name").unwrap_or_else(|| id.clone()),
        icon: take_text(&mut group, "icon"),
        scene: take_text(&mut group, "scene").unwrap_or_default(),
        members: cast,
        open_cast,
        memory: take_flag(&mut group, "memory").unwrap_or(false),
        workflows: Vec::new(),
        source: skill.path(),
    })
}
