//! Agents and workflows as people make them: drafts, lists of them, and changes that meet.

use anyhow::Result;
use serde_json::{Value, json};
use tests::{House, Person};

use crate::record;
use crate::world::text;

fn named(name: &str) -> Value {
    json!({ "name": name, "role": "You test." })
}

/// Both kinds of definition keep the same rules, so most tests are about both.
pub(crate) const KINDS: [&str; 2] = ["agents", "workflows"];

/// A definition of this kind that can be published.
fn definition(kind: &str, name: &str) -> Value {
    match kind {
        "agents" => named(name),
        _ => json!({ "name": name, "steps": [{ "id": "only", "agent": "worker" }] }),
    }
}

pub(crate) async fn create(person: &Person<'_>, kind: &str, slug: &str) -> Result<String> {
    let body = json!({ "slug": slug, "definition": definition(kind, slug) });
    Ok(text(&person.post(&format!("/v1/{kind}"), body).await?.expect(201)["id"]))
}

/// Changes the draft to this name, from this revision.
pub(crate) async fn rename(
    person: &Person<'_>,
    path: &str,
    kind: &str,
    to: &str,
    revision: i32,
) -> Result<()> {
    let body = json!({ "definition": definition(kind, to), "revision": revision });
    person.put(path, body).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn what_was_created_is_what_is_read() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let full = json!({
        "name": "Zoë", "title": "Tester", "icon": "🧪", "team": "lab", "description": "d",
        "role": "r", "identity": "i", "communication_style": "c", "principles": ["p", "q"],
        "facts": ["f"], "instructions": "x\n\ny", "language": "nl", "source": "a/b.md",
        "files": ["t.md"], "extensions": { "k": [1, null, { "deep": true }] },
        "capabilities": [{ "code": "go", "description": "", "skill": "walk", "args": ["where"] }],
    });
    let made = ada.post("/v1/agents", json!({ "slug": "zoe", "definition": full })).await?;
    let made = made.expect(201);
    assert_eq!(made["draft"], full);
    assert_eq!((&made["revision"], &made["latest"]), (&json!(1), &Value::Null));
    assert_eq!(made["labels"], json!({}));
    let path = format!("/v1/agents/{}", text(&made["id"]));
    assert_eq!(ada.get(&path).await?.expect(200), made);
    let found = ada.get("/v1/agents?slug=zoe").await?.expect(200);
    assert_eq!(found["items"], json!([made]));
    assert_eq!(ada.get("/v1/agents?slug=nobody").await?.expect(200)["items"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_name_is_given_once_in_an_organization_and_again_in_another() -> Result<()> {
    let house = House::open()?;
    let (ours, theirs) = (house.organization(), house.organization());
    for kind in KINDS {
        create(&ours.admin(), kind, "twin").await?;
        let body = json!({ "slug": "twin", "definition": definition(kind, "Other") });
        let refused = ours.admin().post(&format!("/v1/{kind}"), body).await?;
        assert_eq!(refused.problem(409), "conflict", "{kind}");
        create(&theirs.admin(), kind, "twin").await?;
        let mine = ours.admin().get(&format!("/v1/{kind}")).await?.expect(200);
        assert_eq!(mine["items"].as_array().unwrap().len(), 1, "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn forty_five_items_come_page_by_page_each_exactly_once_newest_first() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    for kind in KINDS {
        let mut made = Vec::new();
        for n in 0..45 {
            made.push(create(&ada, kind, &format!("item-{n}")).await?);
        }
        made.reverse();
        for limit in [1, 7, 20, 44, 45, 100] {
            let (mut seen, mut pages, mut cursor) = (Vec::new(), 0, String::new());
            loop {
                let path = format!("/v1/{kind}?limit={limit}{cursor}");
                let page = ada.get(&path).await?.expect(200);
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= limit && !items.is_empty(), "{path}");
                seen.extend(items.iter().map(|item| text(&item["id"])));
                pages += 1;
                let Some(next) = page["next"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(seen, made, "{kind} by {limit}");
            assert_eq!(pages, made.len().div_ceil(limit), "{kind} by {limit}");
        }
        let twenty = ada.get(&format!("/v1/{kind}")).await?.expect(200);
        assert_eq!(twenty["items"].as_array().unwrap().len(), 20, "without a limit");
    }
    Ok(())
}

#[tokio::test]
async fn an_item_made_between_two_pages_moves_nothing() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    for n in 0..4 {
        create(&ada, "agents", &format!("old-{n}")).await?;
    }
    let first = ada.get("/v1/agents?limit=2").await?.expect(200);
    create(&ada, "agents", "new").await?;
    let next = text(&first["next"]);
    let second = ada.get(&format!("/v1/agents?limit=2&cursor={next}")).await?.expect(200);
    let slugs: Vec<_> =
        second["items"].as_array().unwrap().iter().map(|item| text(&item["slug"])).collect();
    assert_eq!(slugs, ["old-1", "old-0"]);
    assert_eq!(second["next"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_change_based_on_an_old_draft_is_refused_and_nothing_is_lost() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let (ada, bob) = (org.admin(), org.member("bob", tests::EVERYTHING));
    for kind in KINDS {
        let path = format!("/v1/{kind}/{}", create(&ada, kind, "shared").await?);
        rename(&ada, &path, kind, "Ada's", 1).await?;
        let late = json!({ "definition": definition(kind, "Bob's"), "revision": 1 });
        let refused = bob.put(&path, late).await?;
        assert_eq!(refused.problem(409), "conflict");
        let says = text(&refused.body["detail"]);
        assert!(says.contains("revision 2, not 1"), "{says}");
        let now = bob.get(&path).await?.expect(200);
        assert_eq!((&now["draft"]["name"], &now["revision"]), (&json!("Ada's"), &json!(2)));
        rename(&bob, &path, kind, "Bob's", 2).await?;
    }
    Ok(())
}

#[tokio::test]
async fn of_ten_changes_at_once_exactly_one_goes_through() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    for kind in KINDS {
        let path = format!("/v1/{kind}/{}", create(&ada, kind, "contested").await?);
        let change = |n: i32| {
            let body = json!({ "definition": definition(kind, &n.to_string()), "revision": 1 });
            ada.put(&path, body)
        };
        let mut statuses = Vec::new();
        for reply in at_once((0..10).map(change)).await? {
            statuses.push(reply.status.as_u16());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [[200].as_slice(), &[409; 9]].concat(), "{kind}");
        assert_eq!(ada.get(&path).await?.expect(200)["revision"], 2);
    }
    Ok(())
}

/// All of them, truly side by side.
pub(crate) async fn at_once<T>(
    all: impl Iterator<Item = impl Future<Output = Result<T>>>,
) -> Result<Vec<T>> {
    let mut waiting: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in waiting.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if waiting.iter().all(|(_, done)| done.is_some()) {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test]
async fn who_did_what_is_on_record() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let path = format!("/v1/agents/{}", create(&ada, "agents", "seen").await?);
    rename(&ada, &path, "agents", "Changed", 1).await?;
    ada.post(&format!("{path}/versions"), json!({ "labels": ["prod"] })).await?.expect(201);
    ada.put(&format!("{path}/labels/prod"), json!({ "version": "1.0.0" })).await?.expect(200);
    let owner = record::owner().await?;
    owner.batch_execute(&format!("begin; select sec.enter('{}')", org.tenant())).await?;
    let sql = "select action, u.sub from audit_log a join users u on u.id = a.actor order by a.id";
    let deeds: Vec<_> =
        record::rows(&owner, sql).await?.into_iter().map(|row| row.join(" ")).collect();
    let expected = ["agent.created", "agent.updated", "agent.published", "agent.label-moved"];
    assert_eq!(deeds, expected.map(|deed| format!("{deed} ada")));
    Ok(())
}
