//! Definitions that cannot be run are refused when they are published, not while they run.

use anyhow::Result;
use serde_json::{Value, json};
use tests::{House, drive};

use crate::bad_input::{nothing_stays, refusal};
use crate::team;
use crate::world::text;

/// Steps that cannot be published, with the type and a word of the refusal.
fn faults() -> Vec<(Value, &'static str, &'static str)> {
    let step =
        |id: &str, needs: &[&str]| json!({ "id": id, "agent": "sample-writer", "needs": needs });
    let room = |room: Value| json!([{ "id": "r", "kind": "room", "room": room }]);
    let with = |key: &str, value: Value| {
        let mut one = step("a", &[]);
        one[key] = value;
        json!([one])
    };
    vec![
        (json!([]), "invalid", "at least one step"),
        (json!([step("a", &["b"]), step("b", &["a"])]), "workflow-cycle", "a → b → a"),
        (json!([step("a", &["a"])]), "workflow-cycle", "a → a"),
        (json!([step("a", &["nowhere"])]), "invalid", "no step of this workflow"),
        (json!([step("a", &[]), step("a", &[])]), "invalid", "two steps"),
        (json!([step("", &[])]), "invalid", "not a step's name"),
        (json!([step("a b", &[])]), "invalid", "not a step's name"),
        (json!([step(&"x".repeat(81), &[])]), "invalid", "not a step's name"),
        (with("agent", Value::Null), "invalid", "must name one `agent`"),
        (with("agent", "nobody".into()), "agent-missing", "nobody"),
        (with("agent", "sample-writer@9.9.9".into()), "agent-missing", "9.9.9"),
        (with("agent", "sample-writer@prod".into()), "agent-missing", "prod"),
        (with("agent", "".into()), "agent-missing", "no published agent"),
        (with("skill", "no-such-skill".into()), "skill-missing", "no-such-skill"),
        (with("kind", "approval".into()), "workflow-not-runnable", "cannot run yet"),
        (with("kind", "choice".into()), "workflow-not-runnable", "cannot run yet"),
        (with("kind", "room".into()), "invalid", "give `room`"),
        (with("document", "../x".into()), "invalid", "plain file name"),
        (with("document", "a/b.md".into()), "invalid", "plain file name"),
        (with("document", "".into()), "invalid", "plain file name"),
        (with("max_output_tokens", 0.into()), "invalid", "max_output_tokens"),
        (with("max_output_tokens", 8193.into()), "invalid", "max_output_tokens"),
        (room(json!({ "members": ["sample-writer"], "turns": 2 })), "invalid", "two members"),
        (
            room(json!({ "members": ["sample-writer", "sample-reader"], "turns": 0 })),
            "invalid",
            "turns",
        ),
        (
            room(json!({ "members": ["sample-writer", "sample-reader"], "turns": 51 })),
            "invalid",
            "turns",
        ),
        (
            room(json!({ "members": ["sample-writer", "ghost"], "turns": 2 })),
            "agent-missing",
            "ghost",
        ),
        (
            json!([
                { "id": "a", "agent": "sample-writer", "document": "x.md" },
                { "id": "b", "agent": "sample-writer", "document": "x.md" },
            ]),
            "invalid",
            "two steps write",
        ),
    ]
}

#[tokio::test]
async fn a_workflow_that_cannot_run_is_refused_at_publication_with_the_step_to_mend() -> Result<()>
{
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::agent(&ada, "sample-writer").await?;
    team::agent(&ada, "sample-reader").await?;
    for (n, (steps, expected, says)) in faults().into_iter().enumerate() {
        let body =
            json!({ "slug": format!("w{n}"), "definition": { "name": "w", "steps": steps } });
        let draft = ada.post("/v1/workflows", body).await?.expect(201);
        let path = format!("/v1/workflows/{}", text(&draft["id"]));
        let reply = ada.post(&format!("{path}/versions"), json!({})).await?;
        assert_eq!(refusal(&reply, &steps.to_string()), expected, "{steps}");
        let detail = text(&reply.body["detail"]);
        assert!(detail.contains(says), "{steps}: {detail}");
        assert_eq!(ada.get(&path).await?.expect(200)["latest"], Value::Null);
        let run = json!({ "workflow": format!("w{n}"), "brief": "b" });
        assert_eq!(ada.post("/v1/runs", run).await?.problem(422), "workflow-missing");
    }
    Ok(())
}

#[tokio::test]
async fn a_definition_that_is_too_much_is_refused_when_it_is_written() -> Result<()> {
    nothing_stays(async |world, ada| {
        let steps: Vec<_> =
            (0..201).map(|n| json!({ "id": n.to_string(), "agent": "sample-writer" })).collect();
        let long = "x".repeat(64 * 1024 + 1);
        for (kind, definition) in [
            ("workflows", json!({ "name": "w", "steps": steps })),
            ("workflows", json!({ "name": " " })),
            ("workflows", json!({ "name": "n".repeat(201) })),
            ("agents", json!({ "name": "" })),
            ("agents", json!({ "name": "n".repeat(101) })),
            ("agents", json!({ "name": "n", "role": long })),
            ("agents", json!({ "name": "n", "instructions": long })),
        ] {
            let path = format!("/v1/{kind}");
            let body = json!({ "slug": "big", "definition": definition });
            let what = definition.to_string().chars().take(60).collect::<String>();
            assert_eq!(refusal(&ada.post(&path, body).await?, &what), "invalid", "{what}");
            let call = world.call(&format!("{kind}-update"));
            let body = json!({ "definition": definition, "revision": 2 });
            assert_eq!(refusal(&ada.put(&call.path, body).await?, &what), "invalid", "{what}");
        }
        for slug in ["", "-a", "A", "a b", "é", "a/b", &"a".repeat(101)] {
            let body = json!({ "slug": slug, "definition": { "name": "n" } });
            for kind in ["agents", "workflows"] {
                let reply = ada.post(&format!("/v1/{kind}"), body.clone()).await?;
                assert_eq!(refusal(&reply, slug), "invalid", "{slug}");
            }
        }
        Ok(())
    })
    .await
}

/// What is nested as deep as a request may be must also be readable where the record nests it
/// deeper: in a version, in a run's cast.
#[tokio::test]
async fn the_deepest_definition_that_is_taken_can_also_be_run() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let mut taken = 0;
    for depth in 20..40 {
        let deep = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let body = format!(
            r#"{{"slug":"deep-{depth}","definition":{{"name":"d","extensions":{{"k":{deep}}}}}}}"#
        );
        let headers = [("content-type", "application/json")];
        let reply = ada.send("POST", "/v1/agents", &headers, body).await?;
        if reply.status != 201 {
            refusal(&reply, &format!("{depth} deep"));
            break;
        }
        taken = depth;
        let versions = format!("/v1/agents/{}/versions", text(&reply.body["id"]));
        ada.post(&versions, json!({})).await?.expect(201);
    }
    assert!(taken > 20, "only {taken} levels are taken");
    let steps = json!([{ "id": "a", "agent": format!("deep-{taken}") }]);
    team::workflow(&ada, "deep", steps).await?;
    let run = ada.post("/v1/runs", json!({ "workflow": "deep", "brief": "b" })).await?.expect(202);
    let run = runs::model::RunRef { tenant_id: org.tenant(), run_id: text(&run["id"]).parse()? };
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    Ok(())
}
