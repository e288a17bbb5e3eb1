//! The sample event of every function, run as Lambda would: through the Invoke API, against the
//! real record.

use anyhow::Result;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use shared::table::Trigger;
use tests::House;
use tower::ServiceExt;
use uuid::Uuid;

use crate::world::{ENDS_ALL, PAGES, World, text};

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    /// What the function gave, if it gave anything but an error.
    #[track_caller]
    fn value(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        assert!(!self.headers.contains_key("x-amz-function-error"), "{}", self.body);
        self.body
    }

    /// The type and message of the error that it ended with.
    #[track_caller]
    fn error(self) -> (String, String) {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.headers["x-amz-function-error"], "Unhandled");
        (text(&self.body["errorType"]), text(&self.body["errorMessage"]))
    }
}

async fn invoke(
    house: &House,
    function: &str,
    event: impl Into<Body>,
    kind: Option<&str>,
) -> Result<Answer> {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let mut request = Request::post(path);
    if let Some(kind) = kind {
        request = request.header("x-amz-invocation-type", kind);
    }
    let response = house.router.clone().oneshot(request.body(event.into())?).await?;
    let (parts, body) = response.into_parts();
    let id = parts.headers["x-amzn-requestid"].to_str()?;
    assert!(id.parse::<Uuid>().is_ok(), "no request id: {id}");
    let body = serde_json::from_slice(&to_bytes(body, usize::MAX).await?).unwrap_or_default();
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
}

#[tokio::test]
async fn every_route_answers_its_sample_event() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let world = World::build(&house, &org).await?;
    let claims = org.claims("ada", tests::EVERYTHING);
    let token = house.signer.token(&claims);
    let mut leaver = claims.clone();
    leaver["sub"] = "leaver".into();
    for (name, row) in host::table()? {
        let Trigger::Route { method, path } = row.trigger else { continue };
        let event = if name == ENDS_ALL {
            world.event(&name, &house.signer.token(&leaver))
        } else {
            world.event(&name, &token)
        };
        let read: Value = serde_json::from_str(&event)?;
        assert_eq!(read["version"], "2.0", "{name}");
        assert_eq!(read["routeKey"], format!("{method} {path}"), "{name}'s event is another's");
        assert_eq!(read["requestContext"]["routeKey"], read["routeKey"], "{name}");
        let answer = invoke(&house, &name, event, None).await?.value();
        let status = answer["statusCode"].as_u64().unwrap();
        if let Some((_, expected, kind)) = PAGES.iter().find(|(page, ..)| *page == name) {
            assert_eq!(
                (status, answer["headers"]["content-type"].as_str()),
                (*expected, *kind),
                "{name}"
            );
            continue;
        }
        assert!((200..300).contains(&status), "{name}: {answer}");
        if status == 204 {
            assert_eq!(answer["body"], "", "{name}");
            continue;
        }
        let scim = name.starts_with("scim-");
        let kind = if scim { "application/scim+json" } else { "application/json" };
        assert_eq!(answer["headers"]["content-type"], kind, "{name}");
        let body: Value = serde_json::from_str(&text(&answer["body"]))?;
        assert!(body.is_object(), "{name}: {body}");
    }
    Ok(())
}

#[tokio::test]
async fn every_task_and_schedule_ends_its_sample_event_well() -> Result<()> {
    let house = House::open()?;
    let world = World::build(&house, &house.organization()).await?;
    for (name, row) in host::table()? {
        if matches!(row.trigger, Trigger::Route { .. }) {
            continue;
        }
        let given = invoke(&house, &name, world.event(&name, ""), None).await?.value();
        match name.as_str() {
            "platform-migrate" => assert_eq!(given["applied"], json!([]), "nothing is left to do"),
            // Neither is set up for a Management API here.
            "provisioning-push" => assert_eq!(given, json!({ "told": 0, "failed": 0 })),
            "provisioning-drift" => assert_eq!(given["organizations"], 0),
            "provisioning-events" => assert_eq!(given, json!({ "batchItemFailures": [] })),
            "runs-dispatch" => assert!(given["delivered"].is_number(), "{given}"),
            "runs-plan" => {
                assert_eq!(given["next"], "work");
                let ids: Vec<_> =
                    given["steps"].as_array().unwrap().iter().map(|s| text(&s["id"])).collect();
                assert_eq!(ids, ["draft", "talk"]);
            }
            "runs-step" => {
                // The last of its wave, so it says itself what comes next.
                let then = json!({ "next": "finish" });
                assert_eq!(given, json!({ "step_id": "draft", "next": "done", "then": then }));
            }
            "runs-room" => assert_eq!(given, json!({ "step_id": "talk", "next": "done" })),
            "runs-finish" => assert_eq!(given["state"], "succeeded"),
            "runs-fail" => assert_eq!(given["state"], "stopped"),
            other => panic!("say here what `{other}` should give"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_task_that_fails_names_its_error_for_the_state_machine() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let nowhere = json!({ "tenant_id": org.tenant(), "run_id": Uuid::now_v7() }).to_string();
    let (kind, message) = invoke(&house, "runs-plan", nowhere, None).await?.error();
    assert_eq!(kind, "NotFound");
    assert!(!message.is_empty());

    let (kind, message) = invoke(&house, "runs-plan", "{}", None).await?.error();
    assert_eq!(kind, "Invalid");
    assert!(message.contains("tenant_id"), "{message}");

    for event in ["", "{", "not JSON"] {
        let (kind, _) = invoke(&house, "runs-plan", event, None).await?.error();
        assert_eq!(kind, "Runtime.MalformedEvent", "{event}");
        let (kind, _) = invoke(&house, "agents-list", event, None).await?.error();
        assert_eq!(kind, "Runtime.MalformedEvent", "{event}");
    }
    Ok(())
}

#[tokio::test]
async fn a_route_answers_a_refusal_as_a_problem_and_not_as_a_function_error() -> Result<()> {
    let house = House::open()?;
    let event = World::empty().event("agents-list", "nonsense");
    let answer = invoke(&house, "agents-list", event, None).await?.value();
    assert_eq!(answer["statusCode"], 401);
    assert_eq!(answer["headers"]["content-type"], "application/problem+json");
    Ok(())
}

#[tokio::test]
async fn an_unknown_function_is_not_found() -> Result<()> {
    let house = House::open()?;
    for kind in [None, Some("Event")] {
        let answer = invoke(&house, "nobody", "{}", kind).await?;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.headers["x-amzn-errortype"], "ResourceNotFoundException");
    }
    Ok(())
}

#[tokio::test]
async fn an_asynchronous_invocation_is_accepted_and_then_done() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let world = World::build(&house, &org).await?;
    let answer = invoke(&house, "runs-fail", world.event("runs-fail", ""), Some("Event")).await?;
    assert_eq!((answer.status, answer.body), (202, Value::Null));
    let event: Value = serde_json::from_str(&world.event("runs-fail", ""))?;
    let path = format!("/v1/runs/{}", text(&event["run_id"]));
    let ada = org.admin();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while ada.get(&path).await?.expect(200)["state"] != "stopped" {
        assert!(std::time::Instant::now() < deadline, "it was never done");
    }
    Ok(())
}

#[tokio::test]
async fn no_web_page_can_invoke_a_function() -> Result<()> {
    let house = House::open()?;
    let path = "/2015-03-31/functions/platform-health/invocations";
    let headers = [("origin", "https://elsewhere.test"), ("content-type", "text/plain")];
    let refused = house.stranger().send("POST", path, &headers, "{}").await?;
    assert_eq!(refused.problem(403), "forbidden");
    Ok(())
}
