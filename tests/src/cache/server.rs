//! One Redis process: on a port of its own, ended by its process id.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use uuid::Uuid;

use crate::crash::until;

pub struct Server {
    pub port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// Keeps nothing on disk, unless the arguments say so.
    pub async fn start(arguments: &[&str]) -> Result<Self> {
        let [port] = local::ports::free()?;
        let server = Self::idle(port, arguments)?;
        server.begin().await?;
        Ok(server)
    }

    /// Three of them agree on who is the master of the name `cadre`, which now is at `master`.
    pub async fn sentinel(master: u16) -> Result<Self> {
        let [port] = local::ports::free()?;
        let mut server = Self::idle(port, &[])?;
        // A sentinel keeps what it knows in this file.
        let file = server.folder.join("sentinel.conf");
        let watches = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor cadre 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds cadre 500\nsentinel failover-timeout cadre 3000\n",
            server.folder.display()
        );
        fs::write(&file, watches)?;
        server.arguments = vec![file.display().to_string(), "--sentinel".into()];
        server.begin().await?;
        Ok(server)
    }

    fn idle(port: u16, arguments: &[&str]) -> Result<Self> {
        let name = format!("cadre-redis-{}", Uuid::now_v7().simple());
        let folder = local::settings::temporary().join(name);
        fs::create_dir_all(&folder)?;
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Ok(Self { port, folder, arguments, child: Mutex::default() })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it, with what it was started with, and waits until it listens.
    pub async fn begin(&self) -> Result<()> {
        let program = local::settings::program("redis-server").context("no redis-server")?;
        let mut command = Command::new(program);
        if self.arguments.iter().any(|argument| argument == "--sentinel") {
            command.args(&self.arguments);
        } else {
            command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
            command.args(["--appendonly", "no", "--dir"]).arg(&self.folder).args(&self.arguments);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        *self.child.lock().unwrap() = Some(command.spawn()?);
        let address = (std::net::Ipv4Addr::LOCALHOST, self.port);
        until("it listens", async || Ok(std::net::TcpStream::connect(address).is_ok())).await
    }

    /// At once, without notice.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            let _ = child.kill().and_then(|()| child.wait());
        }
    }

    /// It stays connected, and does nothing.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.lock().unwrap();
        let id = child.as_ref().context("it does not run")?.id();
        let id = Pid::from_raw(id.try_into()?).context("a process id")?;
        Ok(kill_process(id, signal)?)
    }

    /// Commands that the product does not have, past its client.
    pub async fn say(&self, words: &[&str]) -> Result<redis::Value> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let (name, arguments) = words.split_first().context("a command")?;
        let mut command = redis::cmd(name);
        for argument in arguments {
            command.arg(argument);
        }
        Ok(command.query_async(&mut connection).await?)
    }

    /// The same, as text; numbers and lists too.
    pub async fn text(&self, words: &[&str]) -> Result<String> {
        Ok(match self.say(words).await? {
            redis::Value::BulkString(bytes) => String::from_utf8(bytes)?,
            redis::Value::VerbatimString { text, .. } | redis::Value::SimpleString(text) => text,
            other => format!("{other:?}"),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
