//! The layers of a prompt while it is built: each takes its share of the budget, and the record of
//! what went in grows beside it. Pure.

use context::assemble::{Assembled, Budget, assemble};
use context::compact::{self, Item, compact};
use context::cut;
use context::explain::{Segment, Why};
use context::read::Told;
use context::select::About;
use context::tokens::{Bounded, Tokenizer};
use shared::digest::sha256;

use crate::model::{Claim, Text};
use crate::prompt::{Shown, Turn};

pub(crate) struct Layers {
    budget: u32,
    left: u32,
    pub(crate) kept: Vec<Segment>,
}

impl Layers {
    pub(crate) fn new(budget: u32) -> Self {
        Self { budget, left: budget, kept: Vec::new() }
    }

    /// At most `percent` of the whole budget, and of what is left.
    pub(crate) fn add(
        &mut self,
        layer: &'static str,
        source: &str,
        text: &str,
        percent: u32,
    ) -> String {
        let text = text.trim();
        if text.is_empty() {
            return String::new();
        }
        let most = (self.budget * percent / 100).min(self.left);
        let kept = cut(text, most);
        let included_tokens = Bounded.count(kept);
        self.left = self.left.saturating_sub(included_tokens);
        let whole = kept.len() == text.len();
        let tokens = if whole { included_tokens } else { Bounded.count(text) };
        let segment = Segment::new(layer, source, tokens, included_tokens, Why::Always);
        let digest = Some(sha256(kept.as_bytes()));
        let tainted = matches!(layer, "brief" | "document" | "carried");
        self.kept.push(Segment { digest, tainted, ..segment });
        kept.to_owned()
    }

    /// Entries of the layers of context, each layer with its share of the share.
    pub(crate) fn add_context(
        &mut self,
        claim: &Claim,
        turn: &Turn<'_>,
        told: &Told,
        percent: u32,
    ) -> Assembled {
        let reference = &turn.speaker.reference;
        let about = About {
            agent: reference.split_once('@').map_or(reference, |(slug, _)| slug),
            workflow: &told.workflow,
            step: &claim.pinned.step.id,
            texts: vec![turn.task.as_str(), claim.brief.as_str()],
            found: told.found.clone(),
        };
        let budget = Budget::new((self.budget * percent / 100).min(self.left));
        let mut context = assemble(&told.entries, &about, &budget, told.at, &Bounded);
        self.left = self.left.saturating_sub(context.tokens);
        self.kept.append(&mut context.segments);
        context
    }

    /// What was said, as much of it as fits: the latest whole, and of the rest what was decided and
    /// what stays open.
    pub(crate) fn add_history(&mut self, said: &[Shown], percent: u32) -> String {
        let items: Vec<_> = said
            .iter()
            .map(|Shown { text, turn }| Item {
                at: u64::try_from(*turn).unwrap_or(u64::MAX),
                speaker: &text.name,
                text: &text.content,
                role: compact::Role::Said,
            })
            .collect();
        let most = (self.budget * percent / 100).min(self.left);
        let history = compact(&items, most, &Bounded);
        self.left = self.left.saturating_sub(history.tokens);
        self.kept.extend(history.segments());
        history.text()
    }

    /// Every text gets an equal part of the share.
    pub(crate) fn add_each(&mut self, layer: &'static str, texts: &[Text], percent: u32) -> String {
        let each = percent / u32::try_from(texts.len().max(1)).unwrap_or(u32::MAX);
        let parts: Vec<_> = texts
            .iter()
            .map(|text| {
                let kept = self.add(layer, &text.name, &text.content, each.max(1));
                titled(&format!("Document {}", text.name), &kept)
            })
            .collect();
        join(&parts)
    }

    /// The newest first, until the share is used; read in the order they were said.
    pub(crate) fn add_last(
        &mut self,
        layer: &'static str,
        texts: &[Shown],
        percent: u32,
    ) -> String {
        let mut share = self.budget * percent / 100;
        let mut parts = Vec::new();
        for Shown { text, turn } in texts.iter().rev() {
            let line = format!("{}: {}", text.name, text.content.trim());
            let tokens = Bounded.count(&line);
            if tokens > share.min(self.left) && !parts.is_empty() {
                break;
            }
            let percent = (share * 100 / self.budget.max(1)).max(1);
            parts.push(self.add(layer, &format!("turn {turn}"), &line, percent));
            share = share.saturating_sub(tokens);
        }
        parts.reverse();
        join(&parts)
    }
}

/// The longest beginning of `text` within `most` tokens that ends where something ends.
pub(crate) fn cut(text: &str, most: u32) -> &str {
    cut::cut(text, most, &Bounded)
}

pub(crate) fn titled(title: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("# {title}\n\n{text}") }
}

pub(crate) fn join(parts: &[String]) -> String {
    let parts: Vec<_> = parts.iter().map(|part| part.trim()).filter(|p| !p.is_empty()).collect();
    parts.join("\n\n")
}
