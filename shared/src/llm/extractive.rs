//! The model without weights: it quotes the sentences of the prompt that fit the task best.
//!
//! Deterministic, and honest about what it is: every sentence is the prompt's own and says where
//! it stood, and when nothing fits it says that. It is a stand-in, never called AI.

use std::collections::{HashMap, HashSet};

use super::reply::Reply;
use super::{Finish, Prompt, Role, estimate_tokens};

pub(super) const MODEL: &str = "extractive-1";

const NOTHING: &str = "I found nothing in the context about this.";
const FOOTNOTE: &str = "_Quoted from the given text by extractive-1, without a language model._";
/// More than this is no longer a selection.
const MOST_SENTENCES: usize = 12;
const LONGEST_TITLE: usize = 80;
const LONGEST_SENTENCE: usize = 400;
/// What an agent is told to be says less about the task than what it was given.
const SYSTEM_WEIGHT: f64 = 0.5;
/// BM25's usual constants.
const K1: f64 = 1.2;
const B: f64 = 0.75;

struct Sentence<'a> {
    text: &'a str,
    source: usize,
    weight: f64,
    terms: Vec<String>,
}

pub(super) fn answer(prompt: &Prompt) -> Reply {
    let (task, wanted) = task(prompt);
    let sentences = sentences(prompt, task);
    let ranked = ranked(&sentences, &wanted);
    let (text, finish) = write(prompt, &title(task), &sentences, &ranked);
    Reply { text, finish, usage: None }
}

/// The last paragraph of the last question is the task; its first line says what it is about.
fn task(prompt: &Prompt) -> (&str, HashSet<String>) {
    let asked = prompt.messages.iter().rev().find(|message| message.role == Role::User);
    let question = asked.or(prompt.messages.last()).map_or("", |message| message.content.trim());
    let task = question.rsplit("\n\n").map(str::trim).find(|part| !part.is_empty()).unwrap_or("");
    let wanted = terms(task).into_iter().chain(terms(question.lines().next().unwrap_or("")));
    (task, wanted.collect())
}

fn sentences<'a>(prompt: &'a Prompt, task: &str) -> Vec<Sentence<'a>> {
    let mut seen = HashSet::new();
    let mut sentences = Vec::new();
    for (source, message) in prompt.messages.iter().enumerate() {
        let weight = if message.role == Role::System { SYSTEM_WEIGHT } else { 1.0 };
        let given = message.content.split("\n\n").filter(|part| part.trim() != task);
        for text in given.flat_map(str::lines).filter(|line| is_prose(line)).flat_map(split) {
            let terms = terms(text);
            if terms.len() >= 3 && text.len() <= LONGEST_SENTENCE && seen.insert(terms.clone()) {
                sentences.push(Sentence { text, source, weight, terms });
            }
        }
    }
    sentences
}

/// Headings, tables, fences and what an earlier answer of this model added around its quotes.
fn is_prose(line: &str) -> bool {
    let line = line.trim();
    !line.starts_with(['#', '|', '`', '[', '_', '<']) && line != NOTHING
}

fn split(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim().trim_start_matches(['-', '*', '+', '>', ' ']);
    line.split_inclusive(". ").flat_map(|part| part.split_inclusive("? ")).map(without_citation)
}

fn without_citation(sentence: &str) -> &str {
    let sentence = sentence.trim();
    match sentence.rsplit_once(" [") {
        Some((quote, number)) if number.trim_end_matches(']').parse::<u32>().is_ok() => quote,
        _ => sentence,
    }
}

/// Lower-case words without the commonest, cut to six letters: a stem for English and Dutch alike.
fn terms(text: &str) -> Vec<String> {
    const COMMON: &str = " a an and are as at be by de dat die do een en for from has have het in \
        is it its met must not of on or our over shall should te that the their this to van voor \
        was we what which will with write you your zijn ";
    text.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| word.len() > 1 && !COMMON.contains(&format!(" {word} ")))
        .map(|word| word.chars().take(6).collect())
        .collect()
}

