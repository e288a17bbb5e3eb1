//! Entries as text for a prompt, within a budget for each layer; and for every entry, in or out,
//! why.

use std::fmt::Write;

use jiff::Timestamp;

use crate::cut::cut;
use crate::explain::{EntryRef, Segment, Why};
use crate::layers::resolve;
use crate::model::{Author, Entry, Kind, Layer, text_of};
use crate::select::{About, Wanted};
use crate::tokens::Tokenizer;

/// Less than this of a text is not worth its place.
const SHORTEST: u32 = 24;

/// How many tokens the entries of a prompt may have, and how they are shared out.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub tokens: u32,
    /// Percent of them for each layer, in the order of [`Layer::ALL`]. What a layer leaves goes to
    /// the next, more particular one.
    pub shares: [u32; 5],
}

impl Budget {
    pub fn new(tokens: u32) -> Self {
        Self { tokens, shares: [10, 20, 20, 20, 30] }
    }
}

/// What goes into a prompt, and the account of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assembled {
    /// What people of the organization wrote as instructions.
    pub instructions: String,
    /// Everything else: material, which the prompt says are no instructions.
    pub material: String,
    /// Of both texts, and never more than the budget.
    pub tokens: u32,
    pub segments: Vec<Segment>,
}

/// Whether what it says is to be followed, and not only known.
fn is_trusted(entry: &Entry) -> bool {
    let people = matches!(entry.provenance.from, Author::Person | Author::Product);
    let kind = matches!(entry.kind, Kind::Instruction | Kind::Configuration | Kind::Preference);
    people && kind && !entry.granted
}

/// The same for the same arguments, in whatever order the entries come.
pub fn assemble(
    entries: &[Entry],
    about: &About<'_>,
    budget: &Budget,
    now: Timestamp,
    tokenizer: &dyn Tokenizer,
) -> Assembled {
    let resolved = resolve(entries, now);
    let wanted = Wanted::new(about);
    let mut made = Assembled::default();
    let mut carried = 0;
    for (layer, percent) in Layer::ALL.into_iter().zip(budget.shares) {
        let share = u64::from(budget.tokens) * u64::from(percent) / 100;
        let share = u32::try_from(share).unwrap_or(u32::MAX).saturating_add(carried);
        // Rounding and shares of more than a hundred percent do not add up to more than there is.
        let share = share.min(budget.tokens - made.tokens);
        let mut left = share;
        let of_layer = resolved.held.iter().filter(|entry| entry.layer == layer);
        let mut judged: Vec<_> = of_layer.map(|entry| (*entry, wanted.judge(entry))).collect();
        judged.sort_by_key(|(entry, why)| (entry.kind != Kind::Decision, rank(why)));
        for (entry, why) in judged {
            let (text, mut segment) = render(entry, why, left, share, tokenizer);
            segment.tainted = !is_trusted(entry);
            left -= segment.included_tokens;
            made.tokens += segment.included_tokens;
            let to = if segment.tainted { &mut made.material } else { &mut made.instructions };
            to.push_str(&text);
            made.segments.push(segment);
        }
        carried = left;
    }
    made.segments.extend(resolved.out.into_iter().map(|(entry, why)| {
        let tokens = tokenizer.count(&text_of(&entry.value));
        let mut segment = of_entry(entry, tokens, 0, why);
        segment.tainted = !is_trusted(entry);
        segment
    }));
    made
}

/// What is asked for by name comes before what was merely found.
fn rank(why: &Why) -> u32 {
    match why {
        Why::Referred => 0,
        Why::Always => 1,
        Why::Rule => 2,
        Why::Found { rank } => rank.saturating_add(2),
        _ => u32::MAX,
    }
}

/// The entry's line, if it is in, within what is left; and what is to be told of it.
fn render(
    entry: &Entry,
    why: Why,
    left: u32,
    share: u32,
    tokenizer: &dyn Tokenizer,
) -> (String, Segment) {
    let value = text_of(&entry.value);
    let whole = line(entry, &value);
    let tokens = tokenizer.count(&whole);
    if !why.is_in() {
        return (String::new(), of_entry(entry, tokens, 0, why));
    }
    if tokens <= left {
        return (whole, of_entry(entry, tokens, tokens, why));
    }
    // Half a setting is a wrong one, and so may half a decision be.
    let may_be_cut = entry.value.is_string()
        && !matches!(entry.kind, Kind::Configuration | Kind::Decision | Kind::State);
    let mut room = left.saturating_sub(tokenizer.count(&line(entry, " […]")));
    while may_be_cut && room >= SHORTEST {
        let shown = line(entry, &format!("{} […]", cut(&value, room, tokenizer)));
        let included = tokenizer.count(&shown);
        if included <= left {
            return (shown, of_entry(entry, tokens, included, why));
        }
        room = room.saturating_sub((included - left).max(1));
    }
    (String::new(), of_entry(entry, tokens, 0, Why::NoRoom { share }))
}

/// Its lines after the first are indented, so that nothing in it looks like a part of the prompt.
fn line(entry: &Entry, value: &str) -> String {
    let mut line = String::new();
    let kind = entry.kind.as_str();
    // Writing to a String cannot fail.
    let _ = writeln!(line, "- {kind} {}: {}", entry.name, value.trim().replace('\n', "\n  "));
    line
}

fn of_entry(entry: &Entry, tokens: u32, included: u32, why: Why) -> Segment {
    let mut segment = Segment::new(entry.layer.as_str(), &entry.name, tokens, included, why);
    let Entry { id, version, granted, .. } = *entry;
    segment.entry = Some(EntryRef { id, version, granted });
    segment
}
