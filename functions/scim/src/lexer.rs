//! The words of a filter: names, values, brackets.

use serde_json::Value;
use shared::{Error, Result};

/// Longer filters are a mistake, or an attack.
const LONGEST: usize = 4 * 1024;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// An attribute, an operator, `and`, `or`, `not`: told apart by their place.
    Word(String),
    Value(Value),
    Open,
    Close,
    OpenBracket,
    /// With the sub-attribute that may follow: `].value`.
    CloseBracket(Option<String>),
}

pub(crate) fn bad(what: &str) -> Error {
    Error::Refused {
        code: "scim-invalid-filter",
        detail: format!("the filter cannot be read: {what}; see RFC 7644, section 3.4.2.2"),
    }
}

pub(crate) fn tokens(text: &str) -> Result<Vec<Token>> {
    if text.len() > LONGEST {
        return Err(bad("it is too long"));
    }
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '[' => (Token::OpenBracket, 1),
            ']' => {
                let sub = rest[1..].strip_prefix('.').map(|after| &after[..word(after)]);
                let length = 1 + sub.map_or(0, |sub| sub.len() + 1);
                (Token::CloseBracket(sub.map(str::to_owned)), length)
            }
            '"' => {
                let length = text_length(rest).ok_or_else(|| bad("a text does not end"))?;
                let value = serde_json::from_str(&rest[..length]);
                (Token::Value(value.map_err(|_| bad("a text is not as JSON has it"))?), length)
            }
            _ => {
                let length = word(rest);
                if length == 0 {
                    return Err(bad(&format!("`{first}` has no meaning here")));
                }
                (plain(&rest[..length]), length)
            }
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

/// A number and the three words of JSON are values; anything else is a name.
fn plain(text: &str) -> Token {
    match text.to_ascii_lowercase().as_str() {
        "true" => Token::Value(true.into()),
        "false" => Token::Value(false.into()),
        "null" => Token::Value(Value::Null),
        _ => match serde_json::from_str::<serde_json::Number>(text) {
            Ok(number) => Token::Value(Value::Number(number)),
            Err(_) => Token::Word(text.to_owned()),
        },
    }
}

fn word(text: &str) -> usize {
    let part = |c: char| c.is_ascii_alphanumeric() || "$_-.:+".contains(c);
    text.find(|c| !part(c)).unwrap_or(text.len())
}

/// With both quotes.
fn text_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}
