//! Signing in at the local Auth0, the way a person and the way a machine does.

mod cookies;
mod forms;

use std::{fs::File, io::Read, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use ureq::Agent;

use crate::http::{self, Reply};
use cookies::Jar;
use forms::{Form, encode, parameter};

/// The API's identifier: what tokens are for.
pub const AUDIENCE: &str = "https://api.cadre.local";

/// Which of the provider's clients may call, for what.
pub const CLIENTS: &str =
    r#"{"people":["cli","web"],"machines":["machine"],"admin":["cli","web"]}"#;

/// The people there are, and their password: see `tests/auth0`.
pub const PEOPLE: [&str; 3] = ["ada@example.test", "bob@example.test", "eve@example.test"];
const PASSWORD: &str = "bicycle";

/// Nothing listens there: the code is read from the redirect itself.
const REDIRECT: &str = "http://127.0.0.1/callback";

/// With a slash at its end, as Auth0's is.
pub fn issuer(port: u16) -> String {
    format!("http://127.0.0.1:{port}/")
}

pub fn jwks_url(issuer: &str) -> String {
    format!("{issuer}.well-known/jwks.json")
}

/// `ada` for `ada@example.test`.
pub fn person(name: &str) -> Result<&'static str> {
    let known = |person: &&&str| **person == name || person.split('@').next() == Some(name);
    PEOPLE
        .iter()
        .find(known)
        .copied()
        .with_context(|| format!("nobody is called '{name}' here, only {}", PEOPLE.join(", ")))
}

/// A person's access token, by authorization code and PKCE through the provider's own pages.
pub fn sign_in(issuer: &str, user: &str) -> Result<String> {
    let person = person(user)?;
    let verifier = random()?;
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let state = random()?;
    let query = encode(&[
        ("client_id", "cli"),
        ("response_type", "code"),
        ("scope", "openid"),
        ("redirect_uri", REDIRECT),
        ("audience", AUDIENCE),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("state", &state),
    ]);

    let mut browser = Browser::new(issuer);
    let callback = browser.walk(&format!("{issuer}authorize?{query}"), |form| {
        form.fill("username", person);
        form.fill("password", PASSWORD);
    })?;
    ensure!(parameter(&callback, "state").as_deref() == Some(&state), "somebody else's answer");
    ensure!(parameter(&callback, "iss").as_deref() == Some(issuer), "another issuer's answer");
    let Some(code) = parameter(&callback, "code") else { bail!("no code in {callback}") };

    let exchange = encode(&[
        ("grant_type", "authorization_code"),
        ("client_id", "cli"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", &verifier),
    ]);
    token(issuer, &[], &exchange)
}

/// A machine's access token, by client credentials.
pub fn machine_token(issuer: &str, secret: &str) -> Result<String> {
    let basic = base64::prelude::BASE64_STANDARD.encode(format!("machine:{secret}"));
    let header = format!("Basic {basic}");
    let form = encode(&[("grant_type", "client_credentials"), ("audience", AUDIENCE)]);
    token(issuer, &[("authorization", &header)], &form)
}

fn token(issuer: &str, headers: &[(&str, &str)], form: &str) -> Result<String> {
    let agent = http::agent(Duration::from_secs(20));
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let all = [headers, &kind].concat();
    let reply = http::post(&agent, &format!("{issuer}oauth/token"), &all, form.as_bytes())?;
    ensure!(reply.status == 200, "the provider refused: {}", reply.body);
    let token = reply.json()?["access_token"].as_str().map(str::to_owned);
    token.with_context(|| format!("no access token in {}", reply.body))
}

/// As much of a browser as a sign-in needs.
struct Browser<'a> {
    origin: &'a str,
    agent: Agent,
    jar: Jar,
}

impl<'a> Browser<'a> {
    fn new(issuer: &'a str) -> Self {
        let origin = issuer.trim_end_matches('/');
        Self { origin, agent: http::agent(Duration::from_secs(20)), jar: Jar::default() }
    }

    /// Follows redirects, fills in and sends every form, until sent back to the client.
    fn walk(&mut self, start: &str, fill: impl Fn(&mut Form)) -> Result<String> {
        let mut reply = self.get(start)?;
        for _ in 0..12 {
            let Some(location) = reply.headers("location").next().map(str::to_owned) else {
                ensure!(
                    reply.status == 200,
                    "the provider answers {}: {}",
                    reply.status,
                    reply.body
                );
                let mut form = Form::read(&reply.body).context("a page without a form")?;
                fill(&mut form);
                reply = self.post(&self.url(&form.action), &form.encoded())?;
                continue;
            };
            if location.starts_with(REDIRECT) {
                return Ok(location);
            }
            reply = self.get(&self.url(&location))?;
        }
        bail!("the sign-in goes round in circles")
    }

    fn url(&self, location: &str) -> String {
        if location.starts_with('/') {
            format!("{}{location}", self.origin)
        } else {
            location.into()
        }
    }

    fn get(&mut self, url: &str) -> Result<Reply> {
        let cookies = self.jar.header(self.path(url));
        let reply = http::get(&self.agent, url, &[("cookie", &cookies)])?;
        self.jar.keep(reply.headers("set-cookie"));
        Ok(reply)
    }

    fn post(&mut self, url: &str, form: &str) -> Result<Reply> {
        let cookies = self.jar.header(self.path(url));
        let headers =
            [("cookie", cookies.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let reply = http::post(&self.agent, url, &headers, form.as_bytes())?;
        self.jar.keep(reply.headers("set-cookie"));
        Ok(reply)
    }

    fn path<'u>(&self, url: &'u str) -> &'u str {
        url.strip_prefix(self.origin).unwrap_or(url)
    }
}

fn random() -> Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
