//! Zip: stored and deflated entries; anything else a zip can be is refused.

use std::io::{self, Cursor};

use zip::ZipArchive;
use zip::result::ZipError;

use super::gather::Gather;
use super::limits::MAX_ENTRIES;
use super::refusal::Refusal;

/// The file type in the upper half of the external attributes, as Unix has it.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

pub(super) fn unpack(bytes: &[u8], gather: &mut Gather) -> Result<(), Refusal> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error, bytes))?;
    if archive.len() > MAX_ENTRIES {
        return Err(Refusal::TooManyEntries);
    }
    // The directory lists by name, so a double is only visible in the count.
    if archive.has_duplicate_names() {
        return Err(Refusal::DuplicatePath("a path of the zip".to_owned()));
    }
    // Entries that share their bytes: the trick of the zips that unpack to petabytes.
    if archive.has_overlapping_entries().map_err(|error| broken(&error, bytes))? {
        return Err(Refusal::Bomb);
    }
    for at in 0..archive.len() {
        let about = archive.by_index_data(at).map_err(|error| broken(&error, bytes))?;
        let path = gather.entry(about.name_raw())?;
        let name = || path.clone().unwrap_or_default();
        if about.encrypted() {
            return Err(Refusal::Encrypted(name()));
        }
        if about.is_symlink() {
            return Err(Refusal::Link(name()));
        }
        match about.unix_mode().map_or(0, |mode| mode & TYPE) {
            0 | REGULAR | FOLDER => {}
            _ => return Err(Refusal::SpecialFile(name())),
        }
        if about.is_dir() {
            continue;
        }
        let Some(path) = path else { continue };
        let mut file = archive.by_index(at).map_err(|error| broken(&error, bytes))?;
        gather.file(path, &mut file, failed)?;
    }
    Ok(())
}

fn failed(error: &io::Error) -> Refusal {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Refusal::Truncated;
    }
    Refusal::Corrupt(error.to_string().chars().take(120).collect())
}

fn broken(error: &ZipError, bytes: &[u8]) -> Refusal {
    if let ZipError::Io(error) = error {
        return failed(error);
    }
    // The directory stands at the end of a zip: a cut one has none.
    let end_of_directory = b"PK\x05\x06";
    if !bytes.windows(end_of_directory.len()).any(|window| window == end_of_directory) {
        return Refusal::Truncated;
    }
    Refusal::Corrupt(error.to_string().chars().take(120).collect())
}
