//! The command line, as a person types it.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

/// Beside the tests' own program, or one folder up.
pub(crate) fn program() -> Result<PathBuf> {
    local::build::beside("local")
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs it to its end; what it printed, if it succeeded.
pub(crate) fn run(args: &[&str], model: &[(&str, &str)]) -> Result<String> {
    let mut command = Command::new(program()?);
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("MODEL_")) {
        command.env_remove(name);
    }
    let output = command.args(args).envs(model.iter().copied()).current_dir(root()).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "`local {}` failed:\n{said}", args.join(" "));
    Ok(said)
}

/// The settings that make the scripted server the model.
pub(crate) fn scripted(base_url: &str) -> [(&str, &str); 3] {
    [("MODEL_PROVIDER", "openai"), ("MODEL_BASE_URL", base_url), ("MODEL_NAME", "scripted-1")]
}
