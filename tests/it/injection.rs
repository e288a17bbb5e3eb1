//! Texts that mean something to some interpreter, in the place of every text that a route takes:
//! never a 500, never a pause. And why: no statement is put together from texts.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use tests::{House, Person};

use crate::source::{is_sql, literals, rust};
use crate::world::{Call, World, routes};

/// A few of each kind: SQL, expressions, shells, templates, paths, HTML, header lines,
/// formats, encodings.
const CORPUS: [&str; 26] = [
    "'",
    "' or '1'='1",
    "'; select pg_sleep(5); --",
    "1); select pg_sleep(5)--",
    "\\'; drop table agents; --",
    "$1",
    "$$;select pg_sleep(5)$$",
    "\" or 1=1 --",
    "admin'/*",
    "x' union select null,null--",
    "{% $states.input %}",
    "{{7*7}}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "$(sleep 5)",
    "`sleep 5`",
    "| sleep 5",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "a\r\nset-cookie: a=b",
    "%s%s%n%x",
    "{\"$ne\": null}",
    "\u{202e}\u{0}\u{feff}\u{1F4A9}",
];

const TOO_LONG: Duration = Duration::from_secs(4);

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"))
}

/// The call with this text in each place that takes one, one place at a time.
fn variants(call: &Call, text: &str) -> Vec<Call> {
    let mut found = Vec::new();
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let parts: Vec<_> = path.split('/').collect();
    for at in 1..parts.len() {
        let mut parts = parts.clone();
        let encoded = encoded(text);
        parts[at] = &encoded;
        found.push(Call { path: parts.join("/"), ..call.clone() });
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or_default();
        let changed = query.replace(pair, &format!("{name}={}", encoded(text)));
        found.push(Call { path: format!("{path}?{changed}"), ..call.clone() });
    }
    if let Ok(body) = serde_json::from_str::<Value>(&call.body) {
        let mut places = Vec::new();
        texts(&body, "", &mut places);
        for place in places {
            let mut body = body.clone();
            if let Some(value) = body.pointer_mut(&place) {
                *value = json!(text);
            }
            found.push(Call { body: body.to_string(), ..call.clone() });
        }
    }
    let safe: String = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
    // Not `Idempotency-Key`: what is kept under one needs DynamoDB, see `idempotency.rs`.
    for header in ["accept-language", "user-agent", "if-match"] {
        let mut headers = call.headers.clone();
        headers.retain(|(name, _)| name != header);
        headers.push((header.into(), safe.clone()));
        found.push(Call { headers, ..call.clone() });
    }
    found
}

/// The JSON Pointers of every text within.
fn texts(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Object(map) => {
            for (key, inner) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                texts(inner, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (n, inner) in items.iter().enumerate() {
                texts(inner, &format!("{at}/{n}"), found);
            }
        }
        _ => {}
    }
}

async fn harmless(person: &Person<'_>, name: &str, call: &Call) -> Result<()> {
    let since = Instant::now();
    let reply = call.by(person).await?;
    let what = format!("{name} {} {}: {} {}", call.path, call.body, reply.status, reply.body);
    assert!(reply.status.as_u16() < 500, "{what}");
    assert!(since.elapsed() < TOO_LONG, "{what}: it slept");
    // Sign-in remembers the way back in a cookie of its own.
    let sign_in = name.starts_with("identity-");
    assert!(sign_in || !reply.headers.contains_key("set-cookie"), "{what}");
    let body = reply.body.to_string();
    for tells in ["root:x:0:0", "syntax error at", "pg_catalog", "relation \\\""] {
        assert!(!body.contains(tells), "{what}");
    }
    Ok(())
}

#[tokio::test]
async fn p11_no_text_in_any_place_of_any_route_is_more_than_a_text() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let world = World::build(&house, &org).await?;
    let ada = org.admin();
    let mut tried = 0;
    for (name, _) in routes() {
        let call = world.call(&name);
        for text in CORPUS {
            for variant in variants(&call, text) {
                harmless(&ada, &name, &variant).await?;
                tried += 1;
            }
        }
    }
    tests::tell(&format!("P11: {tried} injections, 0 answers of 500 or more"));
    assert!(tried > 3_000, "only {tried}");
    Ok(())
}

/// The door into a tenant sends one text with the transaction's begin, and what it puts in is a
/// `Uuid`: a type that can hold nothing else.
const ENTERS: &str = "begin; select sec.enter";

/// SQL is a constant: no `format!`, no joining, no placeholder of Rust in a statement.
#[test]
fn p11_no_statement_is_built_from_texts() {
    let mut statements = 0;
    for source in rust(&["shared/src", "functions"]) {
        if source.is_test() {
            continue;
        }
        let code = source.code();
        for builder in ["format!(", "write!(", "concat!(", "format_args!(", "push_str("] {
            for after in code.split(builder).skip(1) {
                for literal in literals(argument(after)) {
                    if source.path == "shared/src/db.rs" && literal.starts_with(ENTERS) {
                        continue;
                    }
                    assert!(!is_sql(&literal), "{}: `{builder}` makes SQL: {literal}", source.path);
                }
            }
        }
        for literal in literals(code).iter().filter(|literal| is_sql(literal)) {
            let lines = literal.lines().filter(|line| !line.trim_start().starts_with("--"));
            let text: String = lines.collect();
            let hole = text.replace("'{}'", "").contains("{}");
            assert!(!hole, "{}: a hole in a statement: {literal}", source.path);
            statements += 1;
        }
    }
    assert!(statements > 40, "only {statements} statements were found");
}

/// Up to the parenthesis that closes a call.
fn argument(after: &str) -> &str {
    let mut open = 1;
    let end = after.find(|c| {
        open += i32::from(c == '(') - i32::from(c == ')');
        open == 0
    });
    &after[..end.unwrap_or(after.len())]
}

/// A regular expression over a caller's text can be made to take for ever: there is none.
#[test]
fn p4_no_function_matches_a_callers_text_with_a_regular_expression() {
    for manifest in std::fs::read_dir(crate::world::root().join("functions")).unwrap() {
        let manifest = manifest.unwrap().path().join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).unwrap_or_default();
        assert!(!text.contains("regex"), "{}", manifest.display());
    }
    for source in rust(&["shared/src", "functions"]) {
        assert!(!source.code().contains("Regex::new"), "{}", source.path);
    }
}
