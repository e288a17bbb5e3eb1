//! The real stack, up and down: every service is the one that `make demo` starts.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use local::{
    emulator, http,
    openid::{self, AUDIENCE},
    paths::Paths,
    process::Identity,
    stack::{self, Options, Part, Stack, State},
};
use serde_json::{Value, json};

use crate::own::Own;

#[test]
fn functions_reach_postgres_through_the_pooler_as_the_app_role_and_nothing_runs_as_root()
-> Result<()> {
    let own = Own::new("database");
    let stack = Stack::up(&own.options(&[Part::Database]))?;

    let app = stack.var("DATABASE_URL")?.to_owned();
    assert_eq!(psql(&stack, &app, "select current_user, inet_server_port() is not null")?, "app|t");
    let rights =
        "select rolsuper or rolbypassrls or rolcreaterole from pg_roles where rolname = user";
    assert_eq!(psql(&stack, &app, rights)?, "f");

    let owner = stack.var("MIGRATE_DATABASE_URL")?.to_owned();
    assert_eq!(psql(&stack, &owner, "create table t (v vector(3)); select user")?, "cadre_owner");
    let may = "select not rolsuper and rolcreaterole from pg_roles where rolname = user";
    assert_eq!(psql(&stack, &owner, may)?, "t");

    // In transaction mode a server is shared: twenty clients, one after the other, are one session.
    let pids = (0..5)
        .map(|_| psql(&stack, &app, "select pg_backend_pid()"))
        .collect::<Result<Vec<_>>>()?;
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");

    for name in ["postgres", "pgbouncer"] {
        let pid = stack.services().iter().find(|one| one.name == name).context("runs")?.process.pid;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).context("a user")?;
        assert!(!uid.split_whitespace().any(|id| id == "0"), "{name} runs as root: {uid}");
    }

    let other = stack.database("one_test", None)?;
    assert_eq!(psql(&stack, &other["DATABASE_URL"], "select current_database()")?, "one_test");
    stack.database("one_test", None)?;
    assert!(stack.database("no;thing", None).is_err());
    stack.down();
    Ok(())
}

#[test]
fn people_and_machines_get_tokens_shaped_like_auth0s() -> Result<()> {
    let own = Own::new("openid");
    let stack = Stack::up(&own.options(&[Part::OpenId]))?;
    let issuer = stack.var("AUTH_ISSUER")?;
    let agent = http::agent(Duration::from_secs(5));

    let keys = http::get(&agent, stack.var("AUTH_JWKS_URL")?, &[])?.json()?;
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["kty"], &key["alg"], &key["use"]),
        (&json!("RSA"), &json!("RS256"), &json!("sig"))
    );
    assert!(key.get("d").is_none(), "the private key is published");

    let ada = stack.sign_in("ada")?;
    assert_eq!(part(&ada, 0)?["kid"], key["kid"]);
    let claims = part(&ada, 1)?;
    let audience = json!([AUDIENCE, format!("{issuer}userinfo")]);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer), &audience));
    assert_eq!((&claims["sub"], &claims["org_id"]), (&json!("auth0|ada"), &json!("org_demo")));
    assert_eq!(claims["azp"], "cli");
    let lasts = claims["exp"].as_i64().context("exp")? - claims["iat"].as_i64().context("iat")?;
    assert_eq!(lasts, 2 * 60 * 60);

    let (all, read) = (&claims["permissions"], &part(&stack.sign_in("eve")?, 1)?["permissions"]);
    let all: Vec<&str> =
        all.as_array().context("a list")?.iter().filter_map(Value::as_str).collect();
    let read: Vec<&str> =
        read.as_array().context("a list")?.iter().filter_map(Value::as_str).collect();
    let reading: Vec<&str> = all.iter().copied().filter(|name| name.ends_with(":read")).collect();
    assert_eq!(read, reading);

    let bob = openid::sign_in(issuer, "bob@example.test")?;
    assert_eq!(part(&bob, 1)?["org_id"], "org_other");
    assert!(openid::sign_in(issuer, "mallory").is_err());

    let machine = openid::machine_token(issuer, stack.var("MACHINE_SECRET")?)?;
    let claims = part(&machine, 1)?;
    assert_eq!((&claims["azp"], &claims["sub"]), (&json!("machine"), &json!("machine@clients")));
    assert!(openid::machine_token(issuer, "a guess").is_err());
    Ok(())
}

