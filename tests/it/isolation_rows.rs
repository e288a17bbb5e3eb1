//! Tenancy below the API: random tenants over a pooler, and what the database itself might tell one
//! tenant about another.

use anyhow::{Result, ensure};
use shared::{Error, db::Db};
use tests::crash::Dice;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::pooler::Pooler;
use crate::record::{self, rows, tables, why};
use crate::scratch::Scratch;
use crate::source::rust;
use crate::tenancy::{faults, with_samples};

const TENANT: &str = "-- it::tenant_row
    insert into tenants (id, org_id) values ($1, $2)";
const ROOM: &str = "-- it::room_row
    insert into rooms (slug, definition, digest) values ($1, '{}', '') on conflict do nothing";
const STRANGE: &str = "-- it::strange
    select count(*) as rooms, count(*) filter (where tenant_id <> $1) as strange,
           coalesce(current_setting('app.tenant_id', true), '') as context
    from rooms";

/// One client: each transaction is of another tenant, and any of them may fail, or be given up.
async fn wander(db: Db, tenants: Vec<Uuid>, calls: u32, seed: u64) -> Result<u32> {
    let dice = Dice::seeded(seed);
    let mut looks = 0;
    for call in 0..calls {
        let at = usize::try_from(dice.up_to(u32::try_from(tenants.len())?))? - 1;
        let tenant = tenants[at];
        let slug = format!("w{seed}-{call}");
        match dice.up_to(10) {
            1 => {
                let broken = "-- it::broken_row\n select 1 / 0 as broken";
                let failed = db.tenant(tenant, async |tx| {
                    tx.run(ROOM, &[&slug.as_str()]).await?;
                    tx.run(broken, &[]).await
                });
                ensure!(failed.await.is_err(), "a division by zero");
            }
            2 => {
                let refused = db.tenant(tenant, async |tx| {
                    tx.run(ROOM, &[&slug.as_str()]).await?;
                    Err::<(), _>(Error::Conflict("changed our mind".into()))
                });
                ensure!(refused.await.is_err(), "our own refusal");
            }
            3 => {
                let never = db.tenant(tenant, async |tx| {
                    tx.run(ROOM, &[&slug.as_str()]).await?;
                    std::future::pending::<Result<(), Error>>().await
                });
                let patience = std::time::Duration::from_millis(2);
                ensure!(tokio::time::timeout(patience, never).await.is_err(), "it cannot end");
            }
            4..6 => {
                db.tenant(tenant, async |tx| tx.run(ROOM, &[&slug.as_str()]).await).await?;
            }
            _ => {
                let row = db.tenant(tenant, async |tx| tx.one(STRANGE, &[&tenant]).await).await?;
                let strange: i64 = row.try_get("strange")?;
                let context: String = row.try_get("context")?;
                ensure!(strange == 0, "{strange} rows of others");
                ensure!(context == tenant.to_string(), "the context is `{context}`");
                looks += 1;
            }
        }
    }
    Ok(looks)
}

/// `TENANT_CALLS` for each of the eight clients; 10,000 is the long run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t1_random_tenants_over_two_server_connections_never_see_each_other() -> Result<()> {
    let calls = std::env::var("TENANT_CALLS").ok().map_or(Ok(250), |calls| calls.parse())?;
    let pooler = Pooler::start(2).await?;
    let db = pooler.client()?;
    let mut tenants = Vec::new();
    for _ in 0..6 {
        let id = Uuid::now_v7();
        let org = id.to_string();
        db.tenant(id, async |tx| tx.run(TENANT, &[&id, &org.as_str()]).await).await?;
        tenants.push(id);
    }
    let dice = Dice::new();
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        clients.spawn(wander(pooler.client()?, tenants.clone(), calls, dice.roll()));
    }
    let mut looks = 0;
    while let Some(client) = clients.join_next().await {
        looks += client??;
    }
    // Savepoints too, and what a connection remembers after them: an empty text, and not null.
    let bare = pooler.bare().await?;
    for end in ["commit", "rollback", "rollback to s; commit"] {
        let enter = format!("begin; select sec.enter('{}'); savepoint s; select 1", tenants[0]);
        bare.batch_execute(&enter).await?;
        bare.batch_execute(end).await?;
        let left = "select current_setting('app.tenant_id', true), count(*) from rooms";
        assert_eq!(rows(&bare, left).await?[0], ["", "0"], "after {end}");
    }
    tests::tell(&format!(
        "T1: {} transactions of 6 tenants (seed {}), {looks} looks, 0 foreign rows",
        8 * calls,
        dice.seed
    ));
    Ok(())
}

