//! Three-way merge of definitions: what a user changed here survives a new import. Pure.

use serde_json::{Map, Value};

/// `base` is what was imported last, `ours` what it was changed into here, `theirs` what comes in.
/// Where only one side changed, that side counts; where both did, ours stays and its JSON Pointer
/// is listed.
pub fn merge(base: &Value, ours: &Value, theirs: &Value) -> (Value, Vec<String>) {
    let mut collisions = Vec::new();
    let merged = at("", Some(base), Some(ours), Some(theirs), &mut collisions);
    (merged.unwrap_or(Value::Null), collisions)
}

fn at(
    path: &str,
    base: Option<&Value>,
    ours: Option<&Value>,
    theirs: Option<&Value>,
    collisions: &mut Vec<String>,
) -> Option<Value> {
    if ours == theirs || theirs == base {
        return ours.cloned();
    }
    if ours == base {
        return theirs.cloned();
    }
    if let (Some(Value::Object(ours)), Some(Value::Object(theirs))) = (ours, theirs) {
        let base = base.and_then(Value::as_object);
        let keys: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        let mut merged = Map::new();
        for key in keys {
            let base = base.and_then(|base| base.get(key));
            let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
            if let Some(value) = at(&path, base, ours.get(key), theirs.get(key), collisions) {
                merged.insert(key.clone(), value);
            }
        }
        return Some(Value::Object(merged));
    }
    collisions.push(path.to_owned());
    ours.cloned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::merge;

    #[test]
    fn both_sides_survive_and_a_collision_keeps_ours() {
        let base = json!({ "name": "Mary", "role": "a", "style": "x", "facts": ["1"] });
        let ours = json!({ "name": "Mary", "role": "b", "style": "y", "facts": ["1"] });
        let theirs =
            json!({ "name": "Mary", "role": "c", "style": "x", "facts": ["1", "2"], "new": 1 });
        let (merged, collisions) = merge(&base, &ours, &theirs);
        assert_eq!(
            merged,
            json!({ "name": "Mary", "role": "b", "style": "y", "facts": ["1", "2"], "new": 1 })
        );
        assert_eq!(collisions, ["/role"]);
    }

    fn object() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-d]", 0..3_i32, 0..4).prop_map(|map| json!(map))
    }

    proptest! {
        #[test]
        fn no_change_on_one_side_gives_the_other(base in object(), other in object()) {
            prop_assert_eq!(merge(&base, &base, &other), (other.clone(), vec![]));
            prop_assert_eq!(merge(&base, &other, &base), (other.clone(), vec![]));
            prop_assert_eq!(merge(&base, &other, &other), (other, vec![]));
        }
    }
}
