//! The API as a caller: operations in, typed answers out, beside the JSON as it came.

use std::io::BufRead;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Operation;
use crate::failure::{Failure, Result};
use crate::http::{Ask, Sender};
use crate::model::Page;
use crate::sse::Stream;

/// The most a page may have.
pub(crate) const PAGE: usize = 100;

pub(crate) struct Client {
    sender: Sender,
    base: String,
    /// Where operations that stream are.
    streams: String,
}

pub(crate) struct Answer<T> {
    pub(crate) raw: Value,
    pub(crate) value: T,
}

impl Client {
    pub(crate) fn new(sender: Sender, base: &str, streams: Option<String>) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { sender, streams: streams.unwrap_or_else(|| base.clone()), base }
    }

    /// An answer that goes on, after that event; `None` where there is none.
    pub(crate) fn stream(
        &self,
        operation: &Operation<Value>,
        id: Uuid,
        last: Option<&str>,
    ) -> Option<Stream<impl BufRead + use<>>> {
        let path = operation.path.replace("{id}", &id.to_string());
        self.sender.stream(&format!("{}{path}", self.streams), last)
    }

    /// For a long look at one thing: it survives more, and shows itself that time passes.
    pub(crate) fn watch(&mut self) {
        self.sender.watch();
    }

    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        operation: &Operation<T>,
        id: Option<Uuid>,
        query: &[(&str, &str)],
    ) -> Result<Answer<T>> {
        self.ask(operation, id, query, None, None)
    }

    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        operation: &Operation<T>,
        id: Option<Uuid>,
        body: Option<(&str, &[u8])>,
        key: Option<&str>,
    ) -> Result<Answer<T>> {
        self.ask(operation, id, &[], body, key)
    }

    /// Page after page, until the last or until there are so many.
    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        operation: &Operation<Page<T>>,
        id: Option<Uuid>,
        query: &[(&str, &str)],
        most: usize,
    ) -> Result<Answer<Vec<T>>> {
        let (mut values, mut raw) = (Vec::new(), Vec::new());
        let mut cursor: Option<String> = None;
        loop {
            let limit = (most - values.len()).min(PAGE).to_string();
            let mut query = query.to_vec();
            query.push(("limit", &limit));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let mut page = self.get(operation, id, &query)?;
            let came = page.value.items.len();
            values.extend(page.value.items);
            if let Some(items) = page.raw["items"].as_array_mut() {
                raw.append(items);
            }
            cursor = page.value.next;
            // An empty page that promises more would be asked for for ever.
            if cursor.is_none() || came == 0 || values.len() >= most {
                let raw = json!({ "items": raw, "next": cursor });
                return Ok(Answer { raw, value: values });
            }
        }
    }

    fn ask<T: DeserializeOwned>(
        &self,
        operation: &Operation<T>,
        id: Option<Uuid>,
        query: &[(&str, &str)],
        body: Option<(&str, &[u8])>,
        key: Option<&str>,
    ) -> Result<Answer<T>> {
        debug_assert!(query.iter().all(|(name, _)| operation.query.contains(name)));
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        let mut url = format!("{}{}", self.base, operation.path.replace("{id}", &id));
        if !query.is_empty() {
            let query = serde_urlencoded::to_string(query).map_err(Failure::new)?;
            url = format!("{url}?{query}");
        }
        let key = key.filter(|_| operation.once);
        let raw = self.sender.json(&Ask { method: operation.method, url: &url, body, key })?;
        let value = serde_path_to_error::deserialize(&raw).map_err(|error| {
            let what = format!("the answer of {} is not as expected: {error}", operation.id);
            Failure::new(what).next("is this program older or newer than the API? `--version`")
        })?;
        Ok(Answer { raw, value })
    }
}
