//! Postgres: typed, unnamed statements inside one tenant's transaction, and nothing else.
//!
//! Only `query_typed` and its kin: they are the one parametrised form that survives a
//! transaction-mode pooler (`PgBouncer`, RDS Proxy) without pinning a server connection. The
//! transaction's opening (`begin` and the tenant) travels with its first statement, so a
//! transaction of one statement costs two round trips.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

use crate::{Error, Result, config};

/// How long a request waits for a connection before it is told to try again.
const WAIT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub struct Db(Pool);

/// A future behind a pointer: what it waits for is compiled once, here, and not again in every
/// binary that waits for it.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A transaction that sees one tenant only.
pub struct Tx<'a> {
    client: &'a tokio_postgres::Client,
    opening: String,
    opened: AtomicBool,
    failed: AtomicBool,
}

impl Db {
    pub fn connect(settings: &config::Database) -> anyhow::Result<Self> {
        let address: tokio_postgres::Config =
            settings.url.expose().parse().context("DATABASE_URL is not a Postgres URL")?;
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &settings.ca {
            Some(path) => Manager::from_config(address, tls(path)?, config),
            None => Manager::from_config(address, NoTls, config),
        };
        let pool = Pool::builder(manager)
            .max_size(settings.pool)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .runtime(Runtime::Tokio1);
        Ok(Self(pool.build()?))
    }

    /// Runs `work` as `tenant`: committed if it succeeds, undone if it fails.
    pub async fn tenant<T>(
        &self,
        tenant: Uuid,
        work: impl AsyncFnOnce(&Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        self.transaction(format!("begin; select sec.enter('{tenant}')"), work).await
    }

    /// As [`Db::tenant`], but a crash of the server may forget it: for leases, whose loss costs a
    /// second attempt and whose results are guarded by a unique key all the same.
    pub async fn tenant_relaxed<T>(
        &self,
        tenant: Uuid,
        work: impl AsyncFnOnce(&Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        self.transaction(format!("begin; select sec.enter_relaxed('{tenant}')"), work).await
    }

    /// Sees no tenant's rows; only what `sec` offers to the system's own jobs.
    pub async fn system<T>(&self, work: impl AsyncFnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.transaction("begin".into(), work).await
    }

    /// Calls a function of the database that enters its tenant, which is its first parameter: a
    /// transaction by itself, in one round trip.
    pub fn call<'a>(
        &'a self,
        tenant: Uuid,
        sql: &'a str,
        params: &'a [&'a dyn Param],
    ) -> Boxed<'a, Vec<Row>> {
        Box::pin(async move {
            let lease = self.lease().await?;
            let params = [&[&tenant as &dyn Param], params].concat();
            let rows = lease.client()?.query_typed(sql, &typed(&params)).await?;
            lease.give_back();
            Ok(rows)
        })
    }

    fn lease(&self) -> Boxed<'_, Lease> {
        Box::pin(async { Ok(Lease(Some(self.0.get().await?))) })
    }

    async fn transaction<T>(
        &self,
        opening: String,
        work: impl AsyncFnOnce(&Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let lease = self.lease().await?;
        let client = lease.client()?;
        let tx = Tx { client, opening, opened: false.into(), failed: false.into() };
        let outcome = work(&tx).await;
        let outcome = match outcome {
            // A failed statement has already undone the transaction; `commit` would say nothing.
            Ok(_) if tx.failed.load(Ordering::Relaxed) => {
                Err(Error::Internal(anyhow!("a failed statement was ignored")))
            }
            other => other,
        };
        tx.end(outcome.is_ok()).await?;
        lease.give_back();
        outcome
    }
}

/// A pooled connection that is closed, not reused, when its transaction did not come to an end:
/// the caller hung up, or the server did.
struct Lease(Option<Object>);

impl Lease {
    fn client(&self) -> Result<&tokio_postgres::Client> {
        let object = self.0.as_ref().ok_or_else(|| Error::Internal(anyhow!("no connection")))?;
        Ok(object)
    }

    fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

impl Tx<'_> {
    pub async fn one(&self, sql: &str, params: &[&dyn Param]) -> Result<Row> {
        self.opt(sql, params).await?.ok_or_else(|| Error::Internal(anyhow!("no row: {sql}")))
    }

