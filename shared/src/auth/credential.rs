//! Which proof a request carries: one `Authorization: Bearer`, or one session cookie, never both.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};

use super::AuthError;

/// What every API key begins with; no token does.
const KEY_PREFIX: &str = "cdr_";
const SESSION_COOKIE: &str = "__Host-session";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    Token(&'a str),
    Key(&'a str),
    Session(&'a str),
}

pub(super) fn of(headers: &HeaderMap) -> Result<Credential<'_>, AuthError> {
    let bearer = only(headers.get_all(AUTHORIZATION).iter().map(|value| value.to_str().ok()))?;
    let session = only(sessions(headers))?;
    match (bearer, session) {
        (None, None) => Err(AuthError::NoCredential),
        (Some(_), Some(_)) => Err(AuthError::TwoCredentials),
        (None, Some(id)) => Ok(Credential::Session(id)),
        (Some(value), None) => {
            let value = value.and_then(|text| text.strip_prefix("Bearer "));
            let value = value.ok_or(AuthError::NotBearer)?;
            let key = value.starts_with(KEY_PREFIX);
            Ok(if key { Credential::Key(value) } else { Credential::Token(value) })
        }
    }
}

/// The first, if it is the only one: of two, somebody could check the one and use the other.
fn only<T>(mut values: impl Iterator<Item = T>) -> Result<Option<T>, AuthError> {
    let first = values.next();
    if values.next().is_some() { Err(AuthError::TwoCredentials) } else { Ok(first) }
}

fn sessions(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(|line| line.split(';')).filter_map(|c| c.trim().split_once('='));
    cookies.filter(|(name, _)| *name == SESSION_COOKIE).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName};

    use super::{AuthError, Credential, of};

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a16_one_bearer_header_or_one_session_cookie_and_nothing_else_is_a_credential() {
        let bearer = headers(&[("authorization", "Bearer a.b.c"), ("cookie", "theme=dark")]);
        assert_eq!(of(&bearer).unwrap(), Credential::Token("a.b.c"));
        let key = headers(&[("authorization", "Bearer cdr_x")]);
        assert_eq!(of(&key).unwrap(), Credential::Key("cdr_x"));
        let cookie = headers(&[("cookie", "a=b; __Host-session=s1; c=d")]);
        assert_eq!(of(&cookie).unwrap(), Credential::Session("s1"));

        for scheme in ["a.b.c", "bearer a.b.c", "BEARER a.b.c", "Basic a.b.c", "Bearer", "DPoP x"] {
            let refused = of(&headers(&[("authorization", scheme)])).unwrap_err();
            assert_eq!(refused, AuthError::NotBearer, "{scheme}");
        }
        let twice = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]);
        let both = headers(&[("authorization", "Bearer a"), ("cookie", "__Host-session=s")]);
        let cookies = headers(&[("cookie", "__Host-session=a; __Host-session=b")]);
        let lines = headers(&[("cookie", "__Host-session=a"), ("cookie", "__Host-session=b")]);
        for two in [twice, both, cookies, lines] {
            assert_eq!(of(&two).unwrap_err(), AuthError::TwoCredentials, "{two:?}");
        }
        for none in [headers(&[]), headers(&[("cookie", "session=a; access_token=b")])] {
            assert_eq!(of(&none).unwrap_err(), AuthError::NoCredential);
        }
    }
}
