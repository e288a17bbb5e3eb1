//! The way back from the browser: one address on this machine, open for as long as a sign-in takes.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_mins(5);
const LONGEST: usize = 16 * 1024;

pub(super) struct Callback {
    listener: TcpListener,
    port: u16,
}

impl Callback {
    pub(super) fn listen(port: u16) -> Result<Self> {
        let failed = |error| {
            Failure::new(format!("port {port} cannot be listened at: {error}"))
                .next("is another sign-in going on? Or give a --port that the issuer knows too")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/callback", self.port)
    }

    /// The code, from the answer to what was asked. Any page can call this address: what does not
    /// carry our state is turned away, and the wait goes on.
    pub(super) fn wait(&self, state: &str, issuer: &str) -> Result<String> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    let Some(query) = query(&mut stream) else {
                        reply(&mut stream, "404 Not Found", "There is nothing here.");
                        continue;
                    };
                    let field = |name: &str| query.get(name).map(String::as_str);
                    let ours = field("state") == Some(state)
                        && field("iss").is_none_or(|iss| iss == issuer);
                    if !ours {
                        reply(&mut stream, "400 Bad Request", "This is no answer to our question.");
                        continue;
                    }
                    if let Some(code) = field("code") {
                        reply(&mut stream, "200 OK", "Back to the terminal: you can close this.");
                        return Ok(code.to_owned());
                    }
                    reply(&mut stream, "200 OK", "That was refused: see the terminal.");
                    let why = field("error_description").or(field("error"));
                    return Err(Failure::new(format!(
                        "the issuer refused: {}",
                        why.unwrap_or("it gave no reason")
                    ))
                    .next("cadre login"));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(Failure::new(format!("no way back: {error}"))),
            }
        }
        Err(Failure::new("nobody came back from the browser in 5 minutes").next("cadre login"))
    }
}

/// What a `GET /callback` asks; nothing of anything else.
fn query(stream: &mut TcpStream) -> Option<HashMap<String, String>> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let mut read = Vec::new();
    let mut part = [0; 2048];
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = stream.read(&mut part).ok().filter(|length| *length > 0)?;
        read.extend_from_slice(&part[..length]);
        if read.len() > LONGEST {
            return None;
        }
    }
    let line = std::str::from_utf8(&read).ok()?.lines().next()?.to_owned();
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    let query = target.strip_prefix("/callback?")?;
    serde_urlencoded::from_str(query).ok()
}

/// The browser may be gone already, which changes nothing.
fn reply(stream: &mut TcpStream, status: &str, text: &str) {
    let body = format!("<!doctype html><meta charset=utf-8><title>Cadre</title><p>{text}");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
