//! Tar, plain or gzipped.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use flate2::read::GzDecoder;
use tar::{Archive, EntryType, Header};

use super::gather::Gather;
use super::limits::{MAX_ENTRIES, MAX_UNPACKED_BYTES, is_bomb};
use super::refusal::Refusal;

const BLOCK: usize = 512;

/// What a tar of the largest allowed bundle can have besides content: headers, long names, padding.
const MAX_STREAM_BYTES: u64 = MAX_UNPACKED_BYTES + (MAX_ENTRIES as u64) * 4 * BLOCK as u64;

pub(super) fn gzipped(bytes: &[u8], gather: &mut Gather) -> Result<(), Refusal> {
    let passed = Passed::default();
    let mut stream = Counted {
        inner: GzDecoder::new(bytes),
        packed: bytes.len() as u64,
        unpacked: 0,
        passed: passed.clone(),
    };
    let mut head = Vec::with_capacity(BLOCK);
    if let Err(error) = stream.by_ref().take(BLOCK as u64).read_to_end(&mut head) {
        return Err(broken(&error, &passed));
    }
    if !looks_like_tar(&head) {
        return Err(Refusal::UnknownFormat);
    }
    unpack(head.chain(stream.by_ref()), gather, &passed)?;
    // The checksum of gzip is at its end: only a stream read to the last byte is known to be whole.
    io::copy(&mut stream, &mut io::sink()).map_err(|error| broken(&error, &passed))?;
    Ok(())
}

pub(super) fn plain(bytes: &[u8], gather: &mut Gather) -> Result<(), Refusal> {
    // Two empty blocks end a tar. Without them it was cut, perhaps between two files, which nothing
    // else would show.
    if bytes.len() < 2 * BLOCK
        || !bytes.len().is_multiple_of(BLOCK)
        || bytes[bytes.len() - 2 * BLOCK..].iter().any(|byte| *byte != 0)
    {
        return Err(Refusal::Truncated);
    }
    unpack(bytes, gather, &Passed::default())
}

/// By the magic of POSIX and GNU, or by the header's checksum for the oldest tars, which have no
/// magic.
pub(super) fn looks_like_tar(bytes: &[u8]) -> bool {
    let Some(head) = bytes.first_chunk::<BLOCK>() else {
        return false;
    };
    if head[257..262] == *b"ustar" {
        return true;
    }
    let sum: u32 = head
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    head[0] != 0 && Header::from_byte_slice(head).cksum().is_ok_and(|stated| stated == sum)
}

fn unpack(stream: impl Read, gather: &mut Gather, passed: &Passed) -> Result<(), Refusal> {
    let mut archive = Archive::new(stream);
    let entries = archive.entries().map_err(|error| broken(&error, passed))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| broken(&error, passed))?;
        let path = gather.entry(&entry.path_bytes())?;
        let name = || path.clone().unwrap_or_default();
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            // Git writes the commit into a global header; it says nothing about a file.
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            EntryType::Symlink | EntryType::Link => return Err(Refusal::Link(name())),
            _ => return Err(Refusal::SpecialFile(name())),
        }
        let Some(path) = path else { continue };
        let stated = entry.size();
        let read = gather.file(path, &mut entry, |error| broken(error, passed))?;
        if read != stated {
            return Err(Refusal::Truncated);
        }
    }
    Ok(())
}

fn broken(error: &io::Error, passed: &Passed) -> Refusal {
    if let Some(refusal) = passed.borrow_mut().take() {
        return refusal;
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Refusal::Truncated;
    }
    let text = error.to_string();
    // The tar crate wraps some ends of file into an error of its own.
    if text.contains("unexpected EOF") || text.contains("failed to read entire block") {
        return Refusal::Truncated;
    }
    Refusal::Corrupt(text.chars().take(120).collect())
}

/// The limit that a stream has passed: the tar reader would make an ordinary error of it.
type Passed = Rc<RefCell<Option<Refusal>>>;

/// Stops a stream that would unpack without end, also where the tar reader itself does the reading.
struct Counted<R> {
    inner: R,
    packed: u64,
    unpacked: u64,
    passed: Passed,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.unpacked += read as u64;
        let refusal = if is_bomb(self.unpacked, self.packed) {
            Refusal::Bomb
        } else if self.unpacked > MAX_STREAM_BYTES {
            Refusal::UnpackedTooLarge
        } else {
            return Ok(read);
        };
        self.passed.replace(Some(refusal));
        Err(io::Error::other("more than a bundle may have"))
    }
}
