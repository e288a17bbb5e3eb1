//! The rules of the house, as tests. Forget one of the six steps of a new function, and the test
//! that fails says which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::Result;
use shared::table::{Row, Trigger};

use crate::record;
use crate::source::{domains, is_sql, literals, rust};
use crate::world::root;

/// Longest statement: RDS Proxy pins a connection for a longer one.
const LONGEST_STATEMENT: usize = 16 * 1024;

/// The files that may hold SQL: a domain's statements, the audit trail's, and the database door.
fn holds_sql(path: &str) -> bool {
    let in_domain = path.starts_with("functions/")
        && (path.ends_with("/queries.rs") || path.contains("/queries/"));
    let of_shared = ["audit.rs", "auth/key.rs", "auth/revocation.rs", "auth/session.rs", "db.rs"];
    in_domain || of_shared.iter().any(|file| path.strip_prefix("shared/src/") == Some(file))
}

pub(crate) fn file(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The domain and the module of a function: `agents-create` is `create` of `agents`.
fn parts(function: &str) -> (&str, String) {
    let (domain, module) = function.split_once('-').unwrap_or_else(|| panic!("{function}"));
    (domain, module.replace('-', "_"))
}

#[test]
fn a_functions_module_opens_by_naming_its_trigger() {
    for (name, row) in host::table().unwrap() {
        let (domain, module) = parts(&name);
        let path = format!("functions/{domain}/src/{module}.rs");
        let text = file(&path);
        let first = text.lines().next().unwrap_or_default();
        let expected = match &row.trigger {
            Trigger::Route { method, path } => format!("//! `{method} {path}`: "),
            Trigger::Schedule(schedule) => format!("//! Schedule `{schedule}`: "),
            Trigger::Queue(queue) => format!("//! Queue `{queue}`: "),
            Trigger::Task(task) => {
                let (head, tail) = task.split_at(1);
                format!("//! Task: {}{tail}", head.to_lowercase())
            }
        };
        assert!(first.starts_with(&expected), "{path} must open with `{expected}`, not `{first}`");
        assert!(text.contains("pub async fn handle("), "{path} has no `handle`");
        let front = file(&format!("functions/{domain}/src/lib.rs"));
        assert!(front.contains(&format!("pub mod {module};")), "{domain}/src/lib.rs: {module}");
    }
}

#[test]
fn a_functions_binary_is_the_same_five_lines() {
    for (name, row) in host::table().unwrap() {
        let (domain, module) = parts(&name);
        let path = format!("functions/{domain}/src/bin/{name}.rs");
        assert_eq!(file(&path), binary(domain, &module, &row), "{path}");
    }
}

fn binary(domain: &str, module: &str, row: &Row) -> String {
    let door = match row.trigger {
        Trigger::Route { .. } if row.once.is_some() => "http::serve_once",
        Trigger::Route { .. } if row.stream => "http::serve_stream",
        Trigger::Route { .. } => "http::serve",
        Trigger::Queue(_) => "jobs::serve_queue",
        Trigger::Schedule(_) | Trigger::Task(_) => "jobs::serve_task",
    };
    format!(
        "use {domain}::{{FUNCTIONS, {module}}};\n\nfn main() -> anyhow::Result<()> {{\n    \
         shared::{door}(FUNCTIONS, env!(\"CARGO_BIN_NAME\"), {module}::handle)\n}}\n"
    )
}

#[test]
fn no_binary_and_no_sample_event_is_without_its_row() {
    let table = host::table().unwrap();
    let rows: BTreeSet<_> = table.keys().cloned().collect();
    let mut binaries = BTreeSet::new();
    for domain in domains() {
        let Ok(folder) = fs::read_dir(root().join("functions").join(&domain).join("src/bin"))
        else {
            continue;
        };
        for entry in folder {
            let name = entry.unwrap().file_name().into_string().unwrap();
            binaries.insert(name.trim_end_matches(".rs").to_owned());
        }
    }
    assert_eq!(binaries, rows, "src/bin and functions.json differ");
    let events = fs::read_dir(root().join("events")).unwrap();
    let events = events.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let events: BTreeSet<_> = events.map(|name| name.trim_end_matches(".json").into()).collect();
    assert_eq!(events, rows, "events/ and functions.json differ");
}

#[test]
fn a_rows_name_begins_with_its_domain_and_what_it_uses_is_known() {
    for domain in domains() {
        let Ok(text) =
            fs::read_to_string(root().join("functions").join(&domain).join("functions.json"))
        else {
            // `rooms` is the core of a domain whose functions are those of `runs`.
            let none = ["host", "rooms"].contains(&domain.as_str());
            assert!(none, "{domain} has no functions.json");
            continue;
        };
        for (name, row) in shared::table::parse(&text).unwrap() {
            assert_eq!(parts(&name).0, domain, "{name} is in the table of {domain}");
            assert!((128..=10_240).contains(&row.memory), "{name}: {} MB", row.memory);
            assert!((1..=900).contains(&row.timeout), "{name}: {} s", row.timeout);
            for use_ in &row.uses {
                let known = [
                    "db",
                    "owner-db",
                    "redis",
                    "dynamo",
                    "spend",
                    "sign-in",
                    "management",
                    "states",
                    "llm",
                ]
                .contains(&use_.as_str());
                assert!(known, "{name} uses `{use_}`, which nobody grants");
            }
        }
    }
}

#[test]
fn sql_is_in_the_queries_and_nowhere_else() {
    for source in rust(&["shared/src", "functions"]) {
        if source.is_test() || holds_sql(&source.path) {
            continue;
        }
        for literal in literals(source.code()) {
            assert!(!is_sql(&literal), "{} holds SQL: {literal}", source.path);
        }
    }
}

/// Every statement of the product by its name, and the file it is in.
fn statements() -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for source in rust(&["shared/src", "functions"]) {
        if source.is_test() || !holds_sql(&source.path) || source.path == "shared/src/db.rs" {
            continue;
        }
        for sql in literals(source.code()).into_iter().filter(|literal| is_sql(literal)) {
            let sql = sql.replace("\\\"", "\"");
            let name = sql.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
            let name = name.strip_prefix("-- ").unwrap_or_else(|| {
                panic!("{}: a statement opens with its name, `-- domain::name`: {sql}", source.path)
            });
            let name = name.to_owned();
            let before = found.insert(name.clone(), (source.path.clone(), sql));
            assert!(before.is_none(), "two statements are called {name}");
        }
    }
    found
}

