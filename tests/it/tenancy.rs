//! One tenant's rows are another's nothing: what the catalogue of the database must say, and that
//! the check of it would notice.

use std::fs;

use anyhow::Result;
use tokio_postgres::Client;

use crate::record::{rows, tables, why};
use crate::scratch::Scratch;
use crate::world::root;

/// The rules, each as a query for what breaks it.
const RULES: [(&str, &str); 11] = [
    (
        "row-level security is on and holds for the owner too",
        "select c.relname from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
           and c.relname <> 'refinery_schema_history'
           and not (c.relrowsecurity and c.relforcerowsecurity)",
    ),
    (
        "every table has the tenant's policy, for reading and for writing, for every command",
        "select c.relname from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
           and c.relname <> 'refinery_schema_history'
           and not exists (
               select from pg_policy p
               where p.polrelid = c.oid and p.polname = 'tenant' and p.polcmd = '*' and p.polpermissive
                 and p.polroles = '{0}'
                 and pg_get_expr(p.polqual, p.polrelid) = pg_get_expr(p.polwithcheck, p.polrelid)
                 and pg_get_expr(p.polqual, p.polrelid) = case c.relname
                     when 'tenants' then '(id = sec.tenant())' else '(tenant_id = sec.tenant())' end)",
    ),
    (
        "no policy but the tenant's lets anybody in, except the dispatcher to what the system's jobs look for",
        "select c.relname || '.' || p.polname from pg_policy p join pg_class c on c.oid = p.polrelid
         where p.polname <> 'tenant' and not (p.polname = 'dispatcher' and p.polcmd = 'r'
           and c.relname in ('outbox', 'people', 'pushes', 'tenants', 'users'))",
    ),
    (
        "every table but `tenants` has a tenant_id that is never null",
        "select c.relname from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
           and c.relname not in ('refinery_schema_history', 'tenants')
           and not exists (select from pg_attribute a
                           where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnotnull)",
    ),
    (
        "every unique key leads with the tenant, so that nobody learns what others have",
        "select c.relname || '.' || i.indexrelid::regclass from pg_index i join pg_class c on c.oid = i.indrelid
         join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
         where c.relnamespace = 'public'::regnamespace and i.indisunique
           and c.relname not in ('refinery_schema_history', 'tenants') and a.attname <> 'tenant_id'",
    ),
    (
        "every foreign key leads with the tenant on both sides",
        "select c.conname from pg_constraint c
         join pg_attribute mine on mine.attrelid = c.conrelid and mine.attnum = c.conkey[1]
         join pg_attribute other on other.attrelid = c.confrelid and other.attnum = c.confkey[1]
         where c.contype = 'f' and (mine.attname, other.attname) <> ('tenant_id', case
             when c.confrelid = 'tenants'::regclass then 'id' else 'tenant_id' end)",
    ),
    (
        "the functions' role and the dispatcher are exempt from nothing and may make nothing",
        "select rolname from pg_roles where rolname in ('app', 'dispatcher')
           and (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolreplication)",
    ),
    (
        "the functions' role owns nothing and is no member of what could",
        "select c.relname from pg_class c where c.relowner = 'app'::regrole
         union all
         select n.nspname from pg_namespace n where n.nspowner = 'app'::regrole
         union all
         select r.rolname from pg_roles r where r.rolname <> 'app' and pg_has_role('app', r.oid, 'member')",
    ),
    (
        "the functions' role may not empty, delete from, or hang triggers on any table",
        "select c.relname from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
           and has_table_privilege('app', c.oid, 'truncate, delete, trigger, references, maintain')",
    ),
    (
        "a function that runs with its owner's rights has its search path pinned",
        "select p.proname from pg_proc p
         where p.pronamespace in ('public'::regnamespace, 'sec'::regnamespace) and p.prosecdef
           and not exists (select from unnest(p.proconfig) s where s like 'search_path=pg_catalog%')",
    ),
    (
        "a view runs with the rights of who looks",
        "select c.relname from pg_class c
         where c.relnamespace in ('public'::regnamespace, 'sec'::regnamespace)
           and (c.relkind = 'm' or c.relkind = 'v'
                and not coalesce(c.reloptions @> '{security_invoker=true}', false))",
    ),
];