#[tokio::test]
async fn t4_a_key_or_a_reference_without_the_tenant_would_be_noticed_on_every_table() -> Result<()>
{
    let scratch = Scratch::migrated().await?;
    let owner = scratch.owner().await?;
    let mut mutants = 0;
    for table in tables(&owner).await?.into_iter().filter(|table| table != "tenants") {
        let sql = format!(
            "select a.attname from pg_attribute a where a.attrelid = '{table}'::regclass
               and a.attnum > 0 and not a.attisdropped and a.attname <> 'tenant_id' order by 1"
        );
        let column = rows(&owner, &sql).await?.remove(0).remove(0);
        owner.batch_execute("begin").await?;
        owner.batch_execute(&format!("create unique index leak on {table} ({column})")).await?;
        let found = faults(&owner).await?;
        assert!(found.iter().any(|fault| fault.contains("unique key")), "{table}: {found:?}");
        owner.batch_execute("rollback").await?;
        mutants += 1;
    }
    tests::tell(&format!("T4: {mutants} tables, each key without its tenant is noticed"));
    Ok(())
}

/// What a tenant's connection can ask the database itself about the others.
#[tokio::test]
async fn t5_nothing_the_database_says_tells_one_tenant_of_another() -> Result<()> {
    let scratch = with_samples().await?;
    let app = scratch.app().await?;
    let ours = "11111111-1111-5111-8111-111111111111";
    scratch.superuser("analyze")?;
    app.batch_execute(&format!("begin; select sec.enter('{ours}')")).await?;
    // Statistics hold values of everybody's rows: of these tables they are hidden.
    let shown = rows(&app, "select count(*) from pg_stats where schemaname = 'public'").await?;
    assert_eq!(shown[0][0], "0", "pg_stats shows other tenants' values");
    // No counter that all share can be read: its steps are the others' deeds.
    let sequences = "select c.relname from pg_class c
        where case when c.relkind = 'S' then has_sequence_privilege('app', c.oid, 'select, usage') end";
    assert_eq!(rows(&app, sequences).await?, Vec::<Vec<String>>::new());
    // A name that another tenant has taken is free for us: the same statement says the same.
    for table in tables(&app).await?.into_iter().filter(|table| table != "tenants") {
        app.batch_execute("savepoint probe").await?;
        let theirs = "22222222-2222-5222-8222-222222222222";
        let copy = format!("insert into {table} (tenant_id) values ('{theirs}')");
        let error = app.batch_execute(&copy).await.expect_err(&table);
        // The policy speaks before any key or reference is looked at.
        assert!(why(&error).starts_with("42501"), "{table}: {}", why(&error));
        assert!(!why(&error).contains(theirs), "{table}: {}", why(&error));
        app.batch_execute("rollback to probe").await?;
    }
    app.batch_execute("rollback").await?;
    // What others run now is not to be read either.
    let seen = rows(&app, "select count(*) from pg_stat_activity where usename <> 'app' and query <> '<insufficient privilege>' and query <> ''").await?;
    assert_eq!(seen[0][0], "0", "statements of other roles can be read");
    Ok(())
}

/// Locks by number are one space for all tenants: who waits, learns. There are none.
#[test]
fn t5_no_statement_takes_a_lock_by_number() {
    let files = rust(&["shared/src", "functions"]);
    for source in files.iter().filter(|source| !source.is_test()) {
        assert!(!source.code().contains("advisory"), "{}: use a row", source.path);
    }
}

/// Every role that can see more than one tenant's rows, or is not bound by policies, is listed.
#[tokio::test]
async fn t9_only_named_roles_have_policies_of_their_own_and_no_function_can_become_them()
-> Result<()> {
    let scratch = Scratch::migrated().await?;
    let owner = scratch.owner().await?;
    let sql = "select distinct r.rolname, c.relname, p.polcmd
        from pg_policy p join pg_class c on c.oid = p.polrelid
        cross join lateral unnest(p.polroles) role join pg_roles r on r.oid = role
        order by 1, 2";
    let own = rows(&owner, sql).await?;
    let listed =
        ["outbox", "people", "pushes", "tenants", "users"].map(|on| ["dispatcher", on, "r"]);
    assert_eq!(own, listed, "a role with a policy of its own: list it");
    let runs_as = "select p.proname, r.rolname from pg_proc p join pg_roles r on r.oid = p.proowner
        where p.prosecdef and p.pronamespace in ('public'::regnamespace, 'sec'::regnamespace)
        order by 1";
    for function in rows(&owner, runs_as).await? {
        assert_eq!(function[1], "dispatcher", "{} runs with another's rights", function[0]);
    }
    let app = record::app().await?;
    for role in ["dispatcher", "cadre_owner", "postgres", "pg_read_all_data"] {
        assert!(app.batch_execute(&format!("set role {role}")).await.is_err(), "{role}");
    }
    Ok(())
}
