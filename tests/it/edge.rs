//! The edge: what every answer carries, whoever gives it; which pages may call; what is refused
//! before anything is parsed.

use std::future::Future;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use shared::http::{Edge, LARGEST_HEADERS, LONGEST_URI, MOST_HEADERS};
use tests::{House, Reply};
use tower::ServiceExt;

use crate::world::{World, routes, text};

/// The words of our inside: no answer has one.
const INSIDE: [&str; 9] =
    ["panicked", ".rs:", "src/", "tokio", "postgres", "stack backtrace", "SQLSTATE", "sec.", "0x"];

/// P8: what is missing of an answer's headers, or is in its body and should not be.
#[track_caller]
fn protected(headers: &HeaderMap, what: &str) {
    let header = |name: &str| {
        let mut all = headers.get_all(name).iter();
        let value = all.next().unwrap_or_else(|| panic!("{what}: no `{name}`"));
        assert!(all.next().is_none(), "{what}: `{name}` twice");
        value.to_str().unwrap()
    };
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert!(header("strict-transport-security").starts_with("max-age=63072000"), "{what}");
    // A page tells itself where its forms come from, and nobody else.
    assert!(["no-referrer", "same-origin"].contains(&header("referrer-policy")), "{what}");
    // The style sheet is the same for everybody.
    let sheet = ["identity-style", "/account/style.css"].iter().any(|name| what.contains(name));
    let kept = sheet && header("cache-control").starts_with("public");
    assert!(kept || header("cache-control") == "no-store", "{what}");
    assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{what}");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{what}");
    assert!(header("permissions-policy").contains("camera=()"), "{what}");
    let policy = header("content-security-policy");
    for must in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(must), "{what}: {policy}");
    }
    for never in ["unsafe-inline", "unsafe-eval", "*", "http:", "data:"] {
        assert!(!policy.contains(never), "{what}: {policy}");
    }
    for tells in ["server", "x-powered-by", "via"] {
        assert!(!headers.contains_key(tells), "{what}: `{tells}` says what runs here");
    }
}

#[track_caller]
fn discreet(reply: &Reply, what: &str) {
    protected(&reply.headers, what);
    if reply.status.is_success() {
        return;
    }
    let body = reply.body.to_string();
    for word in INSIDE {
        assert!(!body.contains(word), "{what}: `{word}` in {body}");
    }
}

#[tokio::test]
async fn p8_every_answer_of_every_route_carries_the_headers_and_shows_nothing_of_the_inside()
-> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let world = World::build(&house, &org).await?;
    let nothing = World::empty();
    let (ada, nobody, garbage) = (org.admin(), house.stranger(), house.with_token("x"));
    let powerless = org.member("bob", &[]);
    let mut answers = 0;
    for (name, _) in routes() {
        let call = nothing.call(&name);
        for person in [&nobody, &garbage, &powerless, &ada] {
            let reply = call.by(person).await?;
            discreet(&reply, &format!("{name}: {}", reply.status));
            answers += 1;
        }
        let path = call.path.split('?').next().unwrap_or_default().to_owned();
        for (method, path, body) in [
            (call.method.as_str(), path.clone(), "{"),
            (call.method.as_str(), path.clone(), "\"x\""),
            (call.method.as_str(), format!("{path}?surprise=1"), ""),
            ("TRACE", path.clone(), ""),
            ("OPTIONS", path.clone(), ""),
            ("BREW", path.clone(), ""),
            ("GET", format!("{path}/none/such"), ""),
        ] {
            let reply = ada.send(method, &path, &[("content-type", "application/json")], body);
            let reply = reply.await?;
            discreet(&reply, &format!("{method} {path} {body}: {}", reply.status));
            answers += 1;
        }
    }
    for (name, _) in routes() {
        let reply = world.call(&name).by(&ada).await?;
        discreet(&reply, &format!("{name}: {}", reply.status));
        answers += 1;
    }
    tests::tell(&format!(
        "P8: {answers} answers over {} routes, 0 without a header",
        routes().len()
    ));
    Ok(())
}

/// In Lambda each function is a router of its own; the host's Invoke API mounts it the same way.
#[tokio::test]
async fn p8_a_function_that_a_gateway_invokes_answers_with_the_same_headers() -> Result<()> {
    let house = House::open()?;
    let nothing = World::empty();
    for (name, _) in routes() {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let answer = house.stranger().send("POST", &path, &[], nothing.event(&name, "x")).await?;
        let mut headers = HeaderMap::new();
        for (name, value) in answer.body["headers"].as_object().unwrap() {
            headers.insert(axum::http::HeaderName::try_from(name)?, text(value).parse()?);
        }
        protected(&headers, &name);
    }
    Ok(())
}

