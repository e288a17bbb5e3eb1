//! How an override changes a base, layer by layer: base, then the team's, then the user's own.
//!
//! A scalar is replaced, a table merged deeply. A list of tables that all carry a `code` (else an
//! `id`) is a keyed list: the same key replaces, a new one is added. Any other list is appended to.

use std::collections::BTreeMap;

use toml::{Table, Value};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeFault {
    #[error("`{field}` of an item in `{list}` has to be text, it is {found}")]
    KeyNotText { list: String, field: &'static str, found: &'static str },
    #[error("`{field}` of an item in `{list}` is empty")]
    KeyEmpty { list: String, field: &'static str },
}

/// What is in force once every layer is laid upon the one before.
pub fn merge(base: &Table, team: &Table, user: &Table) -> Result<Table, MergeFault> {
    layer(&layer(base, team)?, user)
}

fn layer(base: &Table, over: &Table) -> Result<Table, MergeFault> {
    let mut merged = base.clone();
    for (key, value) in over {
        let value = match merged.get(key) {
            Some(under) => laid(key, under, value)?,
            None => value.clone(),
        };
        merged.insert(key.clone(), value);
    }
    Ok(merged)
}

fn laid(key: &str, under: &Value, over: &Value) -> Result<Value, MergeFault> {
    match (under, over) {
        (Value::Table(under), Value::Table(over)) => layer(under, over).map(Value::Table),
        (Value::Array(under), Value::Array(over)) => lists(key, under, over).map(Value::Array),
        _ => Ok(over.clone()),
    }
}

fn lists(list: &str, under: &[Value], over: &[Value]) -> Result<Vec<Value>, MergeFault> {
    let mut merged = under.to_vec();
    let Some(field) = keyed_by(list, under, over)? else {
        merged.extend_from_slice(over);
        return Ok(merged);
    };
    let key = |item: &Value| item.get(field).and_then(Value::as_str).map(str::to_owned);
    let mut places: BTreeMap<Option<String>, usize> = BTreeMap::new();
    for (at, item) in merged.iter().enumerate() {
        places.insert(key(item), at);
    }
    for item in over {
        if let Some(at) = places.get(&key(item)) {
            merged[*at] = item.clone();
            continue;
        }
        places.insert(key(item), merged.len());
        merged.push(item.clone());
    }
    Ok(merged)
}

fn keyed_by(
    list: &str,
    under: &[Value],
    over: &[Value],
) -> Result<Option<&'static str>, MergeFault> {
    let items = || under.iter().chain(over);
    let has = |field: &str| {
        items().all(|item| item.as_table().is_some_and(|item| item.contains_key(field)))
    };
    let Some(field) = ["code", "id"].into_iter().find(|field| items().count() > 0 && has(field))
    else {
        return Ok(None);
    };
    for key in items().filter_map(|item| item.get(field)) {
        let list = list.to_owned();
        match key {
            Value::String(key) if key.is_empty() => {
                return Err(MergeFault::KeyEmpty { list, field });
            }
            Value::String(_) => {}
            other => return Err(MergeFault::KeyNotText { list, field, found: other.type_str() }),
        }
    }
    Ok(Some(field))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    fn merged(base: &str, team: &str, user: &str) -> Table {
        merge(&table(base), &table(team), &table(user)).unwrap()
    }

    #[test]
    fn the_last_scalar_wins_and_tables_merge_deeply() {
        let got = merged("a = 1\n[t]\nx = 1\ny = 1", "a = 2\n[t]\ny = 2", "[t]\nz = 3");
        assert_eq!(got, table("a = 2\n[t]\nx = 1\ny = 2\nz = 3"));
    }

    #[test]
    fn a_keyed_list_replaces_in_place_and_adds_at_the_end() {
        let got = merged(
            "[[m]]\ncode = 'A'\nd = 'a'\nextra = 1\n[[m]]\ncode = 'B'",
            "[[m]]\ncode = 'A'\nd = 'new'\n[[m]]\ncode = 'C'",
            "",
        );
        assert_eq!(
            got,
            table("[[m]]\ncode = 'A'\nd = 'new'\n[[m]]\ncode = 'B'\n[[m]]\ncode = 'C'")
        );
    }

    #[test]
    fn code_counts_before_id_and_every_item_must_have_it() {
        let got = merged("[[m]]\nid = '1'\nv = 1", "[[m]]\nid = '1'\nv = 2", "");
        assert_eq!(got, table("[[m]]\nid = '1'\nv = 2"));
        let got = merged("[[m]]\nid = '1'\ncode = 'c'", "[[m]]\nid = '2'\ncode = 'c'", "");
        assert_eq!(got["m"].as_array().unwrap().len(), 1);
        let got = merged("[[m]]\nid = '1'", "[[m]]\ncode = '1'", "");
        assert_eq!(got["m"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn other_lists_are_appended_to() {
        assert_eq!(merged("l = [1]", "l = [1, 2]", "l = [3]"), table("l = [1, 1, 2, 3]"));
    }

    #[test]
    fn a_kind_that_changes_is_replaced() {
        assert_eq!(merged("l = [1]", "l = 'x'", ""), table("l = 'x'"));
    }

    #[test]
    fn keys_that_are_no_text_are_errors() {
        let fault = merge(&table("[[m]]\ncode = 1"), &table("[[m]]\ncode = 'x'"), &Table::new());
        assert_eq!(
            fault.unwrap_err().to_string(),
            "`code` of an item in `m` has to be text, it is integer"
        );
        let fault = merge(&table("[[m]]\nid = ''"), &table("[[m]]\nid = 'x'"), &Table::new());
        assert!(matches!(fault, Err(MergeFault::KeyEmpty { field: "id", .. })));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            "[a-c]{0,2}".prop_map(Value::String),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("code|id|[a-c]", inner, 0..4)
                    .prop_map(|map| Value::Table(map.into_iter().collect())),
            ]
        })
    }

    fn any_table() -> impl Strategy<Value = Table> {
        prop::collection::btree_map("code|id|[a-c]", value(), 0..4)
            .prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        #[test]
        fn empty_layers_change_nothing(base in any_table()) {
            prop_assert_eq!(merge(&base, &Table::new(), &Table::new()).ok(), Some(base));
        }

        #[test]
        fn no_key_is_ever_lost(base in any_table(), team in any_table(), user in any_table()) {
            if let Ok(merged) = merge(&base, &team, &user) {
                for key in base.keys().chain(team.keys()).chain(user.keys()) {
                    prop_assert!(merged.contains_key(key));
                }
            }
        }

        #[test]
        fn merging_in_two_steps_is_the_same(base in any_table(), team in any_table(), user in any_table()) {
            if let Ok(first) = layer(&base, &team) {
                prop_assert_eq!(layer(&first, &user), merge(&base, &team, &user));
            }
        }
    }
}
