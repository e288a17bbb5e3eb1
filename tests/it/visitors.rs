//! Everybody who might stand before a route's door, and what its row says to them.

use anyhow::Result;
use serde_json::{Value, json};
use shared::config::{AMR_CLAIM, AUTH_TIME_CLAIM};
use shared::table::{Access, Callers};
use tests::{EVERYTHING, House, Organization, Person, Reply};

use crate::key::{Key, unsigned};
use crate::world::text;

pub(crate) struct Scene<'a> {
    pub(crate) house: &'a House,
    pub(crate) org: &'a Organization<'a>,
    /// Signs as the issuer would, and is not the issuer.
    pub(crate) forger: Key,
    /// Of the organization: with every right, with one, and one that was revoked.
    pub(crate) keys: Keys,
}

pub(crate) struct Keys {
    all: String,
    one: String,
    revoked: String,
}

impl Keys {
    pub(crate) async fn of(org: &Organization<'_>) -> Result<Self> {
        let ada = org.admin();
        let make = async |permissions: &[&str]| {
            let body = json!({ "name": "visitor", "permissions": permissions });
            anyhow::Ok(ada.post("/v1/keys", body).await?.expect(201))
        };
        let (all, one) = (make(EVERYTHING).await?, make(&["agents:read"]).await?);
        let revoked = make(EVERYTHING).await?;
        let path = format!("/v1/keys/{}", text(&revoked["id"]));
        assert!(ada.send("DELETE", &path, &[], "").await?.status.is_success());
        let secret = |made: &Value| text(&made["secret"]);
        Ok(Self { all: secret(&all), one: secret(&one), revoked: secret(&revoked) })
    }
}

type Arrives = Box<dyn for<'a> Fn(&Scene<'a>, &Access) -> Option<Person<'a>>>;

pub(crate) struct Visitor {
    pub(crate) name: &'static str,
    /// `None`: such a visitor has no business with rows of this kind.
    pub(crate) arrives: Arrives,
    pub(crate) verdict: fn(&Access) -> Verdict,
}

/// What the door says.
pub(crate) enum Verdict {
    /// 401, the same for all of them.
    Unknown,
    /// 403, which names the missing right.
    Powerless,
    /// 403, without more.
    NotThisKind,
    /// 401 with the challenge to show a second factor (RFC 9470).
    NotWithThisProof,
    /// Past the door: whatever the handler then says.
    In,
}

impl Verdict {
    #[track_caller]
    pub(crate) fn judge(&self, access: &Access, reply: &Reply, cell: &str) {
        match self {
            Self::Unknown => {
                assert_eq!(reply.problem(401), "unauthenticated", "{cell}");
                let challenge = reply.headers["www-authenticate"].to_str().unwrap();
                assert!(challenge.starts_with("Bearer"), "{cell}: {challenge}");
            }
            Self::Powerless => {
                assert_eq!(reply.problem(403), "forbidden", "{cell}");
                let needed = access.permission.as_deref().unwrap_or_default();
                let detail = reply.body["detail"].as_str().unwrap_or_default();
                assert!(detail.contains(needed), "{cell}: which right?");
            }
            Self::NotThisKind => {
                assert_eq!(reply.problem(403), "forbidden", "{cell}");
            }
            Self::NotWithThisProof => {
                assert_eq!(reply.problem(401), "insufficient-user-authentication", "{cell}");
                let challenge = reply.headers["www-authenticate"].to_str().unwrap();
                assert!(challenge.contains("insufficient_user_authentication"), "{cell}");
            }
            Self::In => assert!(![401, 403].contains(&reply.status.as_u16()), "{cell}"),
        }
    }
}

/// An access token that the issuer signed, with claims that differ in this from an administrator's.
fn issued(
    name: &'static str,
    verdict: fn(&Access) -> Verdict,
    changed: impl Fn(&mut Value) + 'static,
) -> Visitor {
    let arrives: Arrives = Box::new(move |scene, _| {
        let mut claims = everything(scene.org);
        changed(&mut claims);
        Some(scene.house.with_token(&scene.house.signer.token(&claims)))
    });
    Visitor { name, arrives, verdict }
}

/// Any text in the place of a token.
fn garbage(name: &'static str, token: impl Fn(&Scene<'_>) -> String + 'static) -> Visitor {
    let arrives: Arrives = Box::new(move |scene, _| Some(scene.house.with_token(&token(scene))));
    Visitor { name, arrives, verdict: |_| Verdict::Unknown }
}

fn everything(org: &Organization<'_>) -> Value {
    org.claims("ada", EVERYTHING)
}

/// All that a true token says, for a forger.
fn as_issued(scene: &Scene<'_>) -> Value {
    let mut claims = everything(scene.org);
    let now = jiff::Timestamp::now().as_second();
    let settings = scene.house.signer.settings();
    let all = [
        ("iss", json!(settings.issuer)),
        ("aud", json!(settings.audience)),
        ("iat", json!(now)),
        ("exp", json!(now + 600)),
    ];
    for (name, value) in all {
        claims[name] = value;
    }
    claims
}

/// A client of the issuer by client credentials, as Auth0 spells it.
pub(crate) fn machine<'a>(org: &Organization<'a>, permissions: &[&str]) -> Person<'a> {
    org.with_claims(&json!({
        "sub": "robot@clients", "azp": "robot", "gty": "client-credentials",
        "org_id": org.org_id, "permissions": permissions,
    }))
}

fn for_people(access: &Access) -> Verdict {
    match access.callers {
        Callers::Machines => Verdict::NotThisKind,
        _ => Verdict::In,
    }
}

