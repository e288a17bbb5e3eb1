//! A room, or one within, as the record leaves it. Nothing but the turns on record says which rooms
//! are open: one is from its first turn until its closing one, or until a turn is taken elsewhere.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::carry;
use crate::inner::{Carry, Nested};
use crate::model::Room;
use crate::pick;
use crate::record::{Answer, Line, Said};

#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) room: &'a Room,
    pub(crate) path: String,
    pub(crate) carry: &'a Carry,
    /// What members are called, by reference.
    pub(crate) names: &'a BTreeMap<String, String>,
    /// Told by the room outside, or by talks before.
    pub(crate) carried: Vec<Line>,
    pub(crate) began: Timestamp,
    /// When its last turn was on record, or that of a room within.
    pub(crate) ended: Timestamp,
    /// That turn's number on record.
    pub(crate) newest: usize,
    pub(crate) turns: Vec<Turn<'a>>,
    pub(crate) closing: Option<Turn<'a>>,
    /// What was used by it and all rooms within: they are charged to every room around them.
    pub(crate) tokens: u64,
    pub(crate) micros: i64,
    /// What its own questions were answered.
    pub(crate) answers: Vec<&'a Answer>,
    /// Rooms that were opened within, the names of their paths.
    pub(crate) opened: Vec<String>,
    /// The one of them that is open, and its part of the record.
    pub(crate) open: Option<(String, Part<'a>)>,
}

/// Turns on record that belong together, and how many come before them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part<'a> {
    pub(crate) said: &'a [Said],
    pub(crate) before: usize,
}

/// One turn of a room: its own, or what came of a room within.
#[derive(Clone, Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) member: &'a str,
    /// Index into the room's members; past their end when the member is none of them.
    pub(crate) speaker: usize,
    pub(crate) text: Cow<'a, str>,
    pub(crate) tools: &'a [String],
    pub(crate) at: Timestamp,
    /// Its number on record; of a room within, that of its last turn.
    pub(crate) number: usize,
}

const ROOT: &Carry = &Carry::Summary;

impl<'a> Frame<'a> {
    pub(crate) fn root(
        room: &'a Room,
        names: &'a BTreeMap<String, String>,
        began: Timestamp,
        said: &'a [Said],
    ) -> Self {
        Self::new(room, String::new(), ROOT, names, began).read(Part { said, before: 0 })
    }

    /// A room within this one, which its part of the record has so far.
    pub(crate) fn child(&self, name: &str, part: Part<'a>) -> Option<Self> {
        // Not when its first turn is taken: until then a person may be waited for in it.
        let began = self.turns.last().map_or(self.began, |turn| turn.at);
        let path = self.path_of(name);
        let plain = plain(name);
        if let Some(nested) = self.nested(plain) {
            let mut child = Self::new(&nested.room, path, &nested.carry, self.names, began);
            let last = self.turns.last().map(|turn| Line { carried: true, ..turn.line() });
            child.carried = last.into_iter().collect();
            return Some(child.read(part));
        }
        let chat = self.room.chats.iter().find(|chat| chat.name == plain)?;
        let mut child = Self::new(&chat.room, path, &chat.carry, self.names, began);
        let told = self.turns.iter().filter(|turn| !chat.without.iter().any(|w| w == turn.member));
        child.carried = told.map(|turn| Line { carried: true, ..turn.line() }).collect();
        Some(child.read(part))
    }

    /// What came of a room within is a turn of this one: of the member for whom it answers, or of
    /// the talk by its name.
    pub(crate) fn settle(&mut self, name: &str, child: &Self) {
        // One in which nothing came about is a turn all the same, or it would be opened for ever.
        let (text, at, number) = (carry::out(child), child.ended, child.newest);
        let plain = plain(name);
        let member = match self.nested(plain) {
            Some(nested) => nested.member.as_str(),
            None => self.room.chats.iter().find(|c| c.name == plain).map_or("", |c| &c.name),
        };
        let speaker = self.room.place(member).unwrap_or(usize::MAX);
        self.turns.push(Turn { member, speaker, text: Cow::Owned(text), tools: &[], at, number });
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// Rooms around this one.
    pub(crate) fn depth(&self) -> usize {
        if self.path.is_empty() { 0 } else { self.path.split('/').count() }
    }

    pub(crate) fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    pub(crate) fn nested(&self, name: &str) -> Option<&'a Nested> {
        self.room.nested.iter().find(|nested| nested.name == name)
    }

