//! Claims: each of its exact type, each bound to the second, and whose token it is.

use serde_json::{Value, json};
use shared::auth::{AuthError, Claim, Kind};
use shared::config::{Auth, Names};

use crate::issuer::{
    AUDIENCE, HEADER, ISSUER, Issuer, NOW, claims, good, header, key, set, settings, token, with,
};

#[tokio::test]
async fn a4_required_claims_must_be_there_and_of_their_exact_type() {
    let issuer = Issuer::new();
    let texts = [
        ("iss", Claim::Iss),
        ("sub", Claim::Sub),
        ("org_id", Claim::OrgId),
        ("azp", Claim::Azp),
        ("aud", Claim::Aud),
    ];
    for (name, claim) in texts {
        let mut wrong = vec![
            json!(1),
            json!(1.5),
            json!(-1),
            json!({}),
            json!([1]),
            json!([["x"]]),
            json!(true),
        ];
        if claim != Claim::Aud {
            wrong.extend([json!([ISSUER]), json!([]), json!(""), json!("a\u{0}b"), json!("a\nb")]);
            wrong.push("x".repeat(256).into());
        }
        for value in wrong {
            let refused = issuer.refused(&token(&with(json!({ name: value })))).await;
            assert_eq!(refused, AuthError::Claim(claim), "{name} = {value}");
        }
        let refused = issuer.refused(&token(&with(json!({ name: null })))).await;
        assert_eq!(refused, AuthError::Claim(claim), "without {name}");
    }
    let numbers = [("exp", Claim::Exp), ("iat", Claim::Iat), ("nbf", Claim::Nbf)];
    for (name, claim) in numbers {
        let base = with(json!({ name: null })).to_string();
        for value in [
            "null",
            "\"1800000000\"",
            "\"\"",
            "1800000000.5",
            "1800000000.0",
            "1.8e9",
            "1e300",
            "-1",
            "-0",
            "0",
            "1099511627776",
            "99999999999999999999",
            "{}",
            "[]",
            "[1800000000]",
            "true",
        ] {
            let payload = format!("{},\"{name}\":{value}}}", &base[..base.len() - 1]);
            let refused = issuer.refused(&key(0).sign(HEADER, payload)).await;
            assert_eq!(refused, AuthError::Claim(claim), "{name} = {value}");
        }
        if claim != Claim::Nbf {
            let refused = issuer.refused(&key(0).sign(HEADER, base)).await;
            assert_eq!(refused, AuthError::Claim(claim), "without {name}");
        }
    }
    for (name, claim, values) in [
        (
            "permissions",
            Claim::Permissions,
            vec![json!("agents:read"), json!({}), json!([1]), json!(1)],
        ),
        ("jti", Claim::Jti, vec![json!(1), json!([]), json!("")]),
        ("gty", Claim::Gty, vec![json!(1), json!({})]),
        ("auth_time", Claim::AuthTime, vec![json!("1"), json!(1.5), json!(-1)]),
        ("acr", Claim::Acr, vec![json!(1), json!([])]),
        ("client_id", Claim::Azp, vec![json!(1), json!("another")]),
    ] {
        for value in values {
            let refused = issuer.refused(&token(&with(json!({ name: value })))).await;
            assert_eq!(refused, AuthError::Claim(claim), "{name} = {value}");
        }
    }
}

#[tokio::test]
async fn a5_the_bounds_of_time_are_exact_to_the_second() {
    let issuer = Issuer::new();
    let judge = async |changes: Value| issuer.verify(&token(&with(changes))).await.err();
    for (ago, refused) in
        [(29, None), (30, Some(AuthError::Expired)), (31, Some(AuthError::Expired))]
    {
        assert_eq!(
            judge(json!({ "exp": NOW - ago, "iat": NOW - 600 })).await,
            refused,
            "exp -{ago}"
        );
    }
    for (ahead, early) in [(29, false), (30, false), (31, true), (3_600, true)] {
        let nbf = judge(json!({ "nbf": NOW + ahead })).await;
        assert_eq!(nbf, early.then_some(AuthError::NotYetValid), "nbf +{ahead}");
        let iat = judge(json!({ "iat": NOW + ahead })).await;
        assert_eq!(iat, early.then_some(AuthError::IssuedInFuture), "iat +{ahead}");
    }
    assert_eq!(judge(json!({ "nbf": NOW - 1_000_000 })).await, None);
}

