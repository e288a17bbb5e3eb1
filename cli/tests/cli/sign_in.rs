//! Signing in, with an issuer that follows a script and the test as the browser.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::answers::who;
use crate::server::Reply::{Json, Problem};
use crate::server::{Reply, Server, ok};
use crate::terminal::{Said, TOKEN, Terminal};

/// An issuer and an API in one.
fn server(token: Reply, session: Reply) -> Server {
    Server::with(|url| {
        let found = json!({ "issuer": format!("{url}/"),
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/oauth/token") });
        vec![ok(found), token, session, ok(who()), ok(who())]
    })
}

fn token() -> Reply {
    ok(json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 7200 }))
}

/// A sign-in that is under way: what the browser is to open.
struct Login {
    child: Child,
    query: HashMap<String, String>,
    heard: String,
}

fn begin(terminal: &Terminal, server: &Server) -> Login {
    let args = ["login", "--no-browser", "--port", "0", "--api", &server.url, "--issuer"];
    let args = [args.as_slice(), &[&server.url, "--client-id", "cli"]].concat();
    let mut command = terminal.command(&args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.as_mut().unwrap());
    let mut heard = String::new();
    while !heard.contains("/authorize?") && lines.read_line(&mut heard).unwrap() > 0 {}
    let query = heard.lines().find_map(|line| line.split_once("/authorize?"));
    let query = serde_urlencoded::from_str(query.unwrap_or_else(|| panic!("{heard}")).1).unwrap();
    Login { child, query, heard }
}

impl Login {
    /// The browser comes back with this; the page that it is shown.
    fn back(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        let host = self.query["redirect_uri"].strip_prefix("http://").unwrap();
        let host = host.strip_suffix("/callback").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let query = serde_urlencoded::to_string(pairs).unwrap();
        write!(stream, "GET {path}?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    fn end(self) -> Said {
        let mut said = Said::of(&self.child.wait_with_output().unwrap());
        said.err.insert_str(0, &self.heard);
        said
    }
}

#[test]
fn a_person_signs_in_with_the_browser_and_the_token_is_theirs_alone() {
    let server = server(token(), ok(who()));
    let terminal = Terminal::bare();
    let login = begin(&terminal, &server);
    let iss = format!("{}/", server.url);
    let state = login.query["state"].clone();
    // Other pages know the address too.
    assert!(login.back("/favicon.ico", &[]).contains("404"));
    assert!(login.back("/callback", &[("code", "evil"), ("state", "guess")]).contains("400"));
    let elsewhere = [("code", "evil"), ("state", &*state), ("iss", "https://evil.example/")];
    assert!(login.back("/callback", &elsewhere).contains("400"));
    let good = [("code", "code-1"), ("state", &*state), ("iss", &*iss)];
    assert!(login.back("/callback", &good).contains("close this"));
    let query = login.query.clone();
    let said = login.end();
    assert!(
        said.good().starts_with("signed in as ada@example.test, of Acme, until 20"),
        "{}",
        said.out
    );

    // PKCE: what was sent first is the digest of what is sent now.
    let exchange = &server.asked()[1];
    assert_eq!(exchange.line, "POST /oauth/token");
    assert_eq!(exchange.header("authorization"), None);
    let form: HashMap<String, String> = serde_urlencoded::from_bytes(&exchange.body).unwrap();
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    assert_eq!(
        (&query["code_challenge"], &query["code_challenge_method"]),
        (&challenge, &"S256".into())
    );
    assert_eq!((&form["code"], &form["redirect_uri"]), (&"code-1".into(), &query["redirect_uri"]));

    let file = terminal.home.join(".config/cadre/token.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(terminal.run(&["whoami"]).good().contains("ada@example.test"));
    assert_eq!(server.asked()[3].header("authorization"), Some(&*format!("Bearer {TOKEN}")));

    // It goes to that API and no other, and not from a file that others can read.
    let other = terminal.run(&["whoami", "--api", "https://other.example"]);
    assert!(other.bad(1).contains("you are signed in at"), "{}", other.err);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(terminal.run(&["whoami"]).bad(1).contains("others may read"));

    assert!(terminal.run(&["logout"]).good().contains("forgotten"));
    assert!(!file.exists());
    assert!(terminal.run(&["logout", "--json"]).good().contains("\"signed_out\": false"));
    assert!(terminal.run(&["whoami", "--api", &server.url]).bad(1).contains("not signed in"));
}

#[test]
fn a_refused_sign_in_leaves_nothing_behind() {
    let refused = json!({ "error": "invalid_grant", "error_description": "the code is spent" });
    let short = json!({ "access_token": TOKEN, "token_type": "DPoP" });
    for (token, session, expected) in [
        (Json(403, refused), ok(who()), "the code is spent"),
        (ok(short), ok(who()), "no token of the kind Bearer"),
        (token(), Problem(401, "sign in first", None), "sign in first"),
    ] {
        let server = server(token, session);
        let terminal = Terminal::bare();
        let login = begin(&terminal, &server);
        login.back("/callback", &[("code", "c"), ("state", &login.query["state"])]);
        let said = login.end();
        assert!(said.bad(1).contains(expected), "{expected}: {}", said.err);
        assert!(!terminal.home.join(".config/cadre/token.json").exists());
    }
    let server = server(token(), ok(who()));
    let terminal = Terminal::bare();
    let login = begin(&terminal, &server);
    let state = login.query["state"].clone();
    login.back("/callback", &[("error", "access_denied"), ("state", &state)]);
    assert!(login.end().bad(1).contains("the issuer refused: access_denied"));
    assert_eq!(server.lines().len(), 1, "no code, no exchange");
}

#[test]
fn a_sign_in_that_has_ended_says_so() {
    let server = Server::start([]);
    let terminal = Terminal::bare();
    let saved = json!({ "api": server.url, "access_token": TOKEN,
        "expires_at": "2020-01-01T00:00:00Z" });
    let path = terminal.file(".config/cadre/token.json", saved.to_string());
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    let said = terminal.run(&["whoami"]);
    assert!(said.bad(1).contains("your sign-in has ended\n  next: cadre login"), "{}", said.err);
    assert_eq!(server.lines().len(), 0);
}

#[test]
fn settings_come_from_a_file_and_a_false_issuer_is_noticed() {
    let server = server(token(), ok(who()));
    let terminal = Terminal::bare();
    assert!(terminal.run(&["login", "--api", &server.url]).bad(2).contains("--client-id"));
    let settings =
        format!("api = \"{0}\"\nissuer = \"{0}/other\"\nclient_id = \"cli\"\n", server.url);
    terminal.file(".config/cadre/config.toml", settings);
    let said = terminal.run(&["login", "--no-browser", "--port", "0"]);
    assert!(said.bad(1).contains("says it is"), "{}", said.err);
    assert_eq!(server.lines(), ["GET /other/.well-known/openid-configuration"]);
    terminal.file(".config/cadre/config.toml", "tokn = \"x\"\n");
    assert!(terminal.run(&["whoami"]).bad(2).contains("config.toml"));
}
