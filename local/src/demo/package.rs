//! A published package, fetched with the ordinary client and kept below `.local/` only.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::paths::Paths;

/// The package's tarball, from an earlier time if there was one.
pub(super) fn fetch(paths: &Paths, name: &str, version: &str) -> Result<Vec<u8>> {
    let folder = paths.tools.join("packages");
    let file = folder.join(format!("{name}-{version}.tgz"));
    if !file.is_file() {
        pack(&folder, &format!("{name}@{version}"))?;
    }
    fs::read(&file).with_context(|| format!("npm packed no {}", file.display()))
}

fn pack(folder: &Path, what: &str) -> Result<()> {
    fs::create_dir_all(folder)?;
    let packed = Command::new("npm")
        .args(["pack", "--silent", what])
        .current_dir(folder)
        .output()
        .context("npm is not installed: it comes with Node.js")?;
    ensure!(
        packed.status.success(),
        "npm cannot get {what}: is the registry in reach?\n{}",
        String::from_utf8_lossy(&packed.stderr)
    );
    Ok(())
}
