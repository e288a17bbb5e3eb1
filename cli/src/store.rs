//! The token of the last sign-in, in a file that only its owner can read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::failure::{Failure, Result};

/// It has no `Debug`: it holds a token.
#[derive(Deserialize, Serialize)]
pub(crate) struct Saved {
    pub(crate) api: String,
    pub(crate) access_token: String,
    pub(crate) expires_at: Option<Timestamp>,
}

fn path(folder: &Path) -> PathBuf {
    folder.join("token.json")
}

pub(crate) fn read(folder: &Path) -> Result<Option<Saved>> {
    let path = path(folder);
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(format!("{}: {why}", path.display())).next("cadre logout, then cadre login")
    };
    let metadata = match fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.map_err(|error| failed(&error))?,
    };
    if metadata.mode() & 0o077 != 0 {
        return Err(failed(&"others may read your token"));
    }
    let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
    // serde's own words could repeat a part of the token.
    serde_json::from_str(&text).map(Some).map_err(|_| failed(&"it is not what `login` writes"))
}

/// Whole or not at all, and never readable by others in between.
pub(crate) fn write(folder: &Path, saved: &Saved) -> Result<()> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", folder.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let text = serde_json::to_vec(saved).map_err(Failure::new)?;
    let beside = folder.join(format!(".token-{}", Uuid::new_v4().simple()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed)?;
    let written = file.write_all(&text).and_then(|()| file.sync_all());
    written.and_then(|()| fs::rename(&beside, path(folder))).map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// Whether there was one.
pub(crate) fn remove(folder: &Path) -> Result<bool> {
    match fs::remove_file(path(folder)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::new(format!("{}: {error}", folder.display()))),
    }
}
