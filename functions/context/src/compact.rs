//! A history that fits, however long it is: the latest messages whole, before them every decision
//! and open question, and a pointer to the range that is on record. Pure, and the same each time.
//!
//! Nothing of the original is changed or copied: what is kept names the message it is from. A tool's
//! call and its result are both there or both not.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write;

use crate::cut::cut;
use crate::explain::{Segment, Why};
use crate::marks::{Sort, marks};
use crate::tokens::Tokenizer;

/// Of the budget, for what is older than the messages that stay whole.
const OLDER_PERCENT: u32 = 40;
/// Of the budget, for one message.
const ONE_PERCENT: u32 = 30;
/// Of the budget, for one decision or question that is kept from an older message.
const MARK_PERCENT: u32 = 5;
/// For the line that says what is on record.
const DIGEST: u32 = 64;
/// Speakers that the line names.
const NAMED: usize = 5;

/// A message of a history.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Its number; they grow.
    pub at: u64,
    pub speaker: &'a str,
    pub text: &'a str,
    pub role: Role<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    Said,
    /// A tool was called, under this id.
    Call(&'a str),
    /// What it answered.
    Result(&'a str),
}

/// What goes into a prompt, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compacted {
    pub pieces: Vec<Piece>,
    /// Never more than the budget.
    pub tokens: u32,
    /// Messages whose decision or question found no room: the oldest, and only when all of them
    /// together are too long.
    pub left_out: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub from: u64,
    pub to: u64,
    pub what: What,
    /// As it stands in the prompt, with the end of its line.
    pub text: String,
    pub tokens: u32,
    /// What there was to be said.
    pub of: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Stands for a range of messages.
    Digest,
    Decision,
    Question,
    /// A message, whole or shortened.
    Message,
}

impl Compacted {
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// For the record: messages that are whole are told of together, so that it does not grow with
    /// their number.
    pub fn segments(&self) -> Vec<Segment> {
        let mut told: Vec<(Piece, bool)> = Vec::new();
        for piece in &self.pieces {
            let whole = piece.what == What::Message && piece.of == piece.tokens;
            match told.last_mut() {
                Some((last, true)) if whole => {
                    last.to = piece.to;
                    last.tokens += piece.tokens;
                    last.of += piece.of;
                }
                _ => told.push((Piece { text: String::new(), ..piece.clone() }, whole)),
            }
        }
        let segment = |(piece, _): (Piece, bool)| {
            let Piece { from, to, what, tokens, of, .. } = piece;
            let why = match what {
                What::Message => Why::Recent,
                _ => Why::Compacted { from, to },
            };
            let source =
                if from == to { format!("turn {from}") } else { format!("turns {from} to {to}") };
            Segment { tainted: true, ..Segment::new("transcript", &source, of, tokens, why) }
        };
        let out = |at: &u64| {
            let why = Why::NoRoom { share: self.tokens };
            Segment::new("transcript", &format!("a decision or question of turn {at}"), 0, 0, why)
        };
        told.into_iter().map(segment).chain(self.left_out.iter().take(20).map(out)).collect()
    }
}

