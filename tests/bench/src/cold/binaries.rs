//! The functions as they are deployed: built by cargo-lambda for this machine's processor, or, where
//! its tools cannot be had, by plain cargo, which is said.

use std::fs::{self, File};
use std::io::{self, Cursor};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use local::archives::Archives;
use local::install;
use local::paths::Paths;
use local::progress::say;
use zip::write::SimpleFileOptions;

/// One function, ready to run.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) program: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) zipped: u64,
}

/// All functions, up to date.
#[derive(Clone, Debug)]
pub(crate) enum Binaries {
    /// Zips of cargo-lambda, `{function}` standing for a name, and where to unpack them.
    Zips { pattern: String, scratch: PathBuf },
    /// Programs of plain cargo.
    Programs { folder: PathBuf },
}

impl Binaries {
    /// Builds what is not up to date; `as_they_are`: takes the zips that lie there.
    pub(crate) fn find(paths: &Paths, as_they_are: bool) -> Result<Self> {
        let scratch = paths.stack.join("functions");
        fs::create_dir_all(&scratch)?;
        if as_they_are {
            let pattern = paths.tools.join("archives/{function}/bootstrap.zip");
            return Ok(Self::Zips { pattern: pattern.display().to_string(), scratch });
        }
        let Err(missing) = install::build_tools(paths) else {
            return Ok(Self::Zips { pattern: Archives::build(paths)?.pattern(), scratch });
        };
        say(&format!("  no cargo-lambda ({missing:#}): building with plain cargo"));
        let built = Command::new("cargo")
            .args(["build", "--locked", "--release", "--workspace", "--bins"])
            .current_dir(&paths.root)
            .status()?;
        ensure!(built.success(), "cargo build: {built}");
        let ours = std::env::current_exe()?;
        Ok(Self::Programs { folder: ours.parent().context("no folder")?.to_owned() })
    }

    /// For the small print.
    pub(crate) fn builder(&self) -> &'static str {
        match self {
            Self::Zips { .. } => "cargo-lambda",
            Self::Programs { .. } => "plain cargo, because cargo-lambda could not be had",
        }
    }

    pub(crate) fn unpacked(&self, name: &str) -> Result<Binary> {
        match self {
            Self::Zips { pattern, scratch } => {
                let archive = pattern.replace("{function}", name);
                unzip(Path::new(&archive), scratch.join(name)).context(archive)
            }
            Self::Programs { folder } => zipped(folder.join(name)),
        }
    }
}

fn unzip(archive: &Path, program: PathBuf) -> Result<Binary> {
    let file = File::open(archive)?;
    let zipped = file.metadata()?.len();
    let mut archive = zip::ZipArchive::new(file)?;
    let mut bootstrap = archive.by_name("bootstrap")?;
    // A new file, not the old one's content: that may still be running.
    let _ = fs::remove_file(&program);
    let bytes = io::copy(&mut bootstrap, &mut File::create(&program)?)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(Binary { program, bytes, zipped })
}

fn zipped(program: PathBuf) -> Result<Binary> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("bootstrap", SimpleFileOptions::default())?;
    let bytes = io::copy(&mut File::open(&program)?, &mut archive)?;
    let zipped = u64::try_from(archive.finish()?.into_inner().len())?;
    Ok(Binary { program, bytes, zipped })
}