#[tokio::test]
async fn p8_trace_is_off_and_no_header_makes_a_request_another_one() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    for (name, _) in routes() {
        let call = World::empty().call(&name);
        for method in ["TRACE", "TRACK", "CONNECT"] {
            let reply = ada.send(method, &call.path, &[("x-canary", "echo-me")], "").await?;
            assert_eq!(reply.problem(405), "method-not-allowed", "{method} {name}");
            assert!(!reply.body.to_string().contains("echo-me"), "{method} {name}");
        }
        for header in
            ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url"]
        {
            let reply = ada.send(&call.method, &call.path, &[(header, "DELETE")], "").await?;
            assert_eq!(reply.problem(400), "malformed", "{header} {name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn p4_a_request_over_the_edges_limits_is_refused_before_anybody_looks_at_it() -> Result<()> {
    let house = House::open()?;
    // Nobody: were the guard first, these would be 401.
    let nobody = house.stranger();
    let long = format!("/v1/agents?cursor={}", "a".repeat(LONGEST_URI));
    assert_eq!(nobody.get(&long).await?.problem(413), "too-large");
    let long = format!("/{}", "a".repeat(LONGEST_URI));
    assert_eq!(nobody.get(&long).await?.problem(413), "too-large");
    let exact = format!("/{}", "a".repeat(LONGEST_URI - 1));
    assert_eq!(nobody.get(&exact).await?.problem(404), "not-found");
    let many = vec![("x-many", "1"); MOST_HEADERS + 1];
    assert_eq!(nobody.send("GET", "/v1/agents", &many, "").await?.problem(413), "too-large");
    let large = "v".repeat(LARGEST_HEADERS);
    let large = [("x-large", large.as_str())];
    assert_eq!(nobody.send("GET", "/v1/agents", &large, "").await?.problem(413), "too-large");
    let doubled = [
        [("content-length", "5"), ("content-length", "6")],
        [("content-type", "application/json"), ("content-type", "text/plain")],
        [("host", "a"), ("host", "b")],
        [("origin", "https://a"), ("origin", "https://b")],
        [("idempotency-key", "a"), ("idempotency-key", "b")],
        [("content-length", "5"), ("transfer-encoding", "chunked")],
        [("content-length", "+5"), ("x-other", "")],
        [("content-length", "5, 5"), ("x-other", "")],
    ];
    for headers in doubled {
        let reply = nobody.send("POST", "/v1/agents", &headers, "").await?;
        assert_eq!(reply.problem(400), "malformed", "{headers:?}");
    }
    Ok(())
}

#[tokio::test]
async fn p4_a_body_of_many_or_deep_parts_is_refused_on_every_route_that_takes_json() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(32), "]".repeat(32));
    let wide = format!("{{\"x\":[{}]}}", vec!["0"; 100_000].join(","));
    let members: Vec<_> = (0..10_001).map(|n| format!("\"k{n}\":0")).collect();
    let members = format!("{{\"x\":{{{}}}}}", members.join(","));
    let mut tried = 0;
    for (name, _) in routes() {
        let call = World::empty().call(&name);
        if call.body.is_empty() {
            continue;
        }
        let kind = call.headers.iter().find(|(name, _)| name == "content-type");
        let kind = [("content-type", kind.map_or("application/json", |(_, kind)| kind))];
        for body in [&deep, &wide, &members] {
            let reply = ada.send(&call.method, &call.path, &kind, body.clone()).await?;
            assert_eq!(reply.problem(413), "too-large", "{name}");
            tried += 1;
        }
    }
    assert!(tried >= 27, "only {tried}");
    Ok(())
}

/// `PARALLEL_UPLOADS` at once, of a megabyte each: all are answered, and others are not kept waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p4_many_uploads_at_once_are_answered_and_others_go_on() -> Result<()> {
    let uploads = std::env::var("PARALLEL_UPLOADS").ok().map_or(Ok(40), |count| count.parse())?;
    let house = House::open()?;
    let (ours, theirs) = (house.organization().admin(), house.organization().admin());
    let file = "# notes\n".repeat(128 * 1024);
    let send = async |number: u32| {
        let name = format!("m/n{number}.md");
        ours.post("/v1/imports", json!({ "files": { name: file } })).await
    };
    let all = async { futures(uploads, send).await };
    let beside = async {
        let mut slowest = std::time::Duration::ZERO;
        for _ in 0..20 {
            let since = std::time::Instant::now();
            theirs.get("/v1/agents").await?.expect(200);
            slowest = slowest.max(since.elapsed());
        }
        anyhow::Ok(slowest)
    };
    let (all, slowest) = tokio::join!(all, beside);
    for status in all? {
        assert!([201, 413, 422, 429].contains(&status), "{status}");
    }
    tests::tell(&format!(
        "P4: {uploads} uploads at once, the slowest read beside them {:?}",
        slowest?
    ));
    Ok(())
}

