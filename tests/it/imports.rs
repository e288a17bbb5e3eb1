//! Definitions that exist already, taken over through the door: again, and over what somebody
//! changed here. The real packages are in `tests/outside`.

use std::collections::BTreeMap;

use anyhow::Result;
use runs::model::RunRef;
use serde_json::{Value, json};
use tests::{House, Person, drive};

use crate::world::text;

/// Generation D in small: one agent, two workflows, an old name.
fn module(role: &str, principle: &str) -> Value {
    let agent = format!(
        "[agent]\nname = 'Ito'\ntitle = 'Brewer'\nrole = '{role}'\nidentity = 'Patient.'\n\
         principles = ['{principle}']\n[[agent.menu]]\ncode = 'BR'\ndescription = 'Brew'\n\
         skill = 'tea-brew'\n"
    );
    let skill =
        |name: &str, what: &str| format!("---\nname: {name}\ndescription: d\n---\n{what}\n");
    json!({ "files": {
        "tea/package.json": r#"{ "name": "tea-house", "version": "1.0.0", "license": "MIT" }"#,
        "tea/src/agents/tea-agent-brewer/SKILL.md": skill("tea-agent-brewer", "You are Ito."),
        "tea/src/agents/tea-agent-brewer/customize.toml": agent,
        "tea/src/plan/tea-brew/SKILL.md": skill("tea-brew", "Heat and steep."),
        "tea/src/plan/tea-brew/assets/leaves.csv": "leaf,colour\nsencha,green\n",
        "tea/src/plan/tea-serve/SKILL.md": skill("tea-serve", "Bring it."),
        "tea/src/shims/tea-boil/SKILL.md":
            "---\nname: tea-boil\ndescription: 'forwards to tea-brew'\nmetadata:\n  lifecycle: shim\n---\nUse tea-brew.\n",
    } })
}

async fn import(person: &Person<'_>, bundle: &Value) -> Result<Value> {
    Ok(person.post("/v1/imports", bundle.clone()).await?.expect(201))
}

/// The one of this name.
async fn agent(person: &Person<'_>, slug: &str) -> Result<Value> {
    let found = person.get(&format!("/v1/agents?slug={slug}")).await?.expect(200);
    Ok(found["items"][0].clone())
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

fn names<'a>(outcome: &'a Value, kind: &str, what: &str) -> Vec<&'a str> {
    outcome[kind][what].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_module_becomes_published_agents_and_workflows_that_run() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let record = import(&ada, &module("Make tea.", "Water first.")).await?;
    let outcome = &record["outcome"];
    assert_eq!(names(outcome, "agents", "created"), ["tea-agent-brewer"]);
    let mut workflows = names(outcome, "workflows", "created");
    workflows.sort_unstable();
    assert_eq!(workflows, ["tea-brew", "tea-serve"]);
    assert_eq!((&outcome["aliases"], &record["replayed"]), (&json!(1), &json!(false)));
    assert_eq!(record["source"]["name"], "tea-house");

    let ito = agent(&ada, "tea-agent-brewer").await?;
    assert_eq!((&ito["latest"], &ito["draft"]["role"]), (&json!("1.0.0"), &json!("Make tea.")));
    let path = format!("/v1/imports/{}", text(&record["id"]));
    assert_eq!(ada.get(&path).await?.expect(200), record, "it can be read again");

    // The old name still leads to the workflow; an imported agent does its work by it.
    let steps = json!([{ "id": "brew", "agent": "tea-agent-brewer", "skill": "tea-boil" }]);
    crate::team::workflow(&ada, "breakfast", steps).await?;
    let run = ada.post("/v1/runs", json!({ "workflow": "breakfast", "brief": "Tea." })).await?;
    assert_eq!(run.expect(202)["steps"][0]["cast"], json!(["tea-agent-brewer@1.0.0"]));
    Ok(())
}