#[test]
fn redis_and_the_emulator_answer_and_what_is_left_out_is_left_out() -> Result<()> {
    let own = Own::new("services");
    let stack = Stack::up(&own.options(&[Part::Redis, Part::Emulator]))?;

    let redis = stack.var("REDIS_URL")?.trim_start_matches("redis://");
    let mut stream = TcpStream::connect(redis)?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    assert_eq!(&answer, b"+PONG\r\n");

    let agent = http::agent(Duration::from_secs(5));
    let health = format!("{}/_ministack/health", stack.var("AWS_ENDPOINT_URL")?);
    assert_eq!(http::get(&agent, &health, &[])?.status, 200);
    let functions = emulator::Source::read(&stack.paths().root)?.functions;
    let authorization = emulator::authorization("lambda");
    let url = format!("{}/2015-03-31/functions?MaxItems=1000", stack.var("AWS_ENDPOINT_URL")?);
    let known = http::get(&agent, &url, &[("authorization", &authorization)])?.json()?;
    let mut known: Vec<&str> = known["Functions"]
        .as_array()
        .context("a list")?
        .iter()
        .filter_map(|function| function["FunctionName"].as_str())
        .collect();
    known.sort_unstable();
    assert_eq!(known, functions.keys().map(String::as_str).collect::<Vec<_>>());

    assert!(stack.var("DATABASE_URL").is_err() && stack.var("AUTH_ISSUER").is_err());
    assert_eq!(stack.var("MODEL_PROVIDER")?, "extractive");
    Ok(())
}

#[test]
fn the_demonstration_model_answers_as_openai_does() -> Result<()> {
    let own = Own::new("model");
    let stack = Stack::up(&own.options(&[Part::Model]))?;
    if stack.var("MODEL_PROVIDER")? == "extractive" {
        // The weights could not be had; the installer said so on screen, and the stack stands without.
        return Ok(());
    }
    let url = format!("{}/chat/completions", stack.var("MODEL_BASE_URL")?);
    let body = json!({
        "model": stack.var("MODEL_NAME")?,
        "messages": [{ "role": "user", "content": "Say hello." }],
        "max_tokens": 8,
        "seed": 7,
    });
    let headers = [("content-type", "application/json")];
    let agent = http::agent(Duration::from_mins(1));
    let reply = http::post(&agent, &url, &headers, body.to_string().as_bytes())?.json()?;
    assert!(reply["choices"][0]["message"]["content"].is_string(), "{reply}");
    assert!(
        reply["usage"]["completion_tokens"].as_u64().is_some_and(|count| count <= 8),
        "{reply}"
    );
    Ok(())
}

#[test]
fn a_second_start_uses_the_first_and_a_second_stop_finds_nothing() -> Result<()> {
    let own = Own::new("twice");
    let options = Options { detached: true, ..own.options(&[Part::Redis, Part::OpenId]) };
    let first = Stack::up(&options)?;
    let pids =
        |stack: &Stack| stack.services().iter().map(|one| one.process.pid).collect::<Vec<_>>();
    let (before, environment) = (pids(&first), first.env().clone());
    drop(first);

    let second = Stack::up(&options)?;
    assert_eq!(pids(&second), before);
    assert_eq!(second.env(), &environment);
    second.down();
    let alive = State::read(&Paths::find(Some(&own.0))?).services;
    assert!(alive.iter().all(|one| one.process.is_alive()), "a borrowed stack was ended");

    assert_eq!(stack::stop(Some(&own.0))?, 2);
    assert!(alive.iter().all(|one| !one.process.is_alive()));
    assert_eq!(stack::stop(Some(&own.0))?, 0);
    Ok(())
}

#[test]
fn a_start_after_a_crash_ends_what_was_left_behind() -> Result<()> {
    let own = Own::new("crash");
    let options = Options { detached: true, ..own.options(&[Part::Redis, Part::OpenId]) };
    let first = Stack::up(&options)?;
    let left: Vec<Identity> = first.services().iter().map(|one| one.process.clone()).collect();
    drop(first);
    let redis = left.first().context("a service")?;
    redis.end(local::process::Ask::Terminate, Duration::from_secs(5));

    let second = Stack::up(&options)?;
    assert!(left.iter().all(|process| !process.is_alive()));
    assert!(second.services().iter().all(|one| one.process.is_alive()));
    Ok(())
}

