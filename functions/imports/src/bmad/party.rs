//! Members and groups of the party: personas that join a conversation, and the rooms they meet in.

use toml::Table;

use super::limits::MAX_CAST;
use super::names::Names;
use super::settings::{json, take_flag, take_tables, take_text, take_texts};
use super::skills::Skill;
use super::slug::slug;
use crate::model::{MemberDef, RoomDef};
use crate::report::{Report, Unresolved};

pub(super) fn members(skill: &Skill, agents: &Names, report: &mut Report) -> Vec<MemberDef> {
    let mut table = skill.table("workflow");
    let mut members = Vec::new();
    for mut item in take_tables(&mut table, "party_members").into_iter().take(MAX_CAST) {
        let Some(code) = take_text(&mut item, "code") else {
            report.warn(format!("{}: a party member has no `code`; it is left out", skill.path()));
            continue;
        };
        let name = take_text(&mut item, "name").unwrap_or_else(|| code.clone());
        members.push(MemberDef {
            icon: take_text(&mut item, "icon"),
            title: take_text(&mut item, "title").unwrap_or_default(),
            persona: take_text(&mut item, "persona").unwrap_or_default(),
            capabilities: take_text(&mut item, "capabilities"),
            model: take_text(&mut item, "model"),
            overrides: agents.slug(&code).or_else(|| agents.slug(&name)),
            source: skill.path(),
            extensions: json(item),
            code,
            name,
        });
    }
    members
}

pub(super) fn rooms(
    skill: &Skill,
    members: &[MemberDef],
    agents: &Names,
    report: &mut Report,
) -> Vec<RoomDef> {
    let mut table = skill.table("workflow");
    let groups = take_tables(&mut table, "party_groups");
    groups
        .into_iter()
        .take(MAX_CAST)
        .filter_map(|group| room(skill, group, members, agents, report))
        .collect()
}

fn room(
    skill: &Skill,
    mut group: Table,
    members: &[MemberDef],
    agents: &Names,
    report: &mut Report,
) -> Option<RoomDef> {
    let Some(id) = take_text(&mut group, "id") else {
        report.warn(format!("{}: a party group has no `id`; it is left out", skill.path()));
        return None;
    };
    let named = take_texts(&mut group, "members");
    let open_cast = named.is_empty();
    let mut cast = Vec::new();
    for name in named.into_iter().take(MAX_CAST) {
        // A member stands in for the agent of the same name.
        let known =
            members.iter().find(|member| member.code == name).map(|member| member.code.clone());
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