#[tokio::test]
async fn the_same_upload_again_is_replayed_and_the_same_content_changes_nothing() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let bundle = module("Make tea.", "Water first.");
    let first = import(&ada, &bundle).await?;
    let before = versions(&ada).await?;

    let again = import(&ada, &bundle).await?;
    assert_eq!((&again["replayed"], &again["id"]), (&json!(true), &first["id"]));
    assert_eq!(versions(&ada).await?, before);

    // Other bytes, the same definitions.
    let mut other = bundle;
    other["files"]["tea/notes.txt"] = "A note.".into();
    let third = import(&ada, &other).await?;
    assert_eq!(third["replayed"], false);
    assert_eq!(names(&third["outcome"], "agents", "unchanged"), ["tea-agent-brewer"]);
    assert_eq!(names(&third["outcome"], "workflows", "created"), [""; 0]);
    assert_eq!(versions(&ada).await?, before);
    Ok(())
}

#[tokio::test]
async fn a_new_edition_of_what_nobody_changed_becomes_the_next_version() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    import(&ada, &module("Make tea.", "Water first.")).await?;
    let second = import(&ada, &module("Make good tea.", "Water first.")).await?;
    assert_eq!(names(&second["outcome"], "agents", "updated"), ["tea-agent-brewer"]);
    let ito = agent(&ada, "tea-agent-brewer").await?;
    assert_eq!(
        (&ito["latest"], &ito["draft"]["role"]),
        (&json!("1.1.0"), &json!("Make good tea."))
    );
    let diff = format!("/v1/agents/{}/diff?from=1.0.0&to=1.1.0", text(&ito["id"]));
    let diff = ada.get(&diff).await?.expect(200);
    let change = json!({ "path": "/role", "from": "Make tea.", "to": "Make good tea." });
    assert_eq!(diff["changes"], json!([change]));
    Ok(())
}

/// Changes the draft by hand, and publishes it if asked to.
async fn edit(
    person: &Person<'_>,
    slug: &str,
    key: &str,
    value: Value,
    publish: bool,
) -> Result<()> {
    let now = agent(person, slug).await?;
    let mut definition = now["draft"].clone();
    definition[key] = value;
    let path = format!("/v1/agents/{}", text(&now["id"]));
    let body = json!({ "definition": definition, "revision": now["revision"] });
    person.put(&path, body).await?.expect(200);
    if publish {
        person.post(&format!("{path}/versions"), json!({})).await?.expect(201);
    }
    Ok(())
}

#[tokio::test]
async fn what_somebody_changed_here_survives_an_upgrade_and_the_rest_is_upgraded() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    import(&ada, &module("Make tea.", "Water first.")).await?;
    edit(&ada, "tea-agent-brewer", "identity", "Ours.".into(), false).await?;
    edit(&ada, "tea-agent-brewer", "role", "Our role.".into(), true).await?;

    let second = import(&ada, &module("Their new role.", "Their new principle.")).await?;
    let merged = &second["outcome"]["agents"]["merged"];
    assert_eq!(merged, &json!([{ "slug": "tea-agent-brewer", "kept_ours": ["/role"] }]));
    let ito = agent(&ada, "tea-agent-brewer").await?;
    assert_eq!(ito["draft"]["identity"], "Ours.", "changed by us alone");
    assert_eq!(ito["draft"]["role"], "Our role.", "changed by both: ours");
    assert_eq!(ito["draft"]["principles"], json!(["Their new principle."]), "by them alone");
    assert_eq!(ito["latest"], "1.0.1", "what somebody changed is theirs to publish");

    // The next edition is merged against the last one, not against the first.
    let third = import(&ada, &module("Their new role.", "A third principle.")).await?;
    assert_eq!(third["outcome"]["agents"]["merged"][0]["kept_ours"], json!([]));
    let ito = agent(&ada, "tea-agent-brewer").await?;
    assert_eq!(ito["draft"]["role"], "Our role.");
    assert_eq!(ito["draft"]["principles"], json!(["A third principle."]));
    Ok(())
}

