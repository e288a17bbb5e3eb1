//! Every decision of a room comes out the same when it is made again from the record, and what was
//! changed in a record is noticed.

use anyhow::Result;
use runs::model::RunRef;
use serde_json::{Value, json};
use tests::scripted::{Reply, Script};
use tests::{House, Person, drive};
use uuid::Uuid;

use crate::record;
use crate::team;

/// A room of three in this order, played to its end.
async fn played(house: &House, ada: &Person<'_>, tenant: Uuid, order: &Value) -> Result<RunRef> {
    let slug = format!("room-{}", Uuid::now_v7().simple());
    let room = json!({ "members": ["ann", "ben", "cas"], "turns": 6, "order": order });
    team::workflow(ada, &slug, json!([{ "id": "talk", "kind": "room", "room": room }])).await?;
    let brief = json!({ "workflow": slug, "brief": "A shop that repairs bicycles." });
    let run = ada.post("/v1/runs", brief).await?.expect(202);
    let run = RunRef { tenant_id: tenant, run_id: run["id"].as_str().unwrap().parse()? };
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    Ok(run)
}

async fn replay(ada: &Person<'_>, run: RunRef) -> Result<Value> {
    Ok(ada.get(&format!("/v1/runs/{}/replay", run.run_id)).await?.expect(200))
}

fn script() -> Script {
    let bad = ["cas", "I refuse.", "ben, or rather ann", "?", "nobody", "ann"].map(Reply::text);
    Script::echo().when("Who speaks next?", bad)
}

#[tokio::test]
async fn rooms_are_decided_again_as_they_were_and_nobody_is_asked() -> Result<()> {
    let house = House::with_model(script())?;
    let org = house.organization();
    let ada = org.admin();
    for slug in ["ann", "ben", "cas"] {
        team::agent(&ada, slug).await?;
    }
    let rules = json!([{ "when": "last_text.contains('model')", "speaker": "cas" }]);
    for order in [
        json!({ "by": "model" }),
        json!({ "by": "random" }),
        json!({ "by": "rule", "rules": rules }),
        json!({ "by": "round_robin" }),
    ] {
        let run = played(&house, &ada, org.tenant(), &order).await?;
        let asked = house.model.count();
        let again = replay(&ada, run).await?;
        assert_eq!(again["same"], true, "{order}: {again}");
        let talk = &again["steps"][0];
        assert_eq!((&talk["turns"], &talk["decisions"]), (&json!(7), &json!(7)), "{order}");
        assert_eq!(talk["chain"].as_str().unwrap().len(), 64);
        assert_eq!(house.model.count(), asked, "a model was asked");

        // A fork draws its own chance, and decides for itself only what it did not take over.
        let at = json!({ "step": "talk", "turn": 3 });
        let fork = ada.post(&format!("/v1/runs/{}/fork", run.run_id), at).await?.expect(202);
        let fork = RunRef { run_id: fork["id"].as_str().unwrap().parse()?, ..run };
        assert_eq!(drive::to_the_end(house.app, fork).await?, "succeeded");
        let again = replay(&ada, fork).await?;
        assert_eq!(again["same"], true, "{order}: {again}");
        let talk = &again["steps"][0];
        assert_eq!((&talk["kept"], &talk["decisions"]), (&json!(3), &json!(4)), "{order}");
    }
    let eve = house.organization();
    let run = played(&house, &ada, org.tenant(), &json!({ "by": "round_robin" })).await?;
    eve.admin().get(&format!("/v1/runs/{}/replay", run.run_id)).await?.problem(404);
    Ok(())
}

#[tokio::test]
async fn a_choice_or_a_text_that_was_changed_on_record_is_noticed() -> Result<()> {
    let house = House::with_model(script())?;
    let org = house.organization();
    let ada = org.admin();
    for slug in ["ann", "ben", "cas"] {
        team::agent(&ada, slug).await?;
    }
    let run = played(&house, &ada, org.tenant(), &json!({ "by": "round_robin" })).await?;
    let before = replay(&ada, run).await?;
    assert_eq!(before["same"], true, "{before}");
    let owner = record::owner().await?;
    let (tenant, id) = (org.tenant(), run.run_id);
    let changed = format!(
        "begin; select sec.enter('{tenant}');
         update choices set choice = choice || '{{\"reason\": \"because\"}}'
         where sequence = 2 and conversation_id = (select id from conversations where run_id = '{id}');
         update messages set content = 'I never said so.' where sequence = 5 and run_id = '{id}';
         commit"
    );
    owner.batch_execute(&changed).await?;
    let after = replay(&ada, run).await?;
    assert_eq!(after["same"], false);
    let differing = after["steps"][0]["differing"].as_array().unwrap();
    assert_eq!(differing.len(), 1, "{after}");
    assert_eq!(
        (&differing[0]["turn"], &differing[0]["recorded"]["reason"]),
        (&json!(2), &json!("because"))
    );
    assert_ne!(before["steps"][0]["chain"], after["steps"][0]["chain"]);
    Ok(())
}
