//! What a cold start costs: every function as it is deployed, in a fresh process, against a
//! stand-in for the Lambda Runtime API, with the real database and real tokens.

mod binaries;
pub(crate) mod budget;
pub(crate) mod report;
mod runtime_api;
mod sandbox;
mod tls;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use shared::table::Table;
use tests::world::{ENDS_ALL, PAGES, World};
use tests::{EVERYTHING, House};

use crate::surroundings::Surroundings;
use binaries::Binaries;
pub(crate) use report::{Report, Row};
use sandbox::Life;
use tls::Tls;

/// How much of everything.
#[derive(Clone, Debug)]
pub(crate) struct Size {
    /// Those named; all, when none is.
    pub(crate) functions: Vec<String>,
    pub(crate) sandboxes: usize,
    pub(crate) warm_events: usize,
    /// Take the zips that lie there, and build nothing.
    pub(crate) as_they_are: bool,
}

impl Default for Size {
    fn default() -> Self {
        Self { functions: vec![], sandboxes: 5, warm_events: 15, as_they_are: false }
    }
}

/// What is measured once more with TLS to Postgres: tokens are checked by the one, and a model is
/// called by the other.
const WITH_TLS: [&str; 2] = ["runs-get", "runs-step"];

/// An organization with one of everything, and a token of somebody in it.
struct Tenant {
    world: World,
    token: String,
    /// Of somebody who does nothing but end it all.
    leaver: String,
}

pub(crate) async fn run(around: &Surroundings, size: &Size) -> Result<Report> {
    platform::migrate::migrate().await?;
    let table = host::table()?;
    let functions = chosen(&table, &size.functions)?;
    let binaries = Binaries::find(&around.paths, size.as_they_are)?;

    let house = House::open()?;
    let mut rows = Vec::new();
    let environment = environment(around, &house);
    // An event changes what is on record, so each has an organization of its own.
    let tenants = tenants(&house, size.sandboxes * (1 + size.warm_events)).await?;
    for name in &functions {
        let binary = binaries.unpacked(name)?;
        let lives = lives(&binary.program, name, &environment, &tenants, size).await?;
        rows.push(Row::new(name, false, &binary, &lives));
    }
    let with_tls: Vec<_> =
        functions.iter().filter(|name| WITH_TLS.contains(&name.as_str())).collect();
    if !with_tls.is_empty() {
        let tls = Tls::on(around)?;
        let environment = past_the_pooler(around, environment, &tls)?;
        let tenants = self::tenants(&house, size.sandboxes * (1 + size.warm_events)).await?;
        for name in with_tls {
            let binary = binaries.unpacked(name)?;
            let lives = lives(&binary.program, name, &environment, &tenants, size).await?;
            rows.push(Row::new(name, true, &binary, &lives));
        }
    }
    let (sandboxes, warm_events) = (size.sandboxes, size.warm_events);
    Ok(Report { builder: binaries.builder().into(), sandboxes, warm_events, rows })
}

fn chosen(table: &Table, named: &[String]) -> Result<Vec<String>> {
    for name in named {
        ensure!(table.contains_key(name), "no function is called `{name}`");
    }
    let all = table.keys().filter(|name| named.is_empty() || named.contains(name));
    Ok(all.cloned().collect())
}

/// What a sandbox of Lambda has, and nothing of this process's own.
fn environment(around: &Surroundings, house: &House) -> BTreeMap<String, String> {
    let mut environment = around.environment();
    let known = [
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "bench".into()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".into()),
    ];
    let auth = house.signer.environment();
    environment.extend(known.into_iter().chain(auth).map(|(name, value)| (name.to_owned(), value)));
    let sign_in = tests::sign_in_variables();
    environment.extend(sign_in.map(|(name, value)| (name.to_owned(), value.to_owned())));
    // One caller from one address asks all of it, as fast as it is answered.
    environment.insert("RATE_LIMITS".into(), tests::wide());
    // The host has a pool of several; a sandbox serves one event at a time.
    environment.remove("DATABASE_POOL");
    environment
}

fn past_the_pooler(
    around: &Surroundings,
    mut environment: BTreeMap<String, String>,
    tls: &Tls,
) -> Result<BTreeMap<String, String>> {
    let pooled = environment.get("DATABASE_URL").context("no database")?;
    let (user, place) = pooled.rsplit_once('@').context("no user")?;
    let (_, database) = place.rsplit_once('/').context("no database")?;
    let direct = format!("{user}@127.0.0.1:{}/{database}", around.postgres_port()?);
    environment.insert("DATABASE_URL".into(), direct);
    environment.insert("DATABASE_CA".into(), tls.authority.display().to_string());
    Ok(environment)
}

async fn tenants(house: &House, count: usize) -> Result<Vec<Tenant>> {
    let mut tenants = Vec::with_capacity(count);
    for _ in 0..count {
        let org = house.organization();
        let world = World::build(house, &org).await?;
        let token = |sub| house.signer.token(&org.claims(sub, EVERYTHING));
        tenants.push(Tenant { world, token: token("ada"), leaver: token("leaver") });
    }
    Ok(tenants)
}

/// So many processes, one after the other.
async fn lives(
    program: &std::path::Path,
    name: &str,
    environment: &BTreeMap<String, String>,
    tenants: &[Tenant],
    size: &Size,
) -> Result<Vec<Life>> {
    let mut environment = environment.clone();
    environment.insert("AWS_LAMBDA_FUNCTION_NAME".into(), name.to_owned());
    let page = PAGES.iter().find(|(page, ..)| *page == name).map(|(_, status, _)| *status);
    let mut lives = Vec::with_capacity(size.sandboxes);
    for tenants in tenants.chunks(1 + size.warm_events) {
        let events = tenants.iter().map(|tenant| {
            let ends = name == ENDS_ALL;
            tenant.world.event(name, if ends { &tenant.leaver } else { &tenant.token })
        });
        lives.push(sandbox::live(program, &environment, events.collect(), page).await?);
    }
    Ok(lives)
}
