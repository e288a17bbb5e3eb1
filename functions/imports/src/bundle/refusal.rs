//! Why a bundle is refused as a whole: a code that never changes, and a sentence that says what to
//! do.

use super::limits::{MAX_BUNDLE_BYTES, MAX_ENTRIES, MAX_FILE_BYTES, MAX_RATIO, MAX_UNPACKED_BYTES};

const MIB: u64 = 1024 * 1024;

/// Each variant is one thing the sender can act upon. Nothing of a refused bundle is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "the bundle is empty; send a .tar.gz, .tar or .zip, or a folder with at least one file"
    )]
    Empty,
    #[error(
        "the bundle has {0} bytes, more than the limit of {limit} MiB; leave out what is not a definition (docs, tools, pictures), or import module by module",
        limit = MAX_BUNDLE_BYTES / MIB
    )]
    TooLarge(u64),
    #[error(
        "unpacked, the bundle has more than {limit} MiB; leave out what is not a definition, or import module by module",
        limit = MAX_UNPACKED_BYTES / MIB
    )]
    UnpackedTooLarge,
    #[error(
        "`{0}` unpacks to more than {limit} MiB, the limit for one file; leave it out",
        limit = MAX_FILE_BYTES / MIB
    )]
    FileTooLarge(String),
    #[error(
        "the bundle holds more than {limit} files and folders; leave out node_modules and the like, or import module by module",
        limit = MAX_ENTRIES
    )]
    TooManyEntries,
    #[error(
        "the bundle unpacks to more than {limit} times its own size, which no text does; pack the definitions anew without padding",
        limit = MAX_RATIO
    )]
    Bomb,
    #[error(
        "this is neither a gzipped tar, a tar nor a zip; pack the folder as .tar.gz or .zip and send that"
    )]
    UnknownFormat,
    #[error("the bundle ends in the middle; send it again, whole")]
    Truncated,
    #[error("the bundle is damaged ({0}); pack it anew and send it again")]
    Corrupt(String),
    #[error("`{0}` is encrypted; pack the bundle without a password")]
    Encrypted(String),
    #[error(
        "`{0}` points outside the bundle; pack it with relative paths that have no `..`, no drive letter and no backslash"
    )]
    PathTraversal(String),
    #[error("`{path}` is not a usable path: {reason}; rename it and pack the bundle anew")]
    PathInvalid { path: String, reason: &'static str },
    #[error("`{0}` is a link; replace it by the file it points to and pack the bundle anew")]
    Link(String),
    #[error("`{0}` is neither a file nor a folder; leave it out")]
    SpecialFile(String),
    #[error("`{0}` is in the bundle twice, or as a file and as a folder; keep one of them")]
    DuplicatePath(String),
    #[error("{0}")]
    NoDefinitions(String),
    #[error(
        "the definitions of the bundle have more than {0} MiB of text; import it module by module"
    )]
    TooMuchText(usize),
    #[error("the bundle defines more than {0} agents and workflows; import it module by module")]
    TooManyDefinitions(usize),
    #[error(
        "these are definitions of generation {generation} ({versions}), which cannot be imported yet; send a bundle of {supported}"
    )]
    GenerationUnsupported {
        generation: &'static str,
        versions: &'static str,
        supported: &'static str,
    },
}

impl Refusal {
    /// The stable machine name: part of the API, so it is never changed and never reused.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "bundle-empty",
            Self::TooLarge(_) | Self::UnpackedTooLarge | Self::TooMuchText(_) => "bundle-too-large",
            Self::FileTooLarge(_) => "bundle-file-too-large",
            Self::TooManyEntries => "bundle-too-many-entries",
            Self::Bomb => "bundle-bomb",
            Self::UnknownFormat => "bundle-unknown-format",
            Self::Truncated => "bundle-truncated",
            Self::Corrupt(_) => "bundle-corrupt",
            Self::Encrypted(_) => "bundle-encrypted",
            Self::PathTraversal(_) => "bundle-path-traversal",
            Self::PathInvalid { .. } => "bundle-path-invalid",
            Self::Link(_) => "bundle-link",
            Self::SpecialFile(_) => "bundle-special-file",
            Self::DuplicatePath(_) => "bundle-duplicate-path",
            Self::TooManyDefinitions(_) => "bundle-too-many-definitions",
            Self::NoDefinitions(_) => "bundle-no-definitions",
            Self::GenerationUnsupported { .. } => "bundle-generation-unsupported",
        }
    }
}
