//! `make build`: every function as the zip that Lambda takes, for this machine's processor.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    emulator::Source,
    install,
    paths::{Paths, tail},
    progress::Step,
    settings,
    table::table,
};

/// What Terraform calls this machine's processor.
pub const ARCHITECTURE: &str = if cfg!(target_arch = "x86_64") { "x86_64" } else { "arm64" };

/// A function that panics aborts: what would unwind its stack is a tenth of the program, and never
/// read. Of the functions alone: tests do unwind.
const NO_UNWINDING: &str = "-Cforce-unwind-tables=no";

/// The functions' zips, and how large each is.
pub struct Archives {
    folder: PathBuf,
    sizes: Vec<(u64, String)>,
}

impl Archives {
    /// Brings them up to date below `.local/archives/`.
    pub fn build(paths: &Paths) -> Result<Self> {
        let tools = install::build_tools(paths)?;
        let functions = Source::read(&paths.root)?.functions;
        let domains: BTreeSet<&str> =
            functions.keys().filter_map(|name| Some(name.split_once('-')?.0)).collect();
        let folder = paths.tools.join("archives");
        let log = paths.tools.join("logs/archives.log");
        fs::create_dir_all(paths.tools.join("logs"))?;
        let out = File::create(&log)?;

        let mut command = Command::new("cargo");
        command
            .args(["lambda", "build", "--locked", "--release", "--output-format", "zip"])
            .arg(if ARCHITECTURE == "x86_64" { "--x86-64" } else { "--arm64" })
            .arg("--lambda-dir")
            .arg(&folder)
            .args(domains.iter().flat_map(|domain| ["--package", domain]))
            .env("PATH", settings::path_with(&tools)?)
            .env("RUSTFLAGS", NO_UNWINDING)
            .current_dir(&paths.root)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out);
        let mut step = Step::begin("the functions' zips (the first time: many minutes)");
        let mut cargo = command.spawn().context("cannot start cargo")?;
        let status = loop {
            if let Some(status) = cargo.try_wait()? {
                break status;
            }
            step.tick(tail(&log, 1).trim());
            sleep(Duration::from_millis(200));
        };
        if !status.success() {
            step.failed("");
            bail!("cargo lambda failed; the end of {}:\n{}", paths.short(&log), tail(&log, 30));
        }
        let sizes = functions.into_keys().map(|name| Ok((size(&folder, &name)?, name)));
        let sizes = sizes.collect::<Result<_>>()?;
        step.done("");
        Ok(Self { folder, sizes })
    }

    /// Where they are, `{function}` standing for a function's name.
    pub fn pattern(&self) -> String {
        zip(&self.folder, "{function}").display().to_string()
    }

    /// The largest first, for people.
    pub fn table(&self) -> String {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable();
        let row = |(size, name): &(u64, String)| {
            let file = zip(&self.folder, name).display().to_string();
            [name.clone(), format!("{:>5}", size / 1024), file]
        };
        let rows: Vec<_> = sizes.iter().rev().map(row).collect();
        table(["function", "KiB", "zip"], &rows)
    }
}

fn zip(folder: &Path, function: &str) -> PathBuf {
    folder.join(function).join("bootstrap.zip")
}

fn size(folder: &Path, function: &str) -> Result<u64> {
    let zip = zip(folder, function);
    let found = fs::metadata(&zip);
    Ok(found.with_context(|| format!("cargo lambda made no {}", zip.display()))?.len())
}
