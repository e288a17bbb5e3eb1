//! What a hostile sender may try. Each is refused with its own code and a sentence that says what
//! to do.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::{Compress, Compression, FlushCompress};
use imports::bmad;
use imports::bundle::Bundle;
use imports::bundle::limits::{MAX_BUNDLE_BYTES, MAX_ENTRIES, MAX_FILE_BYTES};
use tar::EntryType;
use zip::write::SimpleFileOptions;

use crate::packing::{code, folder, gz, tar, tar_entry, zip, zipped};

const MIB: usize = 1024 * 1024;

const HONEST: [(&str, &str); 2] = [
    ("module/one/SKILL.md", "---\nname: one\ndescription: d\n---\nDo one.\n"),
    ("module/two/SKILL.md", "---\nname: two\ndescription: d\n---\nDo two.\n"),
];

#[test]
fn the_four_ways_to_send_a_bundle_give_the_same_one() {
    let sent = folder(&HONEST).unwrap();
    assert_eq!(sent.root(), "module");
    assert_eq!(sent.paths().collect::<Vec<_>>(), ["one/SKILL.md", "two/SKILL.md"]);
    for bytes in [tar(&HONEST), gz(&tar(&HONEST)), zip(&HONEST)] {
        assert_eq!(Bundle::from_bytes(&bytes).unwrap(), sent);
    }
}

#[test]
fn what_is_no_bundle_is_refused() {
    assert_eq!(code(b""), "bundle-empty");
    assert_eq!(code(b"hello"), "bundle-unknown-format");
    assert_eq!(code(&[0; 4096]), "bundle-unknown-format");
    assert_eq!(code(&gz(b"hello")), "bundle-unknown-format");
    assert_eq!(code(&gz(&[0; 4096])), "bundle-unknown-format");
    assert_eq!(code(b"BZh91AY&SY"), "bundle-unknown-format");
    assert_eq!(code(&zipped(|_| {})), "bundle-empty");
    assert_eq!(code(&tar_entry(b"folder/", EntryType::Directory, b"")), "bundle-empty");
    assert_eq!(Bundle::from_files(Vec::new()).unwrap_err().code(), "bundle-empty");
}

#[test]
fn a_cut_bundle_is_refused_wherever_it_was_cut() {
    let long: Vec<String> = (0..20_000_u32).map(|n| format!("{n:x} ")).collect();
    let long = long.concat();
    let mut files = HONEST.to_vec();
    files.push(("module/long.md", &long));
    for (name, whole) in [("gz", gz(&tar(&files))), ("tar", tar(&files)), ("zip", zip(&files))] {
        assert_eq!(code(&whole), "taken", "{name}");
        for sixteenth in 1..16 {
            let cut = &whole[..whole.len() * sixteenth / 16];
            assert_eq!(code(cut), "bundle-truncated", "{name} cut at {sixteenth}/16");
        }
        for short in 1..20 {
            let refused = code(&whole[..whole.len() - short]);
            assert_ne!(refused, "taken", "{name} without its last {short} bytes");
        }
    }
}

#[test]
fn a_damaged_bundle_is_refused() {
    let mut bytes = gz(&tar(&HONEST));
    let at = bytes.len() - 6;
    bytes[at] ^= 0xff;
    assert_eq!(code(&bytes), "bundle-corrupt", "the checksum of gzip");
    let mut bytes = zip(&HONEST);
    let at = bytes.windows(6).position(|window| window == b"Do one").unwrap_or(60);
    bytes[at] ^= 0xff;
    assert_ne!(code(&bytes), "taken", "the checksum of zip");
}

#[test]
fn paths_that_lead_outside_are_refused() {
    for path in ["../evil", "a/../../evil", "/etc/passwd", "..\\evil", "C:\\evil", "C:/evil", ".."]
    {
        let raw = tar_entry(path.as_bytes(), EntryType::Regular, b"x");
        assert_eq!(code(&raw), "bundle-path-traversal", "tar {path}");
        assert_eq!(code(&gz(&raw)), "bundle-path-traversal", "gz {path}");
        assert_eq!(folder(&[(path, "x")]).unwrap_err().code(), "bundle-path-traversal", "{path}");
        let zip = zipped(|zip| {
            zip.start_file(path, SimpleFileOptions::default()).unwrap();
        });
        assert_eq!(code(&zip), "bundle-path-traversal", "zip {path}");
    }
    let refusal = folder(&[("../evil", "x")]).unwrap_err();
    assert!(refusal.to_string().contains("`../evil` points outside"), "{refusal}");
}

