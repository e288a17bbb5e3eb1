//! What is wrong is refused: by a problem with a stable type and a sentence that says what to do,
//! and nothing of it stays. Every body is a sample event's, with one thing wrong.

use anyhow::Result;
use serde_json::{Value, json};
use tests::{House, Person, Reply};

use crate::record;
use crate::world::{Call, World, routes, text};

/// Every problem type that a request can be answered with. It may grow; no entry is ever renamed.
const TYPES: [&str; 31] = [
    "agent-missing",
    "bundle-bomb",
    "bundle-corrupt",
    "bundle-duplicate-path",
    "bundle-empty",
    "bundle-encrypted",
    "bundle-file-too-large",
    "bundle-generation-unsupported",
    "bundle-link",
    "bundle-no-definitions",
    "bundle-path-invalid",
    "bundle-path-traversal",
    "bundle-special-file",
    "bundle-too-large",
    "bundle-too-many-definitions",
    "bundle-too-many-entries",
    "bundle-truncated",
    "bundle-unknown-format",
    "conflict",
    "forbidden",
    "idempotency-key-reused",
    "invalid",
    "malformed",
    "method-not-allowed",
    "not-found",
    "skill-missing",
    "too-large",
    "unsupported-media-type",
    "workflow-cycle",
    "workflow-missing",
    "workflow-not-runnable",
];

/// The type of a refusal that is the caller's to mend, and says how.
#[track_caller]
pub(crate) fn refusal<'a>(reply: &'a Reply, what: &str) -> &'a str {
    let status = reply.status.as_u16();
    assert!((400..500).contains(&status), "{what}: {status} {}", reply.body);
    let kind = reply.problem(status);
    assert!(TYPES.contains(&kind), "{what}: `{kind}` is no type we know");
    let detail = reply.body["detail"].as_str().unwrap_or_default();
    assert!(detail.split(' ').count() > 3, "{what}: no sentence: {detail}");
    assert!(detail.len() < 600, "{what}: {} characters of detail", detail.len());
    kind
}

/// Does `work` in an organization with one of everything, of which nothing may change meanwhile.
pub(crate) async fn nothing_stays(
    work: impl AsyncFnOnce(&World, &Person<'_>) -> Result<()>,
) -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let world = World::build(&house, &org).await?;
    let owner = record::owner().await?;
    let before = record::fingerprint(&owner, org.tenant()).await?;
    assert!(before.len() >= 20, "only {} tables", before.len());
    work(&world, &org.admin()).await?;
    assert_eq!(record::fingerprint(&owner, org.tenant()).await?, before, "something stayed");
    Ok(())
}

/// The sample call of every route that takes JSON as we have it: SCIM says itself what it leaves out
/// in silence (see `scim.rs`).
fn with_a_body(world: &World) -> Vec<(String, Call)> {
    let ours = routes().into_iter().filter(|(name, _)| !name.starts_with("scim-"));
    let calls = ours.map(|(name, _)| (name.clone(), world.call(&name)));
    let calls: Vec<_> = calls.filter(|(_, call)| !call.body.is_empty()).collect();
    assert!(calls.len() >= 9, "only {} routes with a body", calls.len());
    calls
}

async fn send(
    person: &Person<'_>,
    call: &Call,
    body: impl Into<axum::body::Body>,
) -> Result<Reply> {
    let headers: Vec<_> = call.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    person.send(&call.method, &call.path, &headers, body).await
}

/// The JSON Pointers of every value within, except those whose form is free; a JSON Schema may have
/// keywords of its own.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    if at.ends_with("/extensions") || at == "/schema" {
        return;
    }
    if !at.is_empty() {
        found.push(at.to_owned());
    }
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(inner, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (n, inner) in items.iter().enumerate() {
                places(inner, &format!("{at}/{n}"), found);
            }
        }
        _ => {}
    }
}

