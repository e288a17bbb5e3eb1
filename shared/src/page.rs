//! Lists by cursor: `?limit=20&cursor=…` in, `{ "items": [...], "next": … }` out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, Result};

const DEFAULT: u32 = 20;
const MOST: u32 = 100;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many items, 1 to 100; 20 when absent.
    limit: Option<u32>,
    /// The `next` of the page before; the first page when absent.
    cursor: Option<String>,
}

/// One page of a list, newest first unless the route says otherwise.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give this as `cursor` for the next page; null on the last.
    pub next: Option<String>,
}

/// What a query needs: how many rows, and after which.
#[derive(Debug, Clone, Copy)]
pub struct Window<K> {
    limit: i64,
    pub after: Option<K>,
}

impl PageQuery {
    /// For routes that filter too: their own query has these two beside the filter.
    pub fn new(limit: Option<u32>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// For lists ordered by a time-ordered id.
    pub fn by_id(&self) -> Result<Window<Uuid>> {
        let after = self.decode()?.map(|bytes| Uuid::from_slice(&bytes).map_err(|_| bad()));
        Ok(Window { limit: self.limit()?, after: after.transpose()? })
    }

    /// For lists ordered by a sequence number.
    pub fn by_sequence(&self) -> Result<Window<i64>> {
        let after = self.decode()?.map(|b| b.try_into().map(i64::from_be_bytes).map_err(|_| bad()));
        Ok(Window { limit: self.limit()?, after: after.transpose()? })
    }

    fn limit(&self) -> Result<i64> {
        match self.limit.unwrap_or(DEFAULT) {
            limit @ 1..=MOST => Ok(i64::from(limit)),
            other => Err(Error::Invalid(format!("limit is {other}; it must be 1 to {MOST}"))),
        }
    }

    fn decode(&self) -> Result<Option<Vec<u8>>> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        URL_SAFE_NO_PAD.decode(cursor).map(Some).map_err(|_| bad())
    }
}

fn bad() -> Error {
    Error::Invalid("cursor is not one of ours: send the `next` of the page before, as it is".into())
}

/// A place in a list that a cursor can name.
pub trait Place {
    fn cursor(&self) -> String;
}

impl Place for Uuid {
    fn cursor(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.as_bytes())
    }
}

impl Place for i64 {
    fn cursor(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.to_be_bytes())
    }
}

impl<K: Place> Window<K> {
    /// Rows to ask for: one more than is shown, to know whether there is a next page.
    pub fn rows(&self) -> i64 {
        self.limit + 1
    }

    pub fn page<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = items.len() > shown;
        items.truncate(shown);
        let next = if more { items.last().map(|item| key(item).cursor()) } else { None };
        Page { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::PageQuery;

    #[test]
    fn a_foreign_cursor_and_a_limit_out_of_range_are_refused() {
        let query =
            |limit, cursor: Option<&str>| PageQuery { limit, cursor: cursor.map(Into::into) };
        assert!(query(Some(0), None).by_id().is_err());
        assert!(query(Some(101), None).by_id().is_err());
        assert!(query(None, Some("!")).by_id().is_err());
        assert!(query(None, Some("AAAA")).by_id().is_err());
        assert!(query(None, None).by_sequence().is_ok());
    }

    #[test]
    fn the_last_page_has_no_next() {
        let window = PageQuery { limit: Some(2), cursor: None }.by_sequence().unwrap();
        assert!(window.page(vec![1_i64, 2], |n| *n).next.is_none());
        let page = window.page(vec![1_i64, 2, 3], |n| *n);
        assert_eq!(page.items, [1, 2]);
        let next = PageQuery { limit: Some(2), cursor: page.next }.by_sequence().unwrap();
        assert_eq!(next.after, Some(2));
    }
}
