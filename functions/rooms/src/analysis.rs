//! Who spoke how much and at what price, whether it went in circles, whether an agreement is one, and
//! who held something else. From the record alone, by [`crate::likeness`]; a hint and no verdict on
//! anybody's reasons: texts that mean the same in other words count as unlike.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::frame::Frame;
use crate::likeness::{Bag, agreement, argument, position};
use crate::loops;
use crate::record::Said;

/// From so many percent on, two positions are one.
const SAME_POSITION: u32 = 40;
/// A room agrees from here on.
const AGREED: u32 = 60;
/// Positions came so much closer while almost nothing new was said: nobody was convinced.
const CAME_CLOSER: u32 = 20;
const FEW_NEW_WORDS: u32 = 35;
/// What is shown of a position.
const EXCERPT: usize = 300;

#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ConversationAnalytics")]
pub struct Analysis {
    /// Turns, closing ones included.
    pub turns: usize,
    /// In the order in which they first spoke.
    pub voices: Vec<Voice>,
    /// Two turns in a row and more that say again what was said.
    pub loops: Vec<Loop>,
    pub agreement: Agreement,
    /// Positions unlike the one that most hold.
    pub minority: Vec<Minority>,
    pub verdict: Verdict,
}

#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Voice {
    pub member: String,
    pub turns: usize,
    pub words: usize,
    /// Of all words.
    pub share_percent: usize,
    /// Turns that say again what was said.
    pub repeats: usize,
    pub tokens: u64,
    pub cost_micros: i64,
}

/// Turns are counted from 1, over the whole conversation.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Loop {
    pub from: usize,
    pub to: usize,
    /// The turn that the first of them repeats.
    pub repeats: usize,
}

/// How alike positions are, in percent: the mean of all pairs of members. A position is a turn's
/// line `POSITION: …`, or the whole turn.
#[derive(Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Agreement {
    /// The first takes were written without seeing the others.
    pub independent: bool,
    pub first: Option<u32>,
    pub last: Option<u32>,
    /// Of the words in turns after the first takes, those that nobody had said.
    pub new_words: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Minority {
    pub member: String,
    /// Counted from 1, over the whole conversation.
    pub turn: usize,
    /// They hold it still; otherwise it was their first take and they came round.
    pub kept: bool,
    pub position: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Fewer than two members, or nobody spoke twice.
    TooShort,
    /// It goes in circles.
    Loop,
    /// Independent first takes differed, and positions met without anything new being said.
    FakeConsensus,
    /// They agree, nothing new was said, and nobody thought alone first: it cannot be told apart
    /// from yielding.
    UnprovenAgreement,
    /// They agree, from the start or by arguments.
    Agreement,
    /// Positions differ, or still move.
    Debate,
}

/// `independent`: first takes were written without seeing the others.
pub fn analyse(said: &[Said], independent: bool) -> Analysis {
    let bags: Vec<Bag> = said.iter().map(|said| Bag::of(&argument(&said.text))).collect();
    let (loops, repeats) = loops_of(said, &bags);
    let own: Vec<(usize, &str, &str)> = said
        .iter()
        .enumerate()
        .filter(|(_, said)| said.mark.path.is_empty() && !said.mark.closing)
        .map(|(at, said)| (at, said.member.as_str(), said.text.as_str()))
        .collect();
    let (first, last) = (takes(own.iter()), takes(own.iter().rev()));
    let of =
        |takes: &[Take<'_>]| agreement(&takes.iter().map(|t| t.bag.clone()).collect::<Vec<_>>());
    let agreement = Agreement {
        independent,
        first: of(&first),
        last: of(&last),
        new_words: new_words(&own, &bags),
    };
    let verdict = verdict(&agreement, &loops, own.len() > last.len());
    Analysis {
        turns: said.len(),
        voices: voices(said, &repeats),
        loops,
        minority: minority(&first, &last, independent),
        agreement,
        verdict,
    }
}

/// What the closing turn is to report: who held what.
pub(crate) fn dissent(frame: &Frame<'_>) -> Vec<String> {
    let own: Vec<(usize, &str, &str)> = frame
        .turns
        .iter()
        .enumerate()
        .map(|(at, turn)| (at, turn.member, turn.text.as_ref()))
        .collect();
    let (first, last) = (takes(own.iter()), takes(own.iter().rev()));
    let held = minority(&first, &last, frame.room.first_takes);
    let display = frame.display();
    let name = |member: &str| {
        let of = frame.room.place(member).and_then(|of| display.get(of).copied());
        of.unwrap_or_default().to_owned()
    };
    held.iter().map(|one| format!("{}: {}", name(&one.member), one.position)).collect()
}

/// One member's position.
struct Take<'a> {
    at: usize,
    member: &'a str,
    position: &'a str,
    bag: Bag,
}

/// The first that each member said, in the order given.
fn takes<'t, 'a: 't>(turns: impl Iterator<Item = &'t (usize, &'a str, &'a str)>) -> Vec<Take<'a>> {
    let mut all: Vec<Take<'a>> = Vec::new();
    for (at, member, text) in turns {
        if !all.iter().any(|take| take.member == *member) {
            let position = position(text);
            all.push(Take { at: *at, member, position, bag: Bag::of(position) });
        }
    }
    all
}

