//! Redis: plays ElastiCache. Nothing in it survives a stop, and nothing may depend on it.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{paths::Paths, process::Ask, service::Service, settings::program};

pub fn service(paths: &Paths, port: u16) -> Result<Service> {
    let home = paths.stack.join("redis");
    fs::create_dir_all(&home)?;
    let mut command = Command::new(program("redis-server").context("no redis-server")?);
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "no", "--dir"])
        .arg(&home);
    Ok(Service {
        name: "redis",
        what: "Redis",
        address: format!("127.0.0.1:{port}"),
        command,
        ask: Ask::Terminate,
        patience: Duration::from_secs(20),
        ready: Box::new(move || ping(port)),
    })
}

fn ping(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    ensure!(&answer == b"+PONG\r\n", "no PONG");
    Ok(())
}
