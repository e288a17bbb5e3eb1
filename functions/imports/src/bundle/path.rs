//! A path as a bundle may contain it: relative, forward slashes, nothing that a file system could
//! read in two ways.

use super::limits::{MAX_PATH_BYTES, MAX_PATH_DEPTH};
use super::refusal::Refusal;

/// The path without `./` and trailing slashes; `None` for the bundle's own root.
pub(super) fn checked(raw: &[u8]) -> Result<Option<String>, Refusal> {
    let invalid = |reason| Refusal::PathInvalid { path: shown(raw), reason };
    let Ok(text) = std::str::from_utf8(raw) else {
        return Err(invalid("its name is not UTF-8"));
    };
    if text.len() > MAX_PATH_BYTES {
        return Err(invalid("it is too long"));
    }
    // A NUL cuts a path in C, a line feed forges a second line in a log: no real bundle has either.
    if text.chars().any(char::is_control) {
        return Err(invalid("it contains control characters"));
    }
    if text.starts_with('/') || text.contains('\\') || has_drive(text) {
        return Err(Refusal::PathTraversal(shown(raw)));
    }
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(Refusal::PathTraversal(shown(raw))),
            part => parts.push(part),
        }
    }
    if parts.len() > MAX_PATH_DEPTH {
        return Err(invalid("it is too many folders deep"));
    }
    Ok((!parts.is_empty()).then(|| parts.join("/")))
}

fn has_drive(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|letter| letter.is_ascii_alphabetic()) && bytes.next() == Some(b':')
}

/// For an error message: short, and without what would disturb a terminal or a log.
fn shown(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).escape_debug().to_string().chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_normalised() {
        assert_eq!(checked(b"./src//a/b.md").unwrap().as_deref(), Some("src/a/b.md"));
        assert_eq!(checked(b"package/").unwrap().as_deref(), Some("package"));
        assert_eq!(checked(b"./").unwrap(), None);
        assert_eq!(checked("café/é.md".as_bytes()).unwrap().as_deref(), Some("café/é.md"));
    }

    #[test]
    fn whatever_leads_outside_is_refused() {
        for path in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "a\\..\\x",
            "C:/x",
            "c:x",
            "a/..",
            "..",
            "\\\\h\\x",
        ] {
            assert_eq!(
                checked(path.as_bytes()).unwrap_err().code(),
                "bundle-path-traversal",
                "{path}"
            );
        }
    }

    #[test]
    fn unreadable_names_are_refused() {
        let long = "a/".repeat(300);
        let deep = "a/".repeat(40);
        for path in [b"a\0b".as_slice(), b"a\nb", b"\xff\xfe", long.as_bytes(), deep.as_bytes()] {
            assert_eq!(checked(path).unwrap_err().code(), "bundle-path-invalid");
        }
    }
}
