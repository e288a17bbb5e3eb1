//! What stands between a proven caller and the handler: how often they ask, whether what they prove
//! themselves by was taken back, and what their organization's own roles leave them. One round trip.
//!
//! Redis knows it, and Postgres is the record. Without Redis each process counts by itself, a tenth
//! of the limit, and the record is asked. Without both nobody knows what was taken back: then what
//! needs an administrator's right is closed, and the rest goes on as the token says.

mod limits;
mod local;

use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::auth::revocation::{self, Kind, Standing};
use crate::auth::{self, AuthError, roles, session};
use crate::redis::{Gone, Key, Redis, Script, System};
use crate::table::{Access, Class};
use crate::{App, Caller, Error, Result, config};
use limits::Counted;
pub use limits::{Limit, Limits, Told};
use local::Local;

static ASK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("gate.lua")));

/// What Redis did not know of a caller, until their next look-up. Not over what a mark has said
/// meanwhile.
static TELL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1], 'NX', 'PX', ARGV[1]) end
         return 1",
    )
});

/// What is everyday work: permissions `runs:…` and so on. All others are an administrator's.
const EVERYDAY: [&str; 7] =
    ["account", "agents", "conversations", "documents", "imports", "runs", "workflows"];

/// There is no ceiling: as Redis keeps it.
const NO_CEILING: &str = "-";

