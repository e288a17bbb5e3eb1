//! Free loopback ports: picked, never fixed.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, TcpListener},
};

use anyhow::{Result, bail};

/// Below the range from which the kernel takes the local end of outgoing
/// connections, so that nobody is given the port between our look and our use.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// As many different free ports as asked for.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    // Two stacks that start at the same moment begin to look at different places.
    let start = RandomState::new().hash_one(std::process::id()) % u64::from(COUNT);
    let start = u16::try_from(start).unwrap_or_default();

    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for step in 0..COUNT {
        if held.len() == N {
            return Ok(ports);
        }
        let port = FIRST + (start + step) % COUNT;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            ports[held.len()] = port;
            held.push(listener);
        }
    }
    bail!("no {N} free ports between {FIRST} and {}", FIRST + COUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_free_and_outside_the_kernels_range() {
        let ports = free::<8>().unwrap();
        for (at, port) in ports.iter().enumerate() {
            assert!(!ports[..at].contains(port));
            assert!((FIRST..FIRST + COUNT).contains(port));
            TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).unwrap();
        }
    }

    #[test]
    fn a_port_in_use_is_not_given() {
        let [first] = free::<1>().unwrap();
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        assert!(!free::<16>().unwrap().contains(&first));
    }
}
