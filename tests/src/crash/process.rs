//! The host as a process of its own, which can be killed as a process is: at once, without notice.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::sync::watch;

use super::machine::{Answer, Invoke};
use super::sandbox::answer;
use crate::world::root;

/// So that each has a log of its own.
static STARTED: AtomicU32 = AtomicU32::new(0);

pub struct HostProcess {
    number: u32,
    environment: Vec<(String, String)>,
    child: Mutex<Option<Child>>,
    /// Where it listens; nothing while it is down.
    url: watch::Sender<Option<String>>,
    http: reqwest::Client,
    /// Calls that came to an end.
    answers: watch::Sender<u32>,
    pub kills: AtomicU32,
    pub interrupted: AtomicU32,
}

impl HostProcess {
    pub fn start(environment: &[(&str, &str)]) -> Result<Self> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let host = Self {
            number: STARTED.fetch_add(1, Ordering::Relaxed),
            environment: environment.iter().map(owned).collect(),
            child: Mutex::default(),
            url: watch::Sender::new(None),
            http: reqwest::Client::new(),
            answers: watch::Sender::new(0),
            kills: AtomicU32::new(0),
            interrupted: AtomicU32::new(0),
        };
        host.spawn()?;
        Ok(host)
    }

    /// Until so many more calls have come to an end.
    pub async fn answered(&self, more: u32) {
        let enough = *self.answers.borrow() + more;
        let _ = self.answers.subscribe().wait_for(|answers| *answers >= enough).await;
    }

    /// SIGKILL, and a new one.
    pub fn kill_and_restart(&self) -> Result<()> {
        self.url.send_replace(None);
        self.kill();
        self.kills.fetch_add(1, Ordering::Relaxed);
        self.spawn()
    }

    /// A request to its API.
    pub async fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let mut url = self.url.subscribe();
        let up = url.wait_for(Option::is_some).await.expect("the host lives").clone();
        self.http.request(method, format!("{}{path}", up.unwrap_or_default()))
    }

    /// What it has said so far, in all its lives.
    pub fn log(&self) -> Result<PathBuf> {
        let folder = root().join(".local/test/logs");
        std::fs::create_dir_all(&folder)?;
        Ok(folder.join(format!("host-{}-{}.log", std::process::id(), self.number)))
    }

    fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn spawn(&self) -> Result<()> {
        let binary = binary()?;
        let mut child = Command::new(&binary)
            .env_remove("RUN_STATE_MACHINE_ARN")
            .env("LOG_LEVEL", "info")
            .envs(crate::dynamo::environment())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("HOST_ADDRESS", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{}", binary.display()))?;
        let log = BufReader::new(child.stderr.take().context("no log")?);
        *self.child.lock().unwrap() = Some(child);
        let url = self.url.clone();
        // Kept beside the stack's own logs: what no log may hold is looked for in all of them.
        let mut kept = File::options().create(true).append(true).open(self.log()?)?;
        // Reads to the end, or the host would stand still on a full pipe.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let _ = writeln!(kept, "{line}");
                let line: Value = serde_json::from_str(&line).unwrap_or_default();
                if line["message"] == "listening" {
                    url.send_replace(line["address"].as_str().map(|a| format!("http://{a}")));
                }
            }
        });
        Ok(())
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Invoke for HostProcess {
    async fn invoke(&self, function: &'static str, event: Value, _retries: u32) -> Answer {
        let mut url = self.url.subscribe();
        loop {
            let up = url.wait_for(Option::is_some).await.expect("the host lives").clone();
            let up = up.unwrap_or_default();
            let path = format!("{up}/2015-03-31/functions/{function}/invocations");
            let sent = self.http.post(path).body(event.to_string()).send().await;
            let whole = match sent {
                // Nobody was called: Lambda is always there, so this is no try.
                Err(error) if error.is_connect() => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    continue;
                }
                Err(error) => Err(error),
                Ok(response) => {
                    let failed = response.headers().contains_key("x-amz-function-error");
                    response.bytes().await.map(|bytes| (failed, bytes))
                }
            };
            let Ok((failed, bytes)) = whole else {
                self.interrupted.fetch_add(1, Ordering::Relaxed);
                return Answer::Killed;
            };
            self.answers.send_modify(|answers| *answers += 1);
            return answer(failed, &serde_json::from_slice(&bytes).unwrap_or_default());
        }
    }
}

/// Beside the tests: `make test` builds it before.
fn binary() -> Result<PathBuf> {
    local::build::beside("host")
}