    /// The member whom somebody calls by this name, if it is exactly one.
    pub(crate) fn called(&self, name: &str) -> Option<usize> {
        pick::exact(name, &self.room.members, &self.display())
    }

    /// What the model knows the members by, in their order.
    pub(crate) fn display(&self) -> Vec<&'a str> {
        let name = |member: &'a String| self.names.get(member).map_or(member.as_str(), |n| n);
        self.room.members.iter().map(name).collect()
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.turns.iter().map(|turn| turn.text.as_ref()).collect()
    }

    /// What each member said last, in the order of the members.
    pub(crate) fn positions(&self) -> Vec<Option<&str>> {
        let of = |speaker| self.turns.iter().rev().find(|turn| turn.speaker == speaker);
        (0..self.room.members.len()).map(|m| of(m).map(|turn| turn.text.as_ref())).collect()
    }

    fn new(
        room: &'a Room,
        path: String,
        carry: &'a Carry,
        names: &'a BTreeMap<String, String>,
        began: Timestamp,
    ) -> Self {
        Self {
            room,
            path,
            carry,
            names,
            carried: Vec::new(),
            began,
            ended: began,
            newest: 0,
            turns: Vec::new(),
            closing: None,
            tokens: 0,
            micros: 0,
            answers: Vec::new(),
            opened: Vec::new(),
            open: None,
        }
    }

    /// The part of the record that was taken in this room and those within.
    fn read(mut self, Part { said, before }: Part<'a>) -> Self {
        self.newest = before;
        let mut at = 0;
        while let Some(next) = said.get(at) {
            let inside = within(&self.path, &next.mark.path);
            let until = match inside {
                None => at + 1,
                Some(name) => {
                    let same = |s: &&Said| within(&self.path, &s.mark.path) == Some(name);
                    at + said[at..].iter().take_while(same).count()
                }
            };
            let part = Part { said: &said[at..until], before: before + at };
            for said in part.said {
                self.ended = said.at;
                self.newest += 1;
                self.tokens = self.tokens.saturating_add(said.tokens);
                self.micros = self.micros.saturating_add(said.micros);
                let mine = said.mark.answers.iter().filter(|answered| answered.path == self.path);
                self.answers.extend(mine.map(|answered| &answered.answer));
            }
            match inside {
                None if next.mark.closing => self.closing = Some(self.turn(next, before + until)),
                None => self.turns.push(self.turn(next, before + until)),
                Some(name) => self.enter(name, part, until == said.len()),
            }
            at = until;
        }
        self
    }

    fn enter(&mut self, name: &str, part: Part<'a>, newest: bool) {
        self.opened.push(name.to_owned());
        let Some(child) = self.child(name, part) else { return };
        if newest && child.closing.is_none() {
            self.open = Some((name.to_owned(), part));
        } else {
            self.settle(name, &child);
        }
    }

    fn turn(&self, said: &'a Said, number: usize) -> Turn<'a> {
        Turn {
            member: &said.member,
            speaker: self.room.place(&said.member).unwrap_or(usize::MAX),
            text: Cow::Borrowed(&said.text),
            tools: &said.tools,
            at: said.at,
            number,
        }
    }
}

impl Turn<'_> {
    pub(crate) fn line(&self) -> Line {
        let (from, text) = (self.member.to_owned(), self.text.to_string());
        Line { from, text, carried: false, turn: self.number }
    }
}

/// `review` of `review#2`: a room may be opened more than once.
fn plain(name: &str) -> &str {
    name.rsplit_once('#').map_or(name, |(plain, _)| plain)
}

/// The room directly within `outer` in which a turn with this path was taken.
fn within<'p>(outer: &str, path: &'p str) -> Option<&'p str> {
    let rest = match outer {
        "" => path,
        _ => path.strip_prefix(outer)?.strip_prefix('/').unwrap_or_default(),
    };
    let name = rest.split('/').next().unwrap_or_default();
    (!name.is_empty()).then_some(name)
}