/// Those unlike the position that most hold; nobody where no position has a majority.
fn minority(first: &[Take<'_>], last: &[Take<'_>], independent: bool) -> Vec<Minority> {
    let holders = |of: &Take<'_>| {
        last.iter().filter(|other| of.bag.like(&other.bag) >= SAME_POSITION).count()
    };
    let Some(shared) = last.iter().max_by_key(|take| (holders(take), std::cmp::Reverse(take.at)))
    else {
        return Vec::new();
    };
    if 2 * holders(shared) <= last.len() {
        return Vec::new();
    }
    let report = |take: &Take<'_>, kept| Minority {
        member: take.member.to_owned(),
        turn: take.at + 1,
        kept,
        position: take.position[..take.position.floor_char_boundary(EXCERPT)].trim().to_owned(),
    };
    let unlike = |take: &&Take<'_>| shared.bag.like(&take.bag) < SAME_POSITION;
    let kept = last.iter().filter(unlike).map(|take| report(take, true));
    let mut all: Vec<Minority> = kept.collect();
    // Only what was written alone is a position of its own that was given up.
    for take in first.iter().filter(unlike).filter(|_| independent) {
        if !all.iter().any(|one| one.member == take.member) {
            all.push(report(take, false));
        }
    }
    all.sort_by_key(|one| one.turn);
    all
}

fn verdict(agreement: &Agreement, loops: &[Loop], spoke_again: bool) -> Verdict {
    let (Some(first), Some(last), true) = (agreement.first, agreement.last, spoke_again) else {
        return Verdict::TooShort;
    };
    let nothing_new = agreement.new_words.is_some_and(|new| new < FEW_NEW_WORDS);
    let agreed = last >= AGREED;
    if agreed && agreement.independent && nothing_new && last >= first + CAME_CLOSER {
        return Verdict::FakeConsensus;
    }
    if !loops.is_empty() {
        return Verdict::Loop;
    }
    match agreed {
        true if nothing_new && !agreement.independent => Verdict::UnprovenAgreement,
        true => Verdict::Agreement,
        false => Verdict::Debate,
    }
}

fn new_words(own: &[(usize, &str, &str)], bags: &[Bag]) -> Option<u32> {
    let mut heard: BTreeSet<&str> = BTreeSet::new();
    let mut spoke: BTreeSet<&str> = BTreeSet::new();
    let (mut new, mut all) = (0_u64, 0_u64);
    for (at, member, _) in own {
        let again = !spoke.insert(member);
        for word in bags[*at].words() {
            let unheard = heard.insert(word);
            all += u64::from(again);
            new += u64::from(again && unheard);
        }
    }
    u32::try_from((100 * new).checked_div(all)?).ok()
}

/// Loops, room by room, and which turns repeat.
fn loops_of(said: &[Said], bags: &[Bag]) -> (Vec<Loop>, BTreeSet<usize>) {
    let mut rooms: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, said) in said.iter().enumerate().filter(|(_, said)| !said.mark.closing) {
        rooms.entry(&said.mark.path).or_default().push(at);
    }
    let (mut found, mut repeating) = (Vec::new(), BTreeSet::new());
    for turns in rooms.values() {
        let here: Vec<Bag> = turns.iter().map(|at| bags[*at].clone()).collect();
        let repeats = loops::repeats(&here);
        let mut at = 0;
        while at < repeats.len() {
            let run = repeats[at..].iter().take_while(|repeat| repeat.is_some()).count();
            repeating.extend(turns[at..at + run].iter().copied());
            if let (2.., Some(first)) = (run, repeats[at]) {
                let (from, to) = (turns[at] + 1, turns[at + run - 1] + 1);
                found.push(Loop { from, to, repeats: turns[first] + 1 });
            }
            at += run.max(1);
        }
    }
    found.sort_by_key(|one| one.from);
    (found, repeating)
}

fn voices(said: &[Said], repeats: &BTreeSet<usize>) -> Vec<Voice> {
    let words = |said: &Said| said.text.split_whitespace().count();
    let all: usize = said.iter().map(words).sum();
    let mut voices: Vec<Voice> = Vec::new();
    for (at, said) in said.iter().enumerate() {
        let known = voices.iter().position(|voice| voice.member == said.member);
        let place = known.unwrap_or_else(|| {
            voices.push(Voice {
                member: said.member.clone(),
                turns: 0,
                words: 0,
                share_percent: 0,
                repeats: 0,
                tokens: 0,
                cost_micros: 0,
            });
            voices.len() - 1
        });
        let voice = &mut voices[place];
        voice.turns += 1;
        voice.words += words(said);
        voice.share_percent = 100 * voice.words / all.max(1);
        voice.repeats += usize::from(repeats.contains(&at));
        voice.tokens = voice.tokens.saturating_add(said.tokens);
        voice.cost_micros = voice.cost_micros.saturating_add(said.micros);
    }
    voices
}
