//! The real packages through the door, in every form that they can be sent in.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use tests::world::text;
use tests::{House, Person};

use crate::packages::{GENERATION_A, GENERATION_D, folder_upload, tarball, unpacked, zipped};

async fn upload(person: &Person<'_>, kind: &str, bytes: Vec<u8>) -> Result<Value> {
    let sent = person.send("POST", "/v1/imports", &[("content-type", kind)], bytes).await?;
    Ok(sent.expect(201))
}

/// Every agent and workflow: name, newest version, revision.
async fn versions(person: &Person<'_>) -> Result<BTreeMap<String, (Value, Value)>> {
    let mut found = BTreeMap::new();
    for kind in ["agents", "workflows"] {
        let mut cursor = String::new();
        loop {
            let page = person.get(&format!("/v1/{kind}?limit=100{cursor}")).await?.expect(200);
            for item in page["items"].as_array().unwrap() {
                let name = format!("{kind}/{}", text(&item["slug"]));
                found.insert(name, (item["latest"].clone(), item["revision"].clone()));
            }
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
    }
    Ok(found)
}

/// The real package in every form that it can be sent in, each into an organization of its own.
async fn in_every_form(package: (&str, &str), check: impl Fn(&Value, &str)) -> Result<()> {
    let tarball = tarball(package)?;
    let house = House::open()?;
    let files = unpacked(&tarball);
    let folder = folder_upload(&files).to_string();
    let forms = [
        ("application/gzip", tarball),
        ("application/zip", zipped(&files)),
        ("application/json", folder.into_bytes()),
    ];
    let mut seen = Vec::new();
    for (kind, bytes) in forms {
        if bytes.len() > shared::http::LARGEST_BODY {
            // Base64 and escapes make a folder larger than its tarball.
            assert_eq!(kind, "application/json", "{} bytes", bytes.len());
            continue;
        }
        let ada = house.organization().admin();
        let record = upload(&ada, kind, bytes.clone()).await?;
        assert_eq!(record["source"]["version"], package.0, "{kind}");
        check(&record["outcome"], kind);
        let before = versions(&ada).await?;
        let again = upload(&ada, kind, bytes).await?;
        assert_eq!((&again["replayed"], &again["id"]), (&json!(true), &record["id"]), "{kind}");
        assert_eq!(versions(&ada).await?, before, "{kind}: a second time");
        seen.push((record["outcome"].clone(), before));
    }
    assert!(seen.len() >= 2);
    assert!(seen.iter().all(|one| *one == seen[0]), "the form makes a difference");
    Ok(())
}

fn length(value: &Value) -> usize {
    value.as_array().unwrap().len()
}

pub(crate) async fn generation_d_arrives_whole_in_every_form_and_once() -> Result<()> {
    in_every_form(GENERATION_D, |outcome, kind| {
        let report = &outcome["report"];
        assert_eq!(length(&outcome["agents"]["created"]), 5, "{kind}");
        assert_eq!(length(&outcome["workflows"]["created"]), 24, "{kind}");
        assert_eq!(outcome["aliases"], 21, "{kind}");
        assert_eq!(outcome["rooms"], 2, "{kind}");
        assert_eq!(length(&outcome["catalog"]), 25, "{kind}");
        assert_eq!(length(&outcome["edges"]), 7, "{kind}");
        assert_eq!(length(&outcome["plan"]), 13, "{kind}");
        for (count, expected) in
            [("skills_live", 29), ("step_files", 23), ("lenses", 5), ("scripts_never_run", 16)]
        {
            assert_eq!(report["counts"][count], expected, "{kind} {count}");
        }
        assert_eq!(report["rejected"], json!([]), "{kind}");
        // A room is a workflow too.
        assert_eq!(length(&outcome["parties"]["created"]), 2, "{kind}");
        let published = length(&outcome["published_workflows"]);
        assert_eq!(published + length(&outcome["draft_workflows"]), 24 + 2, "{kind}");
    })
    .await
}

pub(crate) async fn generation_a_arrives_whole_in_every_form_and_once() -> Result<()> {
    in_every_form(GENERATION_A, |outcome, kind| {
        let report = &outcome["report"];
        assert_eq!(length(&outcome["agents"]["created"]), 38, "{kind}");
        assert_eq!(length(&outcome["workflows"]["created"]), 19, "{kind}");
        assert_eq!(outcome["rooms"], 8, "{kind}");
        assert_eq!(length(&report["rejected"]), 1, "{kind}");
        assert_eq!(length(&report["unresolved"]), 20, "{kind}");
        for (count, expected) in
            [("tasks", 79), ("checklists", 45), ("templates", 45), ("commands_as_maps", 186)]
        {
            assert_eq!(report["counts"][count], expected, "{kind} {count}");
        }
    })
    .await
}