#[tokio::test]
async fn an_import_never_publishes_what_somebody_is_still_writing() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    import(&ada, &module("Make tea.", "Water first.")).await?;
    edit(&ada, "tea-agent-brewer", "identity", "Half a thou".into(), false).await?;
    let flow = ada.get("/v1/workflows?slug=tea-serve").await?.expect(200)["items"][0].clone();
    let mut draft = flow["draft"].clone();
    draft["body"] = "Half a plan".into();
    let path = format!("/v1/workflows/{}", text(&flow["id"]));
    ada.put(&path, json!({ "definition": draft, "revision": 1 })).await?.expect(200);
    let before = versions(&ada).await?;

    import(&ada, &module("Make good tea.", "Water first.")).await?;
    let ito = agent(&ada, "tea-agent-brewer").await?;
    assert_eq!(ito["draft"]["identity"], "Half a thou");
    assert_eq!(ito["draft"]["role"], "Make good tea.", "the draft is upgraded");
    assert_eq!(ito["latest"], "1.0.0", "and stays a draft");
    let now = versions(&ada).await?;
    for flow in ["workflows/tea-serve", "workflows/tea-brew"] {
        assert_eq!(now[flow], before[flow], "{flow}");
    }
    Ok(())
}

#[tokio::test]
async fn what_was_made_by_hand_under_the_same_name_is_left_alone() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let mine = json!({ "name": "My own", "role": "Mine." });
    let body = json!({ "slug": "tea-agent-brewer", "definition": mine });
    let made = ada.post("/v1/agents", body).await?.expect(201);
    let body = json!({ "slug": "tea-brew", "definition": { "name": "My brew", "steps": [] } });
    let brew = ada.post("/v1/workflows", body).await?.expect(201);

    let record = import(&ada, &module("Make tea.", "Water first.")).await?;
    for (kind, slug) in [("agents", "tea-agent-brewer"), ("workflows", "tea-brew")] {
        let kept = json!([{ "slug": slug, "kept_ours": [""] }]);
        assert_eq!(record["outcome"][kind]["merged"], kept, "all of it is ours");
    }
    assert_eq!(agent(&ada, "tea-agent-brewer").await?, made, "not a byte of it");
    let path = format!("/v1/workflows/{}", text(&brew["id"]));
    assert_eq!(ada.get(&path).await?.expect(200), brew);
    Ok(())
}

#[tokio::test]
async fn two_organizations_import_the_same_and_share_nothing() -> Result<()> {
    let house = House::open()?;
    let (ours, theirs) = (house.organization().admin(), house.organization().admin());
    let bundle = module("Make tea.", "Water first.");
    let first = import(&ours, &bundle).await?;
    let second = import(&theirs, &bundle).await?;
    assert_eq!(second["replayed"], false);
    assert_ne!(first["id"], second["id"]);
    edit(&ours, "tea-agent-brewer", "role", "Ours.".into(), true).await?;
    assert_eq!(agent(&theirs, "tea-agent-brewer").await?["draft"]["role"], "Make tea.");
    Ok(())
}

#[tokio::test]
async fn the_rooms_of_a_module_can_be_held() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let party = "[workflow]\n\
        [[workflow.party_members]]\ncode = 'hatter'\nname = 'Hatter'\npersona = 'Asks riddles.'\n\
        [[workflow.party_members]]\ncode = 'hare'\nname = 'Hare'\npersona = 'Pours tea.'\n\
        [[workflow.party_groups]]\nid = 'unbirthday'\nname = 'Unbirthday'\n\
        scene = 'A long table.'\nmembers = ['hatter', 'hare']\nmemory = true\n\
        [[workflow.party_groups]]\nid = 'anybody'\nscene = 'Whoever passes by.'\n";
    let mut bundle = module("Picks leaves.", "Boil twice.");
    let files = bundle["files"].as_object_mut().unwrap();
    let skill = "---\nname: tea-party\ndescription: d\n---\nTalk.\n";
    files.insert("tea/src/core/tea-party/SKILL.md".into(), skill.into());
    files.insert("tea/src/core/tea-party/customize.toml".into(), party.into());
    let record = import(&ada, &bundle).await?;
    let outcome = &record["outcome"];
    assert_eq!(names(outcome, "parties", "created"), ["party-unbirthday"], "one has no cast");
    assert_eq!(outcome["rooms"], 2);

    let run = json!({ "workflow": "party-unbirthday", "brief": "What time is it?" });
    let run = ada.post("/v1/runs", run).await?.expect(202);
    let run = RunRef { tenant_id: org.tenant(), run_id: text(&run["id"]).parse()? };
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    let calls = house.model.count();
    assert!((4..=5).contains(&calls), "two turns each at most, and the closing one: {calls}");
    let again = import(&ada, &bundle).await?;
    assert_eq!(again["replayed"], true);
    Ok(())
}