#[test]
fn names_that_cannot_be_read_are_refused() {
    assert_eq!(code(&tar_entry(b"a\xff.md", EntryType::Regular, b"x")), "bundle-path-invalid");
    assert_eq!(code(&tar_entry(b"a\nb.md", EntryType::Regular, b"x")), "bundle-path-invalid");
    assert_eq!(folder(&[("a\0b", "x")]).unwrap_err().code(), "bundle-path-invalid");
    assert_eq!(folder(&[("", "x")]).unwrap_err().code(), "bundle-path-invalid");
    assert_eq!(folder(&[("./", "x")]).unwrap_err().code(), "bundle-path-invalid");
    let long = "x".repeat(600);
    assert_eq!(folder(&[(&long, "x")]).unwrap_err().code(), "bundle-path-invalid");
    assert_eq!(code(&zip(&[(&long, "x")])), "bundle-path-invalid");
    // A name in a code page of old: bytes above 127 without the flag for UTF-8.
    let mut bytes = zip(&[("abcd.md", "x")]);
    while let Some(at) = bytes.windows(4).position(|window| window == b"abcd") {
        bytes[at] = 0xe9;
    }
    assert_eq!(code(&bytes), "bundle-path-invalid");
}

#[test]
fn links_and_devices_are_refused_by_name() {
    for (kind, expected) in [
        (EntryType::Symlink, "bundle-link"),
        (EntryType::Link, "bundle-link"),
        (EntryType::Char, "bundle-special-file"),
        (EntryType::Block, "bundle-special-file"),
        (EntryType::Fifo, "bundle-special-file"),
    ] {
        let bytes = tar_entry(b"module/thing", kind, b"");
        assert_eq!(code(&bytes), expected, "{kind:?}");
        let refusal = Bundle::from_bytes(&bytes).unwrap_err().to_string();
        assert!(refusal.contains("`module/thing`"), "{refusal}");
    }
    assert_ne!(code(&tar_entry(b"sparse", EntryType::GNUSparse, b"")), "taken");
    let link = zipped(|zip| {
        zip.add_symlink("module/link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    });
    assert_eq!(code(&link), "bundle-link");
}

#[test]
fn the_same_path_twice_is_refused() {
    let twice = [("a/x.md", "1"), ("a/./x.md", "2")];
    assert_eq!(folder(&twice).unwrap_err().code(), "bundle-duplicate-path");
    assert_eq!(code(&tar(&[("a/x.md", "1"), ("a/x.md", "2")])), "bundle-duplicate-path");
    assert_eq!(folder(&[("a", "1"), ("a/x.md", "2")]).unwrap_err().code(), "bundle-duplicate-path");
    let mut bytes = zip(&[("a/x.md", "1"), ("a/y.md", "2")]);
    while let Some(at) = bytes.windows(6).position(|window| window == b"a/y.md") {
        bytes[at + 2] = b'x';
    }
    assert_eq!(code(&bytes), "bundle-duplicate-path");
}

/// A gzipped tar with one file of so many MiB of zeros: one packed MiB, repeated. Its checksum is
/// wrong, but to see that one would have to unpack it all.
fn zeros(mebibytes: usize) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_path("module/zeros.md").unwrap();
    header.set_size(mebibytes as u64 * MIB as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut deflate = Compress::new(Compression::best(), false);
    let mut packed = |bytes: &[u8]| {
        let mut out = Vec::with_capacity(64 * 1024);
        deflate.compress_vec(bytes, &mut out, FlushCompress::Full).unwrap();
        out
    };
    let head = packed(header.as_bytes());
    let block = packed(&vec![0; MIB]);
    [b"\x1f\x8b\x08\0\0\0\0\0\0\xff", head.as_slice(), &block.repeat(mebibytes)].concat()
}

#[test]
fn a_gibibyte_of_zeros_is_stopped_at_once() {
    let bomb = zeros(1024);
    assert!((bomb.len() as u64) < MAX_BUNDLE_BYTES, "{}", bomb.len());
    let start = Instant::now();
    let refused = code(&bomb);
    let took = start.elapsed();
    assert!(["bundle-bomb", "bundle-file-too-large"].contains(&refused), "{refused}");
    assert!(took < Duration::from_secs(2), "a limit stops it long before its end: {took:?}");

    let zip_bomb = zipped(|zip| {
        for at in 0..4 {
            zip.start_file(format!("{at}.md"), SimpleFileOptions::default()).unwrap();
            zip.write_all(&vec![0; 3 * MIB]).unwrap();
        }
    });
    assert_eq!(code(&zip_bomb), "bundle-bomb");
}

#[test]
fn a_header_that_lies_about_a_size_changes_nothing() {
    // Says one byte, has more: the sum of the zip does not agree.
    let text = "x".repeat(5_000);
    let mut bytes = zip(&[("a.md", &text)]);
    let stated = 5_000_u32.to_le_bytes();
    while let Some(at) = bytes.windows(4).position(|window| window == stated) {
        bytes[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
    }
    let refused = code(&bytes);
    assert!(["taken", "bundle-corrupt"].contains(&refused), "{refused}");
    if let Ok(bundle) = Bundle::from_bytes(&bytes) {
        assert_eq!(bundle.get("a.md"), Some(text.as_bytes()));
    }
    // Says a gibibyte, has nothing.
    let mut header = tar::Header::new_ustar();
    header.set_path("a.md").unwrap();
    header.set_size(1024 * 1024 * 1024);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend([0; 1024]);
    assert_eq!(code(&bytes), "bundle-truncated");
}

#[test]
fn too_much_is_refused_by_what_there_is_too_much_of() {
    let long = vec![1; usize::try_from(MAX_BUNDLE_BYTES).unwrap() + 1];
    assert_eq!(code(&long), "bundle-too-large");

    let mut state = 1_u32;
    let incompressible: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    })
    .take(usize::try_from(MAX_FILE_BYTES).unwrap() + 1)
    .collect();
    let files = vec![("a.md".to_owned(), incompressible.clone())];
    assert_eq!(Bundle::from_files(files).unwrap_err().code(), "bundle-file-too-large");
    let fits = &incompressible[..usize::try_from(MAX_FILE_BYTES).unwrap()];
    let files = (0..17).map(|n| (format!("{n}.md"), fits.to_vec())).collect();
    assert_eq!(Bundle::from_files(files).unwrap_err().code(), "bundle-too-large");
}

#[test]
fn a_hundred_thousand_entries_are_refused_soon() {
    let names: Vec<String> = (0..100_000).map(|n| format!("f{n}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let packed = gz(&tar(&files));
    let start = Instant::now();
    assert_eq!(code(&packed), "bundle-too-many-entries");
    println!("100,000 entries of a tarball refused in {:?}", start.elapsed());
    assert_eq!(code(&zip(&files[..=MAX_ENTRIES])), "bundle-too-many-entries");
    assert_eq!(folder(&files).unwrap_err().code(), "bundle-too-many-entries");
    assert_eq!(code(&tar(&files[..MAX_ENTRIES])), "taken");
}

#[test]
fn a_locked_zip_is_refused() {
    let mut bytes = zip(&[("a.md", "x")]);
    // The bit for encryption, in the local header and in the directory.
    bytes[6] |= 1;
    let at = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap_or_default();
    bytes[at + 8] |= 1;
    assert_eq!(code(&bytes), "bundle-encrypted");
}

#[test]
fn files_that_share_their_bytes_are_a_bomb() {
    let bytes = zipped(|zip| {
        zip.start_file("a.md", SimpleFileOptions::default()).unwrap();
        zip.write_all(b"some text").unwrap();
        zip.shallow_copy_file("a.md", "b.md").unwrap();
    });
    assert_eq!(code(&bytes), "bundle-bomb");
}

#[test]
fn a_global_header_and_long_names_of_an_honest_packer_are_taken() {
    let long = format!("{}/SKILL.md", "folder-of-some-length/".repeat(12).trim_end_matches('/'));
    let bundle = Bundle::from_bytes(&gz(&tar(&[(&long, "x"), ("README.md", "y")]))).unwrap();
    assert!(bundle.paths().any(|path| path == long));
    let mut git = tar_entry(b"pax_global_header", EntryType::XGlobalHeader, b"");
    git.truncate(512);
    git.extend(tar(&HONEST));
    assert_eq!(code(&git), "taken");
}

#[test]
fn a_thousand_times_more_definitions_than_anybody_has_are_refused() {
    let paths: Vec<String> = (0..1_001).map(|n| format!("s{n}/SKILL.md")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "x")).collect();
    let refusal = bmad::read(&folder(&files).unwrap()).unwrap_err();
    assert_eq!(refusal.code(), "bundle-too-many-definitions");
}

#[test]
fn more_prose_than_a_function_has_memory_for_is_refused() {
    let body = format!("---\nname: s\ndescription: d\n---\n{}", "words ".repeat(80_000));
    let paths: Vec<String> = (0..40).map(|n| format!("s{n}/SKILL.md")).collect();
    let files: Vec<(&str, &str)> =
        paths.iter().map(|path| (path.as_str(), body.as_str())).collect();
    let refusal = bmad::read(&folder(&files).unwrap()).unwrap_err();
    assert_eq!(refusal.code(), "bundle-too-large");
    assert!(refusal.to_string().contains("16 MiB of text"), "{refusal}");
}

#[test]
fn work_grows_with_the_size_of_a_bundle_and_not_with_its_square() {
    let item = "\n[[workflow.party_members]]\ncode = 'c'\npersona = 'p'\n[[workflow.party_groups]]\nid = 'g'\nmembers = ['c', 'd']\n";
    let toml = item.repeat(4_000);
    let steps = "  - agent: nobody\n    notes: x\n".repeat(10_000);
    let workflow = format!("workflow:\n  id: w\n  sequence:\n{steps}");
    let row = "M,s,S,S,d,,,plan,\"a,b,c,d,e,f\",g,false,,\n".repeat(9_000);
    let catalog = format!(
        "module,skill,display-name,menu-code,description,action,args,phase,preceded-by,followed-by,required,output-location,outputs\n{row}"
    );
    let start = Instant::now();
    for files in [
        vec![
            ("m/s/SKILL.md", "---\nname: s\ndescription: d\n---\nx {a}\n"),
            ("m/s/customize.toml", toml.as_str()),
            ("m/module-help.csv", catalog.as_str()),
        ],
        vec![
            ("bmad-core/agents/a.md", "```yaml\nagent:\n  id: a\n```\n"),
            ("bmad-core/workflows/w.yaml", workflow.as_str()),
        ],
    ] {
        let import = bmad::read(&folder(&files).unwrap()).unwrap();
        assert!(import.report.unresolved.len() <= 1_000);
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
