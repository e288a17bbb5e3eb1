//! An organization with one of everything, and the sample events with its ids filled in: what
//! `doors`, `events` and `bad_input` walk over.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use runs::model::RunRef;
use runs::plan::Plan;
use runs::turn::Work;
use serde_json::{Value, json};
use shared::table::{Row, Trigger};
use uuid::Uuid;

use crate::{House, Organization, Person, Reply, drive, team};

/// What browsers are answered, who have no session here; the whole is in `sign_in`. And what is no
/// JSON either: the whole is in `runs_stream`.
pub const PAGES: [(&str, u64, Option<&str>); 7] = [
    ("identity-account", 200, Some("text/html; charset=utf-8")),
    ("identity-callback", 422, Some("application/problem+json")),
    ("identity-login", 303, None),
    ("identity-logout", 303, None),
    ("identity-refresh", 401, Some("application/problem+json")),
    ("identity-style", 200, Some("text/css; charset=utf-8")),
    ("runs-stream", 200, Some("text/event-stream")),
];

/// It takes back every token of whoever calls it: somebody who does nothing else should.
pub const ENDS_ALL: &str = "identity-revoke-all";

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every route of every table, by its function's name.
pub fn routes() -> Vec<(String, Row)> {
    let table = host::table().unwrap();
    table.into_iter().filter(|(_, row)| matches!(row.trigger, Trigger::Route { .. })).collect()
}

pub struct World {
    /// A placeholder of the sample events, and what stands for it.
    names: Vec<(&'static str, String)>,
}

/// What a sample event of a route asks for, without the token.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl World {
    /// Ids of nothing at all.
    pub fn empty() -> Self {
        let names = [
            "agent_id",
            "workflow_id",
            "run_id",
            "conversation_id",
            "entry_id",
            "spare_entry_id",
            "grant_id",
            "document_id",
            "import_id",
            "queued_run_id",
            "waiting_conversation_id",
            "role_id",
            "spare_role_id",
            "member_id",
            "key_id",
            "session_id",
            "directory_user_id",
            "spare_directory_user_id",
            "directory_group_id",
            "spare_directory_group_id",
        ];
        Self { names: names.map(|name| (name, Uuid::now_v7().to_string())).to_vec() }
    }

    pub async fn build(house: &House, org: &Organization<'_>) -> Result<Self> {
        let ada = org.admin();
        let mut names = vec![("tenant_id", org.tenant().to_string())];
        let agent = team::agent(&ada, "sample-writer").await?;
        team::agent(&ada, "sample-reader").await?;
        let room = json!({ "members": ["sample-writer", "sample-reader"], "turns": 2 });
        let steps = json!([
            { "id": "draft", "agent": "sample-writer", "document": "draft.md" },
            { "id": "talk", "kind": "room", "room": room, "document": "talk.md" },
        ]);
        let workflow = team::workflow(&ada, "sample-flow", steps.clone()).await?;
        // Drafts that differ from what is published: there is something to publish.
        for (kind, thing) in [("agents", &agent), ("workflows", &workflow)] {
            let mut definition = thing["draft"].clone();
            definition["description"] = "Changed since.".into();
            let path = format!("/v1/{kind}/{}", text(&thing["id"]));
            let body = json!({ "definition": definition, "revision": 1 });
            ada.put(&path, body).await?.expect(200);
        }
        names.push(("agent_id", text(&agent["id"])));
        names.push(("workflow_id", text(&workflow["id"])));

        let run = start(org, &ada).await?;
        Box::pin(drive::to_the_end(house.app, run)).await?;
        let of_run = |what: &str| format!("/v1/runs/{}/{what}", run.run_id);
        let conversations = ada.get(&of_run("conversations")).await?.expect(200);
        let documents = ada.get(&of_run("documents")).await?.expect(200);
        names.push(("run_id", run.run_id.to_string()));
        names.push(("conversation_id", text(&conversations["items"][0]["id"])));
        names.push(("document_id", text(&documents["items"][0]["id"])));

        for name in ["queued_run_id", "new_run_id"] {
            names.push((name, start(org, &ada).await?.run_id.to_string()));
        }
        for name in ["working_run_id", "broken_run_id", "done_run_id"] {
            let run = start(org, &ada).await?;
            let Plan::Work { steps } = runs::plan::handle(house.app, run).await? else {
                anyhow::bail!("nothing to do in a new run");
            };
            if name == "done_run_id" {
                Box::pin(drive::wave(house.app, run, steps)).await?;
            }
            names.push((name, run.run_id.to_string()));
        }
        names.push(("waiting_conversation_id", Box::pin(waiting(house, org, &ada)).await?));
        let bundle =
            json!({ "files": { "m/one/SKILL.md": "---\nname: one\ndescription: d\n---\nDo." } });
        let import = ada.post("/v1/imports", bundle).await?.expect(201);
        names.push(("import_id", text(&import["id"])));
        names.extend(context(&ada, &names).await?);
        names.extend(people(org, &ada).await?);
        names.push(("session_id", session(house, org).await?));
        names.extend(directory(house, org, &ada).await?);
        Ok(Self { names })
    }

