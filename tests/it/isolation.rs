//! Another tenant's ids, put wherever a route takes one: the answer is the one to an id of nothing,
//! to the letter, and nothing of the other tenant changes. Generated from the tables.

use std::time::{Duration, Instant};

use anyhow::Result;
use tests::crash::Dice;
use tests::{House, Person, Reply};
use uuid::Uuid;

use crate::record;
use crate::world::{Call, World, routes};

/// Where a call names an id: every part of its path, query or body that is one.
fn ids_of(call: &Call) -> Vec<String> {
    let all = format!("{}\n{}", call.path, call.body);
    let parts = all.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
    let mut found: Vec<_> =
        parts.filter(|part| part.parse::<Uuid>().is_ok()).map(str::to_owned).collect();
    found.sort();
    found.dedup();
    found
}

fn with(call: &Call, id: &str, other: &str) -> Call {
    Call { path: call.path.replace(id, other), body: call.body.replace(id, other), ..call.clone() }
}

/// What a caller can tell two answers apart by.
fn seen(reply: &Reply, id: &str) -> (u16, Vec<(String, String)>, String) {
    let headers = reply.headers.iter().filter(|(name, _)| !name.as_str().starts_with("ratelimit"));
    let headers = headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned()));
    (reply.status.as_u16(), headers.collect(), reply.body.to_string().replace(id, "ID"))
}

/// Routes that take an id, as our world would call them.
fn calls(world: &World) -> Vec<(String, Call)> {
    let calls = routes().into_iter().map(|(name, _)| (name.clone(), world.call(&name)));
    calls.filter(|(_, call)| !ids_of(call).is_empty()).collect()
}

#[tokio::test]
async fn p1_every_id_of_another_tenant_is_as_an_id_of_nothing_on_every_route() -> Result<()> {
    let house = House::open()?;
    let (ours, theirs) = (house.organization(), house.organization());
    let (our_world, their_world) =
        (World::build(&house, &ours).await?, World::build(&house, &theirs).await?);
    let owner = record::owner().await?;
    let before = record::fingerprint(&owner, ours.tenant()).await?;
    let eve = theirs.admin();
    let mut tried = 0;
    for (name, call) in calls(&their_world) {
        for slot in ids_of(&call) {
            for id in our_world.ids() {
                let nothing = Uuid::now_v7().to_string();
                let foreign = with(&call, &slot, &id).by(&eve).await?;
                let unknown = with(&call, &slot, &nothing).by(&eve).await?;
                let (foreign, unknown) = (seen(&foreign, &id), seen(&unknown, &nothing));
                assert_eq!(foreign, unknown, "{name} tells an id of ours from nothing");
                assert!(!(200..300).contains(&foreign.0), "{name} does something: {foreign:?}");
                tried += 1;
            }
        }
    }
    assert_eq!(
        record::fingerprint(&owner, ours.tenant()).await?,
        before,
        "something of ours changed"
    );
    tests::tell(&format!("P1: {tried} pairs of a foreign and an unknown id, 0 differences"));
    assert!(tried >= 150, "only {tried}");
    Ok(())
}

/// D10: the same at random, spelled in every way an id can be; `TENANCY_FUZZ` sets how many.
#[tokio::test]
async fn d10_random_calls_of_one_tenant_with_anothers_ids_show_and_change_nothing() -> Result<()> {
    let rounds = std::env::var("TENANCY_FUZZ").ok().map_or(Ok(600), |rounds| rounds.parse())?;
    let house = House::open()?;
    let (ours, theirs) = (house.organization(), house.organization());
    let (our_world, their_world) =
        (World::build(&house, &ours).await?, World::build(&house, &theirs).await?);
    let owner = record::owner().await?;
    let before = record::fingerprint(&owner, ours.tenant()).await?;
    let eve = theirs.admin();
    let (calls, ids) = (calls(&their_world), our_world.ids());
    let dice = Dice::new();
    let pick = |count: usize| dice.up_to(u32::try_from(count).unwrap_or(1)) as usize % count;
    let mut answered = 0;
    for _ in 0..rounds {
        let (name, call) = &calls[pick(calls.len())];
        let slots = ids_of(call);
        let (slot, id) = (&slots[pick(slots.len())], &ids[pick(ids.len())]);
        let spelled = match pick(6) {
            0 => id.to_uppercase(),
            1 => id.replace('-', ""),
            2 => format!("{{{id}}}").replace('{', "%7B").replace('}', "%7D"),
            3 => format!("urn:uuid:{id}"),
            4 => format!("{id}%00"),
            _ => id.clone(),
        };
        let reply = with(call, slot, &spelled).by(&eve).await?;
        let status = reply.status.as_u16();
        assert!((400..500).contains(&status), "{name} {spelled}: {status} {}", reply.body);
        answered += 1;
    }
    assert_eq!(record::fingerprint(&owner, ours.tenant()).await?, before, "seed {}", dice.seed);
    tests::tell(&format!(
        "D10: {answered} random cross-tenant calls, seed {}, 0 let in",
        dice.seed
    ));
    Ok(())
}

async fn median(eve: &Person<'_>, paths: &[String]) -> Result<Duration> {
    let mut times = Vec::new();
    for path in paths {
        let since = Instant::now();
        eve.get(path).await?;
        times.push(since.elapsed());
    }
    times.sort();
    Ok(times[times.len() / 2])
}

/// The class of time, not the time: a median of each, side by side, so that load hits both.
#[tokio::test]
async fn p1_an_id_of_another_tenant_takes_as_long_as_one_of_nothing() -> Result<()> {
    let house = House::open()?;
    let ours = house.organization();
    let world = World::build(&house, &ours).await?;
    let eve = house.organization().admin();
    let call = world.call("runs-get");
    let id = ids_of(&call).remove(0);
    let mut smallest = Duration::MAX;
    for _ in 0..5 {
        let foreign = vec![call.path.clone(); 21];
        let unknown: Vec<_> =
            (0..21).map(|_| call.path.replace(&id, &Uuid::now_v7().to_string())).collect();
        let apart = median(&eve, &foreign).await?.abs_diff(median(&eve, &unknown).await?);
        smallest = smallest.min(apart);
    }
    tests::tell(&format!("P1: medians of a foreign and an unknown id are {smallest:?} apart"));
    assert!(smallest < Duration::from_millis(5), "{smallest:?}");
    Ok(())
}
