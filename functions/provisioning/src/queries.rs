//! Every SQL statement about what the issuer says, and what it is told.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::db::Tx;
use shared::page::Window;
use shared::{Caller, Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::drift::Known;
use crate::facts::{Facts, Standing};
use crate::model::{Difference, Report};

/// Differences that a report names.
const MOST_NAMED: usize = 1_000;

const PUSH_WANTED: &str = "
    -- provisioning::push_wanted
    insert into pushes (directory_id) values ($1)
    on conflict (tenant_id, directory_id)
    do update set wanted = pushes.wanted + 1, due_at = now(), attempts = 0";

pub async fn push_wanted(tx: &Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(PUSH_WANTED, &[&id]).await.map(drop)
}

const DUE: &str = "
    -- provisioning::due
    select tenant_id, directory_id from sec.due_pushes($1)";

/// Across tenants: who has to be told. Of whom and what is read inside their tenant.
pub async fn due(tx: &Tx<'_>, most: i32) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = tx.all(DUE, &[&most]).await?;
    rows.iter().map(|row| Ok((row.try_get("tenant_id")?, row.try_get("directory_id")?))).collect()
}

/// How somebody should be at the issuer.
#[derive(Debug)]
pub struct Wanted {
    pub org_id: String,
    /// Which change this is.
    pub count: i64,
    pub sub: Option<String>,
    pub email: String,
    pub name: String,
    pub belongs: bool,
}

// Whoever claims it has a minute; then it is due again, later each time.
const CLAIM_PUSH: &str = "
    -- provisioning::claim_push
    with claimed as (
        update pushes
        set attempts = attempts + 1,
            due_at = now() + make_interval(secs => 60 * 2 ^ least(attempts, 6))
        where directory_id = $1 and done < wanted and due_at <= now()
        returning wanted
    )
    select c.wanted, t.org_id, d.sub, d.deleted_at is null and coalesce(d.kept->>'active', '') <> 'false'
               as belongs,
           coalesce(
               jsonb_path_query_first(d.kept, '$.emails[*] ? (@.primary == true).value') #>> '{}',
               d.kept->'emails'->0->>'value', d.kept->>$2::text, '') as email,
           coalesce(d.kept->>$3::text, d.kept->'name'->>'formatted', d.kept->>$2::text, '') as name
    from claimed c
    join directory d on d.id = $1
    join tenants t on t.id = d.tenant_id";

pub async fn claim_push(tx: &Tx<'_>, id: Uuid) -> Result<Option<Wanted>> {
    let Some(row) = tx.opt(CLAIM_PUSH, &[&id, &"userName", &"displayName"]).await? else {
        return Ok(None);
    };
    Ok(Some(Wanted {
        org_id: row.try_get("org_id")?,
        count: row.try_get("wanted")?,
        sub: row.try_get("sub")?,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        belongs: row.try_get("belongs")?,
    }))
}

const PUSHED: &str = "
    -- provisioning::pushed
    with known as (
        update directory set sub = $3 where id = $1 and sub is null and $3::text is not null
    )
    update pushes
    set done = greatest(done, $2), attempts = 0,
        due_at = case when wanted > $2 then now() else due_at end
    where directory_id = $1";

/// What changed meanwhile is still to be told.
pub async fn pushed(tx: &Tx<'_>, id: Uuid, count: i64, sub: Option<&str>) -> Result<()> {
    tx.run(PUSHED, &[&id, &count, &sub]).await.map(drop)
}

const IS_SEEN: &str = "
    -- provisioning::is_seen
    select exists (select from events_seen where id = $1) as seen";

pub async fn is_seen(tx: &Tx<'_>, event: &str) -> Result<bool> {
    Ok(tx.one(IS_SEEN, &[&event]).await?.try_get("seen")?)
}

const SEEN: &str = "
    -- provisioning::seen
    insert into events_seen (id) values ($1) on conflict do nothing";

pub async fn seen(tx: &Tx<'_>, event: &str) -> Result<()> {
    tx.run(SEEN, &[&event]).await.map(drop)
}

// Each fact by itself: the newer of two. The same as `Facts::joined_with`, where the rows are.
const LEARN: &str = "
    -- provisioning::learn
    insert into people as p (sub, profile, profile_at, created_at, deleted_at, joined_at, left_at)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (tenant_id, sub) do update
    set profile    = case when excluded.profile_at > p.profile_at then excluded.profile else p.profile end,
        profile_at = greatest(p.profile_at, excluded.profile_at),
        created_at = greatest(p.created_at, excluded.created_at),
        deleted_at = greatest(p.deleted_at, excluded.deleted_at),
        joined_at  = greatest(p.joined_at, excluded.joined_at),
        left_at    = greatest(p.left_at, excluded.left_at)";

pub async fn learn(tx: &Tx<'_>, sub: &str, facts: &Facts) -> Result<()> {
    let Facts { profile, profile_at, created_at, deleted_at, joined_at, left_at } = facts;
    let profile =
        if profile.is_null() { Value::Object(serde_json::Map::new()) } else { profile.clone() };
    let when = (profile_at, created_at, deleted_at, joined_at, left_at);
    tx.run(LEARN, &[&sub, &profile, when.0, when.1, when.2, when.3, when.4]).await.map(drop)
}

const FACTS: &str = "
    -- provisioning::facts
    select profile, profile_at, created_at, deleted_at, joined_at, left_at, applied
    from people
    where sub = $1";

/// Nothing, when nobody has said anything of them here.
pub async fn facts(tx: &Tx<'_>, sub: &str) -> Result<Facts> {
    let row = tx.opt(FACTS, &[&sub]).await?;
    row.as_ref().map_or_else(|| Ok(Facts::default()), facts_of)
}

const LOCK_PERSON: &str = "
    -- provisioning::lock_person
    select profile, profile_at, created_at, deleted_at, joined_at, left_at, applied
    from people
    where sub = $1
    for update";

/// With the standing that was last put into force.
pub async fn lock_person(tx: &Tx<'_>, sub: &str) -> Result<(Facts, String)> {
    let row = tx.opt(LOCK_PERSON, &[&sub]).await?.ok_or(Error::NotFound)?;
    Ok((facts_of(&row)?, row.try_get("applied")?))
}

const APPLIED: &str = "
    -- provisioning::applied
    update people set applied = $2 where sub = $1";

pub async fn applied(tx: &Tx<'_>, sub: &str, standing: &str) -> Result<()> {
    tx.run(APPLIED, &[&sub, &standing]).await.map(drop)
}

const ORGANIZATIONS_OF: &str = "
    -- provisioning::organizations_of
    select org_id from sec.organizations_of($1)";

/// Across tenants: where somebody of this subject is known.
pub async fn organizations_of(tx: &Tx<'_>, sub: &str) -> Result<Vec<String>> {
    let rows = tx.all(ORGANIZATIONS_OF, &[&sub]).await?;
    rows.iter().map(|row| Ok(row.try_get("org_id")?)).collect()
}

const ORGANIZATIONS: &str = "
    -- provisioning::organizations
    select id, org_id from sec.organizations($1, $2)";

/// Across tenants: all of them, page by page.
pub async fn organizations(
    tx: &Tx<'_>,
    after: Option<Uuid>,
    most: i32,
) -> Result<Vec<(Uuid, String)>> {
    let rows = tx.all(ORGANIZATIONS, &[&after, &most]).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("org_id")?))).collect()
}

