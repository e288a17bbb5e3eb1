//! A tap on the line between a function and its database: it knows which statement is under way,
//! and can stop the line at a named point, or cut it there.
//!
//! It reads the Postgres protocol just enough: the text of `Parse` and `Query` messages on the way
//! in, `ReadyForQuery` on the way out. Statements are known by their first comment.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How far a statement has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// The function has sent it.
    Asked,
    /// It was answered, and the function has sent the `commit`.
    Committing,
    /// The database has committed.
    Committed,
}

/// A point on the line: this statement, that far.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    pub statement: String,
    pub moment: Moment,
}

impl At {
    pub fn new(statement: &str, moment: Moment) -> Self {
        Self { statement: statement.into(), moment }
    }
}

/// The last point that was passed; none when no statement was sent yet.
pub type Seen = Option<At>;

#[derive(Clone, Debug)]
enum Plan {
    /// What comes to this point for the n-th time goes no further until it is let go.
    Hold(At, usize),
    /// The line is cut at this point, or at the one after so many others.
    Cut(At),
    CutAfter(u32),
}

#[derive(Default)]
struct State {
    /// Connections of the function that runs now have this number; older ones are strangers.
    generation: u64,
    seen: Seen,
    passed: BTreeMap<At, usize>,
    plan: Option<Plan>,
    cuts: u32,
}

pub struct Tap {
    pub port: u16,
    state: Arc<Mutex<State>>,
    /// Whether somebody is held.
    held: watch::Sender<bool>,
}

impl Tap {
    /// A tap on the line to `port` of this machine.
    pub async fn on(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let tap = Self {
            port: listener.local_addr()?.port(),
            state: Arc::default(),
            held: watch::Sender::new(false),
        };
        let (state, held) = (Arc::clone(&tap.state), tap.held.clone());
        tokio::spawn(async move {
            while let Ok((function, _)) = listener.accept().await {
                let line = Line {
                    generation: state.lock().unwrap().generation,
                    state: Arc::clone(&state),
                    held: held.clone(),
                    ..Line::default()
                };
                tokio::spawn(async move {
                    let Ok(database) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
                        return;
                    };
                    let _ = function.set_nodelay(true).and(database.set_nodelay(true));
                    let _ = line.serve(function, database).await;
                });
            }
        });
        Ok(tap)
    }

    /// A new function begins: nothing was seen, nothing is planned. Connections stay.
    pub fn begin(&self) {
        let mut state = self.state.lock().unwrap();
        state.seen = None;
        state.passed.clear();
        state.plan = None;
    }

    /// The function is gone: what its connections still carry is no longer looked at.
    pub fn renew(&self) {
        self.begin();
        self.state.lock().unwrap().generation += 1;
    }

    pub fn seen(&self) -> Seen {
        self.state.lock().unwrap().seen.clone()
    }

    /// How often this point was passed.
    pub fn passed(&self, at: &At) -> usize {
        self.state.lock().unwrap().passed.get(at).copied().unwrap_or_default()
    }

    pub fn cuts(&self) -> u32 {
        self.state.lock().unwrap().cuts
    }

    pub fn cut(&self, at: At) {
        self.state.lock().unwrap().plan = Some(Plan::Cut(at));
    }

    pub fn cut_after(&self, points: u32) {
        self.state.lock().unwrap().plan = Some(Plan::CutAfter(points));
    }

    pub fn hold(&self, at: At) {
        self.hold_at_last(at, 1);
    }

    /// Lets it pass some times before.
    pub fn hold_at_last(&self, at: At, times: usize) {
        self.held.send_replace(false);
        self.state.lock().unwrap().plan = Some(Plan::Hold(at, times));
    }

    /// Until somebody is held.
    pub async fn held(&self) {
        let _ = self.held.subscribe().wait_for(|held| *held).await;
    }

    pub fn let_go(&self) {
        self.held.send_replace(false);
    }
}

/// What answers a message with `ReadyForQuery` in the end.
enum Asked {
    Opening,
    Statement,
    Commit,
}

/// One connection.
#[derive(Default)]
struct Line {
    generation: u64,
    state: Arc<Mutex<State>>,
    held: watch::Sender<bool>,
    started: bool,
    asked: VecDeque<Asked>,
    statement: Option<String>,
    /// Between `begin` and its end. Elsewhere a statement is a transaction by itself.
    opened: bool,
}

enum Next {
    On,
    Hold,
    Cut,
}