/// The sentences that score, best first, as indexes.
fn ranked(sentences: &[Sentence<'_>], wanted: &HashSet<String>) -> Vec<usize> {
    let mut with: HashMap<&str, u32> = HashMap::new();
    for sentence in sentences {
        let distinct: HashSet<&str> = sentence.terms.iter().map(String::as_str).collect();
        for term in distinct {
            *with.entry(term).or_default() += 1;
        }
    }
    let count = real(sentences.len());
    let average = real(sentences.iter().map(|s| s.terms.len()).sum()) / count.max(1.0);
    let rarity = |term: &str| {
        let with = f64::from(with.get(term).copied().unwrap_or_default());
        (1.0 + (count - with + 0.5) / (with + 0.5)).ln()
    };
    let score = |sentence: &Sentence<'_>| {
        let length = K1 * (1.0 - B + B * real(sentence.terms.len()) / average);
        let gain = |term: &String| {
            let times = real(sentence.terms.iter().filter(|other| *other == term).count());
            rarity(term) * times * (K1 + 1.0) / (times + length)
        };
        let found: HashSet<&String> =
            sentence.terms.iter().filter(|t| wanted.contains(*t)).collect();
        // In a fixed order: a set's own order would change the last bits from run to run.
        let mut gains: Vec<f64> = found.into_iter().map(gain).collect();
        gains.sort_by(f64::total_cmp);
        sentence.weight * gains.iter().sum::<f64>()
    };
    let scores = sentences.iter().map(score).enumerate();
    let mut scores: Vec<(usize, f64)> = scores.filter(|(_, score)| *score > 0.0).collect();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scores.into_iter().map(|(index, _)| index).collect()
}

#[expect(clippy::cast_precision_loss, reason = "no prompt has 2^52 sentences")]
fn real(count: usize) -> f64 {
    count as f64
}

/// The best sentences that the budget allows, in the order in which they stood.
fn write(
    prompt: &Prompt,
    title: &str,
    sentences: &[Sentence<'_>],
    ranked: &[usize],
) -> (String, Finish) {
    let mut chosen: Vec<usize> = Vec::new();
    let mut finish = Finish::Stop;
    for index in ranked.iter().copied().take(MOST_SENTENCES) {
        let mut tried = chosen.clone();
        tried.push(index);
        tried.sort_unstable();
        if estimate_tokens(&page(prompt, title, sentences, &tried)) > prompt.max_tokens {
            finish = Finish::Length;
            break;
        }
        chosen = tried;
    }
    let page = page(prompt, title, sentences, &chosen);
    let room = usize::try_from(prompt.max_tokens).unwrap_or(usize::MAX).saturating_mul(4).max(4);
    if page.len() <= room {
        return (page, finish);
    }
    (page[..page.floor_char_boundary(room)].to_owned(), Finish::Length)
}

fn page(prompt: &Prompt, title: &str, sentences: &[Sentence<'_>], chosen: &[usize]) -> String {
    let mut sources: Vec<usize> = chosen.iter().map(|index| sentences[*index].source).collect();
    sources.dedup();
    let number = |source| sources.iter().position(|other| *other == source).unwrap_or(0) + 1;
    let quote =
        |sentence: &Sentence<'_>| format!("- {} [{}]", sentence.text, number(sentence.source));
    let named = |source: &usize| format!("[{}] {}", number(*source), label(prompt, *source));

    let mut lines = vec![format!("# {title}"), String::new()];
    lines.extend(chosen.iter().map(|index| quote(&sentences[*index])));
    if chosen.is_empty() {
        lines.push(NOTHING.to_owned());
    }
    lines.push(String::new());
    lines.extend(sources.iter().map(named));
    lines.push(FOOTNOTE.to_owned());
    lines.join("\n")
}

fn label(prompt: &Prompt, index: usize) -> String {
    let message = &prompt.messages[index];
    let role = match message.role {
        Role::System => "instructions",
        Role::User => "question",
        Role::Assistant => "answer",
    };
    let from = message.name.as_deref().map(|name| format!(", {name}")).unwrap_or_default();
    format!("message {} ({role}{from})", index + 1)
}

/// The task's first sentence, as a heading.
fn title(task: &str) -> String {
    let line = task.lines().find(|line| !line.trim().is_empty()).unwrap_or("Answer");
    let line = line.split_inclusive(['.', '?', ':']).next().unwrap_or(line);
    let line = line.trim().trim_start_matches(['#', '-', '*', '>', ' ']);
    let line = line.trim_end_matches(['.', ':', '*', ' ']);
    let title = match line.get(..line.floor_char_boundary(LONGEST_TITLE)) {
        Some(start) if start.len() < line.len() => {
            start.rsplit_once(' ').map_or(start, |cut| cut.0)
        }
        _ => line,
    };
    if title.is_empty() { "Answer".to_owned() } else { title.to_owned() }
}

#[cfg(test)]
#[path = "extractive_tests.rs"]
mod tests;