    pub async fn opt(&self, sql: &str, params: &[&dyn Param]) -> Result<Option<Row>> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    pub fn all<'a>(&'a self, sql: &'a str, params: &'a [&'a dyn Param]) -> Boxed<'a, Vec<Row>> {
        Box::pin(async move {
            let params = typed(params);
            let statement = self.client.query_typed(sql, &params);
            self.send(statement).await
        })
    }

    pub fn run<'a>(&'a self, sql: &'a str, params: &'a [&'a dyn Param]) -> Boxed<'a, u64> {
        Box::pin(async move {
            let params = typed(params);
            let statement = self.client.execute_typed(sql, &params);
            self.send(statement).await
        })
    }

    fn end(&self, well: bool) -> Boxed<'_, ()> {
        Box::pin(async move {
            if self.opened.load(Ordering::Relaxed) {
                self.client.batch_execute(if well { "commit" } else { "rollback" }).await?;
            }
            Ok(())
        })
    }

    /// The opening goes out in front of the first statement without waiting for its answer: should
    /// it fail, the statement runs in an aborted transaction or without a tenant, and fails too.
    async fn send<T>(
        &self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        let sent = if self.opened.swap(true, Ordering::Relaxed) {
            statement.await
        } else {
            let opening = self.client.batch_execute(&self.opening);
            tokio::try_join!(opening, statement).map(|((), value)| value)
        };
        if sent.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        Ok(sent?)
    }
}

/// The owner's connection, for migrations alone: it waits for no lock for long, so that a migration
/// gives way to the traffic and not the other way round.
pub async fn connect_owner(settings: &config::Database) -> Result<tokio_postgres::Client> {
    let address: tokio_postgres::Config =
        settings.url.expose().parse().context("MIGRATE_DATABASE_URL is not a Postgres URL")?;
    let client = if let Some(path) = &settings.ca {
        let (client, connection) = address.connect(tls(path)?).await?;
        drive(connection);
        client
    } else {
        let (client, connection) = address.connect(NoTls).await?;
        drive(connection);
        client
    };
    client.batch_execute("set lock_timeout = '2s'; set statement_timeout = 0").await?;
    Ok(client)
}

#[expect(clippy::disallowed_methods, reason = "it ends with the client, within one invocation")]
fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) {
    tokio::spawn(connection);
}

fn tls(path: &str) -> anyhow::Result<MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).context("DATABASE_CA")? {
        roots.add(certificate.context("DATABASE_CA")?)?;
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// A value that knows its Postgres type, so that no statement needs preparing.
pub trait Param: ToSql + Sync {
    fn ty(&self) -> Type;
    fn sql(&self) -> &(dyn ToSql + Sync);
}

fn typed<'a>(params: &[&'a dyn Param]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().map(|p| (p.sql(), p.ty())).collect()
}

macro_rules! params {
    ($($rust:ty => $pg:ident,)*) => {
        $(impl Param for $rust {
            fn ty(&self) -> Type {
                Type::$pg
            }
            fn sql(&self) -> &(dyn ToSql + Sync) {
                self
            }
        })*
    };
}

params! {
    &str => TEXT, String => TEXT, Option<&str> => TEXT, Option<String> => TEXT,
    Vec<String> => TEXT_ARRAY, &[String] => TEXT_ARRAY, Vec<&str> => TEXT_ARRAY,
    i16 => INT2, i32 => INT4, Option<i32> => INT4, i64 => INT8, Option<i64> => INT8, f64 => FLOAT8, bool => BOOL,
    Uuid => UUID, Option<Uuid> => UUID, Vec<Uuid> => UUID_ARRAY,
    Value => JSONB, Option<Value> => JSONB,
    Timestamp => TIMESTAMPTZ, Option<Timestamp> => TIMESTAMPTZ,
    &[u8] => BYTEA, Vec<u8> => BYTEA, Option<Vec<u8>> => BYTEA, Vec<i32> => INT4_ARRAY, Vec<i64> => INT8_ARRAY,
}
