//! Any text for a token, with a key at hand whose private half nobody has: nothing is let in, and
//! nothing panics.
#![no_main]

use std::sync::LazyLock;

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use shared::auth::Verifier;
use shared_fuzz::{self as world, World};

static WORLD: LazyLock<(World, Verifier)> = LazyLock::new(|| {
    let world = World::default();
    let verifier = world.verifier(world::KEYS.as_bytes().to_vec());
    (world, verifier)
});

fuzz_target!(|bytes: &[u8]| {
    let (world, verifier) = &*WORLD;
    let _inside = world.runtime.enter();
    let text = String::from_utf8_lossy(bytes);
    for token in [text.as_ref(), &world::encoded(&text)] {
        assert!(!matches!(verifier.verify(token).now_or_never(), Some(Ok(_))), "let in");
    }
});
