//! Any bytes for a key set: nobody is let in by it, and nothing panics.
#![no_main]

use std::sync::LazyLock;

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use shared_fuzz::{self as world, World};

static WORLD: LazyLock<World> = LazyLock::new(World::default);

fuzz_target!(|bytes: &[u8]| {
    let _inside = WORLD.runtime.enter();
    let verifier = WORLD.verifier(bytes.to_vec());
    let judged = verifier.verify(world::UNSIGNED).now_or_never();
    assert!(!matches!(judged, Some(Ok(_))), "let in");
});
