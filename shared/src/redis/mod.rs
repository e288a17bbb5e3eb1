//! Redis: one client for everything that may be forgotten. It is never the truth.
//!
//! A connection is made when first asked for, and made anew when it breaks or when its server turns
//! out to be a replica (`READONLY`), still loading, or not the owner of a slot. Whoever asks waits at
//! most 50 ms (`REDIS_PATIENCE_MS`), half as long again with a connection to make; after a failure
//! nobody asks for a second.
//! What that means is for the one who asks to say: every verb answers [`Gone`], and there is always
//! another way.

mod breaker;
pub mod cache;
mod credentials;
pub mod key;
mod link;
pub mod lock;
pub mod stream;

use std::time::{Duration, Instant};

use ::redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value, cmd};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{Error, config};
use breaker::Breaker;
pub use credentials::{Credentials, ElastiCache, Fixed, Login};
pub use key::{Key, Scope, System};
use link::Link;

/// Redis did not answer, or not with what it was asked for. The log knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Redis did not answer")]
pub struct Gone;

impl From<Gone> for Error {
    fn from(gone: Gone) -> Self {
        Self::Unavailable(gone.into())
    }
}

pub struct Redis {
    settings: config::Redis,
    credentials: Box<dyn Credentials>,
    state: Mutex<State>,
    breaker: Breaker,
}

#[derive(Default)]
enum State {
    #[default]
    Down,
    /// It goes on when the request that began it has given up waiting: the next one finds it done.
    Connecting(JoinHandle<Result<Link, RedisError>>),
    Up(Connection),
}

struct Connection {
    link: Link,
    /// When it last proved who it is.
    proven: Instant,
    born: Instant,
}

/// A script of ours, known to the server by its digest.
pub struct Script {
    code: &'static str,
    hash: ::redis::Script,
}

impl Script {
    pub fn new(code: &'static str) -> Self {
        Self { code, hash: ::redis::Script::new(code) }
    }
}

impl Redis {
    pub fn new(settings: config::Redis) -> Self {
        let credentials: Box<dyn Credentials> = match settings.iam.clone() {
            Some(iam) => Box::new(ElastiCache::new(iam)),
            None => Box::new(Fixed),
        };
        Self::with_credentials(settings, credentials)
    }

    pub fn with_credentials(settings: config::Redis, credentials: Box<dyn Credentials>) -> Self {
        Self { settings, credentials, state: Mutex::default(), breaker: Breaker::new() }
    }

    pub async fn ping(&self) -> Result<(), Gone> {
        self.ask(&cmd("PING")).await.map(drop)
    }

    pub async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Gone> {
        read(self.ask(cmd("GET").arg(key.as_str())).await?)
    }

    /// There for so long, and no longer: nothing of ours stays for ever.
    pub async fn set(&self, key: &Key, value: &[u8], life: Duration) -> Result<(), Gone> {
        let mut set = cmd("SET");
        set.arg(key.as_str()).arg(value).arg("PX").arg(milliseconds(life));
        self.ask(&set).await.map(drop)
    }

    /// False when there was a value already.
    pub async fn set_new(&self, key: &Key, value: &[u8], life: Duration) -> Result<bool, Gone> {
        let mut set = cmd("SET");
        set.arg(key.as_str()).arg(value).arg("NX").arg("PX").arg(milliseconds(life));
        Ok(self.ask(&set).await? == Value::Okay)
    }

    /// Reads it and takes it away, in one: for what may be used once.
    pub async fn take(&self, key: &Key) -> Result<Option<Vec<u8>>, Gone> {
        read(self.ask(cmd("GETDEL").arg(key.as_str())).await?)
    }

    pub async fn forget(&self, key: &Key) -> Result<(), Gone> {
        self.ask(cmd("DEL").arg(key.as_str())).await.map(drop)
    }