/// Whatever breaks a rule, with the rule.
pub(crate) async fn faults(client: &Client) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (rule, sql) in RULES {
        for row in rows(client, sql).await? {
            found.push(format!("{rule}: {}", row.join(" ")));
        }
    }
    Ok(found)
}

/// A migrated database with two organizations' rows in every table.
pub(crate) async fn with_samples() -> Result<Scratch> {
    let scratch = Scratch::migrated().await?;
    let owner = scratch.owner().await?;
    for (number, _) in (1..).zip(platform::migrate::runner().get_migrations()) {
        let sample =
            fs::read_to_string(root().join(format!("migrations/samples/V{number:04}.sql")))?;
        owner.batch_execute(&format!("begin; {sample}; commit")).await?;
    }
    Ok(scratch)
}

#[tokio::test]
async fn t3_the_catalogue_keeps_every_rule_of_tenancy() -> Result<()> {
    let scratch = Scratch::migrated().await?;
    assert_eq!(faults(&scratch.owner().await?).await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn t3_the_database_of_the_test_stack_keeps_them_too() -> Result<()> {
    assert_eq!(faults(&crate::record::owner().await?).await?, [""; 0]);
    Ok(())
}

/// Every way to open a table a crack, on every table: each must be noticed.
#[tokio::test]
async fn t7_no_single_policy_or_force_can_be_lost_unnoticed() -> Result<()> {
    let scratch = Scratch::migrated().await?;
    let owner = scratch.owner().await?;
    let mut mutants = 0;
    for table in tables(&owner).await? {
        let key = if table == "tenants" { "id" } else { "tenant_id" };
        for change in [
            format!("drop policy tenant on {table}"),
            format!("alter table {table} no force row level security"),
            format!("alter table {table} disable row level security"),
            format!("alter policy tenant on {table} using (true)"),
            format!("alter policy tenant on {table} with check (true)"),
            format!("alter policy tenant on {table} to app"),
            format!("create policy open on {table} using (true)"),
            format!(
                "drop policy tenant on {table}; create policy tenant on {table} for select using ({key} = sec.tenant())"
            ),
            format!(
                "drop policy tenant on {table}; create policy tenant on {table} as restrictive using ({key} = sec.tenant()) with check ({key} = sec.tenant())"
            ),
            format!("grant delete on {table} to app"),
            format!("grant truncate on {table} to app"),
        ] {
            owner.batch_execute("begin").await?;
            owner.batch_execute(&change).await?;
            assert_ne!(faults(&owner).await?, [""; 0], "nobody noticed: {change}");
            owner.batch_execute("rollback").await?;
            mutants += 1;
        }
    }
    for change in [
        "create unique index leak on agents (slug)",
        "create unique index leak on runs (idempotency_key, tenant_id)",
        "alter table messages add foreign key (agent_id, agent_version) references beside (a, v)",
        "create table loose (id uuid primary key)",
        "create view peek as select * from agents",
        "create materialized view peek as select * from agents",
        "create function sec.leak() returns int language sql security definer as 'select 1'",
        "create function sec.leak() returns int language sql security definer set search_path = public as 'select 1'",
    ] {
        owner.batch_execute("begin; create table beside (a uuid, v text, unique (a, v))").await?;
        owner.batch_execute(change).await?;
        let found = faults(&owner).await?;
        let noticed = found.iter().filter(|fault| !fault.ends_with(" beside")).count();
        assert!(noticed > 0, "nobody noticed: {change}");
        owner.batch_execute("rollback").await?;
        mutants += 1;
    }
    assert_eq!(faults(&owner).await?, [""; 0], "all of it was undone");
    assert!(mutants > 200, "only {mutants} mutants");
    Ok(())
}

#[tokio::test]
async fn t2_without_a_tenant_every_table_is_empty_and_takes_nothing() -> Result<()> {
    let scratch = with_samples().await?;
    let app = scratch.app().await?;
    let tables = tables(&app).await?;
    assert!(tables.len() >= 20);
    for table in &tables {
        let all: i64 = scratch.superuser(&format!("select count(*) from {table}"))?.parse()?;
        assert!(all > 0, "{table} has no sample");
        let seen = rows(&app, &format!("select count(*) from {table}")).await?;
        assert_eq!(seen[0][0], "0", "{table} shows rows without a tenant");
        let error = app.batch_execute(&format!("insert into {table} default values")).await;
        let error = error.expect_err(table);
        assert!(why(&error).starts_with("42501"), "{table}: {}", why(&error));
    }
    Ok(())
}

#[tokio::test]
async fn a_tenant_sees_its_own_rows_and_can_neither_write_nor_move_one_elsewhere() -> Result<()> {
    let scratch = with_samples().await?;
    let app = scratch.app().await?;
    let (ours, theirs) =
        ("11111111-1111-5111-8111-111111111111", "22222222-2222-5222-8222-222222222222");
    for table in tables(&app).await? {
        let key = if table == "tenants" { "id" } else { "tenant_id" };
        let sql = format!("select count(*) from {table} where {key} = '{ours}'");
        let all = scratch.superuser(&sql)?;
        app.batch_execute(&format!("begin; select sec.enter('{ours}')")).await?;
        let seen = rows(&app, &format!("select count(*) from {table}")).await?;
        assert_eq!(seen[0][0], all, "{table}");
        let asked = format!("select count(*) from {table} where {key} = '{theirs}'");
        assert_eq!(rows(&app, &asked).await?[0][0], "0", "{table} shows theirs when asked");
        app.batch_execute("savepoint before").await?;
        let insert = format!("insert into {table} ({key}) values ('{theirs}')");
        let error = app.batch_execute(&insert).await.expect_err(&table);
        assert!(why(&error).starts_with("42501"), "{table}: {}", why(&error));
        app.batch_execute("rollback to before").await?;
        let moved = format!("update {table} set {key} = '{theirs}'");
        let error = app.batch_execute(&moved).await.expect_err(&table);
        assert!(why(&error).starts_with("42501"), "{table}: {}", why(&error));
        app.batch_execute("rollback").await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_context_ends_with_its_transaction_however_it_ends() -> Result<()> {
    let scratch = with_samples().await?;
    let app = scratch.app().await?;
    let enter = "select sec.enter('11111111-1111-5111-8111-111111111111')";
    let relaxed = "select sec.enter_relaxed('11111111-1111-5111-8111-111111111111')";
    for (begin, end) in [
        (enter, "commit"),
        (enter, "rollback"),
        (relaxed, "commit"),
        (enter, "select 1 / 0"),
        (enter, "savepoint s; select 1; rollback to s; commit"),
    ] {
        app.batch_execute(&format!("begin; {begin}")).await?;
        assert_ne!(rows(&app, "select count(*) from agents").await?[0][0], "0");
        let _ = app.batch_execute(end).await;
        let _ = app.batch_execute("rollback").await;
        assert_eq!(rows(&app, "select count(*) from agents").await?[0][0], "0", "after {end}");
        let left =
            "select current_setting('app.tenant_id', true), current_setting('synchronous_commit')";
        assert_eq!(rows(&app, left).await?[0], ["", "on"], "after {end}");
    }
    Ok(())
}

#[tokio::test]
async fn t9_the_dispatcher_names_waiting_messages_of_all_tenants_and_shows_nothing_of_them()
-> Result<()> {
    let scratch = with_samples().await?;
    let app = scratch.app().await?;
    let waiting = rows(&app, "select * from sec.undelivered('-1 hour', 10)").await?;
    assert_eq!(
        waiting,
        [
            ["11111111-1111-5111-8111-111111111111", "01900000-0000-7000-8000-000000000014"],
            ["11111111-1111-5111-8111-111111111111", "01900000-0000-7000-8000-000000000071"],
        ]
    );
    assert_eq!(rows(&app, "select count(*) from outbox").await?[0][0], "0");
    for statement in
        ["set role dispatcher", "set session authorization dispatcher", "set role cadre_owner"]
    {
        assert!(app.batch_execute(statement).await.is_err(), "{statement}");
    }
    Ok(())
}
