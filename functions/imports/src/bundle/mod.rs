//! Unpacking what somebody sent, in memory and within limits: a tarball, a zip or the files of a
//! folder.

mod gather;
pub mod limits;
mod path;
mod refusal;
mod tarball;
mod text;
mod zipped;

use std::collections::BTreeMap;

use gather::Gather;
use limits::MAX_BUNDLE_BYTES;
pub use refusal::Refusal;
pub use text::NotText;

/// Folders that mean something to a reader of definitions, so the only folder of a bundle may well
/// be one of them.
const MEANINGFUL: [&str; 9] = [
    "src",
    "skills",
    "agents",
    "workflows",
    "bmad-core",
    "expansion-packs",
    "common",
    "_bmad",
    "bmad",
];

/// The files of a bundle by path. The folder that a packer puts around everything (`package/`,
/// `module-1.2/`) is left out of the paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    root: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    /// A gzipped tar, a plain tar or a zip, told apart by content and not by name.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let packed = bytes.len() as u64;
        if packed > MAX_BUNDLE_BYTES {
            return Err(Refusal::TooLarge(packed));
        }
        let mut gather = Gather::new(packed);
        match bytes {
            [] => return Err(Refusal::Empty),
            [0x1f, 0x8b, ..] => tarball::gzipped(bytes, &mut gather)?,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => {
                zipped::unpack(bytes, &mut gather)?;
            }
            _ if tarball::looks_like_tar(bytes) => tarball::plain(bytes, &mut gather)?,
            _ => return Err(Refusal::UnknownFormat),
        }
        gather.finish().map(Self::rooted)
    }

    /// The files of a folder, as an upload lists them; the same rules as for an archive.
    pub fn from_files(files: Vec<(String, Vec<u8>)>) -> Result<Self, Refusal> {
        let packed = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let mut gather = Gather::new(packed);
        for (raw, bytes) in files {
            let path = gather.entry(raw.as_bytes())?;
            let Some(path) = path else {
                return Err(Refusal::PathInvalid { path: raw, reason: "it names no file" });
            };
            gather.file(path, &mut bytes.as_slice(), |_| Refusal::Truncated)?;
        }
        gather.finish().map(Self::rooted)
    }

    /// The folder that was around everything, or nothing.
    pub fn root(&self) -> &str {
        &self.root
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// In order of their names, so whatever is made from a bundle is made in the same order each
    /// time.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// A file as text: no byte order mark, lines ended by a line feed alone. `None` when there is
    /// no such file.
    pub fn text(&self, path: &str) -> Option<Result<String, NotText>> {
        self.get(path).map(text::normalised)
    }

    fn rooted(files: BTreeMap<String, Vec<u8>>) -> Self {
        let mut rooted = Self { root: String::new(), files };
        while let Some(folder) = rooted.only_folder() {
            rooted.root = if rooted.root.is_empty() {
                folder.clone()
            } else {
                format!("{}/{folder}", rooted.root)
            };
            let skip = folder.len() + 1;
            rooted.files = rooted
                .files
                .into_iter()
                .map(|(path, bytes)| (path[skip..].to_owned(), bytes))
                .collect();
        }
        rooted
    }

    fn only_folder(&self) -> Option<String> {
        let (folder, rest) = self.files.keys().next()?.split_once('/')?;
        let packaging = !folder.starts_with('.') && !MEANINGFUL.contains(&folder);
        // A lone skill or agent folder keeps its name: the name has to agree with what is written
        // inside.
        let holds_skill = ["SKILL.md", "customize.toml"]
            .iter()
            .any(|name| self.files.contains_key(&format!("{folder}/{name}")));
        let around_all = self
            .files
            .keys()
            .all(|path| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
        (packaging && !holds_skill && around_all && !rest.is_empty()).then(|| folder.to_owned())
    }
}