// The person of the directory whom the issuer means: by subject, else by the address that nobody
// has claimed yet, else somebody new. Of one who was deleted here nothing comes back by itself.
const MIRROR: &str = "
    -- provisioning::mirror
    with tenant as (
        insert into tenants (id, org_id) values ($1, $2) on conflict do nothing
    ), found as (
        select id from directory
        where kind = 'user' and (
            sub = $3 and (deleted_at is null or deleted_by = 'provider')
            or sub is null and deleted_at is null and user_name = lower($4))
        order by sub nulls last
        limit 1
    ), linked as (
        update directory d
        set sub = $3, version = d.version + (d.sub is null)::integer
        from found f
        where d.id = f.id and d.sub is null
    )
    insert into directory (id, kind, user_name, kept, folded, sub)
    select $5::uuid, 'user', lower(coalesce($4, $3)), $6::jsonb,
           $7::jsonb || jsonb_build_object('id', $5::uuid, 'meta', jsonb_build_object('resourcetype', 'user',
               'created', scim_time(now()), 'lastmodified', scim_time(now()))), $3
    where $8::boolean and not exists (select from found)
    on conflict do nothing";

// What the issuer changed is changed here too; what else the directory has of them stays.
const FOLLOW: &str = "
    -- provisioning::follow
    update directory d
    set kept = case when $4 then '{}' else d.kept || $2 end,
        folded = case when $4 then '{}' else d.folded || $3 end,
        user_name = case when $4 then null else d.user_name end,
        version = d.version + 1, updated_at = now(),
        deleted_at = case when $4 then now() end, deleted_by = case when $4 then 'issuer' end
    where d.sub = $1 and d.kind = 'user' and d.deleted_at is null
      and (not d.kept @> $2 or $4)";

