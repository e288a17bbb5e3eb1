//! What is told of a prompt: for each part its layer, its source, its tokens, and why it is in, or
//! was left out.

use std::mem::discriminant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::Layer;

/// A part of a prompt, or what might have been one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PromptSegment")]
pub struct Segment {
    /// `rules`, `persona`, `task`, … of the turn itself, or a layer of context: `tenant`, ….
    pub layer: String,
    /// Where it came from: an entry's name, a message's number, a document.
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryRef>,
    /// What there was, as counted.
    pub tokens: u32,
    /// What went into the prompt; 0 when it was left out.
    pub included_tokens: u32,
    #[serde(default)]
    pub why: Why,
    /// The same in a sentence.
    #[serde(default)]
    pub because: String,
    /// Not written by a person of the organization for this: material, and never an instruction.
    #[serde(default)]
    pub tainted: bool,
    /// SHA-256 of what went in, where the record keeps no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ContextEntryRef")]
pub struct EntryRef {
    pub id: Uuid,
    pub version: i32,
    pub granted: bool,
}

/// Why something is in a prompt, or is not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "reason")]
#[schemars(rename = "SegmentReason")]
pub enum Why {
    /// In, and recorded before there were reasons.
    #[default]
    Unrecorded,
    /// In: every prompt of this turn's kind has it.
    Always,
    /// In: its rule holds.
    Rule,
    /// In: the task or the brief names it.
    Referred,
    /// In: it answers what the turn is about; the best is 1.
    Found {
        rank: u32,
    },
    /// In: said lately, and whole.
    Recent,
    /// In: an older message's decision or open question, or a digest of what lies between.
    Compacted {
        from: u64,
        to: u64,
    },
    /// Out: a later layer has the same name.
    Overridden {
        by: Layer,
    },
    Expired,
    /// Out: this list of its rule does not hold.
    RuleFails {
        list: String,
    },
    NotReferred,
    NotFound,
    /// Out: its layer's share, or the whole budget, was used up.
    NoRoom {
        share: u32,
    },
}

impl Why {
    pub fn is_in(&self) -> bool {
        use Why::{Always, Compacted, Found, Recent, Referred, Rule, Unrecorded};
        matches!(
            self,
            Unrecorded | Always | Rule | Referred | Found { .. } | Recent | Compacted { .. }
        )
    }

    pub fn sentence(&self) -> String {
        match self {
            Self::Unrecorded => "no reason was recorded".into(),
            Self::Always => "every prompt has it".into(),
            Self::Rule => "its rule holds for this turn".into(),
            Self::Referred => "the task or the brief refers to it".into(),
            Self::Found { rank } => format!("number {rank} of what was found for this turn"),
            Self::Recent => "said lately".into(),
            Self::Compacted { from, to } if from == to => format!("kept from message {from}"),
            Self::Compacted { from, to } => {
                format!("stands for messages {from} to {to}, which are on record")
            }
            Self::Overridden { by } => {
                format!("left out: the layer {} says otherwise under this name", by.as_str())
            }
            Self::Expired => "left out: it has expired".into(),
            Self::RuleFails { list } => format!("left out: none of its rule's {list} fits"),
            Self::NotReferred => "left out: nothing refers to it".into(),
            Self::NotFound => "left out: it is not among the best answers".into(),
            Self::NoRoom { share } => {
                format!("left out: what was left of its layer's {share} tokens is too little")
            }
        }
    }
}

/// What the record calls an entry of a person's own layer; its id leads to the name, for that person.
pub const OWN: &str = "an entry of whoever started the run";
/// Of each reason, so many of what was left out are named; the rest are counted.
const NAMED: usize = 10;

/// As the record keeps it: everything that is in, and of what is not as much as a person reads.
pub fn condensed(segments: Vec<Segment>) -> Vec<Segment> {
    let named = segments.into_iter().map(|mut segment| {
        // The record is read by more people than somebody's own layer is.
        if segment.layer == Layer::User.as_str() {
            OWN.clone_into(&mut segment.source);
        }
        segment
    });
    let (mut kept, out): (Vec<_>, Vec<_>) = named.partition(|segment| segment.why.is_in());
    let mut reasons: Vec<Vec<Segment>> = Vec::new();
    for segment in out {
        let same = reasons.iter_mut().find(|same| {
            let of = |segment: &Segment| (discriminant(&segment.why), segment.layer.clone());
            same.first().is_some_and(|first| of(first) == of(&segment))
        });
        match same {
            Some(same) => same.push(segment),
            None => reasons.push(vec![segment]),
        }
    }
    for mut same in reasons {
        let more = same.split_off(same.len().min(NAMED));
        kept.extend(same);
        if let Some(first) = more.first() {
            let tokens = more.iter().fold(0, |sum: u32, one| sum.saturating_add(one.tokens));
            let source = format!("{} more", more.len());
            kept.push(Segment::new(&first.layer, &source, tokens, 0, first.why.clone()));
        }
    }
    kept
}

impl Segment {
    pub fn new(layer: &str, source: &str, tokens: u32, included_tokens: u32, why: Why) -> Self {
        let mut because = why.sentence();
        if why.is_in() && included_tokens < tokens {
            because.push_str("; shortened");
        }
        let (layer, source) = (layer.to_owned(), source.to_owned());
        let (entry, tainted, digest) = (None, false, None);
        Self { layer, source, entry, tokens, included_tokens, why, because, tainted, digest }
    }
}
