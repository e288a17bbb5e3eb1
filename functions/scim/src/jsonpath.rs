//! A filter as a path query of Postgres, over the folded copy of a resource (see [`crate::normal`]).
//!
//! Whatever a client wrote ends up within a text literal, escaped as JSON is; names come from the
//! schemas and not from the client.

use serde_json::{Value, json};

use crate::filter::{Filter, Operator, Target};
use crate::schema::{Attribute, Form};

/// For `folded @@ …`.
pub fn of(filter: &Filter) -> String {
    write(filter, "$")
}

fn write(filter: &Filter, root: &str) -> String {
    match filter {
        Filter::And(left, right) => format!("({} && {})", write(left, root), write(right, root)),
        Filter::Or(left, right) => format!("({} || {})", write(left, root), write(right, root)),
        Filter::Not(inner) => format!("!({})", write(inner, root)),
        Filter::Present(target) => format!("exists({})", path(target, root)),
        Filter::Within(target, inner) => {
            format!("exists({}[*] ? ({}))", path(target, root), write(inner, "@"))
        }
        Filter::Compare(target, operator, value) => compare(target, *operator, value, root),
    }
}

fn path(target: &Target, root: &str) -> String {
    let parts = [target.place.extension]
        .into_iter()
        .flatten()
        .chain(target.place.attribute.map(|one| one.name.as_str()))
        .chain(target.place.sub.map(|one| one.name.as_str()));
    parts.fold(root.to_owned(), |path, part| format!("{path}.{}", text(&part.to_ascii_lowercase())))
}

fn compare(target: &Target, operator: Operator, value: &Value, root: &str) -> String {
    let path = path(target, root);
    // Compared with nothing: whether there is something.
    if value.is_null() {
        let there = format!("exists({path})");
        return if operator == Operator::Equal { format!("!({there})") } else { there };
    }
    let value = folded(target.leaf, value);
    let plain = || value.as_str().unwrap_or_default().to_owned();
    match operator {
        Operator::Equal => format!("{path} == {value}"),
        Operator::NotEqual => format!("!({path} == {value})"),
        Operator::Contains => format!("{path} like_regex {} flag \"q\"", text(&plain())),
        Operator::StartsWith => format!("{path} starts with {value}"),
        Operator::EndsWith => {
            format!("{path} like_regex {}", text(&format!("{}$", escaped(&plain()))))
        }
        Operator::Greater => format!("{path} > {value}"),
        Operator::GreaterOrEqual => format!("{path} >= {value}"),
        Operator::Less => format!("{path} < {value}"),
        Operator::LessOrEqual => format!("{path} <= {value}"),
    }
}

/// As the folded copy has it: lower case where case does not count, times to the microsecond.
fn folded(leaf: &Attribute, value: &Value) -> Value {
    match value.as_str() {
        Some(text) if leaf.form == Form::DateTime => match text.parse::<jiff::Timestamp>() {
            Ok(time) => json!(format!("{time:.6}").to_lowercase()),
            Err(_) => json!(text.to_lowercase()),
        },
        Some(text) if !leaf.case_exact => json!(text.to_lowercase()),
        _ => value.clone(),
    }
}

fn text(plain: &str) -> String {
    json!(plain).to_string()
}

/// For a regular expression: letters and digits as they are, the rest with a backslash.
fn escaped(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len() * 2);
    for c in plain.chars() {
        if c.is_ascii_punctuation() || c.is_ascii_whitespace() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The user name that a resource must have for the filter to hold, if it says so outright: the
/// question that identity providers ask, and the one for which there is an index.
pub fn user_name(filter: &Filter) -> Option<String> {
    match filter {
        Filter::Compare(target, Operator::Equal, Value::String(name))
            if target.leaf.name == "userName" =>
        {
            Some(name.to_lowercase())
        }
        Filter::And(left, right) => user_name(left).or_else(|| user_name(right)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::filter::parse;
    use crate::schema::Kind;

    fn query(filter: &str) -> String {
        of(&parse(&[Kind::User], filter).unwrap())
    }

    #[test]
    fn a47_a_filter_becomes_a_path_query_in_which_the_clients_words_stay_words() {
        assert_eq!(query("userName eq \"BJensen\""), "$.\"username\" == \"bjensen\"");
        assert_eq!(query("externalId eq \"AbC\""), "$.\"externalid\" == \"AbC\"");
        assert_eq!(
            query("emails[type eq \"work\" and not (value pr)]"),
            "exists($.\"emails\"[*] ? ((@.\"type\" == \"work\" && !(exists(@.\"value\")))))"
        );
        assert_eq!(query("title eq \"\\\" || true\""), "$.\"title\" == \"\\\" || true\"");
        assert_eq!(query("title ew \".*\""), "$.\"title\" like_regex \"\\\\.\\\\*$\"");
        assert_eq!(
            query("meta.lastModified gt \"2026-01-07T03:15:00Z\""),
            "$.\"meta\".\"lastmodified\" > \"2026-01-07t03:15:00.000000z\""
        );
    }
}