/// The issuer's word, in the directory: new members are in it, and those who left are not.
pub async fn mirror(tx: &Tx<'_>, caller: &Caller, sub: &str, facts: &Facts) -> Result<()> {
    let standing = facts.standing();
    let email = facts.text("email");
    let joins = standing != Standing::Removed && !facts.joined_at.is_empty();
    let mut kept = serde_json::Map::new();
    if !facts.profile_at.is_empty() {
        let emails = email.map(|email| serde_json::json!([{ "value": email, "primary": true }]));
        kept.extend(emails.map(|emails| ("emails".to_owned(), emails)));
        kept.extend(facts.text("name").map(|name| ("displayName".to_owned(), name.into())));
    }
    let mut whole = kept.clone();
    // Whether somebody is active is the identity provider's word; that the issuer blocks them is
    // theirs beside it, and is in force all the same.
    whole.insert("active".into(), true.into());
    whole.insert("userName".into(), email.unwrap_or(sub).into());
    let folded = |map: &serde_json::Map<String, Value>| {
        let text = Value::Object(map.clone()).to_string().to_lowercase();
        serde_json::from_str::<Value>(&text).unwrap_or_default()
    };
    let (id, all, all_folded) = (Uuid::now_v7(), Value::Object(whole.clone()), folded(&whole));
    let org_id = caller.org_id.as_str();
    tx.run(MIRROR, &[&caller.tenant, &org_id, &sub, &email, &id, &all, &all_folded, &joins])
        .await?;
    let (part, part_folded) = (Value::Object(kept.clone()), folded(&kept));
    let gone = standing == Standing::Removed;
    tx.run(FOLLOW, &[&sub, &part, &part_folded, &gone]).await.map(drop)
}

const MAY_COME_IN: &str = "
    -- provisioning::may_come_in
    select not exists (
        select from directory
        where sub = $1 and kind = 'user'
          and (kept->>'active' = 'false' or deleted_by = 'provider')
          and not exists (select from directory o where o.sub = $1 and o.deleted_at is null
                          and coalesce(o.kept->>'active', 'true') = 'true')
    ) as may";

/// Whether the identity provider has nothing against somebody whom the issuer lets in.
pub async fn may_come_in(tx: &Tx<'_>, sub: &str) -> Result<bool> {
    Ok(tx.one(MAY_COME_IN, &[&sub]).await?.try_get("may")?)
}

const KNOWN_HERE: &str = "
    -- provisioning::known_here
    select d.sub,
           coalesce(
               jsonb_path_query_first(d.kept, '$.emails[*] ? (@.primary == true).value') #>> '{}',
               d.kept->'emails'->0->>'value') as email,
           coalesce(d.kept->>$1::text, d.kept->'name'->>'formatted') as name,
           coalesce(d.kept->>'active', '') = 'false' or coalesce(p.applied, '') = 'blocked' as blocked
    from directory d
    left join people p on p.sub = d.sub
    where d.kind = 'user' and d.sub is not null and d.deleted_at is null";

/// Everybody of the directory whom the issuer should know too.
pub async fn known_here(tx: &Tx<'_>) -> Result<BTreeMap<String, Known>> {
    let rows = tx.all(KNOWN_HERE, &[&"displayName"]).await?;
    rows.iter()
        .map(|row| {
            let known = Known {
                email: row.try_get("email")?,
                name: row.try_get("name")?,
                blocked: row.try_get("blocked")?,
            };
            Ok((row.try_get("sub")?, known))
        })
        .collect()
}

const INSERT_REPORT: &str = "
    -- provisioning::insert_report
    insert into drift_reports (id, checked, found, differences) values ($1, $2, $3, $4)";

pub async fn insert_report(
    tx: &Tx<'_>,
    id: Uuid,
    checked: i32,
    differences: &[Difference],
) -> Result<()> {
    let found = i32::try_from(differences.len()).unwrap_or(i32::MAX);
    let named = &differences[..differences.len().min(MOST_NAMED)];
    let named = serde_json::to_value(named).map_err(anyhow::Error::from)?;
    tx.run(INSERT_REPORT, &[&id, &checked, &found, &named]).await.map(drop)
}

const REPORTS: &str = "
    -- provisioning::reports
    select id, checked, found, differences, created_at
    from drift_reports
    where $1::uuid is null or id < $1
    order by id desc
    limit $2";

pub async fn reports(tx: &Tx<'_>, window: Window<Uuid>) -> Result<Vec<Report>> {
    let rows = tx.all(REPORTS, &[&window.after, &window.rows()]).await?;
    rows.iter()
        .map(|row| {
            let differences = serde_json::from_value(row.try_get("differences")?);
            Ok(Report {
                id: row.try_get("id")?,
                checked: row.try_get("checked")?,
                found: row.try_get("found")?,
                differences: differences.map_err(anyhow::Error::from)?,
                created_at: row.try_get("created_at")?,
            })
        })
        .collect()
}

fn facts_of(row: &Row) -> Result<Facts> {
    Ok(Facts {
        profile: row.try_get("profile")?,
        profile_at: row.try_get("profile_at")?,
        created_at: row.try_get("created_at")?,
        deleted_at: row.try_get("deleted_at")?,
        joined_at: row.try_get("joined_at")?,
        left_at: row.try_get("left_at")?,
    })
}
