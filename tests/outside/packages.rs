//! The published packages that imports are held to. Fetched from npm when a test runs, never part
//! of the repository; where npm cannot be reached the tests with them are counted as skipped, and
//! hand-made bundles stand alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use tests::world::root;

pub(crate) const GENERATION_A: (&str, &str) =
    ("4.44.3", "6fbef43cf918658c0741240bf459c6f029b60c03b52c6542a3aaf875832025d6");
pub(crate) const GENERATION_D: (&str, &str) =
    ("6.12.0", "ac05c93f0b3c4256bb4072e6e1ff181eaad6cc0a64a27a63893bfb2b0b64aed2");

/// The tarball of `bmad-method`, fetched once; an error says why it cannot be had.
pub(crate) fn tarball((version, digest): (&str, &str)) -> Result<Vec<u8>> {
    let folder = folder();
    let file = folder.join(format!("bmad-method-{version}.tgz"));
    if !file.exists() {
        fetch(version, &folder, &file).with_context(|| format!("bmad-method {version}"))?;
    }
    let bytes = fs::read(&file)?;
    ensure!(shared::digest::sha256(&bytes) == digest, "{} is another", file.display());
    Ok(bytes)
}

fn folder() -> PathBuf {
    let told = std::env::var_os("CADRE_PACKAGES").map(PathBuf::from);
    told.unwrap_or_else(|| root().join(".local/packages"))
}

/// Into a folder of its own first: tests run side by side and must not see half a file.
fn fetch(version: &str, folder: &Path, file: &Path) -> Result<()> {
    let own = folder.join(format!("fetch-it-{}-{version}", std::process::id()));
    fs::create_dir_all(&own)?;
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--pack-destination"]).arg(&own).current_dir(&own);
    let packed = npm.arg(format!("bmad-method@{version}")).output();
    let moved = packed.map_err(anyhow::Error::from).and_then(|output| {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "npm: {said}");
        Ok(fs::rename(own.join(file.file_name().unwrap_or_default()), file)?)
    });
    fs::remove_dir_all(&own)?;
    moved
}

/// What is in a tarball, by path.
pub(crate) fn unpacked(tarball: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(GzDecoder::new(tarball));
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(path, content);
        }
    }
    files
}

pub(crate) fn zipped(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        zip.start_file(path.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// As a folder upload: texts as they are, other files as base64.
pub(crate) fn folder_upload(files: &BTreeMap<String, Vec<u8>>) -> Value {
    let content = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    };
    let files = files.iter().map(|(path, bytes)| (path.clone(), content(bytes)));
    json!({ "files": files.collect::<serde_json::Map<_, _>>() })
}
