//! What Cadre adds to an agent's turn, and how many runs it completes in a second.

mod door;
mod floor;
mod hosted;
mod meter;
mod report;
mod team;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use serde_json::json;
use shared::App;
use shared::app::Parts;
use shared::auth::Verifier;
use shared::gate::Gate;
use shared::llm::{Llm, Settings};
use tests::Signer;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::figures::{median, ms, per};
use crate::surroundings::Surroundings;
use door::Door;
use floor::Floor;
use hosted::Host;
use meter::{Meter, Spent};
use report::Gathered;
pub(crate) use report::{Goal, Report};
use team::{Run, Shape};

/// The doors, for people.
const HERE: &str = "in process";
const HOST: &str = "host, HTTP";
/// Runs side by side.
pub(crate) const AT_ONCE: usize = 200;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Figures are medians over these; the rounds of all rows interleave.
    pub(crate) rounds: usize,
    /// Turns taken one after the other, a round.
    pub(crate) turns: usize,
    /// Runs side by side with others, in all, a round.
    pub(crate) runs: usize,
}

impl Size {
    /// A model that thinks makes each turn longer, and its figures no better.
    fn of(self, thinks: bool) -> usize {
        if thinks { self.turns.div_ceil(4) } else { self.turns }
    }

    pub(crate) const QUICK: Self = Self { rounds: 2, turns: 40, runs: 200 };
    pub(crate) const WHOLE: Self = Self { rounds: 5, turns: 240, runs: 1_000 };
}

/// One way to Cadre: a door, and the model behind it.
struct Way {
    door: Door,
    /// Which door, for people.
    name: &'static str,
    thinks: bool,
    meter: Meter,
    /// Kept until the end.
    _host: Option<Host>,
}

/// What was seen in one round of one row.
#[derive(Clone, Copy, Debug)]
struct Seen {
    turn_ms: f64,
    turns: usize,
    spent: Spent,
}

pub(crate) async fn run(around: &Surroundings, size: Size) -> Result<Report> {
    platform::migrate::migrate().await?;
    let signer = Signer::start();
    let org = format!("org_{}", Uuid::now_v7().simple());
    let tenant = shared::auth::tenant_id(&org);
    let ways = ways(around, &signer, &org)?;
    team::publish(&ways[0].door).await?;
    let floors = floors(around).await?;
    let ours = Meter::new(around, None)?;

    let mut gathered = Gathered::default();
    for round in 0..=size.rounds {
        if round == 1 {
            // The first was for caches and connections to fill.
            gathered = Gathered::default();
        }
        for (thinks, floor) in [false, true].into_iter().zip(&floors) {
            let (took, spent) = floor.turns(ours, size.of(thinks)).await?;
            let seen = Seen { turn_ms: median(&took), turns: took.len(), spent };
            gathered.turn((None, "-", thinks), seen);
        }
        for way in &ways {
            for shape in [Shape::Wide, Shape::Room, Shape::Chain] {
                let seen = turns_of(way, tenant, shape, size.of(way.thinks)).await?;
                gathered.turn((Some(shape), way.name, way.thinks), seen);
            }
        }
        for way in ways.iter().filter(|way| way.thinks) {
            gathered.crowd(way.name, crowd(way, tenant, size).await?);
        }
        let shape = (Shape::Chain.turns(), size.runs, AT_ONCE);
        let spent = floors[1].crowd(ours, shape).await?;
        gathered.crowd("floor", Together { spent, took: vec![], runs: size.runs });
    }
    Ok(gathered.report())
}

/// In this process and in the host's, with a model that answers at once and one that thinks.
fn ways(around: &Surroundings, signer: &Signer, org: &str) -> Result<Vec<Way>> {
    let claims = json!({
        "sub": "bench@clients", "gty": "client-credentials", "org_id": org,
        "permissions": tests::EVERYTHING,
    });
    // A machine's, because a person's lives for two hours. Longer than any benchmark: the signer's own is ten minutes.
    let token = signer.token(&with_hours(claims, 6));
    let mut ways = Vec::new();
    for thinks in [false, true] {
        let model = if thinks { &around.neighbours.slow_model } else { &around.neighbours.model };
        let settings = Settings { base_url: Some(model.clone()), ..Settings::from_env()? };
        let app = App::new(Parts {
            auth: Verifier::new(signer.settings()).into(),
            llm: Llm::from_settings(&settings)?.into(),
            gate: Gate::new(tests::generous()?).into(),
            ..Parts::default()
        });
        let door = Door::here(host::router(app)?, &token);
        let meter = Meter::new(around, None)?;
        ways.push(Way { door, name: HERE, thinks, meter, _host: None });

        let auth = signer.environment();
        let limits = tests::wide();
        let mut environment =
            vec![("MODEL_BASE_URL", model.as_str()), ("RATE_LIMITS", limits.as_str())];
        environment.extend(auth.iter().map(|(name, value)| (*name, value.as_str())));
        let host = Host::start(&environment)?;
        let meter = Meter::new(around, Some(host.pid()?))?;
        let door = Door::there(&host.url, &token)?;
        ways.push(Way { door, name: HOST, thinks, meter, _host: Some(host) });
    }
    Ok(ways)
}

fn with_hours(mut claims: serde_json::Value, hours: i64) -> serde_json::Value {
    let now = jiff::Zoned::now().timestamp().as_second();
    claims["exp"] = (now + hours * 3600).into();
    claims
}

async fn floors(around: &Surroundings) -> Result<[Floor; 2]> {
    let environment = around.environment();
    let (owner, app) = (&environment["MIGRATE_DATABASE_URL"], &environment["DATABASE_URL"]);
    Ok([
        Floor::new(&around.neighbours.model, owner, app).await?,
        Floor::new(&around.neighbours.slow_model, owner, app).await?,
    ])
}

/// So many turns, one after the other.
async fn turns_of(way: &Way, tenant: Uuid, shape: Shape, turns: usize) -> Result<Seen> {
    let (mut took, mut spent) = (Vec::new(), Spent::default());
    let mut taken = 0;
    while taken < turns {
        let run = if shape == Shape::Wide {
            // Only the turns themselves count: the run is there, and planned.
            let run = Run::start(&way.door, tenant, shape).await?;
            let steps = run.plan().await?;
            let reading = way.meter.read()?;
            for step in &steps {
                let began = Instant::now();
                run.work(step).await?;
                took.push(ms(began.elapsed()));
            }
            reading.spent()?
        } else {
            let reading = way.meter.read()?;
            Run::start(&way.door, tenant, shape).await?.to_the_end().await?;
            let spent = reading.spent()?;
            took.push(per(ms(spent.wall), shape.turns()));
            spent
        };
        spent += run;
        taken += shape.turns();
    }
    Ok(Seen { turn_ms: median(&took), turns: taken, spent })
}

/// Many runs, side by side.
struct Together {
    spent: Spent,
    /// Each run, in milliseconds.
    took: Vec<f64>,
    runs: usize,
}

async fn crowd(way: &Way, tenant: Uuid, size: Size) -> Result<Together> {
    let left = Arc::new(AtomicUsize::new(size.runs));
    let reading = way.meter.read()?;
    let mut crowd = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (door, left) = (way.door.clone(), Arc::clone(&left));
        crowd.spawn(async move {
            let mut took = Vec::new();
            let one_less = |left: usize| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
                let began = Instant::now();
                Run::start(&door, tenant, Shape::Chain).await?.to_the_end().await?;
                took.push(ms(began.elapsed()));
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(ended) = crowd.join_next().await {
        took.extend(ended??);
    }
    Ok(Together { spent: reading.spent()?, took, runs: size.runs })
}