/// All of them side by side: their statuses.
async fn futures(count: u32, send: impl AsyncFn(u32) -> Result<Reply>) -> Result<Vec<u16>> {
    let mut waiting: Vec<_> = (0..count).map(|number| Box::pin(send(number))).collect();
    let mut statuses = Vec::new();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(reply) => {
                statuses.push(reply.map(|reply| reply.status.as_u16()));
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    statuses.into_iter().collect()
}

/// A router that lists origins.
fn open_to(house: &House, origins: &[&str]) -> Result<Router> {
    let origins: Vec<_> = origins.iter().map(|origin| (*origin).to_owned()).collect();
    let functions = Arc::new(host::functions(house.app)?);
    Ok(shared::http::behind(Edge::open_to(&origins)?, functions.api()))
}

async fn asked(router: &Router, method: &str, origin: &str) -> Result<(u16, HeaderMap)> {
    let request = Request::builder().method(method).uri("/v1/agents").header("origin", origin);
    let request = if method == "OPTIONS" {
        request.header("access-control-request-method", "POST")
    } else {
        request
    };
    let response = router.clone().oneshot(request.body(Body::empty())?).await?;
    Ok((response.status().as_u16(), response.headers().clone()))
}

#[tokio::test]
async fn p8_only_pages_of_listed_origins_may_call_and_no_origin_is_almost_listed() -> Result<()> {
    let house = House::open()?;
    let router = open_to(&house, &["https://app.example", "https://two.example:8443"])?;
    for origin in ["https://app.example", "https://two.example:8443"] {
        let (status, headers) = asked(&router, "OPTIONS", origin).await?;
        assert_eq!(status, 204);
        assert_eq!(headers["access-control-allow-origin"], origin);
        assert_eq!(headers["access-control-allow-credentials"], "true");
        assert!(headers["access-control-allow-methods"].to_str()?.contains("POST"));
        assert!(headers["vary"].to_str()?.contains("origin"));
        protected(&headers, origin);
        // The answer itself, a refusal too, is readable for the page.
        let (status, headers) = asked(&router, "GET", origin).await?;
        assert_eq!((status, &headers["access-control-allow-origin"]), (401, &origin.parse()?));
    }
    for origin in [
        "https://app.example.evil.test",
        "https://evil-app.example",
        "http://app.example",
        "https://app.example:444",
        "https://APP.example",
        "https://app.example/",
        "https://two.example",
        "null",
        "*",
        "",
    ] {
        for method in ["OPTIONS", "GET"] {
            let (status, headers) = asked(&router, method, origin).await?;
            assert_eq!(status, if method == "GET" { 401 } else { 403 }, "{origin}");
            let open: Vec<_> =
                headers.keys().filter(|n| n.as_str().starts_with("access-control")).collect();
            assert!(open.is_empty(), "{origin}: {open:?}");
            protected(&headers, origin);
        }
    }
    Ok(())
}

#[tokio::test]
async fn p8_without_a_setting_no_page_of_another_origin_may_call() -> Result<()> {
    let house = House::open()?;
    for origin in ["https://app.example", "null", "http://localhost:3000"] {
        for method in ["OPTIONS", "GET"] {
            let (_, headers) = asked(&house.router, method, origin).await?;
            assert!(!headers.contains_key("access-control-allow-origin"), "{origin}");
            assert!(!headers.contains_key("access-control-allow-credentials"), "{origin}");
        }
    }
    Ok(())
}

#[test]
fn p8_an_origin_that_is_none_does_not_start() {
    for wrong in [
        "*",
        "https://*.example",
        "https://a/",
        "https://a/b",
        "a",
        "http://a",
        "null",
        "https://A",
    ] {
        assert!(Edge::open_to(&[wrong.to_owned()]).is_err(), "{wrong}");
    }
    assert!(Edge::open_to(&["http://localhost:3000".to_owned()]).is_ok());
}

#[tokio::test]
async fn p8_what_a_problem_repeats_of_a_request_is_data_and_stays_short() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let script = "<script>alert(1)</script>";
    let long = script.repeat(100);
    for body in [json!({ script: 1 }), json!({ "slug": long }), json!({ "slug": "a", long: 1 })] {
        let reply = ada.post("/v1/agents", body).await?;
        assert!(reply.status.is_client_error());
        assert_eq!(reply.headers["content-type"], "application/problem+json");
        let detail = reply.body["detail"].as_str().unwrap_or_default();
        assert!(detail.len() < 600, "{} characters of detail", detail.len());
        assert_eq!(reply.body.as_object().map(serde_json::Map::len), Some(4), "{}", reply.body);
    }
    assert!(Value::is_null(&house.stranger().get("/v1/agents").await?.body["trace"]));
    Ok(())
}
