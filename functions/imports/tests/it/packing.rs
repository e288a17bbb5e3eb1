//! Bundles made by hand, honest and otherwise.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use imports::bmad;
use imports::bundle::{Bundle, Refusal};
use imports::model::Import;
use tar::{Builder, EntryType, Header};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A folder upload.
pub(crate) fn folder(files: &[(&str, &str)]) -> Result<Bundle, Refusal> {
    Bundle::from_files(
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect(),
    )
}

pub(crate) fn read(files: &[(&str, &str)]) -> Import {
    bmad::read(&folder(files).unwrap()).unwrap()
}

pub(crate) fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// One entry whose name is written as it is, which no honest packer would do.
pub(crate) fn tar_entry(name: &[u8], kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        header.set_link_name("SKILL.md").unwrap();
    }
    header.set_cksum();
    let mut builder = Builder::new(Vec::new());
    builder.append(&header, content).unwrap();
    builder.into_inner().unwrap()
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    zipped(|zip| {
        for (path, text) in files {
            zip.start_file(*path, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
    })
}

pub(crate) fn zipped(fill: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    fill(&mut zip);
    zip.finish().unwrap().into_inner()
}

/// The code with which a bundle is refused, or `taken`.
pub(crate) fn code(bytes: &[u8]) -> &'static str {
    Bundle::from_bytes(bytes).map_or_else(|refusal| refusal.code(), |_| "taken")
}
