//! Broken and hostile bundles through `POST /v1/imports`: each refused by what is wrong with it,
//! and nothing half stored. How a bundle is read within limits is tested in `functions/imports`.

use std::io::{Cursor, Write};

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tar::{Builder, EntryType, Header};
use tests::{Person, Reply};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::bad_input::{nothing_stays, refusal};

const SKILL: &str = "---\nname: one\ndescription: d\n---\nDo one.\n";

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Entries whose names are written as they are, which no honest packer would do.
fn tarball(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_entry_type(*kind);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    gz(&builder.into_inner().unwrap())
}

fn zipped(fill: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    fill(&mut zip);
    zip.finish().unwrap().into_inner()
}

async fn upload(person: &Person<'_>, kind: &str, bytes: Vec<u8>) -> Result<Reply> {
    person.send("POST", "/v1/imports", &[("content-type", kind)], bytes).await
}

/// One that would be taken, had it not this one more entry.
fn with(name: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
    tarball(&[("m/one/SKILL.md", EntryType::Regular, SKILL.as_bytes()), (name, kind, content)])
}

#[tokio::test]
async fn a_hostile_tarball_is_refused_by_what_is_wrong_with_it() -> Result<()> {
    let honest = with("m/notes.md", EntryType::Regular, b"notes");
    let mut damaged = honest.clone();
    let at = damaged.len() - 6;
    damaged[at] ^= 0xff;
    let mut state = 7_u32;
    let random: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    })
    .take(10_000)
    .collect();
    let cases = [
        ("half of it", honest[..honest.len() / 2].to_vec(), "bundle-truncated"),
        ("its first bytes", honest[..10].to_vec(), "bundle-truncated"),
        ("a wrong sum", damaged, "bundle-corrupt"),
        ("random bytes", random, "bundle-unknown-format"),
        ("nothing", Vec::new(), "bundle-empty"),
        ("a text", b"hello".to_vec(), "bundle-unknown-format"),
        ("a way up", with("../evil", EntryType::Regular, b"x"), "bundle-path-traversal"),
        ("a way out", with("/etc/cron.d/evil", EntryType::Regular, b"x"), "bundle-path-traversal"),
        ("a symlink", with("m/link", EntryType::Symlink, b""), "bundle-link"),
        ("a hard link", with("m/link", EntryType::Link, b""), "bundle-link"),
        ("a device", with("m/null", EntryType::Char, b""), "bundle-special-file"),
        ("a pipe", with("m/pipe", EntryType::Fifo, b""), "bundle-special-file"),
        (
            "twice one path",
            with("m/one/SKILL.md", EntryType::Regular, b"x"),
            "bundle-duplicate-path",
        ),
        ("zeros", with("m/zeros", EntryType::Regular, &vec![0; 3 << 20]), "bundle-bomb"),
        (
            "nothing to import",
            tarball(&[("m/README.md", EntryType::Regular, b"hello")]),
            "bundle-no-definitions",
        ),
    ];
    nothing_stays(async |_, ada| {
        for (what, bytes, expected) in cases {
            let reply = upload(ada, "application/gzip", bytes).await?;
            assert_eq!(refusal(&reply, what), expected, "{what}");
        }
        Ok(())
    })
    .await?;
    // The honest one is taken: it is the one more thing that was refused each time.
    let house = tests::House::open()?;
    let ada = house.organization().admin();
    upload(&ada, "application/gzip", honest).await?.expect(201);
    Ok(())
}

