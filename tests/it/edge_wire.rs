//! Requests as bytes on a connection: where one ends and the next begins is nobody's to argue about.

use std::time::Duration;

use anyhow::Result;
use tests::House;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The host, listening.
async fn listening() -> Result<std::net::SocketAddr> {
    let house = House::open()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, house.router).await });
    Ok(address)
}

/// What comes back for these bytes until the connection closes or falls silent.
async fn said(address: std::net::SocketAddr, bytes: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(bytes).await?;
    let mut all = Vec::new();
    let mut block = [0; 4096];
    while let Ok(Ok(read @ 1..)) =
        tokio::time::timeout(Duration::from_millis(300), stream.read(&mut block)).await
    {
        all.extend_from_slice(&block[..read]);
    }
    Ok(String::from_utf8_lossy(&all).into_owned())
}

/// A second request hidden in the first one's body is never answered as a request.
#[tokio::test]
async fn p5_a_request_smuggled_behind_another_is_not_heard() -> Result<()> {
    let address = listening().await?;
    let hidden = "GET /v1/health HTTP/1.1\r\nhost: h\r\n\r\n";
    let head = "POST /v1/agents HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n";
    let length = hidden.len() + 5;
    let tricks = [
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n\r\n0\r\n\r\n{hidden}"),
        format!("content-length: 0\r\ncontent-length: {length}\r\n\r\n{hidden}"),
        format!("content-length: +0\r\n\r\n{hidden}"),
        format!("content-length: 0, {length}\r\n\r\n{hidden}"),
        format!("content-length: -1\r\n\r\n{hidden}"),
        format!("content-length : 0\r\n\r\n{hidden}"),
        format!("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("x-a: b\r\n folded: c\r\ncontent-length : 0\r\n\r\n{hidden}"),
    ];
    for trick in tricks {
        let answer = said(address, format!("{head}{trick}").as_bytes()).await?;
        assert!(!answer.contains("\"status\":\"ok\""), "{trick:?}: {answer}");
        let first = answer.lines().next().unwrap_or_default();
        assert!(!first.contains(" 200 "), "{trick:?}: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn p4_headers_without_end_are_cut_off() -> Result<()> {
    let address = listening().await?;
    let many = "x: y\r\n".repeat(100_000);
    let many = format!("GET /v1/health HTTP/1.1\r\nhost: h\r\n{many}");
    let answer = said(address, many.as_bytes()).await.unwrap_or_default();
    assert!(!answer.contains(" 200 "), "{answer}");
    let long = format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "a".repeat(1_000_000));
    let answer = said(address, long.as_bytes()).await.unwrap_or_default();
    assert!(!answer.contains(" 200 ") && !answer.contains(" 404 "), "{answer}");
    Ok(())
}