fn all_places(body: &Value) -> Vec<String> {
    let mut found = Vec::new();
    places(body, "", &mut found);
    found
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_refused_by_its_name() -> Result<()> {
    nothing_stays(async |world, ada| {
        for (name, call) in with_a_body(world) {
            let body: Value = serde_json::from_str(&call.body)?;
            let mut objects = vec![String::new()];
            objects.extend(all_places(&body));
            objects.retain(|at| body.pointer(at).is_some_and(Value::is_object));
            for at in objects.iter().filter(|at| !at.starts_with("/files")) {
                let mut changed = body.clone();
                changed.pointer_mut(at).unwrap()["surprise"] = 1.into();
                let reply = send(ada, &call, changed.to_string()).await?;
                let what = format!("{name} {at}");
                assert!(["invalid", "malformed"].contains(&refusal(&reply, &what)), "{what}");
                let detail = text(&reply.body["detail"]);
                assert!(detail.contains("`surprise`"), "{what}: {detail}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_value_of_a_wrong_type_is_refused_with_its_place() -> Result<()> {
    nothing_stays(async |world, ada| {
        let mut tried = 0;
        for (name, call) in with_a_body(world) {
            let body: Value = serde_json::from_str(&call.body)?;
            for at in all_places(&body) {
                let now = body.pointer(&at).unwrap();
                let wrongs = [json!(true), json!(-1.5), json!([[]]), json!({ "a": 1 })];
                for wrong in wrongs.into_iter().filter(|wrong| !same_type(wrong, now)) {
                    let mut changed = body.clone();
                    *changed.pointer_mut(&at).unwrap() = wrong.clone();
                    let reply = send(ada, &call, changed.to_string()).await?;
                    let kind = refusal(&reply, &format!("{name} {at} = {wrong}"));
                    assert!(["invalid", "malformed"].contains(&kind), "{name} {at}: {kind}");
                    tried += 1;
                }
            }
        }
        assert!(tried > 150, "only {tried} were tried");
        Ok(())
    })
    .await
}

fn same_type(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

#[tokio::test]
async fn what_is_not_json_is_refused_as_malformed() -> Result<()> {
    let bodies: [&[u8]; 12] = [
        b"",
        b" ",
        b"{",
        b"nonsense",
        b"{\"slug\": }",
        b"{} {}",
        b"{\"a\": 1,}",
        b"{'a': 1}",
        b"\xef\xbb\xbf{}",
        b"{\"slug\": \"\xff\xfe\"}",
        b"\xff",
        b"{\"slug\": \"\\ud800\"}",
    ];
    nothing_stays(async |world, ada| {
        for (name, call) in with_a_body(world) {
            for body in bodies {
                let what = format!("{name}: {}", String::from_utf8_lossy(body));
                let reply = send(ada, &call, body.to_vec()).await?;
                let kind = refusal(&reply, &what);
                assert!(["malformed", "invalid", "bundle-empty"].contains(&kind), "{what}: {kind}");
            }
            let reply = send(ada, &call, "[".repeat(200)).await?;
            refusal(&reply, &format!("{name}: 200 deep"));
        }
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        let body =
            format!(r#"{{"slug":"deep","definition":{{"name":"d","extensions":{{"k":{deep}}}}}}}"#);
        for route in ["agents-create", "workflows-create"] {
            let reply = send(ada, &world.call(route), body.clone()).await?;
            assert_eq!(refusal(&reply, route), "too-large");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_body_of_another_kind_or_six_megabytes_is_refused() -> Result<()> {
    nothing_stays(async |world, ada| {
        for (name, call) in with_a_body(world) {
            if name != "imports-create" {
                for kind in
                    ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]
                {
                    let mut other = call.clone();
                    other.headers.retain(|(header, _)| header != "content-type");
                    other.headers.push(("content-type".into(), kind.into()));
                    let reply = send(ada, &other, call.body.clone()).await?;
                    assert_eq!(refusal(&reply, &name), "unsupported-media-type", "{kind}");
                }
            }
            let padded = call.body.clone() + &" ".repeat(6_000_000);
            let length = padded.len().to_string();
            let reply = send(ada, &call, padded.clone()).await?;
            assert_eq!(refusal(&reply, &name), "too-large", "{name}");
            let mut declared = call.clone();
            declared.headers.push(("content-length".into(), length));
            let reply = send(ada, &declared, padded).await?;
            assert_eq!(refusal(&reply, &name), "too-large", "{name}, declared");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_nul_in_a_text_is_refused_wherever_it_is() -> Result<()> {
    nothing_stays(async |world, ada| {
        let mut tried = 0;
        for (name, call) in with_a_body(world).into_iter().filter(|(n, _)| n != "imports-create") {
            let body: Value = serde_json::from_str(&call.body)?;
            let mut at: Vec<_> = all_places(&body);
            at.push("/definition/extensions/shift".into());
            at.retain(|at| body.pointer(at).is_some_and(Value::is_string));
            for at in at {
                let mut changed = body.clone();
                let value = changed.pointer_mut(&at).unwrap();
                *value = format!("{}\0", text(value)).into();
                let reply = send(ada, &call, changed.to_string()).await?;
                refusal(&reply, &format!("{name} {at}"));
                tried += 1;
            }
        }
        assert!(tried > 30, "only {tried} were tried");
        for path in [
            "/v1/agents?slug=%00",
            "/v1/workflows?slug=a%00b",
            "/v1/runs?state=%00",
            "/v1/agents?cursor=%00",
        ] {
            let found = ada.get(path).await?;
            assert!(refusal(&found, path).starts_with("invalid"), "{path}");
        }
        Ok(())
    })
    .await
}
