//! Server-sent events, from bytes that may be cut anywhere.
//!
//! Bytes become text only when an event is whole, so a character split over two chunks survives.

/// More than this in one event is no chunk of a chat.
const LONGEST_EVENT: usize = 4 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

#[derive(Default)]
pub(super) struct Sse {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_cr: bool,
}

impl Sse {
    /// Hands every event that `bytes` completes to `take`, which may end the reading.
    pub(super) fn push<E: From<TooLong>>(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, end) = match piece {
                [text @ .., end @ (b'\n' | b'\r')] => (text, Some(*end)),
                text => (text, None),
            };
            // The second half of a CRLF, perhaps in another chunk.
            if self.after_cr && text.is_empty() && end == Some(b'\n') {
                self.after_cr = false;
                continue;
            }
            self.after_cr = end == Some(b'\r');
            if self.line.len() + self.data.len() + text.len() > LONGEST_EVENT {
                return Err(TooLong.into());
            }
            self.line.extend_from_slice(text);
            if end.is_some() {
                self.end_line(&mut take)?;
            }
        }
        Ok(())
    }

    /// The last event of a sender that forgot the empty line after it.
    pub(super) fn finish<E>(
        &mut self,
        mut take: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.line.is_empty() {
            self.end_line(&mut take)?;
        }
        self.end_line(&mut take)
    }

    fn end_line<E>(&mut self, take: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            if std::mem::take(&mut self.has_data) {
                return take(&String::from_utf8_lossy(&data));
            }
            return Ok(());
        }
        // Comments, `event:`, `id:` and `retry:` say nothing that a chat needs.
        if let Some(value) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&[u8]]) -> Vec<String> {
        let mut sse = Sse::default();
        let mut events = Vec::new();
        let mut take = |event: &str| {
            events.push(event.to_owned());
            Ok::<_, TooLong>(())
        };
        for chunk in chunks {
            sse.push(chunk, &mut take).expect("short events");
        }
        sse.finish(&mut take).expect("short events");
        events
    }

    #[test]
    fn lines_end_in_any_of_three_ways() {
        assert_eq!(events(&[b"data: a\n\ndata:b\r\n\r\ndata: c\r\r"]), ["a", "b", "c"]);
        assert_eq!(events(&[b"data: a\r", b"\n\r", b"\ndata: b\n\n"]), ["a", "b"]);
    }

    #[test]
    fn what_is_not_data_is_passed_over() {
        assert_eq!(events(&[b": hello\nevent: x\nid: 1\nretry: 5\ndata: a\n\n\n\n"]), ["a"]);
        assert_eq!(events(&[b"data: a\ndata: b\n\n"]), ["a\nb"]);
        assert_eq!(events(&[b"data: a"]), ["a"]);
        assert_eq!(events(&[b"", b"\n\n"]), Vec::<String>::new());
    }

    #[test]
    fn f20_a_character_split_over_two_chunks_survives() {
        assert_eq!(events(&[b"data: caf\xc3", b"\xa9\n\n"]), ["café"]);
        assert_eq!(events(&[b"data: caf\xc3\n\n"]), ["caf\u{fffd}"]);
    }

    #[test]
    fn an_endless_event_is_given_up() {
        let mut sse = Sse::default();
        let megabyte = vec![b'x'; 1024 * 1024];
        let outcome = (0..5).try_for_each(|_| sse.push(&megabyte, |_| Ok::<_, TooLong>(())));
        assert_eq!(outcome, Err(TooLong));
    }
}
