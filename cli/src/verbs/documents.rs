//! `cadre documents`: `GET /v1/runs/{id}/documents`, and each one's content where it is saved.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api::{DOCUMENT, DOCUMENTS};
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::model::Document;
use crate::show::{json as show_json, line, table};

pub(crate) fn run(
    client: &Client,
    run: Uuid,
    save: Option<&Path>,
    force: bool,
    json: bool,
) -> Result<()> {
    let mut answer = client.list(&DOCUMENTS, Some(run), &[], super::MOST)?;
    if let Some(folder) = save {
        for (at, document) in answer.value.iter().enumerate() {
            let path = keep(client, document, folder, force)?;
            if json {
                answer.raw["items"][at]["saved"] = Value::from(path.display().to_string());
            } else {
                line(&format!("{} ({} bytes)", path.display(), document.bytes))?;
            }
        }
    }
    match (json, save) {
        (true, _) => show_json(&answer.raw),
        (false, Some(_)) => Ok(()),
        (false, None) => {
            let row = |it: Document| [it.name, it.step_id, it.bytes.to_string()];
            let rows: Vec<_> = answer.value.into_iter().map(row).collect();
            table(["document", "step", "bytes"], &rows)
        }
    }
}

/// The whole content under its own name, or nothing.
fn keep(client: &Client, document: &Document, folder: &Path, force: bool) -> Result<PathBuf> {
    let name = &document.name;
    if !is_plain(name) {
        return Err(Failure::new(format!("`{name}` is no name for a file; nothing is written")));
    }
    let content = client.get(&DOCUMENT, Some(document.id), &[])?.value.content;
    if format!("{:x}", Sha256::digest(&content)) != document.digest {
        return Err(Failure::new(format!("{name} is not what its digest says"))
            .next("try again; if it stays, tell whoever runs this deployment"));
    }
    let path = folder.join(name);
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    match fs::read(&path) {
        Ok(there) if there == content.as_bytes() => return Ok(path),
        Ok(_) if !force => {
            return Err(Failure::new(format!("{} is there and differs", path.display()))
                .next("--force writes over it; another --save leaves it"));
        }
        Ok(_) => fs::remove_file(&path).map_err(failed)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    // A new file only: what a link points at is not written to.
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
    file.write_all(content.as_bytes()).map_err(failed)?;
    Ok(path)
}

/// The server gives the name; it must not lead anywhere else.
fn is_plain(name: &str) -> bool {
    let bad = |c: char| c.is_control() || ['/', '\\', ':'].contains(&c);
    !name.is_empty() && !name.starts_with('.') && !name.chars().any(bad)
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_documents_name_cannot_lead_out_of_its_folder() {
        assert!(is_plain("product brief.md"));
        for bad in ["", ".", "..", ".bashrc", "../x", "a/b", "/etc/passwd", "a\\b", "C:x", "a\nb"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
