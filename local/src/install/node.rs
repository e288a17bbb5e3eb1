//! npm packages in folders of our own: from a committed lock file, no install scripts.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::{read, run, stamp::Stamp};
use crate::{paths::Paths, progress::say, settings::program};

/// Installs what `local/<from>/package-lock.json` pins into `.local/<to>`.
pub(super) fn install(paths: &Paths, from: &str, to: &str, why: &str) -> Result<()> {
    let lists = paths.root.join("local").join(from);
    let home = paths.tools.join(to);
    let lock = read(&lists.join("package-lock.json"))?;
    let stamp = Stamp::new(&paths.tools, to, &[&lock]);
    if stamp.holds(&home.join("node_modules")) {
        return Ok(());
    }

    say(&format!("  npm packages in .local/{to}: {why}"));
    fs::create_dir_all(&home)?;
    for list in ["package.json", "package-lock.json"] {
        copy(&lists.join(list), &home.join(list))?;
    }
    let mut npm = Command::new(program("npm").context("no npm")?);
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&home);
    run(paths, &format!("npm ci in .local/{to}"), to, &mut npm)?;
    stamp.set()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}
