//! An issuer that somebody else wrote: that our verifier and our Auth0 do not only agree with each
//! other. Skipped, and said so, where npm cannot get it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local::{install, paths::Paths};
use serde_json::{Value, json};
use shared::auth::Verifier;
use tests::tell;

const AUDIENCE: &str = "https://api.test";
const SECRET: &str = "a secret of the test";

/// npm's `oidc-provider`, which ends with this.
struct Provider {
    child: Child,
    issuer: String,
}

impl Provider {
    fn start() -> Result<Self> {
        let paths = Paths::find(None)?;
        let settings = json!({
            "modules": install::second_issuer(&paths)?, "secret": SECRET, "audience": AUDIENCE,
            "claims": { "org_id": "org_second", "permissions": ["agents:read"],
                "gty": "client-credentials" },
        });
        let mut child = Command::new("node")
            .arg(paths.root.join("local/openid/provider.mjs"))
            .env("PROVIDER_SETTINGS", settings.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("node")?;
        let mut lines = BufReader::new(child.stdout.take().context("piped")?).lines();
        let issuer = lines.next().context("the provider says nothing")??;
        Ok(Self { child, issuer })
    }

    async fn token(&self, secret: &str, audience: &str) -> Result<(u16, Value)> {
        let basic = BASE64_STANDARD.encode(format!("machine:{}", secret.replace(' ', "+")));
        let form = [("grant_type", "client_credentials"), ("resource", audience)];
        let answer = reqwest::Client::new()
            .post(format!("{}oauth/token", self.issuer))
            .header("authorization", format!("Basic {basic}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(serde_urlencoded::to_string(form)?)
            .send()
            .await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    fn verifier(&self, issuer: &str, audience: &str) -> Verifier {
        Verifier::new(tests::issuer(
            issuer,
            audience,
            &format!("{}.well-known/jwks.json", self.issuer),
        ))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_issuer_that_is_not_ours_are_taken_for_what_they_are() -> Result<()> {
    let provider = match tokio::task::spawn_blocking(Provider::start).await? {
        Ok(provider) => provider,
        Err(why) => {
            tell(&format!("skipped: oidc-provider cannot be had: {why:#}"));
            return Ok(());
        }
    };
    assert_eq!(provider.token("a guess", AUDIENCE).await?.0, 401);
    let (status, answer) = provider.token(SECRET, AUDIENCE).await?;
    assert_eq!(status, 200, "{answer}");
    let token = answer["access_token"].as_str().context("a token")?;
    let caller = provider.verifier(&provider.issuer, AUDIENCE).caller(token).await?;
    assert_eq!((caller.sub.as_str(), caller.org_id.as_str()), ("machine", "org_second"));
    assert!(caller.may("agents:read") && !caller.may("agents:write"));

    let elsewhere = provider.token(SECRET, "https://other.test").await?.1;
    let elsewhere = elsewhere["access_token"].as_str().context("a token")?;
    let ours = provider.verifier(&provider.issuer, AUDIENCE);
    assert!(ours.caller(elsewhere).await.is_err(), "it is for another API");
    let slashless = provider.issuer.trim_end_matches('/');
    for (issuer, audience) in
        [(slashless, AUDIENCE), ("https://other.test/", AUDIENCE), (&provider.issuer, "api")]
    {
        let verifier = provider.verifier(issuer, audience);
        assert!(verifier.caller(token).await.is_err(), "{issuer} {audience}");
    }
    Ok(())
}
