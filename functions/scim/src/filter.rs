//! Filters of RFC 7644: `userName sw "a" and emails[type eq "work" and value co "@b"]`.
//!
//! Written by hand: the kept crates are young, bring a parser generator with regular expressions
//! or an old date library, and know nothing of our attributes; the language is six rules.

use serde_json::Value;
use shared::Result;

use crate::lexer::{Token, bad, tokens};
use crate::schema::{Attribute, Form, Kind, Place, place};

/// Brackets within brackets.
const DEEPEST: usize = 16;
/// Comparisons in one filter.
const MOST: usize = 64;

#[derive(Clone, Debug)]
pub enum Filter {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Present(Target),
    Compare(Target, Operator, Value),
    /// `emails[…]`: one element for which the inner filter holds.
    Within(Target, Box<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// What is compared: a place in the resource, or a part of the element that a bracket is about.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub place: Place,
    /// The attribute whose value is compared.
    pub leaf: &'static Attribute,
}

/// A filter over resources of these kinds.
pub fn parse(kinds: &[Kind], text: &str) -> Result<Filter> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, kinds, compared: 0 };
    let filter = reader.any(None, 0)?;
    if reader.at < reader.tokens.len() {
        return Err(bad("there is something after its end"));
    }
    Ok(filter)
}

/// The filter within the brackets of a path, over elements of this attribute.
pub fn parse_within(attribute: &'static Attribute, text: &str) -> Result<Filter> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, kinds: &[], compared: 0 };
    let filter = reader.any(Some(attribute), 0)?;
    if reader.at < reader.tokens.len() {
        return Err(bad("there is something after its end"));
    }
    Ok(filter)
}

struct Reader<'a> {
    tokens: Vec<Token>,
    at: usize,
    kinds: &'a [Kind],
    compared: usize,
}

type Within = Option<&'static Attribute>;

impl Reader<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn word(&mut self, expected: &str) -> bool {
        let there = matches!(self.tokens.get(self.at), Some(Token::Word(word))
            if word.eq_ignore_ascii_case(expected));
        self.at += usize::from(there);
        there
    }

    fn any(&mut self, within: Within, depth: usize) -> Result<Filter> {
        if depth > DEEPEST {
            return Err(bad("it is nested too deep"));
        }
        let mut left = self.all(within, depth)?;
        while self.word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.all(within, depth)?));
        }
        Ok(left)
    }

    fn all(&mut self, within: Within, depth: usize) -> Result<Filter> {
        let mut left = self.one(within, depth)?;
        while self.word("and") {
            left = Filter::And(Box::new(left), Box::new(self.one(within, depth)?));
        }
        Ok(left)
    }

    fn one(&mut self, within: Within, depth: usize) -> Result<Filter> {
        if self.word("not") {
            if self.next() != Some(Token::Open) {
                return Err(bad("`not` is followed by brackets"));
            }
            return Ok(Filter::Not(Box::new(self.closed(within, depth)?)));
        }
        match self.next() {
            Some(Token::Open) => self.closed(within, depth),
            Some(Token::Word(path)) => self.compare(&path, within, depth),
            _ => Err(bad("an attribute is expected")),
        }
    }

    fn closed(&mut self, within: Within, depth: usize) -> Result<Filter> {
        let inner = self.any(within, depth + 1)?;
        if self.next() != Some(Token::Close) {
            return Err(bad("a bracket is not closed"));
        }
        Ok(inner)
    }

    fn compare(&mut self, path: &str, within: Within, depth: usize) -> Result<Filter> {
        self.compared += 1;
        if self.compared > MOST {
            return Err(bad("it has too many comparisons"));
        }
        let place = self.place(path, within)?;
        if matches!(self.tokens.get(self.at), Some(Token::OpenBracket)) {
            return self.bracket(path, place, within, depth);
        }
        let target =
            leaf(place).ok_or_else(|| bad(&format!("`{path}` has no value to compare")))?;
        let Some(Token::Word(operator)) = self.next() else {
            return Err(bad("an operator is expected"));
        };
        if operator.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(target));
        }
        let operator = of(&operator)?;
        let Some(Token::Value(value)) = self.next() else { return Err(bad("a value is expected")) };
        comparable(target.leaf, operator, &value)?;
        Ok(Filter::Compare(target, operator, value))
    }

    fn bracket(
        &mut self,
        path: &str,
        place: Place,
        within: Within,
        depth: usize,
    ) -> Result<Filter> {
        let complex = place.attribute.filter(|one| one.form == Form::Complex);
        let (Some(attribute), None, None) = (complex, place.sub, within) else {
            return Err(bad(&format!("`{path}` has no elements")));
        };
        self.at += 1;
        let inner = self.any(Some(attribute), depth + 1)?;
        match self.next() {
            Some(Token::CloseBracket(None)) => {}
            _ => return Err(bad("`[` is closed by `]`, and nothing follows in a filter")),
        }
        Ok(Filter::Within(Target { place, leaf: attribute }, Box::new(inner)))
    }

    /// Inside brackets names are those of the element.
    fn place(&self, path: &str, within: Within) -> Result<Place> {
        let found = match within {
            Some(attribute) => attribute.sub(path).map(|sub| Place {
                extension: None,
                attribute: Some(sub),
                sub: None,
            }),
            None => place(self.kinds, path)?,
        };
        found.ok_or_else(|| bad(&format!("`{path:.80}` is no attribute")))
    }
}

