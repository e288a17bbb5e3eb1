//! The small DynamoDB of the tests says what the emulator says.

use anyhow::Result;
use shared::dynamo::change::{Change, Changed, Item, Value};
use shared::dynamo::{Dynamo, Key};
use tests::crash::Dice;
use tests::dynamo::{Emulator, another};
use uuid::Uuid;

const NUMBERS: [&str; 3] = ["tokens_taken", "micros_taken", "lease_until"];
const ROUNDS: usize = 400;

fn change(dice: &Dice, tenant: Uuid, of: &str) -> Change {
    let mut change = Change::of(Key::tenant(tenant).count(&[of]));
    let name = || NUMBERS[dice.up_to(3) as usize - 1];
    let number = || Value::Number(i64::from(dice.up_to(9)) - 4);
    let texts = || Value::Texts(vec![dice.up_to(3).to_string()]);
    let (set, added) = (name(), name());
    match dice.up_to(6) {
        1 => change = change.remove(set),
        2 if set != added => change = change.set(set, number()).add(added, number()),
        3 => change = change.add("leases", texts()),
        4 => change = change.delete("leases", texts()),
        5 => change = change.set("stopped", Value::Text("why".into())),
        _ => change = change.add(set, number()).remove("stopped"),
    }
    let (left, right) = (name(), name());
    match dice.up_to(6) {
        1 => change.when("attribute_exists(pk)"),
        2 => change.when("attribute_not_exists(stopped)"),
        3 => change
            .when(&format!("attribute_not_exists({left}) or {left} <= :most"))
            .when(&format!("{right} = :same or attribute_not_exists({right})"))
            .with(":most", number())
            .with(":same", number()),
        4 => change
            .when(&format!("{left} < :most and {right} = :same"))
            .with(":most", number())
            .with(":same", number()),
        _ => change,
    }
}

fn seen(item: &Item) -> String {
    let mut leases = item.texts("leases").to_vec();
    leases.sort();
    let numbers = NUMBERS.map(|name| item.number(name));
    format!("{} {numbers:?} {:?} {leases:?}", item.is_there(), item.text("stopped"))
}

fn told(changed: &Changed) -> String {
    match changed {
        Changed::Done => "done".into(),
        Changed::Refused(found) => {
            let found: Vec<_> = found.iter().map(|item| item.as_ref().map(seen)).collect();
            format!("refused: {found:?}")
        }
    }
}

async fn answers(dynamo: &Dynamo, seed: u64, tenant: Uuid) -> Result<Vec<String>> {
    let dice = Dice::seeded(seed);
    let mut said = Vec::new();
    for _ in 0..ROUNDS {
        let of = ["a", "b", "c"][dice.up_to(3) as usize - 1];
        said.push(match dice.up_to(3) {
            1 => told(&dynamo.change(&change(&dice, tenant, of)).await?),
            // In one transaction each item once.
            2 => {
                let both = vec![change(&dice, tenant, of), change(&dice, tenant, "d")];
                told(&dynamo.change_all(both).await?)
            }
            _ => seen(&dynamo.item(&Key::tenant(tenant).count(&[of])).await?),
        });
    }
    Ok(said)
}

#[tokio::test]
async fn the_small_dynamo_of_the_tests_says_what_the_emulator_says() -> Result<()> {
    let emulator = Emulator::start().await?;
    let seed = Dice::new().seed;
    println!("CRASH_SEED={seed}");
    let (theirs, ours) = (emulator.client().await, another()?);
    let tenant = Uuid::from_u128(1);
    let (theirs, ours) =
        (answers(&theirs, seed, tenant).await?, answers(&ours, seed, tenant).await?);
    for (at, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        assert_eq!(ours, theirs, "answer {at}");
    }
    assert!(ours.iter().any(|said| said.starts_with("refused")), "nothing was ever refused");
    Ok(())
}
