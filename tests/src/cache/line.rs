//! A line to a server, which can fall silent (a black hole: connections are taken, nothing is ever
//! answered), hang up on everybody, or lead to another server.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Through,
    Silent,
    HangUp,
}

pub struct Line {
    pub port: u16,
    mode: watch::Sender<Mode>,
    target: Arc<AtomicU16>,
}

impl Line {
    pub async fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let line = Self {
            port: listener.local_addr()?.port(),
            mode: watch::Sender::new(Mode::Through),
            target: Arc::new(AtomicU16::new(port)),
        };
        let (mode, target) = (line.mode.clone(), Arc::clone(&line.target));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, mode.subscribe(), target.load(Ordering::Relaxed)));
            }
        });
        Ok(line)
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// New connections go there; those there are hang up.
    pub fn lead_to(&self, port: u16) {
        self.target.store(port, Ordering::Relaxed);
        self.set(Mode::HangUp);
        self.set(Mode::Through);
    }
}

async fn serve(mut stream: TcpStream, mut mode: watch::Receiver<Mode>, port: u16) {
    let now = *mode.borrow_and_update();
    if now == Mode::HangUp {
        return;
    }
    if now == Mode::Through {
        let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
        let _ = stream.set_nodelay(true).and(server.set_nodelay(true));
        tokio::select! {
            _ = copy_bidirectional(&mut stream, &mut server) => return,
            // What was under way is lost.
            _ = mode.changed() => {}
        }
    }
    // A silent line keeps its client waiting until it is told otherwise.
    if *mode.borrow() == Mode::Silent {
        let _ = mode.wait_for(|mode| *mode != Mode::Silent).await;
    }
}