    /// Every id of what is in here.
    pub fn ids(&self) -> Vec<String> {
        self.names.iter().map(|(_, id)| id.clone()).collect()
    }

    /// The sample event of this function, as text, with every placeholder filled in.
    pub fn event(&self, function: &str, token: &str) -> String {
        let path = root().join("events").join(format!("{function}.json"));
        let mut text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            .replace("{token}", token);
        for (name, value) in &self.names {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// What the sample event of a route asks for.
    pub fn call(&self, function: &str) -> Call {
        let event: Value = serde_json::from_str(&self.event(function, "")).unwrap();
        let mut path = text(&event["rawPath"]);
        if let Some(query) = event["rawQueryString"].as_str().filter(|query| !query.is_empty()) {
            path = format!("{path}?{query}");
        }
        let headers = event["headers"].as_object().unwrap().iter();
        let headers = headers.filter(|(name, _)| *name != "authorization");
        Call {
            method: text(&event["requestContext"]["http"]["method"]),
            path,
            headers: headers.map(|(name, value)| (name.clone(), text(value))).collect(),
            body: event["body"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

impl Call {
    pub async fn by(&self, person: &Person<'_>) -> Result<Reply> {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        person.send(&self.method, &self.path, &headers, self.body.clone()).await
    }
}

/// Two entries of the workflow's, and a grant of one conversation's.
async fn context(
    ada: &Person<'_>,
    names: &[(&'static str, String)],
) -> Result<Vec<(&'static str, String)>> {
    let id = |wanted: &str| names.iter().find(|(name, _)| *name == wanted).map(|(_, id)| id);
    let put = async |name: &str| -> Result<String> {
        let body = json!({ "layer": "workflow", "owner": id("workflow_id"), "name": name,
                           "kind": "fact", "value": "Bicycles have two wheels." });
        Ok(text(&ada.put("/v1/context", body).await?.expect(200)["id"]))
    };
    let (entry, spare) = (put("sample").await?, put("spare").await?);
    let everybodys =
        json!({ "layer": "tenant", "name": "sample", "kind": "fact", "value": "Nine." });
    ada.put("/v1/context", everybodys).await?.expect(200);
    let grant = json!({ "layer": "session", "owner": id("run_id"), "reader": "workflow",
                        "reader_id": id("workflow_id") });
    let grant = ada.put("/v1/context/grants", grant).await?.expect(200);
    Ok(vec![("entry_id", entry), ("spare_entry_id", spare), ("grant_id", text(&grant["id"]))])
}

/// Somebody else with a role, another role, and a key.
async fn people(org: &Organization<'_>, ada: &Person<'_>) -> Result<Vec<(&'static str, String)>> {
    let role = |slug: &str| json!({ "slug": slug, "name": slug, "permissions": [] });
    let helper = ada.post("/v1/roles", role("helper")).await?.expect(201);
    let spare = ada.post("/v1/roles", role("spare")).await?.expect(201);
    team::agent(&org.member("bob", &["agents:write"]), "of-bob").await?;
    let members = ada.get("/v1/members?limit=100").await?.expect(200);
    let mut members = members["items"].as_array().into_iter().flatten();
    let bob = members.find(|member| member["sub"] == "bob").unwrap();
    let key = json!({ "name": "sample", "permissions": ["agents:read"] });
    let key = ada.post("/v1/keys", key).await?.expect(201);
    Ok(vec![
        ("role_id", text(&helper["id"])),
        ("spare_role_id", text(&spare["id"])),
        ("member_id", text(&bob["id"])),
        ("key_id", text(&key["id"])),
    ])
}

/// A browser session of the person who may do everything; its id.
async fn session(house: &House, org: &Organization<'_>) -> Result<String> {
    let claims = json!({ "sub": "ada", "org_id": org.org_id });
    let caller = house.app.auth()?.caller(&house.signer.token(&claims)).await?;
    let identity = shared::auth::Identity::default();
    let headers = axum::http::HeaderMap::new();
    let cookie = identity::start::session(house.app, &caller, &identity, None, &headers).await?;
    let session = shared::auth::session::find(house.app, &cookie).await?;
    Ok(session.context("no session")?.id.to_string())
}

/// Two people and two groups that an identity provider put there, and a report of drift.
async fn directory(
    house: &House,
    org: &Organization<'_>,
    ada: &Person<'_>,
) -> Result<Vec<(&'static str, String)>> {
    let put = async |path: &str, body: Value| -> Result<String> {
        Ok(text(&ada.post(path, body).await?.expect(201)["id"]))
    };
    let user = put("/scim/v2/Users", json!({ "userName": "linus@example.com" })).await?;
    let spare = put("/scim/v2/Users", json!({ "userName": "spare@example.com" })).await?;
    let members = json!([{ "value": user }]);
    let group = json!({ "displayName": "Builders", "members": members });
    let group = put("/scim/v2/Groups", group).await?;
    let empty = put("/scim/v2/Groups", json!({ "displayName": "Nobody" })).await?;
    let report = async |tx: &shared::db::Tx<'_>| {
        provisioning::queries::insert_report(tx, Uuid::now_v7(), 2, &[]).await
    };
    house.app.db()?.tenant(org.tenant(), report).await?;
    Ok(vec![
        ("directory_user_id", user),
        ("spare_directory_user_id", spare),
        ("directory_group_id", group),
        ("spare_directory_group_id", empty),
    ])
}

/// A conversation in which a person is to name who speaks next.
async fn waiting(house: &House, org: &Organization<'_>, ada: &Person<'_>) -> Result<String> {
    let members = json!(["sample-writer", "sample-reader"]);
    let room = json!({ "members": members, "turns": 2, "order": { "by": "manual" } });
    let steps = json!([{ "id": "talk", "kind": "room", "room": room }]);
    team::workflow(ada, "sample-hall", steps).await?;
    let brief = json!({ "workflow": "sample-hall", "brief": "A page about bicycles." });
    let run = ada.post("/v1/runs", brief).await?.expect(202);
    let run_id = text(&run["id"]);
    let run = RunRef { tenant_id: org.tenant(), run_id: run_id.parse()? };
    runs::plan::handle(house.app, run).await?;
    runs::room::handle(house.app, Work { run, step_id: "talk".into(), attempt: 0 }).await?;
    let found = ada.get(&format!("/v1/runs/{run_id}/conversations")).await?.expect(200);
    Ok(text(&found["items"][0]["id"]))
}

/// Starts a run of the sample workflow.
async fn start(org: &Organization<'_>, person: &Person<'_>) -> Result<RunRef> {
    let brief = json!({ "workflow": "sample-flow", "brief": "A page about bicycles." });
    let run = person.post("/v1/runs", brief).await?.expect(202);
    Ok(RunRef { tenant_id: org.tenant(), run_id: text(&run["id"]).parse()? })
}

/// A JSON text as it is.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
