//! A model that says what the test wrote down: an OpenAI-compatible and Converse-shaped server on
//! loopback, with every fault a provider has been seen to have.
//!
//! It speaks HTTP/1.1 by hand, because a fault is a matter of bytes: a stream cut in mid-chunk, a
//! character split over two packets, a body that never comes. It lives on a thread of its own, so
//! that its time and its clock are not the test's.

mod echo;
mod reply;
mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

pub use reply::{Reply, now};

/// What the server will say. A request that contains a rule's text takes the rule's next reply;
/// every other one takes the next of the ordered ones. Used up, both echo.
#[derive(Default)]
pub struct Script {
    ordered: Replies,
    matching: Vec<(String, Replies)>,
    latency: Latency,
    keeps_calls: bool,
}

#[derive(Default)]
struct Replies {
    list: Vec<Reply>,
    used: AtomicUsize,
}

impl Replies {
    fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self { list: replies.into_iter().collect(), used: AtomicUsize::new(0) }
    }

    fn next(&self) -> &Reply {
        self.list.get(self.used.fetch_add(1, Ordering::SeqCst)).unwrap_or(&Reply::Echo)
    }
}

/// How long the model thinks before its first byte.
#[derive(Clone, Copy, Default)]
pub enum Latency {
    #[default]
    None,
    Fixed(Duration),
    /// Between the two, drawn from the seed and the call's number.
    Between {
        least: Duration,
        most: Duration,
        seed: u64,
    },
}

impl Script {
    /// Deterministic short answers for any request, as fast as possible; calls are only counted.
    pub fn echo() -> Self {
        Self::default()
    }

    /// These, in this order. Every call is kept.
    pub fn replies(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self { ordered: Replies::new(replies), keeps_calls: true, ..Self::default() }
    }

    /// These, one after the other, for requests whose body contains `text`.
    #[must_use]
    pub fn when(mut self, text: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.matching.push((text.to_owned(), Replies::new(replies)));
        self
    }

    #[must_use]
    pub fn latency(self, latency: Latency) -> Self {
        Self { latency, ..self }
    }

    /// Keep every call's body, for tests that read what was asked.
    #[must_use]
    pub fn keeping_calls(self) -> Self {
        Self { keeps_calls: true, ..self }
    }

    fn reply(&self, body: &[u8]) -> &Reply {
        let contains = |text: &str| std::str::from_utf8(body).is_ok_and(|body| body.contains(text));
        let matching = self.matching.iter().find(|(text, _)| contains(text));
        matching.map_or(&self.ordered, |(_, replies)| replies).next()
    }

    fn wait(&self, number: usize) -> Duration {
        match self.latency {
            Latency::None => Duration::ZERO,
            Latency::Fixed(wait) => wait,
            Latency::Between { least, most, seed } => {
                let share = u32::try_from(echo::hash(&(seed, number)) % 1024).unwrap_or_default();
                least + most.saturating_sub(least) * share / 1024
            }
        }
    }
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
}

impl Call {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

struct Shared {
    script: Script,
    count: AtomicUsize,
    calls: Mutex<Vec<Call>>,
}

/// Ends with its value.
pub struct Server {
    /// For `MODEL_BASE_URL`: up to and with `/v1`.
    pub base_url: String,
    /// For Bedrock's endpoint: the address alone.
    pub endpoint: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(script: Script) -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let shared =
            Arc::new(Shared { script, count: AtomicUsize::new(0), calls: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("scripted-model".to_owned()).spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, served) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        let base_url = format!("{endpoint}/v1");
        Ok(Self { base_url, endpoint, shared, stop: Some(stop), thread: Some(thread) })
    }

    pub fn count(&self) -> usize {
        self.shared.count.load(Ordering::SeqCst)
    }

    /// The calls so far, if the script keeps them.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
        self.thread.take().map(JoinHandle::join);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&shared)));
    }
}

/// One connection, kept open from call to call as long as the replies allow.
async fn serve(mut stream: tokio::net::TcpStream, shared: Arc<Shared>) {
    // An answer is one small packet: waiting to fill it would add 40 ms.
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    while let Ok(Some(request)) = wire::request(&mut stream, &mut buffer).await {
        let number = shared.count.fetch_add(1, Ordering::SeqCst);
        if shared.script.keeps_calls {
            let call = wire::call(&request);
            shared.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        }
        let wait = shared.script.wait(number);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let steps = shared.script.reply(request.body).steps(&request);
        if !wire::play(&mut stream, steps).await {
            return;
        }
        let used = request.length;
        buffer.drain(..used);
    }
}
