//! The functions as they are deployed: built by cargo-lambda for this machine's processor, or, where
//! its tools cannot be had, by plain cargo, which is said.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use local::install;
use local::paths::Paths;
use local::progress::say;
use zip::write::SimpleFileOptions;

/// One function, unpacked.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) program: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) zipped: u64,
}

/// Who built them.
#[derive(Clone, Debug)]
pub(crate) enum Builder {
    CargoLambda(PathBuf),
    Cargo { why: String },
}

impl Builder {
    pub(crate) fn find(paths: &Paths) -> Self {
        match install::build_tools(paths) {
            Ok(tools) => Self::CargoLambda(tools),
            Err(error) => Self::Cargo { why: format!("{error:#}") },
        }
    }

    /// For the small print.
    pub(crate) fn says(&self) -> String {
        match self {
            Self::CargoLambda(_) => "built by cargo-lambda".into(),
            Self::Cargo { why } => format!("built by plain cargo: no cargo-lambda ({why})"),
        }
    }

    /// Brings these functions up to date; where they then lie.
    pub(crate) fn build(&self, paths: &Paths, functions: &[String]) -> Result<PathBuf> {
        say(&format!("  building {} functions for release", functions.len()));
        let mut command = Command::new("cargo");
        let domains: BTreeSet<_> =
            functions.iter().filter_map(|name| Some(name.split_once('-')?.0)).collect();
        let folder = match self {
            Self::CargoLambda(tools) => {
                command.args(["lambda", "build", "--release", "--output-format", "zip"]);
                let processor = if cfg!(target_arch = "x86_64") { "--x86-64" } else { "--arm64" };
                let folder = paths.tools.join("archives");
                command.arg(processor).arg("--lambda-dir").arg(&folder);
                command.env("PATH", path_with(tools)?);
                folder
            }
            Self::Cargo { .. } => {
                command.args(["build", "--release", "--bins"]);
                let ours = env::current_exe()?;
                ours.parent().context("no folder")?.to_owned()
            }
        };
        command.args(domains.iter().flat_map(|domain| ["--package", domain]));
        let log = paths.tools.join("logs/bench-build.log");
        let out = File::create(&log)?;
        command.current_dir(&paths.root).stdout(out.try_clone()?).stderr(out);
        let built = command.status().context("cargo")?;
        ensure!(built.success(), "see {}", paths.short(&log));
        Ok(folder)
    }

    /// One of them, ready to run.
    pub(crate) fn binary(&self, folder: &Path, scratch: &Path, name: &str) -> Result<Binary> {
        let program = scratch.join(name);
        match self {
            Self::CargoLambda(_) => {
                let archive = folder.join(name).join("bootstrap.zip");
                let file = File::open(&archive).with_context(|| archive.display().to_string())?;
                let zipped = file.metadata()?.len();
                let mut archive = zip::ZipArchive::new(file)?;
                let mut bootstrap = archive.by_name("bootstrap")?;
                let bytes = io::copy(&mut bootstrap, &mut File::create(&program)?)?;
                fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
                Ok(Binary { program, bytes, zipped })
            }
            Self::Cargo { .. } => {
                let program = folder.join(name);
                let mut content = Vec::new();
                File::open(&program)?.read_to_end(&mut content)?;
                let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
                archive.start_file("bootstrap", SimpleFileOptions::default())?;
                io::Write::write_all(&mut archive, &content)?;
                let zipped = archive.finish()?.into_inner().len();
                let bytes = u64::try_from(content.len())?;
                Ok(Binary { program, bytes, zipped: u64::try_from(zipped)? })
            }
        }
    }
}

/// `PATH` with a folder in front.
fn path_with(folder: &Path) -> Result<OsString> {
    #[expect(clippy::disallowed_methods, reason = "where programs are is no setting of ours")]
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths([folder.to_owned()].into_iter().chain(env::split_paths(&path)))?)
}
