//! Reading whom a model named. Whatever it says, the answer is a member who may speak, or why not.

use crate::ledger::object;

/// Longest answer that is looked at: a name is short, and the rest is talk.
const LONGEST: usize = 2_000;

/// `members` are references, `names` what the model knows them by, in the same order.
pub(crate) fn read(
    answer: &str,
    members: &[String],
    names: &[&str],
    candidates: &[usize],
) -> Result<usize, &'static str> {
    let end = answer.floor_char_boundary(LONGEST);
    let answer = named_in_json(&answer[..end]).unwrap_or_else(|| answer[..end].to_owned());
    let found = match all_exact(&answer, members, names) {
        none if none.is_empty() => {
            let answer = answer.to_lowercase();
            let said = |of: &usize| called(*of, members, names).any(|n| has_word(&answer, &n));
            (0..members.len()).filter(said).collect()
        }
        exact => exact,
    };
    match found.as_slice() {
        [] => Err("nobody who is here was named"),
        [one] if candidates.contains(one) => Ok(*one),
        [_] => Err("somebody was named who may not speak now"),
        _ => Err("several were named"),
    }
}

/// The one member whose reference or name this is.
pub(crate) fn exact(answer: &str, members: &[String], names: &[&str]) -> Option<usize> {
    match all_exact(answer, members, names).as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

fn all_exact(answer: &str, members: &[String], names: &[&str]) -> Vec<usize> {
    let answer = answer.to_lowercase();
    let plain = answer.trim_matches(|c: char| !c.is_alphanumeric());
    // The whole reference says most: `ann@prod` is one member where `ann` is two.
    let whole = |of: &usize| members[*of].to_lowercase() == plain;
    if let Some(one) = (0..members.len()).find(whole) {
        return vec![one];
    }
    let means = |of: &usize| called(*of, members, names).any(|name| name == plain);
    (0..members.len()).filter(means).collect()
}

fn called(of: usize, members: &[String], names: &[&str]) -> impl Iterator<Item = String> {
    let slug = members[of].split('@').next().unwrap_or_default().to_lowercase();
    let name = names.get(of).map(|name| name.to_lowercase());
    [Some(members[of].to_lowercase()), Some(slug), name].into_iter().flatten()
}

/// `{"next": "ann"}` and its kin.
fn named_in_json(answer: &str) -> Option<String> {
    let object = object(answer)?;
    let keys = ["next", "speaker", "name", "next_speaker"];
    keys.iter().find_map(|key| object[key].as_str().map(str::to_owned))
}

/// Whether it stands there as a word of its own.
fn has_word(text: &str, word: &str) -> bool {
    if word.is_empty() {
        return false;
    }
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_');
    text.match_indices(word).any(|(at, found)| {
        !part(text[..at].chars().next_back()) && !part(text[at + found.len()..].chars().next())
    })
}