type Bucket = (&'static str, Key, Limit);
/// What is known of the caller, and the buckets with this request counted.
type Answer = (Vec<Option<String>>, Vec<Counted>);

pub struct Gate {
    limits: Limits,
    local: Local,
}

impl Gate {
    pub fn new(limits: Limits) -> Self {
        Self { limits, local: Local::default() }
    }

    pub(crate) fn from_env() -> anyhow::Result<Self> {
        Ok(Self::new(Limits::changed_by(config::rate_limits().as_deref())?))
    }

    fn by_caller(&self, access: &Access, route: &str, caller: &Caller) -> Vec<Bucket> {
        let scope = Key::tenant(caller.tenant);
        let user = caller.user.to_string();
        vec![
            ("tenant", scope.key("rate", &["tenant"]), self.limits.tenant),
            ("user", scope.key("rate", &["user", &user]), self.limits.user),
            ("route", scope.key("rate", &["route", route]), self.limits.of(access.class)),
        ]
    }

    /// What Redis has counted; without it, what this process has.
    fn count(&self, answer: Result<Answer, Gone>, buckets: &[Bucket]) -> Answer {
        answer.unwrap_or_else(|Gone| (vec![], self.local.count(buckets, Instant::now())))
    }
}

/// Somebody who may go on.
#[derive(Debug)]
pub struct Passed {
    pub ceiling: Ceiling,
    /// To be written on the answer.
    pub told: Told,
}

/// What the tenant leaves its member; `None` when it has said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceiling(pub Option<Vec<String>>);

impl Ceiling {
    /// Never adds: what the token does not hold stays out. Their own account it leaves to everybody.
    pub fn narrow(&self, permissions: &mut Vec<String>) {
        if let Some(left) = &self.0 {
            let own = |permission: &String| session::OWN.contains(&permission.as_str());
            permissions.retain(|permission| own(permission) || roles::leaves(left, permission));
        }
    }
}

/// Lets somebody ask who has not proved who they are: on an open route, or in vain on a closed one.
/// They are counted by their address alone.
pub async fn stranger(
    app: App,
    access: &Access,
    route: &str,
    address: Option<IpAddr>,
) -> Result<Told> {
    let gate = app.gate()?;
    let class = if access.permission.is_some() { Class::Open } else { access.class };
    let key = Key::system(System::Addresses).key("rate", &[&network(address), route]);
    let buckets = [("address", key, gate.limits.of(class))];
    within(&gate.count(ask(app.redis()?, &[], &buckets).await, &buckets).1)
}

/// Lets a request of a proven caller through, or says why not.
pub async fn pass(
    app: App,
    access: &Access,
    route: &str,
    caller: &Caller,
    address: Option<IpAddr>,
) -> Result<Passed> {
    let (gate, redis) = (app.gate()?, app.redis()?);
    let subjects = revocation::subjects(caller);
    let keys = known(caller, &subjects);
    let by_caller = gate.by_caller(access, route, caller);
    let key = Key::system(System::Addresses).key("rate", &[&network(address)]);
    let by_address = [("address", key, gate.limits.address)];
    // Two questions, for an address is in another slot of a cluster than a tenant; on one
    // connection they travel together.
    let (of_caller, of_address) =
        tokio::join!(ask(redis, &keys, &by_caller), ask(redis, &[], &by_address));
    let (known, mut counted) = gate.count(of_caller, &by_caller);
    counted.extend(gate.count(of_address, &by_address).1);
    let told = within(&counted)?;
    let standing = match read(&known) {
        Some(standing) => Ok(standing),
        None => look_up(app, redis, caller, &subjects, &keys).await,
    };
    match standing {
        Ok(Standing { marks, .. }) if marks.iter().any(|mark| caller.issued <= *mark) => {
            Err(AuthError::Revoked.logged())
        }
        Ok(Standing { ceiling, .. }) => Ok(Passed { ceiling: Ceiling(ceiling), told }),
        Err(error) if is_administration(access) => Err(error),
        Err(error) => {
            tracing::warn!(%error, "nobody knows what was taken back: as the token says");
            Ok(Passed { ceiling: Ceiling::default(), told })
        }
    }
}

/// How soon to ask again whether somebody may stay, when Redis said so: how old its word is nobody
/// knows, only that it is younger than [`revocation::KNOWN`].
pub(crate) const SOON: Duration = Duration::from_millis(750);

/// Whether a caller who was let in may stay, for what takes long: nothing is counted. Says when to
/// ask again, so that what was taken back ends within five seconds.
pub async fn stays(app: App, access: &Access, caller: &Caller) -> Result<Duration> {
    let subjects = revocation::subjects(caller);
    let keys = known(caller, &subjects);
    let redis = app.redis()?;
    let told = ask(redis, &keys, &[]).await.ok().and_then(|(known, _)| read(&known));
    let (standing, again) = match told {
        Some(standing) => (Ok(standing), SOON),
        None => (look_up(app, redis, caller, &subjects, &keys).await, revocation::KNOWN),
    };
    let Standing { marks, ceiling } = match standing {
        Ok(standing) => standing,
        // As at the door: what is no administration goes on while nobody knows.
        Err(error) if is_administration(access) => return Err(error),
        Err(_) => return Ok(SOON),
    };
    if marks.iter().any(|mark| caller.issued <= *mark) {
        return Err(AuthError::Revoked.logged());
    }
    let mut now = caller.clone();
    Ceiling(ceiling).narrow(&mut now.permissions);
    auth::permit(access, &now, app.auth()?.now())?;
    Ok(again)
}

fn is_administration(access: &Access) -> bool {
    let area = access.permission.as_deref().and_then(|p| p.split(':').next());
    access.mfa || !area.is_some_and(|area| EVERYDAY.contains(&area))
}

/// An IPv6 network gives its customers a /64, so that is one customer. Those whose address nobody
/// knows share one.
fn network(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        None => "unknown".into(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
    }
}

fn known(caller: &Caller, subjects: &[(Kind, String)]) -> Vec<Key> {
    let marks = subjects.iter().map(|(kind, id)| revocation::key(caller.tenant, *kind, id));
    marks.chain([revocation::ceiling_key(caller.tenant, caller.user)]).collect()
}

async fn ask(redis: &Redis, known: &[Key], buckets: &[Bucket]) -> Result<Answer, Gone> {
    let keys: Vec<&Key> = known.iter().chain(buckets.iter().map(|(_, key, _)| key)).collect();
    let mut arguments = vec![known.len().to_string()];
    for (_, _, limit) in buckets {
        arguments.extend([limit.interval().to_string(), limit.burst.to_string()]);
    }
    let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
    let mut answer: Vec<Option<String>> = redis.run(&ASK, &keys, &arguments).await?;
    let numbers = answer.split_off(known.len().min(answer.len()));
    let numbers: Vec<u64> = numbers.iter().flatten().filter_map(|n| n.parse().ok()).collect();
    let counted = buckets.iter().zip(numbers.chunks_exact(3)).map(|((name, _, limit), n)| {
        Counted { name, limit: *limit, left: n[0], full: n[1], wait: n[2] }
    });
    let counted: Vec<Counted> = counted.collect();
    if counted.len() == buckets.len() { Ok((answer, counted)) } else { Err(Gone) }
}

/// Only if nothing is missing.
fn read(known: &[Option<String>]) -> Option<Standing> {
    let (ceiling, marks) = known.split_last()?;
    let marks: Option<Vec<i64>> =
        marks.iter().map(|mark| mark.as_deref().and_then(|mark| mark.parse().ok())).collect();
    let ceiling = match ceiling.as_deref()? {
        NO_CEILING => None,
        list => Some(serde_json::from_str(list).ok()?),
    };
    Some(Standing { marks: marks?, ceiling })
}

/// Asks the record, and tells Redis, for as long as what was read is young enough.
async fn look_up(
    app: App,
    redis: &Redis,
    caller: &Caller,
    subjects: &[(Kind, String)],
    keys: &[Key],
) -> Result<Standing> {
    let asked = Instant::now();
    let standing = revocation::standing(app.db()?, caller, subjects).await?;
    let life = revocation::KNOWN.saturating_sub(asked.elapsed());
    if life > Duration::from_millis(100) {
        let ceiling = match &standing.ceiling {
            None => NO_CEILING.to_owned(),
            Some(list) => serde_json::to_string(list).map_err(anyhow::Error::from)?,
        };
        let mut arguments = vec![life.as_millis().to_string()];
        arguments.extend(standing.marks.iter().map(i64::to_string));
        arguments.push(ceiling);
        let keys: Vec<&Key> = keys.iter().collect();
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        let _ = redis.run::<i64>(&TELL, &keys, &arguments).await;
    }
    Ok(standing)
}

fn within(counted: &[Counted]) -> Result<Told> {
    let told = Told::of(counted);
    if counted.iter().any(|bucket| bucket.wait > 0) {
        return Err(Error::TooManyRequests(Box::new(told)));
    }
    Ok(told)
}
