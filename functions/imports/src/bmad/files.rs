//! Which files of a bundle are definitions, which come along, and which stay behind.

use sha2::{Digest, Sha256};

use super::limits::MAX_DEFINITION_BYTES;
use super::{fit, pack};
use crate::bundle::Bundle;
use crate::model::{Attachment, AttachmentKind, Table};
use crate::report::Report;

/// Folders in which a module keeps what is not part of it: generated texts, tools, tests,
/// documentation.
const OUTSIDE: [&str; 11] = [
    "web-bundles",
    "test",
    "tests",
    "fixtures",
    "node_modules",
    "docs",
    "dist",
    "tools",
    "website",
    "samples",
    "__pycache__",
];

/// True for a file within a folder, however deep.
pub(super) fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// True for what belongs to a module. Names that begin with a dot or an underscore are somebody's
/// private things.
pub(super) fn belongs(path: &str) -> bool {
    !path.split('/').any(|part| part.starts_with(['.', '_']) || OUTSIDE.contains(&part))
}

/// A definition as text. One that is not text, or is too long, is named in the report, and the
/// import goes on without it.
pub(super) fn text(bundle: &Bundle, path: &str, report: &mut Report) -> Option<String> {
    if bundle.get(path)?.len() > MAX_DEFINITION_BYTES {
        let most = MAX_DEFINITION_BYTES / 1024;
        report.reject(path, format!("it is longer than {most} KiB, the most for a definition"));
        return None;
    }
    match bundle.text(path)? {
        Ok(text) if text.contains('\0') => {
            report.reject(path, "it contains a NUL, which no text does");
            None
        }
        Ok(text) => Some(text),
        Err(fault) => {
            report.reject(path, fault.to_string());
            None
        }
    }
}

/// How much of a bundle may turn out to be definitions.
pub(super) fn defined_bytes(bundle: &Bundle) -> usize {
    let text = ["md", "toml", "yaml", "yml"];
    let of = |path: &str| bundle.get(path).map_or(0, <[u8]>::len);
    bundle
        .paths()
        .filter(|path| pack::belongs(path) || path.contains("skills/"))
        .filter(|path| text.contains(&ending(path).as_str()))
        .map(of)
        .filter(|bytes| *bytes <= MAX_DEFINITION_BYTES)
        .sum()
}

/// A file that comes along, with the mark that it is never run.
pub(super) fn attachment(bundle: &Bundle, path: &str) -> Option<Attachment> {
    let bytes = bundle.get(path)?;
    Some(Attachment {
        path: path.to_owned(),
        sha256: hex(&Sha256::digest(bytes)),
        bytes: bytes.len() as u64,
        inert: true,
        kind: kind(path),
    })
}

/// A table's columns and how many rows it has; `None` where it is no table.
pub(super) fn table(bundle: &Bundle, path: &str) -> Option<Table> {
    if ending(path) != "csv" {
        return None;
    }
    let text = bundle.text(path)?.ok()?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let columns: Vec<String> = reader.headers().ok()?.iter().map(fit::plain).collect();
    let rows = reader.records().flatten().count();
    let name = file_name(path).trim_end_matches(".csv").to_owned();
    (!columns.is_empty()).then(|| Table { name, path: path.to_owned(), columns, rows })
}

pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name without its last ending.
pub(super) fn stem(path: &str) -> &str {
    let name = file_name(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(super) fn ending(path: &str) -> String {
    file_name(path).rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_lowercase())
}

fn kind(path: &str) -> AttachmentKind {
    let name = file_name(path).to_lowercase();
    let within = |folder: &str| path.split('/').rev().skip(1).any(|part| part == folder);
    match ending(path).as_str() {
        "py" | "sh" | "bash" | "js" | "mjs" | "cjs" | "ts" | "ps1" | "bat" | "cmd" | "rb"
        | "pl" | "php" | "lua" | "exe" | "so" | "dll" | "wasm" | "jar" => AttachmentKind::Script,
        _ if name.starts_with("license") || name.starts_with("licence") => AttachmentKind::Licence,
        _ if within("tasks") => AttachmentKind::Task,
        _ if within("checklists") || name.contains("checklist") => AttachmentKind::Checklist,
        _ if within("templates") || name.contains("template") || name.contains("-tmpl") => {
            AttachmentKind::Template
        }
        "csv" | "tsv" | "json" | "yaml" | "yml" | "toml" | "xml" => AttachmentKind::Data,
        _ if within("data") => AttachmentKind::Data,
        "md" | "txt" => AttachmentKind::Reference,
        _ => AttachmentKind::Other,
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_the_folder_before_the_ending() {
        assert_eq!(kind("src/a/scripts/x.py"), AttachmentKind::Script);
        assert_eq!(kind("core/tasks/x.md"), AttachmentKind::Task);
        assert_eq!(kind("core/templates/x.yaml"), AttachmentKind::Template);
        assert_eq!(kind("core/data/notes.md"), AttachmentKind::Data);
        assert_eq!(kind("src/a/assets/x.csv"), AttachmentKind::Data);
        assert_eq!(kind("LICENSE"), AttachmentKind::Licence);
    }

    #[test]
    fn private_and_generated_folders_do_not_belong() {
        assert!(belongs("src/skill/SKILL.md"));
        for path in
            ["web-bundles/x/SKILL.md", "src/.hidden/a.md", "src/_x/a.md", "src/a/tests/b.py"]
        {
            assert!(!belongs(path), "{path}");
        }
    }
}