/// At most `budget` tokens of a history.
pub fn compact(history: &[Item<'_>], budget: u32, tokenizer: &dyn Tokenizer) -> Compacted {
    let all = latest(history, budget, budget, tokenizer);
    if all.start == 0 && all.pieces.iter().all(|piece| piece.of == piece.tokens) {
        return joined(vec![], all.pieces, vec![]);
    }
    let most = share(budget, ONE_PERCENT).max(1);
    let older = share(budget, OLDER_PERCENT);
    let first = latest(history, budget - older, most, tokenizer);
    let reserved = older.min(DIGEST);
    let (mut marked, mut left_out) =
        marked(&history[..first.start], older - reserved, budget, tokenizer);
    // What the older ones leave is for more of the latest; those that then are in say their marks
    // themselves.
    let spare = (older - reserved).saturating_sub(sum(&marked));
    let more = latest(history, budget - older + spare, most, tokenizer);
    let before = history.get(more.start).map_or(u64::MAX, |item| item.at);
    marked.retain(|piece| piece.to < before);
    left_out.retain(|at| *at < before);
    marked.splice(..0, digest(&history[..more.start], reserved, tokenizer));
    joined(marked, more.pieces, left_out)
}

fn joined(mut pieces: Vec<Piece>, latest: Vec<Piece>, left_out: Vec<u64>) -> Compacted {
    pieces.extend(latest);
    Compacted { tokens: sum(&pieces), pieces, left_out }
}

fn sum(pieces: &[Piece]) -> u32 {
    pieces.iter().fold(0, |sum, piece| sum.saturating_add(piece.tokens))
}

fn share(budget: u32, percent: u32) -> u32 {
    u32::try_from(u64::from(budget) * u64::from(percent) / 100).unwrap_or(u32::MAX)
}

struct Latest {
    /// The first message that is in.
    start: usize,
    pieces: Vec<Piece>,
}

/// As many of the latest messages as fit. A result whose call is older than they are is left on
/// record with it.
fn latest(history: &[Item<'_>], budget: u32, most: u32, tokenizer: &dyn Tokenizer) -> Latest {
    let mut pieces: Vec<(Piece, Role<'_>)> = Vec::new();
    let (mut left, mut start) = (budget, history.len());
    let mut inside: BTreeSet<&str> = BTreeSet::new();
    for item in history.iter().rev() {
        let Some(piece) = message(item, most.min(left), tokenizer) else { break };
        left -= piece.tokens;
        start -= 1;
        pieces.push((piece, item.role));
        inside.extend(called(item));
    }
    let older: BTreeSet<&str> = history[..start].iter().filter_map(called).collect();
    let parted = |role: &Role<'_>| match role {
        Role::Result(id) => older.contains(id) && !inside.contains(id),
        _ => false,
    };
    pieces.retain(|(_, role)| !parted(role));
    Latest { start, pieces: pieces.into_iter().rev().map(|(piece, _)| piece).collect() }
}

fn called<'a>(item: &Item<'a>) -> Option<&'a str> {
    if let Role::Call(id) = item.role { Some(id) } else { None }
}

/// A message as it stands in a prompt, within `most` tokens; `None` when that is too little for it
/// to say anything. One that is shortened still says its decisions and questions.
fn message(item: &Item<'_>, most: u32, tokenizer: &dyn Tokenizer) -> Option<Piece> {
    let head = match item.role {
        Role::Said => format!("{}: ", item.speaker),
        Role::Call(id) => format!("{} calls a tool ({id}): ", item.speaker),
        Role::Result(id) => format!("the tool answers ({id}): "),
    };
    let text = item.text.trim();
    let piece = line(item, What::Message, &head, text, most, tokenizer)?;
    if piece.of == piece.tokens || item.role != Role::Said || marks(text).next().is_none() {
        return Some(piece);
    }
    let mut said = String::new();
    for mark in marks(text) {
        let label = if mark.sort == Sort::Decision { "Decision" } else { "Open question" };
        let id = mark.id.map(|id| format!(" {id}")).unwrap_or_default();
        if mark.sort != Sort::Answer {
            // Writing to a String cannot fail.
            let _ = writeln!(said, "{label}{id}: {}", mark.text);
        }
    }
    let said = cut(&said, most / 2, tokenizer);
    let room = most.checked_sub(tokenizer.count(said) + 16)?;
    let start = cut(text, room, tokenizer);
    let both = format!("{start} […]\n{said}");
    let shown = line(item, What::Message, &head, &both, most, tokenizer).unwrap_or(piece);
    Some(Piece { of: tokens_of(text).max(shown.tokens + 1), ..shown })
}

/// Roughly, for what is too long to be counted.
fn tokens_of(text: &str) -> u32 {
    u32::try_from(text.len() / 4).unwrap_or(u32::MAX)
}

/// `head` and as much of `text` as fits, on lines of their own.
fn line(
    item: &Item<'_>,
    what: What,
    head: &str,
    text: &str,
    most: u32,
    tokenizer: &dyn Tokenizer,
) -> Option<Piece> {
    let whole = |text: &str| format!("{head}{}\n\n", text.replace('\n', "\n  "));
    let (from, to) = (item.at, item.at);
    if most == 0 {
        return None;
    }
    // Texts far longer than what fits are not counted to their end.
    let long = text.len() / 16 > usize::try_from(most).unwrap_or(usize::MAX);
    if !long {
        let text = whole(text);
        let tokens = tokenizer.count(&text);
        if tokens <= most {
            return Some(Piece { from, to, what, text, tokens, of: tokens });
        }
    }
    let mut room = most.checked_sub(tokenizer.count(&whole(" […]")))?;
    loop {
        let kept = cut(text, room, tokenizer);
        if kept.is_empty() {
            return None;
        }
        let shown = whole(&format!("{kept} […]"));
        let tokens = tokenizer.count(&shown);
        if tokens <= most {
            // More than is shown, in any case.
            let of = tokens_of(text).max(tokens + 1);
            return Some(Piece { from, to, what, text: shown, tokens, of });
        }
        // Indenting its lines costs a little more than the text alone.
        room = room.saturating_sub((tokens - most).max(1));
    }
}

