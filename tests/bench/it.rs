//! Guards a setting of the build that no other test would miss.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use nix::time::ClockId;

/// AWS-LC gathers jitter when a process first wants random bytes, which costs 35 ms of processor
/// time, unless `.cargo/config.toml` tells it not to. Without it the first bytes cost 0.1 ms.
/// `bench cold-start` holds the deployed binaries to the same.
#[test]
fn the_first_random_bytes_of_a_process_are_cheap() {
    let spent = || std::time::Duration::from(ClockId::CLOCK_PROCESS_CPUTIME_ID.now().unwrap());
    let before = spent();
    SystemRandom::new().fill(&mut [0; 32]).unwrap();
    let took = spent().saturating_sub(before);
    assert!(took.as_millis() < 10, "{took:?}: is AWS_LC_SYS_NO_JITTER_ENTROPY set in the build?");
}
