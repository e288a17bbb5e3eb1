//! A small HTTP server: one scripted reply after the other, and what was asked.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Request>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `GET /v1/runs?limit=20`
    pub(crate) line: String,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| {
            line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
        };
        self.head.lines().find(named).and_then(|line| line.split_once(':')).map(|it| it.1.trim())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) enum Reply {
    Json(u16, Value),
    /// A refusal, with `Retry-After` where there is one.
    Problem(u16, &'static str, Option<u64>),
    /// Status, headers and body as they are.
    Raw(&'static str),
    /// The connection ends without a word.
    Cut,
    /// It ends in the middle of the body.
    Half,
}

pub(crate) fn ok(value: Value) -> Reply {
    Reply::Json(200, value)
}

/// A page that is the last.
pub(crate) fn page(items: &[Value]) -> Reply {
    ok(json!({ "items": items, "next": null }))
}

impl Server {
    pub(crate) fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::with(|_| script.into_iter().collect())
    }

    /// For replies that name the server.
    pub(crate) fn with(script: impl FnOnce(&str) -> Vec<Reply>) -> Self {
        Self::of(None, script)
    }

    /// With TLS, where it has something to show for itself.
    pub(crate) fn of(
        tls: Option<Arc<ServerConfig>>,
        script: impl FnOnce(&str) -> Vec<Reply>,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let mut script = VecDeque::from(script(&url));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream: Box<dyn Stream> = match tls.clone() {
                    None => Box::new(stream.unwrap()),
                    Some(tls) => {
                        let tls = ServerConnection::new(tls).unwrap();
                        Box::new(StreamOwned::new(tls, stream.unwrap()))
                    }
                };
                let Some(request) = read(&mut *stream) else { continue };
                // Where the script has no stream, nothing streams.
                let next = script.front();
                let streams = matches!(next, Some(Reply::Raw(raw)) if raw.contains("event-stream"));
                if request.line.ends_with("/stream") && !streams {
                    let _ = stream.write_all(&bytes(Reply::Problem(404, "not here", None)));
                    continue;
                }
                seen.lock().unwrap().push(request);
                let end = Reply::Problem(500, "the script has ended", None);
                // Whoever asked may be gone.
                let _ = stream.write_all(&bytes(script.pop_front().unwrap_or(end)));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|request| request.line).collect()
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn read(stream: &mut dyn Stream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut part = [0; 8192];
    loop {
        let length = stream.read(&mut part).ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&part[..length]);
        let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        let mut request = Request { line, head, body: bytes[end + 4..].to_vec() };
        let length = request.header("content-length").map_or(0, |it| it.parse().unwrap());
        while request.body.len() < length {
            let more = stream.read(&mut part).ok().filter(|length| *length > 0)?;
            request.body.extend_from_slice(&part[..more]);
        }
        return Some(request);
    }
}

fn bytes(reply: Reply) -> Vec<u8> {
    let whole = |status: u16, kind: &str, more: &str, body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n{more}\r\n{body}"
        )
    };
    let text = match reply {
        Reply::Json(status, value) => whole(status, "application/json", "", &value.to_string()),
        Reply::Problem(status, detail, wait) => {
            let kind = format!("urn:cadre:problem:status-{status}");
            let body = json!({ "type": kind, "title": "No", "status": status, "detail": detail });
            let wait = wait.map(|wait| format!("Retry-After: {wait}\r\n")).unwrap_or_default();
            whole(status, "application/problem+json", &wait, &body.to_string())
        }
        Reply::Raw(text) => text.to_owned(),
        Reply::Cut => String::new(),
        Reply::Half => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"items\":".into(),
    };
    text.into_bytes()
}