/// Every decision and open question that fits, in the order of their messages; and the messages of
/// those that do not.
fn marked(
    older: &[Item<'_>],
    room: u32,
    budget: u32,
    tokenizer: &dyn Tokenizer,
) -> (Vec<Piece>, Vec<u64>) {
    let mut left = room;
    let most = share(budget, MARK_PERCENT).max(24);
    let (mut pieces, mut left_out) = (Vec::new(), BTreeSet::new());
    // The newest first, so that it is the oldest that find no room; decisions before questions.
    for sort in [Sort::Decision, Sort::Question] {
        for (item, text) in open(older, sort).into_iter().rev() {
            let (what, label) = match sort {
                Sort::Decision => (What::Decision, "Decision"),
                _ => (What::Question, "Open question"),
            };
            let head = format!("[{}] {label} ({}): ", item.at, item.speaker);
            if let Some(piece) = line(item, what, &head, text, most.min(left), tokenizer) {
                left -= piece.tokens;
                pieces.push(piece);
            } else {
                left_out.insert(item.at);
            }
        }
    }
    pieces.reverse();
    pieces.sort_by_key(|piece| piece.from);
    (pieces, left_out.into_iter().collect())
}

/// Decisions, or the questions that nobody has answered since. What is said twice is kept once, and
/// what a tool says is nobody's decision.
fn open<'a, 'b>(older: &'b [Item<'a>], wanted: Sort) -> Vec<(&'b Item<'a>, &'a str)> {
    let mut found = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut answered: HashMap<String, usize> = HashMap::new();
    for (n, item) in older.iter().enumerate().filter(|(_, item)| item.role == Role::Said) {
        for mark in marks(item.text) {
            let id = mark.id.map(str::to_ascii_lowercase);
            if mark.sort == Sort::Answer {
                answered.extend(id.map(|id| (id, n)));
            } else if mark.sort == wanted && seen.insert(mark.text) {
                found.push((n, item, id, mark.text));
            }
        }
    }
    let is_open = |n: usize, id: &Option<String>| {
        let at = id.as_ref().and_then(|id| answered.get(id));
        wanted == Sort::Decision || at.is_none_or(|at| *at < n)
    };
    found.retain(|(n, _, id, _)| is_open(*n, id));
    found.into_iter().map(|(_, item, _, text)| (item, text)).collect()
}

/// One line for a range of messages.
fn digest(older: &[Item<'_>], most: u32, tokenizer: &dyn Tokenizer) -> Option<Piece> {
    let (first, last) = (older.first()?, older.last()?);
    let mut speakers: BTreeMap<&str, u32> = BTreeMap::new();
    let mut calls = 0_u32;
    for item in older {
        match item.role {
            Role::Said => *speakers.entry(item.speaker).or_default() += 1,
            Role::Call(_) => calls += 1,
            Role::Result(_) => {}
        }
    }
    let mut named: Vec<_> = speakers.into_iter().collect();
    named.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let mut who = String::new();
    for (name, count) in named.iter().take(NAMED) {
        // Writing to a String cannot fail.
        let _ = write!(who, "{name:.20} {count}, ");
    }
    let (from, to, count) = (first.at, last.at, older.len());
    let texts = [
        format!(
            "[{from}-{to}] {count} earlier messages are on record: {who}{calls} tool calls.\n\n"
        ),
        format!("[{from}-{to}] {count} earlier messages are on record.\n\n"),
        format!("[{from}-{to}] on record.\n\n"),
    ];
    let limit = most.min(DIGEST);
    let fit = |text: String| {
        let tokens = tokenizer.count(&text);
        (tokens <= limit).then_some((text, tokens))
    };
    let (text, tokens) = texts.into_iter().find_map(fit)?;
    let all = older.iter().fold(0, |sum: u32, item| sum.saturating_add(tokens_of(item.text)));
    let of = all.max(tokens);
    Some(Piece { from, to, what: What::Digest, text, tokens, of })
}
