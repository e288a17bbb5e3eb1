//! The source as text: its files, its string literals, its statements.

use std::fs;
use std::path::{Path, PathBuf};

use crate::world::root;

/// A file of the repository, by its path from the top.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every Rust file below these folders, sorted.
pub(crate) fn rust(folders: &[&str]) -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut found);
    }
    found.sort();
    assert!(!found.is_empty(), "no Rust files in {folders:?}");
    let source = |path: PathBuf| Source {
        text: fs::read_to_string(&path).unwrap(),
        path: path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(),
    };
    found.into_iter().map(source).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of the crates below `functions/`.
pub(crate) fn domains() -> Vec<String> {
    let folders = fs::read_dir(root().join("functions")).unwrap();
    let mut names: Vec<_> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

impl Source {
    /// The part before the tests of the file itself.
    pub(crate) fn code(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }

    /// Whether this is the source of tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("_tests.rs")
    }
}

/// The string literals of Rust source, escapes as they are written.
pub(crate) fn literals(code: &str) -> Vec<String> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"//") {
            at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        } else if let Some(hashes) = raw(rest) {
            let start = at + hashes + 2;
            let end = format!("\"{}", "#".repeat(hashes));
            let length = code[start..].find(&end).unwrap_or(code.len() - start);
            found.push(code[start..start + length].to_owned());
            at = start + length + end.len();
        } else if rest.starts_with(b"'\"'") || rest.starts_with(b"b'\"'") {
            at += 4 - usize::from(rest[0] == b'\'');
        } else if rest[0] == b'"' {
            let start = at + 1;
            at = start;
            while at < bytes.len() && bytes[at] != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            found.push(code[start..at.min(code.len())].to_owned());
            at += 1;
        } else {
            at += 1;
        }
    }
    found
}

/// How many `#` a raw string that begins here has.
fn raw(rest: &[u8]) -> Option<usize> {
    let after = rest.strip_prefix(b"r")?;
    let hashes = after.iter().take_while(|b| **b == b'#').count();
    (after.get(hashes) == Some(&b'"')).then_some(hashes)
}

/// Whether a literal is SQL rather than a sentence.
pub(crate) fn is_sql(literal: &str) -> bool {
    let text: String =
        literal.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let text = text.trim().to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let has = |word: &str| words.contains(&word);
    match words.first().copied().unwrap_or_default() {
        "select" => has("from") || text.contains('(') || words.len() == 2 || has("as"),
        "insert" => has("into"),
        "update" => has("set"),
        "delete" => has("from"),
        "with" => text.contains(" as ("),
        "begin" | "begin;" | "commit" | "rollback" | "listen" | "notify" => {
            words.len() == 1 || text.contains("; ")
        }
        "set" | "reset" => text.contains('='),
        "create" | "alter" | "drop" | "truncate" => has("table") || has("index") || has("role"),
        _ => false,
    }
}

#[test]
fn literals_are_found_and_sql_is_told_from_sentences() {
    let code = r##"
        // "not this one"
        let quote = '"'; let text = "say \"hi\""; let raw = r#"select "x" from t"#;
        const ONE: &str = "
            -- a::b
            select 1 as one";
    "##;
    let found = literals(code);
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], "say \\\"hi\\\"");
    let sql: Vec<_> = found.iter().map(|literal| is_sql(literal)).collect();
    assert_eq!(sql, [false, true, true]);
    for sentence in ["update it, or use another name", "with a body", "begin again", "select"] {
        assert!(!is_sql(sentence), "{sentence}");
    }
}
