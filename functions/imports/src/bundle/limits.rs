//! How much a bundle may be. Every number is checked against bytes counted, never against a header.

/// A Lambda takes an event of 6 MB, of which base64 leaves about 4.4 MiB for the bundle itself;
/// behind the host, and one day from an object store, a bundle may be larger. The largest real
/// package (4.44.3) has 2.4 MiB.
pub const MAX_BUNDLE_BYTES: u64 = 8 * 1024 * 1024;

/// All files together. The largest real package unpacks to 8.8 MiB; a function has 256 MiB of
/// memory.
pub const MAX_UNPACKED_BYTES: u64 = 64 * 1024 * 1024;

/// One file. The largest real one, a generated text, has 1.1 MiB; the largest definition 27 KiB.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Files and folders together. The real packages have fewer than 400.
pub const MAX_ENTRIES: usize = 10_000;

/// Unpacked bytes per packed byte. Prose packs about 4:1, repetitive data 20:1, zeros 1000:1.
pub const MAX_RATIO: u64 = 200;

/// A small bundle may be all template and pack very well: the ratio is looked at beyond this many
/// unpacked bytes.
pub const RATIO_FROM_BYTES: u64 = 1024 * 1024;

/// A path in bytes, and in folders: longer ones break the tools that people later open the export
/// with.
pub const MAX_PATH_BYTES: usize = 512;
pub const MAX_PATH_DEPTH: usize = 32;

/// True for what no honest packer makes.
pub(super) fn is_bomb(unpacked: u64, packed: u64) -> bool {
    unpacked > RATIO_FROM_BYTES && unpacked / MAX_RATIO > packed
}
