//! Where o200k cuts a text before it merges: its regular expression, by hand, because the engine
//! for it is heavier than all of this. Exact for ASCII; for other letters as near as the standard
//! library tells their classes.

/// The pieces of a text, in order and without a gap.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(piece(rest));
        rest = after;
        Some(piece)
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Lower,
    /// A letter without case, or a mark: stands where either may.
    Either,
    Number,
    Newline,
    Space,
    Other,
}

fn class(c: char) -> Class {
    match c {
        'a'..='z' => Class::Lower,
        'A'..='Z' => Class::Upper,
        '0'..='9' => Class::Number,
        '\r' | '\n' => Class::Newline,
        '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' => Class::Either,
        _ if c.is_ascii() => match c {
            ' ' | '\t' | '\u{b}' | '\u{c}' => Class::Space,
            _ => Class::Other,
        },
        _ if c.is_numeric() => Class::Number,
        _ if c.is_lowercase() => Class::Lower,
        _ if c.is_uppercase() => Class::Upper,
        _ if c.is_alphabetic() => Class::Either,
        _ if c.is_whitespace() => Class::Space,
        _ => Class::Other,
    }
}

fn is_letter(class: Class) -> bool {
    matches!(class, Class::Upper | Class::Lower | Class::Either)
}

/// Bytes of the first piece of a text that is not empty.
fn piece(text: &str) -> usize {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return 0 };
    let kind = class(first);
    if is_letter(kind) {
        return word(text);
    }
    let after = &text[first.len_utf8()..];
    let next = chars.next().map(class);
    match kind {
        Class::Number => run(text, 3, |c| c == Class::Number),
        Class::Space | Class::Other if next.is_some_and(is_letter) => {
            first.len_utf8() + word(after)
        }
        Class::Other => punctuation(text),
        Class::Space if first == ' ' && next == Some(Class::Other) => 1 + punctuation(after),
        _ => space(text),
    }
}

/// Capitals, then small letters, then an English contraction.
fn word(text: &str) -> usize {
    let upper = run(text, usize::MAX, |c| matches!(c, Class::Upper | Class::Either));
    let lower = run(&text[upper..], usize::MAX, |c| matches!(c, Class::Lower | Class::Either));
    let mut length = upper + lower;
    if lower == 0 {
        // Without a small letter at its end the last one that may be one ends it.
        let last = text[..upper].char_indices().rev().find(|(_, c)| class(*c) == Class::Either);
        length = last.map_or(upper, |(at, c)| at + c.len_utf8());
    }
    length + contraction(&text[length..])
}

fn contraction(text: &str) -> usize {
    let Some(tail) = text.strip_prefix('\'') else { return 0 };
    let begins = |end: &&&str| tail.get(..end.len()).is_some_and(|t| t.eq_ignore_ascii_case(end));
    ["s", "t", "re", "ve", "m", "ll", "d"].iter().find(begins).map_or(0, |end| 1 + end.len())
}

fn punctuation(text: &str) -> usize {
    let marks = run(text, usize::MAX, |c| c == Class::Other);
    let end = text[marks..].bytes().take_while(|b| matches!(b, b'\r' | b'\n' | b'/')).count();
    marks + end
}

/// Up to the last line's end; else all but the last, which goes with what follows.
fn space(text: &str) -> usize {
    let all = run(text, usize::MAX, |c| matches!(c, Class::Space | Class::Newline));
    let whole = &text[..all];
    if let Some(at) = whole.rfind(['\r', '\n']) {
        return at + 1;
    }
    let last = whole.chars().next_back().map_or(0, char::len_utf8);
    if all == text.len() || all == last { all } else { all - last }
}

fn run(text: &str, most: usize, of: impl Fn(Class) -> bool) -> usize {
    text.chars().take(most).take_while(|c| of(class(*c))).map(char::len_utf8).sum()
}
