//! A zip of one executable, stored as it is: all that a Lambda's code has to be here.

/// The executable as `bootstrap`, mode 0755.
pub(super) fn bootstrap(program: &[u8]) -> Result<Vec<u8>, std::num::TryFromIntError> {
    const NAME: &[u8] = b"bootstrap";
    let size = u32::try_from(program.len())?.to_le_bytes();
    let crc = crc32(program).to_le_bytes();
    // Version 2.0, no flags, stored, midnight of 1 January 1980; name of nine bytes, nothing extra.
    let common =
        [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..], &crc, &size, &size, &[9, 0, 0, 0]].concat();

    let local = [b"PK\x03\x04", &common[..], NAME].concat();
    let attributes = (0o100_755_u32 << 16).to_le_bytes();
    // Made on Unix, so that the attributes are a mode; no comment, first disk, offset 0.
    let central =
        [b"PK\x01\x02\x14\x03", &common[..], &[0; 6], &attributes, &[0; 4], NAME].concat();
    let start = u32::try_from(local.len() + program.len())?.to_le_bytes();
    let length = u32::try_from(central.len())?.to_le_bytes();
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &length[..], &start, &[0; 2]].concat();
    Ok([&local, program, &central, &end].concat())
}

/// The checksum of zip files.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1));
    let mut table = [0_u32; 256];
    for (at, entry) in (0..).zip(&mut table) {
        *entry = (0..8).fold(at, step);
    }
    let next = |crc: u32, byte: &u8| {
        let [low, ..] = crc.to_le_bytes();
        (crc >> 8) ^ table[usize::from(low ^ byte)]
    };
    !bytes.iter().fold(!0, next)
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn another_zip_reader_finds_the_executable() {
        let file = std::env::temp_dir().join(format!("cadre-{}.zip", std::process::id()));
        fs::write(&file, bootstrap(b"hello").unwrap()).unwrap();
        let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                      i = z.getinfo('bootstrap'); print(oct(i.external_attr >> 16), z.read(i))";
        let out = Command::new("python3").args(["-c", script]).arg(&file).output().unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), "0o100755 b'hello'");
    }
}