#[test]
fn a_statement_is_named_after_its_domain_and_is_short_enough_for_the_proxy() {
    let statements = statements();
    assert!(statements.len() > 40, "only {} statements were found", statements.len());
    for (name, (path, sql)) in statements {
        let domain = path.split('/').nth(1).filter(|_| path.starts_with("functions/"));
        let of_shared = path.trim_start_matches("shared/src/").split(['/', '.']).next();
        let prefix = format!("{}::", domain.or(of_shared).unwrap_or_default());
        assert!(name.starts_with(&prefix), "{path}: `{name}` does not begin with `{prefix}`");
        assert!(sql.len() <= LONGEST_STATEMENT, "{name} has {} bytes", sql.len());
        assert_eq!(sql.to_lowercase(), sql, "{name}: SQL is lower-case");
    }
}

/// Planned, not run: whether tables and columns are there, types agree, and the role of the
/// functions has every right it needs.
#[tokio::test]
async fn every_statement_can_be_planned_by_the_role_of_the_functions() -> Result<()> {
    let app = record::app().await?;
    for (name, (path, mut sql)) in statements() {
        while let Err(error) = app.batch_execute(&format!("explain (generic_plan) {sql}")).await {
            let why = record::why(&error);
            // The driver sends each parameter's type; where the statement alone does not tell it,
            // it is a text.
            let untyped = why.strip_prefix("42P08: could not determine data type of parameter ");
            let parameter = untyped.unwrap_or_else(|| panic!("{name} ({path}): {why}"));
            let typed = sql.replace(&format!("{parameter} "), &format!("{parameter}::text "));
            assert_ne!(typed, sql, "{name} ({path}): {why}");
            sql = typed;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_statement_over_what_the_role_has_no_right_to_would_be_noticed() -> Result<()> {
    let app = record::app().await?;
    for sql in
        ["delete from messages", "update agent_versions set digest = $1", "select * from nothing"]
    {
        assert!(
            app.batch_execute(&format!("explain (generic_plan) {sql}")).await.is_err(),
            "{sql}"
        );
    }
    Ok(())
}

#[test]
fn t6_only_the_database_door_speaks_to_the_driver() {
    let forbidden = [
        ".query(",
        ".query_one(",
        ".query_opt(",
        ".query_raw(",
        ".prepare(",
        ".prepare_typed(",
        ".prepare_cached(",
        ".batch_execute(",
        ".simple_query(",
        ".execute(",
        ".copy_in(",
        ".transaction()",
    ];
    for source in rust(&["shared/src", "functions"]) {
        if source.is_test() || source.path == "shared/src/db.rs" {
            continue;
        }
        for call in forbidden {
            assert!(!source.code().contains(call), "{}: `{call}`: use Tx", source.path);
        }
        for literal in literals(source.code()) {
            let text = literal.trim().to_lowercase();
            let session = ["set ", "listen ", "discard ", "prepare "];
            let sql = session.iter().any(|word| text.starts_with(word) && text.contains('='));
            assert!(!sql && !text.starts_with("listen "), "{}: {literal}", source.path);
        }
    }
    let door = file("shared/src/db.rs");
    for call in [".prepare(", ".query(", ".execute(", ".query_one(", ".prepare_cached("] {
        assert!(!door.contains(call), "db.rs: `{call}` would pin a connection of RDS Proxy");
    }
}

#[test]
fn the_environment_is_read_in_one_file_of_each_kind() {
    let readers = ["shared/src/config.rs", "cli/src/settings.rs", "local/src/settings.rs"];
    for source in rust(&["shared/src", "functions", "cli/src", "local/src"]) {
        if source.is_test() || readers.contains(&source.path.as_str()) {
            continue;
        }
        for call in ["env::var", "env::vars", "option_env!", "env::set_var"] {
            assert!(!source.code().contains(call), "{}: `{call}`: read it in config", source.path);
        }
    }
}

/// Whoever calls a host that somebody named uses `shared::outbound`; these call hosts that the
/// deployment names.
const CLIENTS: &[(&str, &str)] = &[
    ("functions/provisioning/src/management/", "the issuer's Management API, from the settings"),
    ("shared/src/outbound.rs", "the client for hosts that somebody named"),
    ("shared/src/auth/", "the issuer's keys, from the address in the settings"),
    ("functions/identity/src/issuer.rs", "the issuer, from the address in the settings"),
    ("shared/src/llm/openai.rs", "the model's provider, from the address in the settings"),
];

#[test]
fn p7_nobody_else_builds_a_client_for_the_outside() {
    let builders = [
        "Client::builder",
        "Client::new()",
        "ClientBuilder",
        "reqwest::get",
        "ureq::",
        "hyper_util",
    ];
    for source in rust(&["shared/src", "functions"]) {
        let listed = CLIENTS.iter().any(|(path, _)| source.path.starts_with(path));
        if listed || source.is_test() || !source.code().contains("reqwest") {
            continue;
        }
        for builder in builders {
            assert!(!source.code().contains(builder), "{}: use shared::outbound", source.path);
        }
    }
    for (path, why) in CLIENTS {
        assert!(root().join(path).exists() && !why.is_empty(), "{path}");
    }
}

#[test]
fn start_up_does_not_wait_for_entropy() {
    let cargo: toml::Table = file(".cargo/config.toml").parse().unwrap();
    let jitter = cargo["env"]["AWS_LC_SYS_NO_JITTER_ENTROPY"].as_str();
    assert_eq!(jitter, Some("1"), ".cargo/config.toml: 35 ms of every cold start");
}

#[test]
fn a_forbidden_call_says_why_and_what_to_use() {
    let clippy: toml::Table = file("clippy.toml").parse().unwrap();
    let forbidden = clippy["disallowed-methods"].as_array().unwrap();
    let mut paths = Vec::new();
    for entry in forbidden {
        let path = entry["path"].as_str().unwrap();
        let reason = entry.get("reason").and_then(toml::Value::as_str).unwrap_or_default();
        assert!(reason.len() > 20 && reason.contains(": "), "{path}: why, and what instead?");
        paths.push(path);
    }
    for must in ["std::env::var", "tokio_postgres::Client::query", "jiff::Timestamp::now"] {
        assert!(paths.contains(&must), "{must} is not forbidden");
    }
}
