//! The rules of the house that are about a file's text: how it opens, how long it is, what it hides.

use crate::source::{Source, rust};

#[test]
fn every_file_opens_by_saying_what_it_is() {
    for source in rust(&["shared", "functions", "cli", "local", "tests"]) {
        let is_binary = source.path.starts_with("functions/") && source.path.contains("/bin/");
        let opens = source.text.starts_with("//! ");
        assert!(opens || is_binary, "{} does not open with `//! `", source.path);
    }
}

#[test]
fn no_file_is_two_files() {
    for Source { path, text } in rust(&["shared", "functions", "cli", "local", "tests"]) {
        let lines = text.lines().count();
        assert!(lines <= 400, "{path} has {lines} lines; at 400 it is two things");
    }
}

#[test]
fn no_lint_is_silenced_without_a_reason_and_nothing_is_left_to_do() {
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X:"].concat()];
    for source in rust(&["shared", "functions", "cli", "local", "tests"]) {
        for (at, line) in source.text.lines().enumerate() {
            let place = format!("{}:{}", source.path, at + 1);
            let trimmed = line.trim_start();
            let allows = trimmed.starts_with("#[allow(") || trimmed.starts_with("#![allow(");
            assert!(!allows, "{place}: `expect` with a reason, not `allow`");
            let ignores = trimmed.starts_with("#[ignore");
            assert!(!ignores, "{place}: a test runs, or it is not there");
            assert!(!marks.iter().any(|mark| line.contains(mark.as_str())), "{place}: {line}");
        }
    }
}
