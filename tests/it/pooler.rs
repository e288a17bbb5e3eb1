//! Many clients on few server connections: nobody fails, and nobody inherits a tenant.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use local::user::User;
use shared::config::{self, Secret};
use shared::db::{Db, Tx};
use shared::{Error, Result as Done};
use tests::crash::{Dice, dies_after, until};
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use uuid::Uuid;

/// A `PgBouncer` of our own in front of the same Postgres.
pub(crate) struct Pooler {
    child: Mutex<Child>,
    folder: PathBuf,
    url: String,
}

impl Pooler {
    pub(crate) async fn start(server_connections: u32) -> Result<Self> {
        let [port] = local::ports::free()?;
        let app: Config = config::Database::from_env()?.url.expose().parse()?;
        let password = String::from_utf8(app.get_password().context("no password")?.to_vec())?;
        let owner: Config = config::Database::migrations()?.url.expose().parse()?;
        let postgres = owner.get_ports().first().context("no port")?;

        let user = User::unprivileged()?;
        let name = format!("cadre-pooler-{}", Uuid::now_v7().simple());
        let folder = user.folder(&local::settings::temporary().join(name))?;
        let users = folder.join("users.txt");
        user.write_private(&users, &format!("\"app\" \"{password}\"\n"))?;
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={postgres}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n\
             pool_mode = transaction\ndefault_pool_size = {server_connections}\nlog_pooler_errors = 0\n",
            users.display()
        );
        user.write_private(&folder.join("pgbouncer.ini"), &settings)?;
        let database = app.get_dbname().context("no database")?;
        let url = format!("postgres://app:{password}@127.0.0.1:{port}/{database}");
        let child = Mutex::new(Self::spawn(&folder)?);
        let pooler = Self { child, folder, url };
        until("it listens", async || Ok(pooler.bare().await.is_ok())).await?;
        Ok(pooler)
    }

    fn spawn(folder: &std::path::Path) -> Result<Child> {
        let program = local::settings::program("pgbouncer").context("no pgbouncer")?;
        let mut command = Command::new(program);
        command.arg("--quiet").arg(folder.join("pgbouncer.ini")).current_dir("/");
        command.stdin(Stdio::null()).stderr(Stdio::null());
        Ok(User::unprivileged()?.run(&mut command).spawn()?)
    }

    fn kill_and_restart(&self) -> Result<()> {
        let mut child = self.child.lock().unwrap();
        child.kill()?;
        child.wait()?;
        *child = Self::spawn(&self.folder)?;
        Ok(())
    }

    /// One client, as a function has it.
    pub(crate) fn client(&self) -> Result<Db> {
        let url = Secret::new(format!("{}?application_name={}", self.url, self.name()));
        Db::connect(&config::Database { url, ca: None, pool: 1 })
    }

    fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A connection that knows nothing of tenants.
    pub(crate) async fn bare(&self) -> Result<Client> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        let _ = child.kill().and_then(|()| child.wait());
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const TENANT: &str = "-- it::tenant
    insert into tenants (id, org_id) values ($1, $2) on conflict do nothing";
const ROOM: &str = "-- it::room
    insert into rooms (slug, definition, digest) values ($1, '{}', '') on conflict do nothing";
const LOOK: &str = "-- it::look
    select count(*) as rooms, pg_backend_pid() as server,
           count(*) filter (where tenant_id <> sec.tenant()) as strange
    from rooms";

/// A tenant of its own, with nothing in it.
async fn tenant(db: &Db) -> Result<Uuid> {
    let id = Uuid::now_v7();
    let org = id.to_string();
    db.tenant(id, async |tx| tx.run(TENANT, &[&id, &org.as_str()]).await).await?;
    Ok(id)
}

async fn add(tx: &Tx<'_>, slug: &str) -> Done<()> {
    tx.run(ROOM, &[&slug]).await.map(drop)
}

#[derive(Default)]
struct Seen {
    calls: u32,
    servers: BTreeSet<i32>,
    given_up: usize,
}

