//! The verifier against an issuer in this process: what counts as proof, and what happens to the
//! keys while the issuer rotates, lies, hangs or is away. Each test bears the name of its row in
//! docs/security/tokens.md.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

#[path = "auth/cache.rs"]
mod cache;
#[path = "auth/claims.rs"]
mod claims;
#[path = "auth/forms.rs"]
mod forms;
#[path = "auth/issuer.rs"]
mod issuer;
#[path = "auth/keysets.rs"]
mod keysets;
#[path = "auth/logs.rs"]
mod logs;
#[path = "auth/mutations.rs"]
mod mutations;
#[path = "auth/network.rs"]
mod network;
#[path = "auth/permits.rs"]
mod permits;
#[path = "auth/vectors.rs"]
mod vectors;
