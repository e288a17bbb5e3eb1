//! A bundle as it is sent. The same folder gives the same bytes, so that importing it again is
//! noticed by its digest.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use crate::failure::{Failure, Result};

/// What the API takes at once; larger is refused here, before it is sent.
const MOST: u64 = 4_718_592;
/// Never part of definitions, and large.
const SKIPPED: [&str; 2] = [".git", "node_modules"];

/// The media type, and the bytes.
pub(super) fn read(from: &Path) -> Result<(&'static str, Vec<u8>)> {
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", from.display()));
    let (kind, bytes) = if fs::metadata(from).map_err(failed)?.is_dir() {
        ("application/gzip", folder(from).map_err(failed)?)
    } else {
        let kind = kind(from).ok_or_else(|| {
            Failure::usage(format!("{} is no .zip, .tar, .tar.gz or .tgz", from.display()))
                .next("give a folder, or pack what you have")
        })?;
        let mut bytes = Vec::new();
        File::open(from)
            .and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
            .map_err(failed)?;
        (kind, bytes)
    };
    if bytes.is_empty() {
        return Err(Failure::usage(format!("{} is empty", from.display())));
    }
    if bytes.len() as u64 > MOST {
        return Err(Failure::new(format!("{} has over {MOST} bytes packed", from.display()))
            .next("import its parts one by one"));
    }
    Ok((kind, bytes))
}

fn kind(file: &Path) -> Option<&'static str> {
    let extension = file.extension()?.to_str()?.to_lowercase();
    match extension.as_str() {
        "zip" => Some("application/zip"),
        "tar" => Some("application/x-tar"),
        "gz" | "tgz" => Some("application/gzip"),
        _ => None,
    }
}

fn folder(from: &Path) -> std::io::Result<Vec<u8>> {
    let mut files = Vec::new();
    collect(from, &mut files)?;
    files.sort();
    let mut bundle = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for file in &files {
        let path = file.strip_prefix(from).unwrap_or(file);
        let content = fs::read(file)?;
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        bundle.append_data(&mut header, path, content.as_slice())?;
    }
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let mut packed = bundle.into_inner()?;
    packed.flush()?;
    packed.finish()
}

/// Files only: a link could lead out of the folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_file() {
            files.push(entry.path());
        } else if kind.is_dir() && !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}
