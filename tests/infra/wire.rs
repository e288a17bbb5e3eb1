//! A wire to the emulator on which every connection carries one request.
//!
//! On connections that are used again the emulator drops about one request in a thousand after it
//! carried it out; Terraform asks again, and is told that what it makes is already there.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use anyhow::{Context, Result};

/// An address that stands for `endpoint`, for as long as this process lives.
pub(crate) fn to(endpoint: &str) -> Result<String> {
    let server = endpoint.strip_prefix("http://").context("not plain HTTP")?.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = server.clone();
            // A broken connection is the client's to notice.
            thread::spawn(move || carry(client, &server));
        }
    });
    Ok(address)
}

fn carry(mut client: TcpStream, server: &str) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    let mut request = BufReader::new(client.try_clone()?);
    let mut first = Vec::new();
    request.read_until(b'\n', &mut first)?;
    server.write_all(&first)?;
    server.write_all(b"connection: close\r\n")?;

    let mut out = server.try_clone()?;
    thread::spawn(move || io::copy(&mut request, &mut out));
    io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}
