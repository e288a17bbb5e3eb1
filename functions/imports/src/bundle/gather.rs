//! Where every unpacker puts what it finds: one place that counts, checks paths and refuses
//! doubles.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::limits::{MAX_ENTRIES, MAX_FILE_BYTES, MAX_UNPACKED_BYTES, is_bomb};
use super::path;
use super::refusal::Refusal;

pub(super) struct Gather {
    files: BTreeMap<String, Vec<u8>>,
    entries: usize,
    unpacked: u64,
    packed: u64,
}

impl Gather {
    /// `packed` is what arrived, the measure for the ratio.
    pub(super) fn new(packed: u64) -> Self {
        Self { files: BTreeMap::new(), entries: 0, unpacked: 0, packed }
    }

    /// To be called for every entry, before its content is looked at.
    pub(super) fn entry(&mut self, raw_path: &[u8]) -> Result<Option<String>, Refusal> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(Refusal::TooManyEntries);
        }
        path::checked(raw_path)
    }

    /// Reads one file, stopping as soon as any limit is passed: a header that lies about a size
    /// changes nothing.
    pub(super) fn file(
        &mut self,
        path: String,
        content: &mut dyn Read,
        failed: impl Fn(&io::Error) -> Refusal,
    ) -> Result<u64, Refusal> {
        if self.files.contains_key(&path) {
            return Err(Refusal::DuplicatePath(path));
        }
        let mut bytes = Vec::new();
        let mut block = [0; 16 * 1024];
        loop {
            let read = match content.read(&mut block) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(&error)),
            };
            bytes.extend_from_slice(&block[..read]);
            self.count(read as u64)?;
            if bytes.len() as u64 > MAX_FILE_BYTES {
                return Err(Refusal::FileTooLarge(path));
            }
        }
        let size = bytes.len() as u64;
        self.files.insert(path, bytes);
        Ok(size)
    }

    pub(super) fn finish(self) -> Result<BTreeMap<String, Vec<u8>>, Refusal> {
        for path in self.files.keys() {
            let mut folders = path.as_str();
            while let Some((parent, _)) = folders.rsplit_once('/') {
                if self.files.contains_key(parent) {
                    return Err(Refusal::DuplicatePath(parent.to_owned()));
                }
                folders = parent;
            }
        }
        if self.files.is_empty() {
            return Err(Refusal::Empty);
        }
        Ok(self.files)
    }

    fn count(&mut self, bytes: u64) -> Result<(), Refusal> {
        self.unpacked += bytes;
        if self.unpacked > MAX_UNPACKED_BYTES {
            return Err(Refusal::UnpackedTooLarge);
        }
        if is_bomb(self.unpacked, self.packed) {
            return Err(Refusal::Bomb);
        }
        Ok(())
    }
}
