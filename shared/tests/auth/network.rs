//! The real fetcher against servers that redirect, drip, flood and lie.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use shared::auth::{AuthError, Verifier};
use shared::config::Auth;

use crate::issuer::{ISSUER, good, key, set, settings};

/// A server that does this with each who comes; its address, and how many came.
fn server(serve: fn(TcpStream)) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            thread::spawn(move || serve(stream));
        }
    });
    (url, came)
}

fn answer(mut stream: TcpStream, head: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

fn verifier(url: &str) -> Verifier {
    Verifier::new(Auth { jwks_url: url.into(), ..settings(ISSUER) })
}

#[tokio::test]
async fn a22_keys_come_over_the_network_and_a_token_of_another_time_is_then_judged() {
    let (url, came) = server(|stream| answer(stream, "200 OK", &set(&[key(0).jwk("one")])));
    let verifier = verifier(&url);
    for _ in 0..3 {
        let judged = verifier.verify(&good()).await.unwrap_err();
        let time =
            matches!(judged, AuthError::IssuedInFuture | AuthError::Expired | AuthError::Lifetime);
        assert!(time, "the signature held, and by the real clock: {judged:?}");
    }
    assert_eq!(came.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a22_redirects_floods_errors_and_bombs_bring_no_keys() {
    let redirect: fn(TcpStream) = |stream| {
        answer(stream, "302 Found\r\nlocation: http://169.254.169.254/keys", b"");
    };
    let flood: fn(TcpStream) = |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        while stream.write_all(&[b' '; 8_192]).is_ok() {}
    };
    let announced: fn(TcpStream) = |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n{");
        while stream.write_all(&[b' '; 8_192]).is_ok() {}
    };
    let bomb: fn(TcpStream) = |stream| {
        answer(stream, "200 OK\r\ncontent-encoding: gzip", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    };
    let html: fn(TcpStream) = |stream| answer(stream, "200 OK", b"<html>sign in</html>");
    let error: fn(TcpStream) = |stream| answer(stream, "500 Oops", &set(&[key(0).jwk("one")]));
    let cut: fn(TcpStream) = |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"keys\":[");
    };
    for serve in [redirect, flood, announced, bomb, html, error, cut] {
        let (url, came) = server(serve);
        let good = good();
        let started = Instant::now();
        let refused = verifier(&url).verify(&good).await.unwrap_err();
        assert_eq!(refused, AuthError::KeysUnavailable);
        assert_eq!(came.load(Ordering::SeqCst), 1, "asked once, and followed nowhere");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a22_a_server_that_drips_is_left_after_five_seconds() {
    let (url, _) = server(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            thread::park_timeout(Duration::from_millis(200));
        }
    });
    let good = good();
    let started = Instant::now();
    let refused = verifier(&url).verify(&good).await.unwrap_err();
    assert_eq!(refused, AuthError::KeysUnavailable);
    let took = started.elapsed();
    assert!((4_900..8_000).contains(&took.as_millis()), "{took:?}");
}
