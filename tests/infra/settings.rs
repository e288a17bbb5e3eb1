//! The only file of these tests that reads the environment.

use std::{env, ffi::OsString, path::PathBuf};

/// A file or folder that the person named.
pub(crate) fn named(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
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
