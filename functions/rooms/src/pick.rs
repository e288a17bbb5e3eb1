//! Reading whom a model named. Whatever it says, the answer is a member who may speak, or why not.

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
    let answer = answer.to_lowercase();
    let called = |of: usize| {
        let slug = members[of].split('@').next().unwrap_or_default().to_lowercase();
        let name = names.get(of).map(|name| name.to_lowercase());
        [Some(members[of].to_lowercase()), Some(slug), name].into_iter().flatten()
    };
    let plain = answer.trim_matches(|c: char| !c.is_alphanumeric());
    let all = || 0..members.len();
    let exact: Vec<usize> = all().filter(|of| called(*of).any(|name| name == plain)).collect();
    let found = match exact.as_slice() {
        [] => all().filter(|of| called(*of).any(|name| has_word(&answer, &name))).collect(),
        _ => exact,
    };
    match found.as_slice() {
        [] => Err("the model named nobody who is here"),
        [one] if candidates.contains(one) => Ok(*one),
        [_] => Err("the model named somebody who may not speak now"),
        _ => Err("the model named several"),
    }
}

/// `{"next": "ann"}` and its kin.
fn named_in_json(answer: &str) -> Option<String> {
    let (start, end) = (answer.find('{')?, answer.rfind('}')?);
    let object: serde_json::Value = serde_json::from_str(answer.get(start..=end)?).ok()?;
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