/// Somebody who has not shown a second factor, or long ago.
fn with_weak_proof(access: &Access) -> Verdict {
    match access.callers {
        Callers::Machines => Verdict::NotThisKind,
        _ if access.mfa => Verdict::NotWithThisProof,
        _ => Verdict::In,
    }
}

fn for_machines(access: &Access) -> Verdict {
    match access.callers {
        Callers::People => Verdict::NotThisKind,
        _ if access.mfa => Verdict::NotThisKind,
        _ => Verdict::In,
    }
}

fn powerless(access: &Access) -> Verdict {
    match access.callers {
        Callers::Machines => Verdict::NotThisKind,
        _ => Verdict::Powerless,
    }
}

fn machine_without(access: &Access) -> Verdict {
    match access.callers {
        Callers::People => Verdict::NotThisKind,
        _ => Verdict::Powerless,
    }
}

/// Another letter at this place.
fn changed(key: &str, at: usize) -> String {
    let other = if &key[at..=at] == "a" { "b" } else { "a" };
    format!("{}{other}{}", &key[..at], &key[at + 1..])
}

pub(crate) fn all() -> Vec<Visitor> {
    let unknown: fn(&Access) -> Verdict = |_| Verdict::Unknown;
    let past = || jiff::Timestamp::now().as_second();
    let all_but: Arrives = Box::new(|scene, access| {
        let needed = access.permission.as_deref().unwrap_or_default();
        let others: Vec<_> = EVERYTHING.iter().copied().filter(|right| *right != needed).collect();
        Some(scene.org.member("bob", &others))
    });
    let robot: Arrives = Box::new(|scene, access| {
        Some(machine(scene.org, &[access.permission.as_deref().unwrap_or_default()]))
    });
    let other: Arrives = Box::new(|scene, access| {
        let theirs = scene.house.organization();
        Some(theirs.member("eve", &[access.permission.as_deref().unwrap_or_default()]))
    });
    let right: Arrives = Box::new(|scene, access| {
        Some(scene.org.member("ada", &[access.permission.as_deref().unwrap_or_default()]))
    });
    vec![
        Visitor {
            name: "no token",
            arrives: Box::new(|scene, _| Some(scene.house.stranger())),
            verdict: unknown,
        },
        garbage("garbage", |_| "x".into()),
        garbage("three empty parts", |_| "..".into()),
        garbage("four parts", |_| "a.b.c.d".into()),
        garbage("not ASCII", |_| "é".into()),
        garbage("nine thousand bytes", |_| "a".repeat(9_000)),
        garbage("forged: another key", |scene| scene.forger.token("test-key", &as_issued(scene))),
        garbage("forged: unknown key", |scene| scene.forger.token("nobody", &as_issued(scene))),
        garbage("forged: alg none", |scene| {
            let header = json!({ "alg": "none", "typ": "JWT", "kid": "test-key" });
            format!("{}.", unsigned(&header, &as_issued(scene)))
        }),
        garbage("forged: signature cut off", |scene| {
            let token = scene.house.signer.token(&everything(scene.org));
            format!("{}.", token.rsplit_once('.').unwrap_or_default().0)
        }),
        garbage("forged: key in the header", |scene| {
            let jwk = scene.forger.jwk("own");
            let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "own", "jwk": jwk });
            scene.forger.sign(&header, &as_issued(scene))
        }),
        issued("expired", unknown, move |claims| claims["exp"] = (past() - 60).into()),
        issued("not valid yet", unknown, move |claims| claims["nbf"] = (past() + 600).into()),
        issued("wrong audience", unknown, |claims| claims["aud"] = "https://another.test".into()),
        issued("wrong issuer", unknown, |claims| claims["iss"] = "https://another.test/".into()),
        issued("no organization", unknown, |claims| claims["org_id"] = Value::Null),
        issued("empty organization", unknown, |claims| claims["org_id"] = "".into()),
        issued("no subject", unknown, |claims| claims["sub"] = Value::Null),
        issued("one factor only", with_weak_proof, |claims| claims[AMR_CLAIM] = json!(["pwd"])),
        issued("a second factor an hour ago", with_weak_proof, move |claims| {
            claims[AUTH_TIME_CLAIM] = (past() - 3_600).into();
        }),
        issued("nothing said of factors", with_weak_proof, |claims| {
            claims[AMR_CLAIM] = Value::Null;
        }),
        issued("no rights at all", powerless, |claims| claims["permissions"] = json!([])),
        Visitor { name: "wrong permission", arrives: all_but, verdict: powerless },
        Visitor { name: "right permission of another tenant", arrives: other, verdict: for_people },
        Visitor { name: "machine token", arrives: robot, verdict: for_machines },
        Visitor {
            name: "API key with every right",
            arrives: Box::new(|scene, _| Some(scene.house.with_token(&scene.keys.all))),
            verdict: for_machines,
        },
        Visitor {
            name: "API key without the right",
            arrives: Box::new(|scene, access| {
                let other = access.permission.as_deref() != Some("agents:read");
                other.then(|| scene.house.with_token(&scene.keys.one))
            }),
            verdict: machine_without,
        },
        garbage("revoked API key", |scene| scene.keys.revoked.clone()),
        garbage("API key with one letter changed", |scene| changed(&scene.keys.all, 40)),
        garbage("API key of another tenant's name", |scene| changed(&scene.keys.all, 8)),
        garbage("API key without its end", |scene| {
            scene.keys.all[..scene.keys.all.len() - 1].to_owned()
        }),
        Visitor { name: "the right one", arrives: right, verdict: for_people },
    ]
}
