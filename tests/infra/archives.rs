//! The functions' zips, as they are deployed: built by cargo-lambda, for this machine's processor.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use local::{
    emulator::Source,
    install,
    paths::{Paths, tail},
    progress::{say, seconds},
};

use crate::settings;

/// Builds every function and returns where they are, `{function}` standing for a name.
pub(crate) fn build(paths: &Paths) -> Result<String> {
    let since = Instant::now();
    let tools = install::build_tools(paths)?;
    let target = paths.tools.join("archives");
    let log = paths.tools.join("logs/archives.log");
    fs::create_dir_all(paths.tools.join("logs"))?;
    let out = fs::File::create(&log)?;

    let functions = Source::read(&paths.root)?.functions;
    let domains: BTreeSet<&str> =
        functions.keys().filter_map(|name| Some(name.split_once('-')?.0)).collect();
    let mut command = Command::new("cargo");
    command
        .args(["lambda", "build", "--release", "--x86-64", "--output-format", "zip"])
        .arg("--lambda-dir")
        .arg(&target)
        .args(domains.iter().flat_map(|domain| ["--package", domain]))
        .env("PATH", settings::path_with(tools)?)
        .current_dir(&paths.root)
        .stdout(out.try_clone()?)
        .stderr(out);
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "the end of {}:\n{}", paths.short(&log), tail(&log, 20));

    let mut sizes = Vec::new();
    for name in functions.keys() {
        let zip = zip(&target, name);
        let size = fs::metadata(&zip).with_context(|| format!("no {}", zip.display()))?.len();
        sizes.push((size, name));
    }
    sizes.sort_unstable();
    let told = |end: Option<&(u64, &String)>| {
        end.map(|(size, name)| format!("{name} {} KiB", size / 1024)).unwrap_or_default()
    };
    say(&format!(
        "  {} zips in {}; {} to {}",
        sizes.len(),
        seconds(since.elapsed()),
        told(sizes.first()),
        told(sizes.last())
    ));
    Ok(zip(&target, "{function}").display().to_string())
}

fn zip(target: &Path, function: &str) -> PathBuf {
    target.join(function).join("bootstrap.zip")
}