#[test]
fn a_service_that_dies_is_named_and_takes_the_stack_down() -> Result<()> {
    let own = Own::new("killed");
    let mut up = own.program(&["up", "--no-model", "--no-emulator"]);
    let mut up = up.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let state = wait_for(|| {
        let state = State::read(&Paths::find(Some(&own.0)).ok()?);
        let environment = &state.environment;
        (state.services.len() == 4 && environment.contains_key("DATABASE_URL")).then_some(state)
    })?;
    let redis = state.services.iter().find(|one| one.name == "redis").context("redis")?;
    // Not before everything answers: until then it would be a failed start.
    wait_for(|| own.program(&["token"]).output().ok().filter(|out| out.status.success()))?;
    redis.process.end(local::process::Ask::Terminate, Duration::from_secs(5));

    let status = up.wait()?;
    let mut said = String::new();
    up.stderr.take().context("piped")?.read_to_string(&mut said)?;
    ensure!(!status.success(), "{said}");
    assert!(said.contains("redis ended"), "{said}");
    assert!(said.contains("logs/redis.log"), "{said}");
    assert!(state.services.iter().all(|one| !one.process.is_alive()), "something still runs");
    Ok(())
}

#[test]
fn stop_from_another_terminal_ends_a_supervisor_and_its_services() -> Result<()> {
    let own = Own::new("stopped");
    let mut up = own.program(&["up", "--no-model", "--no-emulator"]);
    let mut up = up.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let state = wait_for(|| {
        let state = State::read(&Paths::find(Some(&own.0)).ok()?);
        (state.services.len() == 4).then_some(state)
    })?;
    let stop = own.program(&["stop"]).output()?;
    assert!(stop.status.success(), "{}", String::from_utf8_lossy(&stop.stderr));
    up.wait()?;
    assert!(state.services.iter().all(|one| !one.process.is_alive()));
    Ok(())
}

/// Any program that answers at `HOST_ADDRESS` can be the host.
const HOST: &str = "#!/usr/bin/env python3
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
host, port = os.environ['HOST_ADDRESS'].split(':')
http.server.HTTPServer((host, int(port)), Answer).serve_forever()
";

#[test]
fn a_host_is_replaced_by_a_newer_one_and_ends_with_whoever_started_it() -> Result<()> {
    let own = Own::new("host");
    let options = Options { detached: true, ..own.options(&[Part::Redis]) };
    drop(Stack::up(&options)?);
    let paths = Paths::find(Some(&own.0))?;
    let binary = paths.stack.join("host");
    fs::write(&binary, HOST)?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
    let pid = |stack: &Stack| {
        stack.services().iter().find(|one| one.name == "host").map(|one| one.process.clone())
    };

    let mut borrowed = Stack::up(&options)?;
    borrowed.spawn_host(&binary)?;
    let first = pid(&borrowed).context("a host")?;
    borrowed.spawn_host(&binary)?;
    let second = pid(&borrowed).context("a host")?;
    assert!(!first.is_alive() && second.is_alive());
    let health = format!("{}/v1/health", borrowed.host_url()?);
    assert_eq!(http::get(&http::agent(Duration::from_secs(2)), &health, &[])?.status, 200);

    borrowed.down();
    assert!(!second.is_alive());
    let left = State::read(&paths).services;
    assert!(left.len() == 1 && left[0].process.is_alive(), "{left:?}");
    Ok(())
}

/// Waits, within reason, for something to be there.
fn wait_for<T>(look: impl Fn() -> Option<T>) -> Result<T> {
    let since = Instant::now();
    while since.elapsed() < Duration::from_mins(2) {
        if let Some(found) = look() {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    anyhow::bail!("it never came")
}

/// One part of a token, decoded.
fn part(token: &str, at: usize) -> Result<Value> {
    let part = token.split('.').nth(at).context("not a token")?;
    Ok(serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part)?)?)
}

/// Asks a database by its address, with the `psql` that the stack unpacked.
fn psql(stack: &Stack, url: &str, sql: &str) -> Result<String> {
    let tools = local::install::unpacked_postgres(stack.paths())?;
    let out = tools
        .command("psql")
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--command", sql, url])
        .stdin(Stdio::null())
        .output()?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}