    /// Runs a script. In a cluster its keys must be of one tenant.
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&Key],
        arguments: &[&[u8]],
    ) -> Result<T, Gone> {
        let call = |name: &str, what: &str| {
            let mut call = cmd(name);
            call.arg(what).arg(keys.len());
            for key in keys {
                call.arg(key.as_str());
            }
            for argument in arguments {
                call.arg(*argument);
            }
            call
        };
        self.breaker.enter()?;
        let answer = match self.send(&call("EVALSHA", script.hash.get_hash())).await {
            Err(error) if kind(&error) == Some(ServerErrorKind::NoScript) => {
                self.send(&call("EVAL", script.code)).await
            }
            other => other,
        };
        read(self.settle(answer)?)
    }

    async fn ask(&self, command: &Cmd) -> Result<Value, Gone> {
        self.breaker.enter()?;
        self.settle(self.send(command).await)
    }

    fn settle(&self, answer: Result<Value, RedisError>) -> Result<Value, Gone> {
        match answer {
            Ok(value) => {
                self.breaker.close();
                Ok(value)
            }
            Err(error) if is_gone(&error) => {
                if self.breaker.open() {
                    tracing::warn!(%error, "Redis is gone: going on without it");
                }
                Err(Gone)
            }
            // It is there, and what we asked was wrong: ours to repair.
            Err(error) => {
                self.breaker.close();
                tracing::error!(%error, "Redis refused a command");
                Err(Gone)
            }
        }
    }

    /// Once more, over a new connection, if an older one turned out to be of no use.
    async fn send(&self, command: &Cmd) -> Result<Value, RedisError> {
        let started = Instant::now();
        let whole = self.settings.patience * 3 / 2;
        let (mut link, born, fresh) = self.link(whole).await?;
        let answer = within(self.settings.patience, link.send(command)).await;
        let Err(error) = answer else { return answer };
        if !is_gone(&error) {
            return Err(error);
        }
        self.drop_link(born).await;
        let left = whole.saturating_sub(started.elapsed());
        if fresh || error.is_timeout() || left.is_zero() {
            return Err(error);
        }
        let (mut link, born, _) = self.link(left).await?;
        let answer = within(whole.saturating_sub(started.elapsed()), link.send(command)).await;
        if answer.as_ref().is_err_and(is_gone) {
            self.drop_link(born).await;
        }
        answer
    }

    /// The connection, when it was made, and whether that was just now.
    async fn link(&self, patience: Duration) -> Result<(Link, Instant, bool), RedisError> {
        within(patience, async {
            let mut state = self.state.lock().await;
            if let State::Up(connection) = &mut *state
                && self.prove_again(connection).await.is_err()
            {
                *state = State::Down;
            }
            if let State::Up(Connection { link, born, .. }) = &*state {
                return Ok((link.clone(), *born, false));
            }
            if let State::Down = &*state {
                let login = self.credentials.login().map_err(|error| link::refused(&error))?;
                *state = State::Connecting(begin(link::connect(self.settings.clone(), login)));
            }
            let State::Connecting(attempt) = &mut *state else { return Err(link::silent()) };
            let made = attempt.await;
            *state = State::Down;
            let (link, now) = (made.map_err(|_| link::silent())??, Instant::now());
            *state = State::Up(Connection { link: link.clone(), proven: now, born: now });
            Ok((link, now, true))
        })
        .await
    }

    /// A connection that was let in by a token is let go by the server when the token is too old.
    async fn prove_again(&self, connection: &mut Connection) -> Result<(), RedisError> {
        let due = self.credentials.life().is_some_and(|life| connection.proven.elapsed() >= life);
        if !due {
            return Ok(());
        }
        // A cluster's many connections are made anew.
        let Link::One(one) = &mut connection.link else { return Err(link::silent()) };
        if let Some(Login { user, password }) =
            self.credentials.login().map_err(|error| link::refused(&error))?
        {
            let mut proof = cmd("AUTH");
            proof.arg(user).arg(password.expose());
            one.send_packed_command(&proof).await?.extract_error()?;
        }
        connection.proven = Instant::now();
        Ok(())
    }

    /// Unless somebody has made another one since.
    async fn drop_link(&self, broken: Instant) {
        let mut state = self.state.lock().await;
        if matches!(&*state, State::Up(connection) if connection.born == broken) {
            *state = State::Down;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it ends within a second, and one that a pause of the sandbox cuts off is begun again"
)]
fn begin(
    attempt: impl Future<Output = Result<Link, RedisError>> + Send + 'static,
) -> JoinHandle<Result<Link, RedisError>> {
    tokio::spawn(attempt)
}

async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, RedisError> {
    timeout(patience, work).await.unwrap_or_else(|_| Err(link::silent()))
}

fn kind(error: &RedisError) -> Option<ServerErrorKind> {
    match error.kind() {
        ErrorKind::Server(kind) => Some(kind),
        _ => None,
    }
}

/// Whether another connection, or the same in a moment, may do better.
fn is_gone(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, TryAgain};
    match error.kind() {
        ErrorKind::Server(kind) => {
            matches!(kind, BusyLoading | ClusterDown | MasterDown | Moved | ReadOnly | TryAgain)
        }
        // What the library knows no kind for: `NOAUTH`, `WRONGPASS`, `UNBLOCKED`, …
        ErrorKind::UnexpectedReturnType | ErrorKind::Client => false,
        _ => true,
    }
}

fn read<T: FromRedisValue>(value: Value) -> Result<T, Gone> {
    T::from_redis_value(value).map_err(|error| {
        tracing::error!(%error, "Redis answered with something else");
        Gone
    })
}

fn milliseconds(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX).max(1)
}
