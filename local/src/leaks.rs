//! What no log may hold, looked for in all logs of a stack: of its services, and of the hosts that
//! tests start beside it. Tests plant texts that begin with `canary-`; a token of any kind begins
//! as JSON does in base64.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::paths::Paths;

const MARKS: [(&str, &str); 3] =
    [("eyJ", "a token"), ("canary-", "what a test planted"), ("Bearer ", "a header")];

/// Each line that holds one, without the rest of it: where to look, and for what.
pub fn found(paths: &Paths) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut lines = 0;
    for file in logs(paths)? {
        let text = String::from_utf8_lossy(&fs::read(&file)?).into_owned();
        lines += text.lines().count();
        found.extend(
            in_text(&text).map(|(line, what)| format!("{}:{line}: {what}", file.display())),
        );
    }
    crate::progress::say(&format!("  {lines} lines of logs, {} with a secret", found.len()));
    Ok(found)
}

/// The hosts' logs of an earlier run; the services write over their own.
pub fn forget(paths: &Paths) -> Result<()> {
    for file in logs(paths)? {
        if name(&file).starts_with("host-") {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

fn logs(paths: &Paths) -> Result<Vec<PathBuf>> {
    let files = fs::read_dir(paths.stack.join("logs"))?.flatten().map(|entry| entry.path());
    Ok(files.filter(|file| file.extension().is_some_and(|kind| kind == "log")).collect())
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn in_text(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    text.lines().enumerate().filter_map(|(at, line)| {
        let (_, what) = MARKS.iter().find(|(mark, _)| line.contains(mark))?;
        Some((at + 1, *what))
    })
}

#[cfg(test)]
mod tests {
    use super::in_text;

    #[test]
    fn a17_a_secret_in_a_log_is_found_and_not_repeated() {
        let log = "fine\n{\"m\":\"sent Bearer x\"}\nfine\nx eyJhbGciOiJSUzI1NiJ9 y\ncanary-1\n";
        let found: Vec<_> = in_text(log).collect();
        assert_eq!(found, [(2, "a header"), (4, "a token"), (5, "what a test planted")]);
        assert_eq!(in_text("fine\n").count(), 0);
    }
}
