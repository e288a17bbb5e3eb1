//! Server-sent events, line by line as they come.

use std::io::{BufRead, Read};

use serde_json::Value;

/// No event of ours is longer; a server that sends one is no Cadre.
const LONGEST_LINE: u64 = 8 * 1024 * 1024;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sent {
    pub(crate) id: Option<String>,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

pub(crate) struct Stream<R>(pub(crate) R);

impl<R: BufRead> Stream<R> {
    /// The next event that has data; `None` when the answer has ended, or was cut off.
    pub(crate) fn next(&mut self) -> Option<Sent> {
        let (mut sent, mut data) = (Sent::default(), String::new());
        loop {
            let mut line = String::new();
            let read = self.0.by_ref().take(LONGEST_LINE).read_line(&mut line);
            // An event whose end is missing does not count: it comes again.
            if read.is_err() || !line.ends_with('\n') {
                return None;
            }
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                if let Ok(data) = serde_json::from_str(&data) {
                    return Some(Sent { data, ..sent });
                }
                (sent, data) = (Sent::default(), String::new());
                continue;
            }
            let (name, text) = line.split_once(':').unwrap_or((line, ""));
            let text = text.strip_prefix(' ').unwrap_or(text);
            match name {
                "id" => sent.id = Some(text.to_owned()),
                "event" => text.clone_into(&mut sent.kind),
                "data" => data.push_str(text),
                // Comments are signs of life; `retry` says what we do anyway.
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stream;

    #[test]
    fn events_are_whole_or_not_there() {
        let text = "retry: 1000\n\n: still here\n\nid: 3\nevent: turn.text\ndata: {\"text\":\"a\"}\n\n\
                    id: 4\nevent: end\ndata: {";
        let mut stream = Stream(text.as_bytes());
        let sent = stream.next().unwrap();
        assert_eq!((sent.id.as_deref(), sent.kind.as_str()), (Some("3"), "turn.text"));
        assert_eq!(sent.data["text"], "a");
        assert_eq!(stream.next(), None, "the rest was cut off");
    }
}
