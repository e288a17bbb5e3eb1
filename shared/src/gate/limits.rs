//! How often who may ask: the numbers, and how they are told.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::table::Class;

const DEFAULTS: &str = include_str!("limits.json");
/// RateLimit header fields for HTTP, draft-ietf-httpapi-ratelimit-headers-11.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// So many a second in the long run, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub per_second: f64,
    pub burst: u32,
}

impl Limit {
    /// Microseconds between two requests at the steady rate.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked when it was read: between a microsecond and a day"
    )]
    pub(crate) fn interval(self) -> u64 {
        (1e6 / self.per_second).round() as u64
    }

    /// Without Redis each process counts by itself, so each gives a tenth.
    pub(crate) fn tenth(self) -> Self {
        Self { per_second: self.per_second / 10.0, burst: (self.burst / 10).max(1) }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    pub address: Limit,
    pub tenant: Limit,
    pub user: Limit,
    pub open: Limit,
    pub sign_in: Limit,
    pub read: Limit,
    pub write: Limit,
    pub spend: Limit,
}

impl Limits {
    /// `limits.json`, with what `changes` says otherwise.
    pub fn changed_by(changes: Option<&str>) -> Result<Self> {
        let mut all: BTreeMap<String, Limit> = serde_json::from_str(DEFAULTS)?;
        if let Some(changes) = changes {
            let changes: BTreeMap<String, Limit> =
                serde_json::from_str(changes).context("RATE_LIMITS")?;
            for (name, limit) in changes {
                let known = all.insert(name.clone(), limit).is_some();
                ensure!(known, "RATE_LIMITS: there is no limit called `{name}`");
            }
        }
        for (name, Limit { per_second, burst }) in &all {
            let sound = (1e-4..=1e6).contains(per_second) && (1..=1_000_000).contains(burst);
            ensure!(sound, "the limit `{name}` is {per_second} a second, {burst} at once");
        }
        let get = |name: &str| all.get(name).copied().with_context(|| format!("no limit `{name}`"));
        Ok(Self {
            address: get("address")?,
            tenant: get("tenant")?,
            user: get("user")?,
            open: get("open")?,
            sign_in: get("sign-in")?,
            read: get("read")?,
            write: get("write")?,
            spend: get("spend")?,
        })
    }

    pub(crate) fn of(&self, class: Class) -> Limit {
        match class {
            Class::Open => self.open,
            Class::SignIn => self.sign_in,
            Class::Read => self.read,
            Class::Write => self.write,
            Class::Spend => self.spend,
        }
    }
}

/// A bucket after the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) name: &'static str,
    pub(crate) limit: Limit,
    pub(crate) left: u64,
    /// Milliseconds until it is full again.
    pub(crate) full: u64,
    /// Milliseconds until it has room for one; 0 when it had.
    pub(crate) wait: u64,
}

/// What the caller is told of the limits: every one that counted, and the one that is nearest.
#[derive(Clone, Debug, Default)]
pub struct Told {
    policy: String,
    left: String,
    /// Seconds until another try has a chance.
    pub wait: u64,
}

impl Told {
    pub(crate) fn of(buckets: &[Counted]) -> Self {
        let mut policy = String::new();
        for Counted { name, limit, .. } in buckets {
            let window = (u64::from(limit.burst) * limit.interval()).div_ceil(1_000_000).max(1);
            let comma = if policy.is_empty() { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(policy, "{comma}\"{name}\";q={};w={window}", limit.burst);
        }
        let share = |bucket: &Counted| {
            (bucket.left * 1_000_000 / u64::from(bucket.limit.burst), u64::MAX - bucket.wait)
        };
        let nearest = buckets.iter().min_by_key(|bucket| share(bucket));
        let left = nearest.map_or_else(String::new, |Counted { name, left, full, .. }| {
            format!("\"{name}\";r={left};t={}", full.div_ceil(1_000))
        });
        let wait = buckets.iter().map(|bucket| bucket.wait).max().unwrap_or_default();
        Self { policy, left, wait: wait.div_ceil(1_000) }
    }

    /// Writes it on an answer.
    pub fn on(&self, headers: &mut HeaderMap) {
        for (name, text) in [(POLICY, &self.policy), (LEFT, &self.left)] {
            if let Ok(value) = HeaderValue::from_str(text)
                && !text.is_empty()
            {
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::{Counted, Limits, Told};

    #[test]
    fn the_limits_are_sound_and_a_deployment_may_change_one() {
        let usual = Limits::changed_by(None).unwrap();
        let changed = r#"{ "sign-in": { "per_second": 0.2, "burst": 5 } }"#;
        let changed = Limits::changed_by(Some(changed)).unwrap();
        assert_eq!(changed.sign_in.interval(), 5_000_000);
        assert_eq!(Limits { sign_in: usual.sign_in, ..changed }, usual);
        for wrong in [
            "{",
            r#"{ "nobody": { "per_second": 1, "burst": 1 } }"#,
            r#"{ "user": { "per_second": 0, "burst": 1 } }"#,
            r#"{ "user": { "per_second": 1, "burst": 0 } }"#,
        ] {
            assert!(Limits::changed_by(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_limit_is_told_and_the_nearest_says_what_is_left() {
        let limits = Limits::changed_by(None).unwrap();
        let bucket = |name, limit, left, wait| Counted { name, limit, left, full: 1_500, wait };
        let told =
            Told::of(&[bucket("tenant", limits.tenant, 399, 0), bucket("user", limits.user, 3, 0)]);
        let mut headers = HeaderMap::new();
        told.on(&mut headers);
        assert_eq!(headers["ratelimit-policy"], r#""tenant";q=400;w=2, "user";q=100;w=5"#);
        assert_eq!(headers["ratelimit"], r#""user";r=3;t=2"#);
        let told =
            Told::of(&[bucket("user", limits.user, 0, 0), bucket("route", limits.spend, 0, 150)]);
        assert_eq!((told.left.as_str(), told.wait), (r#""route";r=0;t=2"#, 1));
    }
}
