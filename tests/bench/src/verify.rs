//! What verifying a caller's token costs, with the issuer's keys at hand.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde::Serialize;
use serde_json::json;
use shared::auth::{AuthError, Verifier};
use tests::Signer;

use crate::clock::of_this_process;
use crate::figures::{ms, per, percentile, rounded};
use crate::turn::Goal;

const TOKENS: usize = 20_000;
const PERMISSIONS: usize = 20;

/// All in microseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) tokens: usize,
    pub(crate) rows: Vec<Row>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) cpu: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
}

impl Report {
    pub(crate) fn goals(&self) -> Option<Goal> {
        let is = self.rows.first()?.p99 / 1000.0;
        let what = "p99 of a token's verification, keys at hand";
        Some(Goal { what, wanted: "at most 1 ms", is, holds: is <= 1.0 })
    }
}

pub(crate) async fn run() -> Result<Report> {
    let signer = Signer::start();
    let verifier = Verifier::new(signer.settings());
    let permissions: Vec<_> = (0..PERMISSIONS).map(|n| format!("domain{n}:read")).collect();
    let claims = json!({ "sub": "ada", "org_id": "org_bench", "permissions": permissions });
    let good = signer.token(&claims);
    let (unsigned, _) = good.rsplit_once('.').unwrap_or_default();
    let forged = format!("{unsigned}.{}", "A".repeat(342));
    let plain = format!("eyJhbGciOiJub25lIn0.{}", good.split_once('.').unwrap_or_default().1);
    let reasons = [None, Some(AuthError::Signature), Some(AuthError::AlgNotAllowed)];
    let whats = [
        "a good token of 20 permissions",
        "a token with another signature",
        "a token that names another algorithm",
    ];
    let mut rows = Vec::new();
    for ((token, reason), what) in [good, forged, plain].iter().zip(reasons).zip(whats) {
        ensure!(verifier.verify(token).await.err() == reason, "{what} is not judged as it must be");
        rows.push(measured(&verifier, token, what).await?);
    }
    Ok(Report { tokens: TOKENS, rows })
}

async fn measured(verifier: &Verifier, token: &str, what: &'static str) -> Result<Row> {
    let before = of_this_process()?;
    let mut took = Vec::with_capacity(TOKENS);
    for _ in 0..TOKENS {
        let started = Instant::now();
        let _ = std::hint::black_box(verifier.verify(token).await);
        took.push(ms(started.elapsed()) * 1000.0);
    }
    let cpu = per(ms(of_this_process()?.saturating_sub(before)) * 1000.0, TOKENS);
    let at = |share| rounded(percentile(&took, share));
    Ok(Row { what, cpu: rounded(cpu), p50: at(0.5), p99: at(0.99), most: at(1.0) })
}