#[tokio::test]
async fn a_hostile_zip_is_refused_by_what_is_wrong_with_it() -> Result<()> {
    let options = SimpleFileOptions::default();
    let named = |name: &str| {
        zipped(|zip| {
            zip.start_file("m/one/SKILL.md", options).unwrap();
            zip.write_all(SKILL.as_bytes()).unwrap();
            zip.start_file(name, options).unwrap();
        })
    };
    let bomb = zipped(|zip| {
        for n in 0..4 {
            zip.start_file(format!("{n}.md"), options).unwrap();
            zip.write_all(&vec![0; 3 << 20]).unwrap();
        }
    });
    let link = zipped(|zip| zip.add_symlink("m/link", "/etc/passwd", options).unwrap());
    let whole = named("m/a.md");
    let cases = [
        ("half of it", whole[..whole.len() / 2].to_vec(), "bundle-truncated"),
        ("a way up", named("m/../../evil"), "bundle-path-traversal"),
        ("a drive", named("C:\\evil"), "bundle-path-traversal"),
        ("a symlink", link, "bundle-link"),
        ("a bomb", bomb, "bundle-bomb"),
        ("nothing in it", zipped(|_| {}), "bundle-empty"),
    ];
    nothing_stays(async |_, ada| {
        for (what, bytes, expected) in cases {
            let reply = upload(ada, "application/zip", bytes).await?;
            assert_eq!(refusal(&reply, what), expected, "{what}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_hundred_thousand_entries_are_refused() -> Result<()> {
    let names: Vec<String> = (0..100_000).map(|n| format!("f{n}")).collect();
    let entries: Vec<_> =
        names.iter().map(|name| (name.as_str(), EntryType::Regular, b"".as_slice())).collect();
    let bytes = tarball(&entries);
    nothing_stays(async |_, ada| {
        let reply = upload(ada, "application/gzip", bytes).await?;
        assert_eq!(refusal(&reply, "100,000 entries"), "bundle-too-many-entries");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_folder_that_is_none_is_refused() -> Result<()> {
    let good = json!(SKILL);
    let binary = |text: &str| json!({ "base64": text });
    let cases = [
        (json!({ "files": {} }), "bundle-empty"),
        (json!({}), "malformed"),
        (json!({ "files": [] }), "malformed"),
        (json!({ "files": { "a": 1 } }), "malformed"),
        (json!({ "files": { "a": { "base64": 1 } } }), "malformed"),
        (json!({ "files": { "m/one/SKILL.md": good, "a": binary("***") } }), "invalid"),
        (json!({ "files": { "m/one/SKILL.md": good, "../a": "x" } }), "bundle-path-traversal"),
        (json!({ "files": { "m/one/SKILL.md": good, "/a": "x" } }), "bundle-path-traversal"),
        (json!({ "files": { "m/one/SKILL.md": good, "a\u{0}b": "x" } }), "bundle-path-invalid"),
        (json!({ "files": { "m/one/SKILL.md": good, "": "x" } }), "bundle-path-invalid"),
        (json!({ "files": { "README.md": "hello" } }), "bundle-no-definitions"),
        (
            json!({ "files": { "m/agents/a.md": binary(&STANDARD.encode(b"\xff\xfe")) } }),
            "bundle-no-definitions",
        ),
    ];
    nothing_stays(async |_, ada| {
        for (body, expected) in cases {
            let what = body.to_string();
            let reply = ada.post("/v1/imports", body).await?;
            assert_eq!(refusal(&reply, &what), expected, "{what}");
        }
        Ok(())
    })
    .await
}

/// The last of many definitions is refused by the record's rules, after the others were written.
#[tokio::test]
async fn an_import_that_fails_at_its_end_leaves_nothing_of_its_beginning() -> Result<()> {
    let house = tests::House::open()?;
    let org = house.organization();
    let owner = crate::record::owner().await?;
    let before = crate::record::fingerprint(&owner, org.tenant()).await?;
    let mut files = serde_json::Map::new();
    for n in 0..20 {
        files.insert(
            format!("m/s{n:02}/SKILL.md"),
            SKILL.replace("one", &format!("s{n:02}")).into(),
        );
    }
    // Two uploads of different bytes and the same definitions, at once: one of them fails at the
    // first name that the other took, and is undone.
    let (left, right) = (json!({ "files": files }), {
        files.insert("m/extra.txt".into(), "x".into());
        json!({ "files": files })
    });
    let (ada, bob) = (org.admin(), org.member("bob", tests::EVERYTHING));
    let (left, right) = tokio::join!(ada.post("/v1/imports", left), bob.post("/v1/imports", right));
    let (left, right) = (left?, right?);
    let taken = [&left, &right].iter().filter(|reply| reply.status == 201).count();
    assert!(taken >= 1, "{} {}", left.body, right.body);
    for reply in [&left, &right].into_iter().filter(|reply| reply.status != 201) {
        assert_eq!(refusal(reply, "the slower one"), "conflict");
    }
    let imports = ada.get("/v1/imports").await?.expect(200);
    assert_eq!(imports["items"].as_array().unwrap().len(), taken);
    let workflows = ada.get("/v1/workflows?limit=100").await?.expect(200);
    assert_eq!(workflows["items"].as_array().unwrap().len(), 20);
    assert_ne!(crate::record::fingerprint(&owner, org.tenant()).await?, before);
    Ok(())
}
