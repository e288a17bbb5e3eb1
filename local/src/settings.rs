//! The only file of this crate that reads the environment.
#![expect(clippy::disallowed_methods, reason = "this is the one file that may")]

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// What a person may set before `make demo`; handed on to every function as it is.
const HANDED_ON: [&str; 8] = [
    "MODEL_PROVIDER",
    "MODEL_BASE_URL",
    "MODEL_API_KEY",
    "MODEL_NAME",
    "MODEL_CONTEXT_TOKENS",
    "MODEL_SAMPLING",
    "MODEL_TIMEOUT_SECONDS",
    "LOG_LEVEL",
];

/// The settings a person made, by name; empty ones count as not made.
pub fn handed_on() -> Vec<(String, String)> {
    HANDED_ON
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// A variable that must be there: how the forwarder is told what it is.
pub fn required(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set"))
}

/// Whether the person chose a model of their own, so that ours need not run.
pub fn model_chosen() -> bool {
    handed_on().iter().any(|(name, _)| name == "MODEL_PROVIDER" || name == "MODEL_BASE_URL")
}

/// The full path of a program, looked for where a shell would, and in the
/// administrator's folders, which an ordinary user's `PATH` leaves out.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// As much of the environment as any program needs.
pub fn bare() -> impl Iterator<Item = (&'static str, OsString)> {
    ["PATH", "HOME", "LANG"].into_iter().filter_map(|name| Some((name, env::var_os(name)?)))
}

/// `PATH` with a folder in front.
pub fn path_with(folder: &Path) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths([folder.to_owned()].into_iter().chain(env::split_paths(&path)))?)
}

/// A temporary folder that every user can reach.
pub fn temporary() -> PathBuf {
    Some(env::temp_dir())
        .filter(|folder| folder.starts_with("/tmp") || folder.starts_with("/var/tmp"))
        .unwrap_or_else(|| Path::new("/tmp").to_owned())
}