#[tokio::test]
async fn a5_the_leeway_is_a_setting() {
    let none = Auth { leeway_seconds: 0, ..settings(ISSUER) };
    let issuer = Issuer::trusted(vec![none]);
    issuer.verify(&token(&with(json!({ "exp": NOW + 1 })))).await.unwrap();
    let expired = issuer.refused(&token(&with(json!({ "exp": NOW, "iat": NOW - 9 })))).await;
    assert_eq!(expired, AuthError::Expired);
}

#[tokio::test]
async fn a6_no_token_lives_longer_than_two_hours_for_people_and_a_day_for_machines() {
    let issuer = Issuer::new();
    let day = 24 * 3_600;
    let judge = async |changes: Value| issuer.verify(&token(&with(changes))).await.err();
    assert_eq!(judge(json!({ "exp": NOW + 7_200 })).await, None);
    assert_eq!(judge(json!({ "exp": NOW + 7_201 })).await, Some(AuthError::Lifetime));
    assert_eq!(judge(json!({ "exp": NOW + 10 * 365 * day })).await, Some(AuthError::Lifetime));
    let machine = |exp: i64| json!({ "gty": "client-credentials", "exp": exp });
    assert_eq!(judge(machine(NOW + day)).await, None);
    assert_eq!(judge(machine(NOW + day + 1)).await, Some(AuthError::Lifetime));
    // Within the leeway, but older than any token.
    let old = json!({ "gty": "client-credentials", "iat": NOW - day - 10, "exp": NOW - 10 });
    assert_eq!(judge(old).await, Some(AuthError::Lifetime));
    let backwards = json!({ "iat": NOW + 20, "exp": NOW + 10 });
    assert_eq!(judge(backwards).await, Some(AuthError::Lifetime));
}

#[tokio::test]
async fn a7_the_issuer_is_exact_and_each_has_its_own_keys() {
    let other = "https://other.test/";
    let issuer = Issuer::trusted(vec![settings(ISSUER), settings(other)]);
    issuer.wire.answer(
        &format!("{other}keys"),
        crate::issuer::Answer::Body(set(&[key(1).jwk("two"), key(1).jwk("three")])),
    );
    let ours = issuer.verify(&good()).await.unwrap();
    let theirs = key(1).sign(header("two"), with(json!({ "iss": other })).to_string());
    let theirs = issuer.verify(&theirs).await.unwrap();
    assert_eq!(ours.org_id, theirs.org_id);
    assert_ne!(ours.tenant, theirs.tenant, "another issuer's organization of the same name");

    // The other's key signs what names us, by its own key id and by ours.
    let named = key(1).sign(header("two"), claims().to_string());
    assert_eq!(issuer.refused(&named).await, AuthError::UnknownKey);
    let named = key(1).sign(HEADER, claims().to_string());
    assert_eq!(issuer.refused(&named).await, AuthError::Signature);
    for iss in [
        "https://issuer.test",
        "https://issuer.test//",
        "https://ISSUER.test/",
        "http://issuer.test/",
        " https://issuer.test/",
        "https://issuer.test/x",
        "https://issuer.test.evil/",
    ] {
        let refused = issuer.refused(&token(&with(json!({ "iss": iss })))).await;
        assert_eq!(refused, AuthError::UnknownIssuer, "{iss}");
    }
}

#[tokio::test]
async fn a8_the_audience_is_the_api_to_the_letter() {
    let issuer = Issuer::new();
    for aud in [json!(AUDIENCE), json!([AUDIENCE]), json!(["x", AUDIENCE])] {
        issuer.verify(&token(&with(json!({ "aud": aud })))).await.unwrap();
    }
    for aud in [
        json!("https://api.tes"),
        json!("https://api.test/"),
        json!("https://api.test.evil"),
        json!("HTTPS://API.TEST"),
        json!("https://issuer.test/userinfo"),
        json!([]),
        json!(""),
        json!(["https://issuer.test/userinfo"]),
        json!([" https://api.test"]),
    ] {
        let refused = issuer.refused(&token(&with(json!({ "aud": aud })))).await;
        assert_eq!(refused, AuthError::Audience, "{aud}");
    }
    let mut eleven = vec!["x"; 10];
    eleven.push(AUDIENCE);
    for aud in [json!(eleven), json!([AUDIENCE, 1]), json!([[AUDIENCE]]), json!({ "0": AUDIENCE })]
    {
        let refused = issuer.refused(&token(&with(json!({ "aud": aud })))).await;
        assert_eq!(refused, AuthError::Claim(Claim::Aud), "{aud}");
    }
}

