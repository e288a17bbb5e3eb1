//! Bytes to text. Windows editors leave a byte order mark and CRLF; a file in another encoding is
//! named, not guessed.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not UTF-8 text (the first wrong byte is number {0}); save it as UTF-8")]
pub struct NotText(pub usize);

pub(super) fn normalised(bytes: &[u8]) -> Result<String, NotText> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| NotText(error.valid_up_to() + 1))?;
    if text.contains('\r') {
        return Ok(text.replace("\r\n", "\n").replace('\r', "\n"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_line_ends_are_normalised() {
        assert_eq!(normalised(b"\xef\xbb\xbfa\r\nb\rc\n").unwrap(), "a\nb\nc\n");
    }

    #[test]
    fn other_encodings_are_named_by_the_first_wrong_byte() {
        assert_eq!(normalised(b"caf\xe9"), Err(NotText(4)));
    }
}