impl Line {
    async fn serve(mut self, function: TcpStream, database: TcpStream) -> std::io::Result<()> {
        let (mut from_function, mut to_function) = function.into_split();
        let (mut from_database, mut to_database) = database.into_split();
        let (mut there, mut back) = (Vec::new(), Vec::new());
        self.asked.push_back(Asked::Opening);
        loop {
            while let Some(length) = message(&there, !self.started) {
                let next = self.on_the_way_in(&there[..length]);
                self.obey(next, &mut from_function, &mut there).await?;
                to_database.write_all(&there[..length]).await?;
                there.drain(..length);
                self.started = true;
            }
            while let Some(length) = message(&back, false) {
                let next = self.on_the_way_out(&back[..length]);
                self.obey(next, &mut from_function, &mut there).await?;
                to_function.write_all(&back[..length]).await?;
                back.drain(..length);
            }
            tokio::select! {
                read = from_function.read_buf(&mut there) => if read? == 0 {
                    return Ok(());
                },
                read = from_database.read_buf(&mut back) => if read? == 0 {
                    return Ok(());
                },
            }
        }
    }

    fn on_the_way_in(&mut self, message: &[u8]) -> Next {
        if !self.started {
            return Next::On;
        }
        // A pooled connection that was idle goes to whoever runs now.
        if self.asked.is_empty() && matches!(message[0], b'P' | b'Q') && !self.opened {
            self.generation = self.state.lock().unwrap().generation;
            self.statement = None;
        }
        let query = if message[0] == b'Q' { &message[5..] } else { &[] };
        let moment = match message[0] {
            b'P' => {
                let text = String::from_utf8_lossy(message);
                self.statement = text
                    .split_once("-- ")
                    .and_then(|(_, rest)| rest.split_whitespace().next().map(str::to_owned));
                Some(Moment::Asked)
            }
            b'Q' if query.starts_with(b"commit") => {
                self.opened = false;
                self.asked.push_back(Asked::Commit);
                Some(Moment::Committing)
            }
            // The end of a statement that is a transaction by itself commits it.
            b'S' if !self.opened => {
                self.asked.push_back(Asked::Commit);
                Some(Moment::Committing)
            }
            b'Q' | b'S' => {
                if query.starts_with(b"begin") || query.starts_with(b"rollback") {
                    self.opened = query.starts_with(b"begin");
                }
                self.asked.push_back(Asked::Statement);
                None
            }
            _ => None,
        };
        moment.map_or(Next::On, |moment| self.pass(moment))
    }

    fn on_the_way_out(&mut self, message: &[u8]) -> Next {
        match message[0] {
            b'Z' => match self.asked.pop_front() {
                Some(Asked::Commit) => self.pass(Moment::Committed),
                _ => Next::On,
            },
            _ => Next::On,
        }
    }

    fn pass(&self, moment: Moment) -> Next {
        let Some(statement) = self.statement.clone() else { return Next::On };
        let mut state = self.state.lock().unwrap();
        if state.generation != self.generation {
            return Next::On;
        }
        let here = At { statement, moment };
        state.seen = Some(here.clone());
        let passed = state.passed.entry(here.clone()).or_default();
        *passed += 1;
        let passed = *passed;
        let next = match &mut state.plan {
            Some(Plan::Hold(at, times)) if *at == here && *times == passed => Next::Hold,
            Some(Plan::Cut(at)) if *at == here => Next::Cut,
            Some(Plan::CutAfter(0)) => Next::Cut,
            Some(Plan::CutAfter(left)) => {
                *left -= 1;
                return Next::On;
            }
            _ => return Next::On,
        };
        state.plan = None;
        state.cuts += u32::from(matches!(next, Next::Cut));
        next
    }

    /// While it is held the function may hang up: then nothing goes on.
    async fn obey(
        &self,
        next: Next,
        function: &mut tokio::net::tcp::OwnedReadHalf,
        there: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        match next {
            Next::On => return Ok(()),
            Next::Cut => return Err(std::io::ErrorKind::ConnectionAborted.into()),
            Next::Hold => {}
        }
        self.held.send_replace(true);
        let mut held = self.held.subscribe();
        loop {
            tokio::select! {
                _ = held.wait_for(|held| !held) => return Ok(()),
                read = function.read_buf(there) => if read? == 0 {
                    return Err(std::io::ErrorKind::ConnectionAborted.into());
                },
            }
        }
    }
}

/// The length of the first whole message; the very first has no type.
fn message(bytes: &[u8], first: bool) -> Option<usize> {
    let at = usize::from(!first);
    let length: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()? + at;
    (bytes.len() >= length).then_some(length)
}