#[tokio::test]
async fn a9_a_client_may_call_for_what_it_is_registered() {
    let mut auth = settings(ISSUER);
    auth.clients.people = Names(vec!["spa".into(), "console".into()]);
    auth.clients.machines = Names(vec!["robot".into()]);
    auth.clients.admin = Names(vec!["console".into()]);
    let issuer = Issuer::trusted(vec![auth]);
    let machine = |azp: &str| json!({ "azp": azp, "gty": "client-credentials" });
    let person = |azp: &str| json!({ "azp": azp });
    for (changes, reaches) in [
        (person("spa"), Some(false)),
        (person("console"), Some(true)),
        (person("robot"), None),
        (person("stranger"), None),
        (person("SPA"), None),
        (machine("robot"), Some(false)),
        (machine("spa"), None),
        (machine("console"), None),
    ] {
        let judged = issuer.verify(&token(&with(changes.clone()))).await;
        match reaches {
            Some(admin) => assert_eq!(judged.unwrap().admin_client, admin, "{changes}"),
            None => assert_eq!(judged.unwrap_err(), AuthError::ClientNotAllowed, "{changes}"),
        }
    }
    let refused = issuer.verifier.caller(&token(&with(person("stranger")))).await.unwrap_err();
    assert_eq!(refused.status(), 403);
}

#[tokio::test]
async fn a10_id_tokens_and_logout_tokens_are_no_access_tokens() {
    let issuer = Issuer::new();
    for changes in [
        json!({ "nonce": "n-1" }),
        json!({ "nonce": 1 }),
        json!({ "at_hash": "x" }),
        json!({ "c_hash": "x" }),
        json!({ "aud": "spa", "azp": "spa" }),
        json!({ "aud": [AUDIENCE, "spa"] }),
        json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": {} } }),
    ] {
        let refused = issuer.refused(&token(&with(changes.clone()))).await;
        let expected = matches!(refused, AuthError::NotAnAccessToken | AuthError::Audience);
        assert!(expected, "{refused:?}: {changes}");
    }
}

#[tokio::test]
async fn a26_the_tenant_is_the_organization_of_the_token_and_nothing_else() {
    let issuer = Issuer::new();
    let more = json!({
        "tenant": "org_2", "tenant_id": shared::auth::tenant_id("org_2"), "org": "org_2",
        "organization": "org_2", "urn:cadre:org_id": "org_2", "org_name": "two",
    });
    let caller = issuer.verify(&token(&with(more))).await.unwrap();
    assert_eq!(caller.org_id, "org_1");
    assert_eq!(caller.tenant, shared::auth::tenant_id("org_1"));
}

#[tokio::test]
async fn a_machine_never_counts_as_a_person_whichever_sign_is_missing() {
    let issuer = Issuer::new();
    for changes in [
        json!({ "gty": "client-credentials" }),
        json!({ "gty": ["refresh_token", "client-credentials"] }),
        json!({ "sub": "spa@clients" }),
        json!({ "sub": "spa" }),
    ] {
        let caller = issuer.verify(&token(&with(changes.clone()))).await.unwrap();
        assert_eq!(caller.kind, Kind::Machine, "{changes}");
    }
    let person = issuer.verify(&token(&with(json!({ "gty": "password" })))).await.unwrap();
    assert_eq!(person.kind, Kind::Person);
}

#[tokio::test]
async fn a_caller_is_what_the_token_says() {
    let issuer = Issuer::new();
    let more = json!({
        "urn:cadre:amr": ["pwd", "mfa"], "urn:cadre:auth_time": NOW - 60, "acr": "2", "amr": ["x"],
        "auth_time": 1,
    });
    let caller = issuer.verify(&token(&with(more))).await.unwrap();
    assert_eq!(caller.sub, "auth0|ada");
    assert_eq!(caller.permissions, ["agents:read", "agents:write", "runs:read"]);
    assert_eq!(caller.client.as_deref(), Some("spa"));
    assert_eq!(caller.proof.as_deref(), Some("t-1"));
    assert_eq!((caller.issued, caller.expires), (NOW, NOW + 600));
    assert_eq!((caller.signed_in, caller.acr.as_deref()), (Some(NOW - 60), Some("2")));
    assert_eq!(caller.factors, ["pwd", "mfa"]);
    let bare = issuer.verify(&token(&with(json!({ "permissions": null })))).await.unwrap();
    assert!(bare.permissions.is_empty() && bare.factors.is_empty());
}
