//! JSON from strangers, read strictly and without copying: no name twice, few levels, few names.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Levels of objects and lists, the outermost counted.
const DEEPEST: usize = 8;
/// Names in one object.
const MOST_NAMES: usize = 64;

/// Values in a whole document: what is tiny as text must not be large in memory.
const MOST_VALUES: usize = 500;

/// What was read. Numbers that are not whole and positive are all alike to us: refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Json<'a> {
    Null,
    Bool,
    Whole(u64),
    OtherNumber,
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Object<'a>),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    /// Exactly one object and nothing after it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let limits = Limits { levels: DEEPEST, values: &Cell::new(MOST_VALUES) };
        let read = limits.deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        if let Json::Object(object) = read { Some(object) } else { None }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

impl Json<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A list of nothing but texts.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        if let Self::List(items) = self { items.iter().map(Json::text).collect() } else { None }
    }
}

/// How many levels may still be opened, and how many values read.
#[derive(Clone, Copy)]
struct Limits<'c> {
    levels: usize,
    values: &'c Cell<usize>,
}

impl Limits<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| E::custom("too deep"))?;
        Ok(Self { levels, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Limits<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        let left = self.values.get().checked_sub(1);
        self.values.set(left.ok_or_else(|| D::Error::custom("too many values"))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Limits<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Whole(value))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json<'de>, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json<'de>, A::Error> {
        let inner = self.inner()?;
        let mut object = Object::default();
        while let Some(name) = members.next_key_seed(Name)? {
            if object.has(&name) || object.0.len() == MOST_NAMES {
                return Err(A::Error::custom("a name twice, or too many"));
            }
            object.0.push((name, members.next_value_seed(inner)?));
        }
        Ok(Json::Object(object))
    }
}

/// A name, borrowed where it holds no escape.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, Object};

    #[test]
    fn a15_a_name_twice_is_refused_at_every_level_and_in_every_spelling() {
        for text in [
            r#"{"alg":"RS256","alg":"none"}"#,
            r#"{"sub":"ada","\u0073ub":"eve"}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":1,"b":2}]}"#,
        ] {
            assert_eq!(Object::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a15_only_one_object_of_valid_utf8_is_read() {
        for bytes in [
            &b"\xef\xbb\xbf{}"[..],
            b"{} {}",
            b"{}x",
            b"[]",
            b"null",
            b"",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"a\":01}",
            b"{\"a\":NaN}",
            b"{'a':1}",
            b"{\"a\":1,}",
        ] {
            assert_eq!(Object::read(bytes), None, "{:?}", String::from_utf8_lossy(bytes));
        }
        let object = Object::read(br#" {"a": [1, -1, 1.0, 1e3, "\u0061"]} "#).unwrap();
        let list = [Json::Whole(1), Json::OtherNumber, Json::OtherNumber, Json::OtherNumber];
        let Some(Json::List(items)) = object.get("a") else { panic!("no list") };
        assert_eq!(items[..4], list);
        assert_eq!(items[4].text(), Some("a"));
    }

    #[test]
    fn a14_eight_levels_and_64_names_are_read_and_one_more_is_not() {
        let deep = |n: usize| format!("{}{}", r#"{"a":"#.repeat(n - 1) + "{}", "}".repeat(n - 1));
        assert!(Object::read(deep(8).as_bytes()).is_some());
        for n in [9, 100, 5_000, 100_000] {
            assert!(Object::read(deep(n).as_bytes()).is_none(), "{n} levels");
        }
        let lists = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(Object::read(lists.as_bytes()).is_none());
        let wide = |n: usize| {
            let names: Vec<_> = (0..n).map(|n| format!("\"c{n}\":1")).collect();
            format!("{{{}}}", names.join(","))
        };
        assert!(Object::read(wide(64).as_bytes()).is_some());
        for n in [65, 100_000] {
            assert!(Object::read(wide(n).as_bytes()).is_none(), "{n} names");
        }
    }
}
