//! What both targets need: an issuer that answers these bytes, and a clock that stands still.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use shared::auth::{Clock, Fetch, Verifier};
use shared::config::{Auth, Clients};
use tokio::runtime::{Builder, Runtime};

/// Random numbers of the right form: nobody knows a private half.
pub const KEYS: &str = include_str!("../keys.json");
/// Good header and claims, and a signature of zeros.
pub const UNSIGNED: &str = include_str!("../unsigned.txt");

pub struct World {
    pub runtime: Runtime,
}

struct Still;

impl Clock for Still {
    fn wall(&self) -> i64 {
        1_800_000_000
    }

    fn steady(&self) -> Duration {
        Duration::ZERO
    }
}

struct Answers(Vec<u8>);

impl Fetch for Answers {
    fn fetch<'a>(&'a self, _: &'a str) -> BoxFuture<'a, anyhow::Result<Vec<u8>>> {
        ready(Ok(self.0.clone())).boxed()
    }
}

impl Default for World {
    fn default() -> Self {
        Self { runtime: Builder::new_current_thread().enable_time().build().expect("a runtime") }
    }
}

impl World {
    pub fn verifier(&self, keys: Vec<u8>) -> Verifier {
        let settings = Auth {
            issuer: "https://issuer.test/".into(),
            audience: "https://api.test".into(),
            jwks_url: "https://issuer.test/keys".into(),
            clients: Clients::all(),
            leeway_seconds: 30,
        };
        let fetch: Arc<dyn Fetch> = Arc::new(Answers(keys));
        Verifier::with(vec![settings], Arc::new(Still), &fetch)
    }
}

/// The text as a header or a payload, so that the fuzzer need not learn base64.
pub fn encoded(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let encode = |text: &str| {
        let mut out = String::new();
        for group in text.as_bytes().chunks(3) {
            let bits = group.iter().enumerate().fold(0_u32, |bits, (at, byte)| {
                bits | u32::from(*byte) << (16 - 8 * at)
            });
            for at in 0..=group.len() {
                out.push(char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]));
            }
        }
        out
    };
    let (header, payload) = text.split_once('\n').unwrap_or((HEADER, text));
    format!("{}.{}.{}", encode(header), encode(payload), "A".repeat(342))
}

const HEADER: &str = r#"{"alg":"RS256","kid":"one"}"#;
