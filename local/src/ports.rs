//! Free loopback ports: picked, never fixed.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use anyhow::{Result, bail};

/// Below the range from which the kernel takes the local end of outgoing
/// connections, so that nobody is given the port between our look and our use.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// The ports of an earlier start, so that addresses and tokens stay good over a
/// restart; new ones, kept in `file` for the next time, when somebody took one of them.
pub fn kept<const N: usize>(file: &Path) -> Result<[u16; N]> {
    let earlier = fs::read_to_string(file).ok().and_then(|text| serde_json::from_str(&text).ok());
    let earlier = earlier.and_then(|ports: Vec<u16>| <[u16; N]>::try_from(ports).ok());
    if let Some(ports) = earlier.filter(|ports| ports.iter().all(|port| is_free(*port))) {
        return Ok(ports);
    }
    let ports = free()?;
    fs::write(file, serde_json::to_string(&ports.as_slice())?)?;
    Ok(ports)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

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
    fn ports_are_kept_until_somebody_takes_one() {
        let file = std::env::temp_dir().join(format!("cadre-ports-{}", std::process::id()));
        let first = kept::<3>(&file).unwrap();
        assert_eq!(kept::<3>(&file).unwrap(), first);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first[1])).unwrap();
        assert!(!kept::<3>(&file).unwrap().contains(&first[1]));
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_port_in_use_is_not_given() {
        let [first] = free::<1>().unwrap();
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        assert!(!free::<16>().unwrap().contains(&first));
    }
}