/// 150 calls of one client: most succeed, some fail on purpose, some are given up in the middle.
async fn use_it(db: Db, dice: Arc<Dice>, seen: Arc<Mutex<Seen>>) -> Result<()> {
    let tenant = tenant(&db).await?;
    let mut rooms = 0_i64;
    for call in 0..150 {
        let slug = format!("r{call}");
        match dice.up_to(10) {
            1 => {
                let broken = "-- it::broken\n select 1 / 0 as broken";
                let failed = db.tenant(tenant, async |tx| {
                    add(tx, &slug).await?;
                    tx.run(broken, &[]).await
                });
                ensure!(matches!(failed.await, Err(Error::Internal(_))), "a division by zero");
            }
            2 => {
                let refused = db.tenant(tenant, async |tx| {
                    add(tx, &slug).await?;
                    Err::<(), _>(Error::Conflict("changed our mind".into()))
                });
                ensure!(matches!(refused.await, Err(Error::Conflict(_))), "our own refusal");
            }
            3 => {
                let never = db.tenant(tenant, async |tx| {
                    add(tx, &slug).await?;
                    std::future::pending::<Done<()>>().await
                });
                let hangs = tokio::time::timeout(Duration::from_millis(5), never).await;
                ensure!(hangs.is_err(), "it cannot end");
                seen.lock().unwrap().given_up += 1;
            }
            4 => {
                let lease = db.tenant_relaxed(tenant, async |tx| add(tx, &slug).await);
                lease.await?;
                rooms += 1;
            }
            5..8 => {
                db.tenant(tenant, async |tx| add(tx, &slug).await).await?;
                rooms += 1;
            }
            _ => {
                let row = db.tenant(tenant, async |tx| tx.one(LOOK, &[]).await).await?;
                let (count, strange): (i64, i64) = (row.try_get("rooms")?, row.try_get("strange")?);
                ensure!(
                    (count, strange) == (rooms, 0),
                    "{count} rooms of {rooms}, {strange} strange"
                );
                seen.lock().unwrap().servers.insert(row.try_get("server")?);
            }
        }
        seen.lock().unwrap().calls += 1;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t1_eight_clients_with_150_calls_each_on_two_server_connections_never_fail() -> Result<()> {
    let pooler = Pooler::start(2).await?;
    let dice = Arc::new(Dice::new());
    println!("CRASH_SEED={}", dice.seed);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        clients.spawn(use_it(pooler.client()?, Arc::clone(&dice), Arc::clone(&seen)));
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    let Seen { calls, servers, given_up } = &*seen.lock().unwrap();
    let servers = servers.len();
    tests::tell(&format!(
        "Pooler: {calls} calls, {given_up} given up in the middle, {servers} server connections seen"
    ));
    assert_eq!(*calls, 8 * 150);
    // A connection that is left in the middle of a transaction is closed, and another one opened.
    assert!(servers <= 2 + given_up, "{servers}");
    Ok(())
}

/// Looks through a connection without a tenant, on the one server connection there is.
async fn nothing_is_left_behind(pooler: &Pooler, after: &str) -> Result<()> {
    let bare = pooler.bare().await?;
    let one = async |sql: &str| -> Result<String> {
        let rows = bare.simple_query(sql).await?;
        let row = rows.iter().find_map(|row| match row {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        row.context("no row")
    };
    assert_eq!(one("select current_setting('app.tenant_id', true)").await?, "", "{after}");
    assert_eq!(one("show synchronous_commit").await?, "on", "{after}");
    for table in ["tenants", "rooms", "runs", "messages", "usage", "outbox", "audit_log"] {
        let seen = one(&format!("select count(*) from {table}")).await?;
        assert_eq!(seen, "0", "{table} after {after}");
    }
    let id = Uuid::now_v7();
    for insert in [
        format!("insert into tenants (id, org_id) values ('{id}', '{id}')"),
        "insert into rooms (slug, definition, digest) values ('r', '{}', '')".to_owned(),
        format!(
            "insert into rooms (tenant_id, slug, definition, digest) values ('{id}', 'r', '{{}}', '')"
        ),
    ] {
        let refused = bare.simple_query(&insert).await.unwrap_err();
        assert_eq!(refused.code().map(SqlState::code), Some("42501"), "{insert} after {after}");
    }
    Ok(())
}

#[tokio::test]
async fn t1_after_any_transaction_the_next_client_of_its_connection_sees_no_tenant() -> Result<()> {
    let pooler = Pooler::start(1).await?;
    let db = pooler.client()?;
    let tenant = tenant(&db).await?;
    nothing_is_left_behind(&pooler, "a transaction").await?;
    db.tenant_relaxed(tenant, async |tx| add(tx, "a").await).await?;
    nothing_is_left_behind(&pooler, "a relaxed transaction").await?;
    let broken = "-- it::broken\n select 1 / 0 as broken";
    db.tenant(tenant, async |tx| tx.run(broken, &[]).await).await.unwrap_err();
    nothing_is_left_behind(&pooler, "a failed statement").await?;
    let ignores = async |tx: &Tx<'_>| Ok(tx.run(broken, &[]).await.is_err());
    assert_eq!(db.tenant(tenant, ignores).await.unwrap_err().name(), "Internal");
    nothing_is_left_behind(&pooler, "a failed statement that was ignored").await?;
    let refused = Error::Conflict("changed our mind".into());
    db.tenant(tenant, async |_| Err::<(), _>(refused)).await.unwrap_err();
    db.tenant(tenant, async |_| Ok(())).await?;
    nothing_is_left_behind(&pooler, "a transaction without a statement").await?;
    for polls in 1.. {
        let slug = format!("b{polls}");
        let call = db.tenant(tenant, async |tx| {
            add(tx, &slug).await?;
            add(tx, "again").await
        });
        let survived = dies_after(polls, call).await;
        nothing_is_left_behind(&pooler, &format!("a death after {polls} polls")).await?;
        if survived.is_some() {
            assert!(polls > 3, "{polls}");
            break;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_poolers_and_server_connections() -> Result<()> {
    const ROWS: i64 = 60;
    let pooler = Arc::new(Pooler::start(4).await?);
    let mut clients = JoinSet::new();
    let mut tenants = Vec::new();
    for _ in 0..6 {
        let db = pooler.client()?;
        let tenant = tenant(&db).await?;
        tenants.push(tenant);
        clients.spawn(async move {
            let mut again = 0;
            for n in 0..ROWS {
                let slug = format!("r{n}");
                // Unavailable says: try again. The key makes a second success the same one.
                while let Err(error) = db.tenant(tenant, async |tx| add(tx, &slug).await).await {
                    ensure!(matches!(error, Error::Unavailable(_)), "{error:?}");
                    again += 1;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                // Or a fast machine is done before the first blow.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            anyhow::Ok(again)
        });
    }
    let killer = crate::record::app().await?;
    let terminate = format!(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where application_name = '{}'",
        pooler.name()
    );
    let mut blows = 0;
    let mut again = 0;
    while !clients.is_empty() {
        if let Ok(done) = tokio::time::timeout(Duration::from_millis(40), clients.join_next()).await
        {
            again += done.context("nobody is left")???;
            continue;
        }
        if blows < 12 {
            blows += 1;
            match blows % 4 {
                0 => pooler.kill_and_restart()?,
                _ => drop(killer.simple_query(&terminate).await?),
            }
        }
    }
    tests::tell(&format!("Pooler: {blows} blows, {again} calls tried again"));
    assert!(again > 0, "nobody noticed: this proves nothing");
    let db = Db::connect(&config::Database::from_env()?)?;
    for tenant in tenants {
        let row = db.tenant(tenant, async |tx| tx.one(LOOK, &[]).await).await?;
        assert_eq!(row.try_get::<_, i64>("rooms")?, ROWS, "lost or doubled");
    }
    Ok(())
}
