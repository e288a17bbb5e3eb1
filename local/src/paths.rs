//! Where things are: the checkout, `.local/`, and the folder of one stack.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The folders of one stack. Two checkouts, or two names, share nothing but the installed tools.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The checkout.
    pub root: PathBuf,
    /// `.local/`: what the installer put there.
    pub tools: PathBuf,
    /// `.local/`, or `.local/<name>/`: one stack's state, data and logs.
    pub stack: PathBuf,
}

impl Paths {
    /// The checkout around the current folder; else the one this program was built from.
    pub fn find(name: Option<&str>) -> Result<Self> {
        let here = env::current_dir().context("the current folder is gone")?;
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let root = here
            .ancestors()
            .map(Path::to_owned)
            .chain([built_from])
            .find(|folder| folder.join("local/requirements.txt").is_file())
            .context("no checkout of Cadre around the current folder: cd into one")?
            .canonicalize()?;

        let tools = root.join(".local");
        let stack = name.map_or_else(|| tools.clone(), |name| tools.join(name));
        fs::create_dir_all(stack.join("logs"))
            .with_context(|| format!("cannot write to {}", stack.display()))?;
        Ok(Self { root, tools, stack })
    }

    /// The names of the stacks that were ever started in this checkout.
    pub fn stacks(&self) -> Vec<Option<String>> {
        let folders = fs::read_dir(&self.tools).into_iter().flatten().flatten();
        let started = folders.filter(|folder| folder.path().join("stack.lock").exists());
        let names = started.filter_map(|folder| folder.file_name().into_string().ok());
        [None].into_iter().chain(names.map(Some)).collect()
    }

    pub fn state(&self) -> PathBuf {
        self.stack.join("stack.json")
    }

    pub fn log(&self, service: &str) -> PathBuf {
        self.stack.join("logs").join(format!("{service}.log"))
    }

    pub fn python(&self) -> PathBuf {
        self.tools.join("python/bin/python")
    }

    /// A path as a person at the top of the checkout would type it.
    pub fn short<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

/// The last lines of a log, indented: what to look at first when something failed.
pub fn tail(log: &Path, lines: usize) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &all[all.len().saturating_sub(lines)..];
    if last.is_empty() {
        return "    (the log is empty)".to_owned();
    }
    last.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_last_lines_and_survives_a_missing_log() {
        let log = env::temp_dir().join(format!("cadre-tail-{}", std::process::id()));
        fs::write(&log, b"one\n\ntwo\nthr\xffee\n").unwrap();
        assert_eq!(tail(&log, 2), "    two\n    thr\u{fffd}ee");
        fs::remove_file(&log).unwrap();
        assert_eq!(tail(&log, 2), "    (the log is empty)");
    }
}
