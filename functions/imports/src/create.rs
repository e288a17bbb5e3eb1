//! `POST /v1/imports`: take over a bundle of agents and workflows.

use std::collections::BTreeMap;

use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use shared::http::{Created, Upload};
use shared::{App, Caller, Error, Result, digest};
use uuid::Uuid;

use crate::bundle::{Bundle, Refusal};
use crate::record::ImportRecord;
use crate::{bmad, queries, store};

/// A folder as JSON: path to content.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Folder {
    files: BTreeMap<String, Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Binary { base64: String },
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    upload: Upload,
) -> Result<Created<ImportRecord>> {
    let digest = digest::sha256(&upload.bytes);
    let bundle = unpack(&upload)?;
    let import = bmad::read(&bundle)?;
    let id = Uuid::now_v7();
    let stored = app.db()?.tenant(caller.tenant, async |tx| {
        if let Some(earlier) = queries::by_digest(tx, &digest).await? {
            return Ok(ImportRecord { replayed: true, ..earlier });
        }
        store::store(tx, &caller, (id, &digest), import, &bundle).await?;
        queries::by_id(tx, id).await
    });
    Ok(Created(stored.await?))
}

fn unpack(upload: &Upload) -> Result<Bundle> {
    if !upload.content_type.starts_with("application/json") {
        return Ok(Bundle::from_bytes(&upload.bytes)?);
    }
    let folder: Folder = serde_json::from_slice(&upload.bytes).map_err(|error| {
        Error::Malformed(format!("send a folder as {{\"files\": {{path: text}}}}: {error}"))
    })?;
    let mut files = Vec::with_capacity(folder.files.len());
    for (path, content) in folder.files {
        let bytes = match content {
            Content::Text(text) => text.into_bytes(),
            Content::Binary { base64 } => STANDARD
                .decode(base64)
                .map_err(|e| Error::Invalid(format!("`{path:.100}` is not base64: {e}")))?,
        };
        files.push((path, bytes));
    }
    Ok(Bundle::from_files(files)?)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { code: refusal.code(), detail: refusal.to_string() }
    }
}
