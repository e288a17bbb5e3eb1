//! A connection: to one server, to the master that sentinels name, or to a cluster.

use std::io;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind,
    IntoConnectionInfo, RedisError, TlsCertificates, Value, aio::ConnectionLike, cmd,
};

use super::Login;
use crate::config::{self, Topology};

/// For one server to take a connection; a request waits far less.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) enum Link {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    pub(super) async fn send(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let answer = match self {
            Self::One(connection) => connection.send_packed_command(command).await,
            Self::Cluster(connection) => connection.req_packed_command(command).await,
        };
        // What the server refuses comes as an answer.
        answer?.extract_error()
    }
}

pub(super) async fn connect(
    settings: config::Redis,
    login: Option<Login>,
) -> Result<Link, RedisError> {
    // The first who needs it; whoever comes later finds it there.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let authority = match &settings.ca {
        Some(path) => Some(std::fs::read(path)?),
        None => None,
    };
    let mut servers = Vec::with_capacity(settings.urls.len());
    for url in &settings.urls {
        servers.push(url.expose().as_str().into_connection_info()?);
    }
    match &settings.topology {
        Topology::Single => {
            let server = servers.into_iter().next().ok_or_else(silent)?;
            one(with_login(server, login.as_ref()), authority).await.map(Link::One)
        }
        Topology::Sentinel(name) => {
            master(&servers, name, login.as_ref(), authority).await.map(Link::One)
        }
        Topology::Cluster => {
            cluster(servers, login, authority, settings.patience).await.map(Link::Cluster)
        }
    }
}

async fn one(
    server: ConnectionInfo,
    authority: Option<Vec<u8>>,
) -> Result<MultiplexedConnection, RedisError> {
    let client = match (&server.addr(), authority) {
        (ConnectionAddr::TcpTls { .. }, Some(pem)) => Client::build_with_tls(server, trust(pem))?,
        _ => Client::open(server)?,
    };
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Asks the sentinels in turn who is the master; whoever they name must say so itself, for they
/// learn of a new one before it does.
async fn master(
    sentinels: &[ConnectionInfo],
    name: &str,
    login: Option<&Login>,
    authority: Option<Vec<u8>>,
) -> Result<MultiplexedConnection, RedisError> {
    let mut last = silent();
    for sentinel in sentinels {
        match through(sentinel, name, login, authority.clone()).await {
            Ok(connection) => return Ok(connection),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn through(
    sentinel: &ConnectionInfo,
    name: &str,
    login: Option<&Login>,
    authority: Option<Vec<u8>>,
) -> Result<MultiplexedConnection, RedisError> {
    let mut asked = one(sentinel.clone(), authority.clone()).await?;
    let mut question = cmd("SENTINEL");
    question.arg("get-master-addr-by-name").arg(name);
    let (host, port): (String, u16) = question.query_async(&mut asked).await?;
    let address = match sentinel.addr() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            let (insecure, tls_params) = (*insecure, tls_params.clone());
            ConnectionAddr::TcpTls { host, port, insecure, tls_params }
        }
        _ => ConnectionAddr::Tcp(host, port),
    };
    let server = with_login(sentinel.clone().set_addr(address), login);
    let mut connection = one(server, authority).await?;
    let role: Vec<Value> = cmd("ROLE").query_async(&mut connection).await?;
    match role.first() {
        Some(Value::BulkString(role)) if role == b"master" => Ok(connection),
        _ => Err(silent()),
    }
}

async fn cluster(
    servers: Vec<ConnectionInfo>,
    login: Option<Login>,
    authority: Option<Vec<u8>>,
    patience: Duration,
) -> Result<ClusterConnection, RedisError> {
    let mut builder = ClusterClient::builder(servers)
        .connection_timeout(PATIENCE)
        .response_timeout(patience)
        .retries(3)
        .min_retry_wait(5)
        .max_retry_wait(20);
    if let Some(Login { user, password }) = login {
        builder = builder.username(user).password(password.expose());
    }
    if let Some(pem) = authority {
        builder = builder.certs(trust(pem));
    }
    builder.build()?.get_async_connection().await
}

fn with_login(server: ConnectionInfo, login: Option<&Login>) -> ConnectionInfo {
    let Some(Login { user, password }) = login else { return server };
    let settings = server.redis_settings().clone();
    server.set_redis_settings(settings.set_username(user).set_password(password.expose()))
}

fn trust(pem: Vec<u8>) -> TlsCertificates {
    TlsCertificates { client_tls: None, root_cert: Some(pem) }
}

/// As if nobody had answered.
pub(super) fn silent() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

/// We cannot say who we are.
pub(super) fn refused(error: &anyhow::Error) -> RedisError {
    (ErrorKind::AuthenticationFailed, "no credentials", format!("{error:#}")).into()
}
