//! Which entry holds for a name: the one of the latest layer that has not expired.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::explain::Why;
use crate::model::Entry;

/// Entries that hold, in the order of their layers and names; and the others, each with its reason.
#[derive(Debug, Default)]
pub struct Resolved<'a> {
    pub held: Vec<&'a Entry>,
    pub out: Vec<(&'a Entry, Why)>,
}

/// The order of the entries given does not matter. What is seen by a grant adds, and never stands
/// in the place of what is one's own, whatever its layer.
pub fn resolve(entries: &[Entry], now: Timestamp) -> Resolved<'_> {
    let mut resolved = Resolved::default();
    let mut names: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        if entry.expires_at.is_some_and(|at| at <= now) {
            resolved.out.push((entry, Why::Expired));
        } else {
            names.entry(&entry.name).or_default().push(entry);
        }
    }
    for mut same in names.into_values() {
        same.sort_by_key(|entry| (!entry.granted, entry.layer, entry.updated_at, entry.id));
        let Some(holds) = same.pop() else { continue };
        let why = Why::Overridden { by: holds.layer };
        resolved.out.extend(same.into_iter().map(|entry| (entry, why.clone())));
        resolved.held.push(holds);
    }
    resolved.held.sort_by(|a, b| (a.layer, a.kind, &a.name).cmp(&(b.layer, b.kind, &b.name)));
    resolved.out.sort_by(|(a, _), (b, _)| (a.layer, &a.name, a.id).cmp(&(b.layer, &b.name, b.id)));
    resolved
}
