//! HTTP/1.1, just enough of it, and a reply as bytes in time.

use std::io::{Error, ErrorKind, Result};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Call;

const HEAD_END: &[u8] = b"\r\n\r\n";
/// A prompt may be long; this is a client that has gone mad.
const LONGEST_REQUEST: usize = 64 * 1024 * 1024;

pub(super) struct Request<'a> {
    pub(super) head: &'a str,
    pub(super) body: &'a [u8],
    /// How much of the buffer it takes.
    pub(super) length: usize,
}

impl Request<'_> {
    pub(super) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or("/")
    }
}

pub(super) enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// Again and again, until the client has had enough.
    Forever(Vec<u8>, Duration),
    /// Say no more, and keep the connection open.
    Hang,
    Close,
}

/// The next request, or nothing when the client has closed.
pub(super) async fn request<'a>(
    stream: &mut TcpStream,
    buffer: &'a mut Vec<u8>,
) -> Result<Option<Request<'a>>> {
    let (head, length) = loop {
        if let Some(head) = buffer.windows(HEAD_END.len()).position(|part| part == HEAD_END) {
            let body = content_length(&buffer[..head])?;
            let length = head + HEAD_END.len() + body;
            if length > LONGEST_REQUEST {
                return Err(ErrorKind::InvalidData.into());
            }
            if buffer.len() >= length {
                break (head, length);
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let (head, rest) = buffer[..length].split_at(head);
    let head = std::str::from_utf8(head).map_err(Error::other)?;
    Ok(Some(Request { head, body: &rest[HEAD_END.len()..], length }))
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head).map_err(Error::other)?;
    let length = headers(head).find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.map_or(Ok(0), |(_, value)| value.parse().map_err(Error::other))
}

fn headers(head: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name, value.trim()))
}

pub(super) fn call(request: &Request<'_>) -> Call {
    let owned = |(name, value): (&str, &str)| (name.to_ascii_lowercase(), value.to_owned());
    Call {
        path: request.path().to_owned(),
        headers: headers(request.head).map(owned).collect(),
        body: request.body.to_vec(),
        at: Instant::now(),
    }
}

/// Whether the connection can serve another call.
pub(super) async fn play(stream: &mut TcpStream, steps: Vec<Step>) -> bool {
    for step in steps {
        match step {
            Step::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return false;
                }
            }
            Step::Wait(wait) => tokio::time::sleep(wait).await,
            Step::Forever(bytes, pause) => {
                while stream.write_all(&bytes).await.is_ok() {
                    tokio::time::sleep(pause).await;
                }
                return false;
            }
            Step::Hang => {
                // Until the client hangs up; what it sends meanwhile is of no interest.
                while matches!(stream.read(&mut [0; 1024]).await, Ok(1..)) {}
                return false;
            }
            Step::Close => return false,
        }
    }
    true
}

/// A whole answer in one packet.
pub(super) fn whole(status: u16, headers: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let mut answer = head(status, headers);
    answer.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    answer.extend_from_slice(body);
    answer
}

/// The beginning of an answer that comes in chunks.
pub(super) fn chunked(headers: &[(&str, String)]) -> Vec<u8> {
    let mut answer = head(200, headers);
    answer.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
    answer
}

fn head(status: u16, headers: &[(&str, String)]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        head.extend([*name, ": ", value.as_str(), "\r\n"]);
    }
    head.into_bytes()
}

pub(super) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
