//! Headers and spellings: what is refused before any key is looked for.

use std::time::Instant;

use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use shared::auth::{AuthError, Claim};

use crate::issuer::{HEADER, Issuer, claims, good, header, key, token, unsigned};

#[tokio::test]
async fn a1_only_rs256_is_proof_whatever_the_token_says() {
    let issuer = Issuer::new();
    let payload = claims().to_string();
    let names = [
        r#""none""#,
        r#""None""#,
        r#""NONE""#,
        r#""nOnE""#,
        r#""""#,
        "null",
        "256",
        "[\"RS256\"]",
        r#""rs256""#,
        r#""RS256 ""#,
        r#""RS384""#,
        r#""RS512""#,
        r#""PS256""#,
        r#""ES256""#,
        r#""EdDSA""#,
        r#""HS256""#,
    ];
    let headers = names.iter().map(|name| format!(r#"{{"alg":{name},"kid":"one"}}"#));
    for header in headers.chain([r#"{"kid":"one"}"#.to_owned()]) {
        let signed = key(0).sign(&header, &payload);
        assert_eq!(issuer.refused(&signed).await, AuthError::AlgNotAllowed, "{header}");
        let bare = unsigned(header.as_bytes(), payload.as_bytes());
        assert_eq!(issuer.refused(&format!("{bare}.")).await, AuthError::Form, "{header}");
        let any = issuer.refused(&format!("{bare}.AA")).await;
        assert_eq!(any, AuthError::AlgNotAllowed, "{header}");
    }
    assert_eq!(issuer.wire.asked(), 0, "no key was looked for");
}

#[tokio::test]
async fn a1_the_public_key_is_nobodys_shared_secret() {
    let issuer = Issuer::new();
    let pem = format!(
        "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n",
        STANDARD.encode(key(0).der())
    );
    let jwk = key(0).jwk("one");
    let secrets = [
        pem.trim().as_bytes().to_vec(),
        pem.into_bytes(),
        key(0).der().to_vec(),
        jwk.to_string().into_bytes(),
        key(0).modulus(),
        jwk["n"].as_str().unwrap().as_bytes().to_vec(),
        Vec::new(),
    ];
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        for secret in &secrets {
            let header = Header { kid: Some("one".into()), ..Header::new(algorithm) };
            let forged = encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
            assert_eq!(issuer.refused(&forged).await, AuthError::AlgNotAllowed, "{algorithm:?}");
        }
    }
    assert_eq!(issuer.wire.asked(), 0);
}

#[tokio::test]
async fn a10_the_type_is_absent_jwt_or_at_jwt() {
    let issuer = Issuer::new();
    for typ in ["", r#","typ":"JWT""#, r#","typ":"at+jwt""#] {
        let header = format!(r#"{{"alg":"RS256","kid":"one"{typ}}}"#);
        issuer.verify(&key(0).sign(&header, claims().to_string())).await.unwrap();
    }
    for typ in ["JWE", "secevent+jwt", "logout+jwt", "id+jwt", "jwt", "AT+JWT", "dpop+jwt", ""] {
        let header = json!({ "alg": "RS256", "kid": "one", "typ": typ }).to_string();
        let refused = issuer.refused(&key(0).sign(header, claims().to_string())).await;
        assert_eq!(refused, AuthError::TypNotAllowed, "{typ}");
    }
    for typ in ["null", "1", "[\"JWT\"]", "{}"] {
        let header = format!(r#"{{"alg":"RS256","kid":"one","typ":{typ}}}"#);
        let refused = issuer.refused(&key(0).sign(header, claims().to_string())).await;
        assert_eq!(refused, AuthError::TypNotAllowed, "{typ}");
    }
}

#[tokio::test]
async fn a11_a_key_id_is_a_name_in_a_map_and_nothing_else() {
    let issuer = Issuer::new();
    let long = "k".repeat(129);
    let huge = "k".repeat(4096);
    let texts = [
        "../../dev/null",
        "' OR 1=1--",
        "|id",
        "a b",
        "a\0b",
        "a\nb",
        "é",
        "",
        "a/b",
        "a:b",
        "$(id)",
        "%2e%2e",
        &long,
        &huge,
    ];
    let headers = texts.map(header).into_iter().chain(
        ["null", "1", "[\"one\"]", "{}", "true"]
            .map(|kid| format!(r#"{{"alg":"RS256","kid":{kid}}}"#)),
    );
    for header in headers.chain([r#"{"alg":"RS256"}"#.to_owned()]) {
        let refused = issuer.refused(&key(0).sign(&header, claims().to_string())).await;
        let expected = if header.len() > 1024 { AuthError::TooLarge } else { AuthError::KeyId };
        assert_eq!(refused, expected, "{header:.60}");
    }
    assert_eq!(issuer.wire.asked(), 0, "the only thing outside that a verifier can reach");
    let longest = "k".repeat(128);
    let refused = issuer.refused(&key(0).sign(header(&longest), claims().to_string())).await;
    assert_eq!(refused, AuthError::UnknownKey, "128 are a name like any other");
}

#[tokio::test]
async fn a12_keys_and_addresses_that_a_token_brings_along_are_never_used() {
    let issuer = Issuer::new();
    issuer.verify(&good()).await.unwrap();
    let theirs = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", theirs.local_addr().unwrap());
    let header = json!({
        "alg": "RS256", "kid": "one", "jku": url, "x5u": url, "jwk": key(1).jwk("one"),
        "x5t": "AAAA",
    });
    let forged = key(1).sign(header.to_string(), claims().to_string());
    for _ in 0..1_000 {
        assert_eq!(issuer.refused(&forged).await, AuthError::Signature);
    }
    // Ignored, not refused: the issuer's own signature holds with them.
    let header = json!({ "alg": "RS256", "kid": "one", "jku": url, "x5c": ["AAAA"] });
    issuer.verify(&key(0).sign(header.to_string(), claims().to_string())).await.unwrap();
    assert_eq!(issuer.wire.asked(), 1, "our own fetch");
    let nobody = tokio::time::timeout(std::time::Duration::from_millis(1), theirs.accept()).await;
    assert!(nobody.is_err(), "somebody came to the attacker's server");
}

#[tokio::test]
async fn a13_what_changes_the_meaning_of_a_token_is_refused() {
    let issuer = Issuer::new();
    for more in [
        r#""crit":["b64"]"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""crit":["exp"],"exp":1"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""crit":["b64"],"b64":false"#,
        r#""zip":"DEF""#,
        r#""zip":null"#,
        r#""enc":"A256GCM""#,
        r#""enc":null"#,
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"one",{more}}}"#);
        let refused = issuer.refused(&key(0).sign(&header, claims().to_string())).await;
        assert_eq!(refused, AuthError::HeaderParameter, "{header}");
    }
    assert_eq!(issuer.wire.asked(), 0);
}

#[tokio::test]
async fn a14_size_comes_first_and_limits_hold_to_the_byte() {
    let issuer = Issuer::new();
    issuer.verify(&good()).await.unwrap();
    let padded = |bytes: usize| {
        let mut all = claims();
        all["pad"] = "x".repeat(bytes).into();
        token(&all)
    };
    let spare = (8 * 1024 - padded(0).len()) / 4 * 3;
    let fits = padded(spare - 2);
    assert!((8 * 1024 - 4..=8 * 1024).contains(&fits.len()), "{}", fits.len());
    issuer.verify(&fits).await.unwrap();
    for bytes in [spare + 4, 1024 * 1024] {
        assert_eq!(issuer.refused(&padded(bytes)).await, AuthError::TooLarge, "{bytes}");
    }
    let long =
        |bytes| json!({ "alg": "RS256", "kid": "one", "pad": "x".repeat(bytes) }).to_string();
    let room = 1024 - long(0).len();
    issuer.verify(&key(0).sign(long(room), claims().to_string())).await.unwrap();
    let refused = issuer.refused(&key(0).sign(long(room + 1), claims().to_string())).await;
    assert_eq!(refused, AuthError::TooLarge);

    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
    let refused = issuer.refused(&key(0).sign(HEADER, deep)).await;
    assert_eq!(refused, AuthError::Json);
    let wide: Vec<_> = (0..65).map(|n| format!("\"c{n}\":1")).collect();
    let refused = issuer.refused(&key(0).sign(HEADER, format!("{{{}}}", wide.join(",")))).await;
    assert_eq!(refused, AuthError::Json);
    for (count, holds) in [(200, true), (201, false)] {
        let mut all = claims();
        all["permissions"] = vec!["a:read"; count].into();
        let judged = issuer.verify(&token(&all)).await;
        let expected = if holds { None } else { Some(AuthError::Claim(Claim::Permissions)) };
        assert_eq!(judged.err(), expected, "{count} permissions");
    }
}

#[tokio::test]
async fn a14_what_is_too_large_costs_less_than_a_millisecond() {
    let issuer = Issuer::new();
    let huge = "a".repeat(1024 * 1024);
    let hostile = [
        huge.clone(),
        ".".repeat(1024 * 1024),
        format!("{}.{}.AA", URL_SAFE_NO_PAD.encode(HEADER), "W1tb".repeat(1_900)),
        format!("{}.{}.AA", URL_SAFE_NO_PAD.encode(HEADER), "e30".repeat(2_000)),
    ];
    for token in &hostile {
        let mut best = std::time::Duration::MAX;
        for _ in 0..20 {
            let started = Instant::now();
            issuer.refused(token).await;
            best = best.min(started.elapsed());
        }
        assert!(best.as_micros() < 1_000, "{best:?} for {token:.30}…");
    }
}

#[tokio::test]
async fn a15_a_token_has_one_spelling() {
    let issuer = Issuer::new();
    let good = good();
    issuer.verify(&good).await.unwrap();
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let signed = |text: String| key(0).signed(&text, &RSA_PKCS1_SHA256);
    let mut odd = signature.to_owned();
    // The last character of 256 bytes carries four bits that mean nothing.
    let last = odd.pop().unwrap();
    let next = URL_SAFE_NO_PAD.encode([(last as u8) ^ 1]);
    odd.push(if last == 'A' { 'B' } else { char::from(last as u8 + 1) });
    let spellings = [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        format!("{head}..{signature}"),
        format!(".{body}.{signature}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{good}.{body}.{signature}"),
        format!("{good}="),
        format!("{good}=="),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{head}. {body}.{signature}"),
        format!("{head}\n.{body}.{signature}"),
        format!("{head}.{body}.{odd}"),
        format!("{head}.{body}.{signature}{next}"),
        good.to_uppercase(),
        good.to_lowercase(),
        json!({ "payload": body, "protected": head, "signature": signature }).to_string(),
        json!({ "payload": body, "signatures": [{ "protected": head, "signature": signature }] })
            .to_string(),
        signed(format!("{}.{body}", URL_SAFE.encode(HEADER.to_owned() + " "))),
        signed(format!("{head}.{}", STANDARD.encode([0xfb, 0xff, 0xfe]))),
        signed(format!("{head}.{body}=")),
        signed(format!("{head}.{body}\u{feff}")),
    ];
    for spelling in spellings {
        let refused = issuer.refused(&spelling).await;
        let expected = matches!(refused, AuthError::Form | AuthError::Signature | AuthError::Json);
        assert!(expected, "{refused:?}: {spelling:.80}");
    }
}

#[tokio::test]
async fn a15_a_name_twice_a_byte_order_mark_or_bad_utf8_is_no_json() {
    let issuer = Issuer::new();
    let text = claims().to_string();
    let inner = &text[1..text.len() - 1];
    for (header, payload) in [
        (r#"{"alg":"none","alg":"RS256","kid":"one"}"#, text.as_bytes().to_vec()),
        (r#"{"alg":"RS256","kid":"one","kid":"two"}"#, text.as_bytes().to_vec()),
        (HEADER, format!(r#"{{{inner},"sub":"eve"}}"#).into_bytes()),
        (HEADER, format!(r#"{{{inner},"permissions":["platform:admin"]}}"#).into_bytes()),
        (HEADER, format!(r#"{{{inner},"\u006frg_id":"org_2"}}"#).into_bytes()),
        (HEADER, format!("\u{feff}{text}").into_bytes()),
        (HEADER, [text.as_bytes(), b"\xff"].concat()),
        (HEADER, format!("{text}{text}").into_bytes()),
        (HEADER, format!("[{text}]").into_bytes()),
        (HEADER, b"\"x\"".to_vec()),
        ("\u{feff}{\"alg\":\"RS256\",\"kid\":\"one\"}", text.as_bytes().to_vec()),
    ] {
        let refused = issuer.refused(&key(0).sign(header, &payload)).await;
        assert_eq!(refused, AuthError::Json, "{}", String::from_utf8_lossy(&payload));
    }
    assert_eq!(issuer.wire.asked(), 0);
}
