//! The only file of these tests that reads the environment.

use std::{env, ffi::OsString, path::PathBuf};

use anyhow::Result;

/// A file or folder that the person named.
pub(crate) fn named(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// `PATH` with a folder in front.
pub(crate) fn path_with(first: PathBuf) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths([first].into_iter().chain(env::split_paths(&path)))?)
}

/// The person's own accounts, workspaces and habits, which a test must not have.
pub(crate) fn personal() -> Vec<OsString> {
    let all = env::vars_os().map(|(name, _)| name);
    all.filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("AWS_") || name.starts_with("TF_") && name != "TF_CLI_CONFIG_FILE"
    })
    .collect()
}