/// The attribute whose value counts: of a complex one its `value`.
fn leaf(place: Place) -> Option<Target> {
    let attribute = place.attribute?;
    let leaf = match place.sub {
        Some(sub) => sub,
        None if attribute.form == Form::Complex => attribute.sub("value").unwrap_or(attribute),
        None => attribute,
    };
    let sub = place.sub.or((attribute.form == Form::Complex).then_some(leaf));
    let sub = sub.filter(|sub| !std::ptr::eq(*sub, attribute));
    Some(Target { place: Place { sub, ..place }, leaf })
}

fn of(operator: &str) -> Result<Operator> {
    Ok(match operator.to_ascii_lowercase().as_str() {
        "eq" => Operator::Equal,
        "ne" => Operator::NotEqual,
        "co" => Operator::Contains,
        "sw" => Operator::StartsWith,
        "ew" => Operator::EndsWith,
        "gt" => Operator::Greater,
        "ge" => Operator::GreaterOrEqual,
        "lt" => Operator::Less,
        "le" => Operator::LessOrEqual,
        _ => return Err(bad(&format!("`{operator:.20}` is no operator"))),
    })
}

fn comparable(leaf: &Attribute, operator: Operator, value: &Value) -> Result<()> {
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    let fits = match leaf.form {
        Form::Boolean => equality && (value.is_boolean() || value.is_null()),
        Form::Complex => false,
        _ => value.is_string() || (equality && value.is_null()),
    };
    if fits {
        return Ok(());
    }
    Err(bad(&format!("`{}` cannot be compared like that", leaf.name)))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::schema::Kind;

    #[test]
    fn a47_a_filter_that_cannot_be_is_refused_and_never_panics() {
        for text in [
            "",
            "userName",
            "userName eq",
            "eq \"x\"",
            "userName eq x",
            "userName eq \"x",
            "(",
            ")",
            "userName eq \"x\" and",
            "not userName pr",
            "nothing eq \"x\"",
            "active gt true",
            "userName co 5",
            "emails[type eq \"work\"",
            "emails[emails[type pr]]",
            "userName[a pr]",
            "emails[type eq \"work\"].value eq \"x\"",
            "userName eq \"a\" userName eq \"b\"",
            "name eq \"x\"",
            "userName eq \"\\x\"",
            "é",
            "userName é \"x\"",
        ] {
            assert!(parse(&[Kind::User], text).is_err(), "{text}");
        }
        assert!(parse(&[Kind::User], &format!("{}active pr", "(".repeat(50))).is_err());
        assert!(parse(&[Kind::User], &["active pr"; 100].join(" or ")).is_err());
        assert!(parse(&[Kind::User], &"x".repeat(5_000)).is_err());
    }

    #[test]
    fn a47_the_filters_of_the_standard_are_read() {
        for text in [
            "userName Eq \"bjensen\"",
            "name.familyName co \"O'Malley\"",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"J\"",
            "title pr and userType eq \"Employee\"",
            "meta.lastModified gt \"2011-05-13T04:42:34Z\"",
            "userType eq \"Employee\" and (emails co \"example.com\" or emails.value co \"example.org\")",
            "userType ne \"Employee\" and not (emails co \"example.com\")",
            "emails[type eq \"work\" and value co \"@example.com\"]",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr",
            "active eq true",
        ] {
            parse(&[Kind::User], text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }
}
