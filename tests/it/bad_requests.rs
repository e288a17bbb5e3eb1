//! Ids, pages, keys and runs that cannot be: the part of bad input that is not in a body's form.

use anyhow::Result;
use serde_json::json;
use tests::House;
use uuid::Uuid;

use crate::bad_input::{nothing_stays, refusal};
use crate::team;
use crate::world::{Call, World, routes, text};

#[tokio::test]
async fn an_id_of_nothing_and_one_that_is_no_id_are_not_found() -> Result<()> {
    nothing_stays(async |world, ada| {
        let nothing = World::empty();
        for (name, _) in routes() {
            let (real, unknown) = (world.call(&name), nothing.call(&name));
            if real.path == unknown.path {
                continue;
            }
            let reply = unknown.by(ada).await?;
            assert_eq!(refusal(&reply, &name), "not-found");
            let id = unknown.path.split(['/', '?']).find(|part| part.len() == 36).unwrap();
            for odd in ["x", "0", "-1", "%00", "%ff", "..%2f..", "null", &"9".repeat(300)] {
                let call = Call { path: unknown.path.replace(id, odd), ..real.clone() };
                assert_eq!(refusal(&call.by(ada).await?, &call.path), "not-found", "{name} {odd}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused_and_a_foreign_cursor_shows_nothing_foreign() -> Result<()>
{
    let house = House::open()?;
    let others = house.organization().admin();
    for slug in ["a", "b"] {
        team::agent(&others, slug).await?;
    }
    let foreign = others.get("/v1/agents?limit=1").await?.expect(200)["next"].clone();
    nothing_stays(async |world, ada| {
        let mut lists = 0;
        for (name, _) in routes() {
            let call = world.call(&name);
            if call.method != "GET" || !call.path.contains("limit=") {
                continue;
            }
            lists += 1;
            let path = call.path.split('?').next().unwrap_or_default();
            for query in [
                "limit=0",
                "limit=-1",
                "limit=101",
                "limit=4294967296",
                "limit=1e2",
                "limit=",
                "limit=ten",
                "limit=%00",
                "limit=5&limit=6",
                "cursor=",
                "cursor=%21",
                "cursor=AAAA",
                "cursor=%ff",
                "cursor=AAAAAAAAAAA%3D",
                "surprise=1",
                "Limit=5",
            ] {
                let query = format!("{path}?{query}");
                let reply = ada.get(&query).await?;
                assert_eq!(refusal(&reply, &query), "invalid", "{query}");
            }
            let own = ada.get(path).await?.expect(200);
            let query = format!("{path}?cursor={}", text(&foreign));
            let shown = ada.get(&query).await?;
            if shown.status == 200 {
                let own = own["items"].as_array().unwrap();
                let shown = shown.body["items"].as_array().unwrap();
                assert!(shown.iter().all(|item| own.contains(item)), "{query}");
            } else {
                assert_eq!(refusal(&shown, &query), "invalid", "{query}");
            }
        }
        assert!(lists >= 9, "only {lists} lists");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_run_that_cannot_be_is_refused() -> Result<()> {
    let long = "x".repeat(256 * 1024 + 1);
    let cases = [
        (json!({ "workflow": "nobody", "brief": "b" }), "workflow-missing"),
        (json!({ "workflow": "sample-flow@9.0.0", "brief": "b" }), "workflow-missing"),
        (json!({ "workflow": "", "brief": "b" }), "workflow-missing"),
        (json!({ "workflow": "sample-flow", "brief": " \n" }), "invalid"),
        (json!({ "workflow": "sample-flow", "brief": long }), "too-large"),
        (json!({ "workflow": "sample-flow", "brief": "b", "language": "x y" }), "invalid"),
        (json!({ "workflow": "sample-flow", "brief": "b", "language": "" }), "invalid"),
        (json!({ "workflow": "sample-flow", "brief": "b", "token_cap": 0 }), "invalid"),
        (json!({ "workflow": "sample-flow", "brief": "b", "token_cap": -5 }), "invalid"),
        (json!({ "workflow": "sample-flow", "brief": "b", "micros_cap": -1 }), "invalid"),
        (json!({ "workflow": "sample-flow", "brief": "b", "token_cap": 1e30 }), "invalid"),
    ];
    nothing_stays(async |_, ada| {
        for (body, expected) in cases {
            let what = body.to_string().chars().take(100).collect::<String>();
            let reply = ada.post("/v1/runs", body).await?;
            assert_eq!(refusal(&reply, &what), expected, "{what}");
        }
        let body = json!({ "workflow": "sample-flow", "brief": "b" }).to_string();
        for key in ["", &"k".repeat(256), "é"] {
            let headers = [("content-type", "application/json"), ("idempotency-key", key)];
            let reply = ada.send("POST", "/v1/runs", &headers, body.clone()).await?;
            assert_eq!(refusal(&reply, key), "invalid", "{key}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn one_key_with_two_bodies_is_refused_and_the_first_run_stays() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    World::build(&house, &org).await?;
    let ada = org.admin();
    let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
    let start = async |brief: &str| {
        let body = json!({ "workflow": "sample-flow", "brief": brief }).to_string();
        ada.send("POST", "/v1/runs", &headers, body).await
    };
    let first = start("first").await?.expect(202);
    let again = start("first").await?;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.expect(202)["id"], first["id"]);
    assert_eq!(refusal(&start("second").await?, "another body"), "idempotency-key-reused");
    let path = format!("/v1/runs/{}", text(&first["id"]));
    assert_eq!(ada.get(&path).await?.expect(200)["brief"], "first");
    Ok(())
}

#[tokio::test]
async fn ended_runs_are_not_cancelled_and_a_second_cancel_changes_nothing() -> Result<()> {
    nothing_stays(async |world, ada| {
        let path = world.call("runs-get").path + "/cancel";
        let reply = ada.send("POST", &path, &[], "").await?;
        assert_eq!(refusal(&reply, "a run that has ended"), "conflict");
        let nobody = format!("/v1/runs/{}/cancel", Uuid::now_v7());
        assert_eq!(refusal(&ada.send("POST", &nobody, &[], "").await?, "none"), "not-found");
        Ok(())
    })
    .await
}
