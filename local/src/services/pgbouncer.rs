//! PgBouncer in transaction mode: plays RDS Proxy. Every function connects through it.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result};

use super::postgres::{Cluster, answer};
use crate::{install::Postgres, paths::Paths, process::Ask, service::Service, settings::program};

pub fn service(
    paths: &Paths,
    tools: &Postgres,
    cluster: &Cluster,
    port: u16,
    pool_size: u16,
) -> Result<Service> {
    let home = tools.user.folder(&paths.stack.join("pgbouncer"))?;
    let users = home.join("users.txt");
    let settings = home.join("pgbouncer.ini");
    tools.user.write_private(&users, &format!("\"app\" \"{}\"\n", cluster.passwords.app))?;
    let text = configuration(cluster.port, port, pool_size, &users.display().to_string());
    tools.user.write_private(&settings, &text)?;

    let mut command = Command::new(program("pgbouncer").context("no pgbouncer")?);
    command.arg(&settings).current_dir("/");
    tools.user.run(&mut command);
    Ok(Service {
        name: "pgbouncer",
        what: "PgBouncer, transaction mode",
        address: format!("127.0.0.1:{port}"),
        command,
        // At once: a polite end would wait for the sessions of functions that live on.
        ask: Ask::Terminate,
        patience: Duration::from_secs(30),
        ready: {
            let cluster = cluster.clone();
            Box::new(move || {
                let app = &cluster.passwords.app;
                answer(cluster.psql("app", app, port, "cadre").args(["-c", "select 1"])).map(|_| ())
            })
        },
    })
}

/// Any database of the cluster, one pool each. Connections to it are few, as on RDS
/// Proxy; connections from functions are many.
fn configuration(postgres: u16, port: u16, pool_size: u16, users: &str) -> String {
    format!(
        "[databases]
* = host=127.0.0.1 port={postgres}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 2000
server_idle_timeout = 60
query_wait_timeout = 30
log_connections = 0
log_disconnections = 0
log_stats = 0
"
    )
}

/// Where functions go: the `app` role, through the pooler.
pub fn app_url(cluster: &Cluster, port: u16, database: &str) -> String {
    format!("postgres://app:{}@127.0.0.1:{port}/{database}", cluster.passwords.app)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_pools_by_transaction_on_loopback_only() {
        let text = configuration(1, 2, 3, "/u");
        assert!(text.contains("* = host=127.0.0.1 port=1\n"));
        assert!(text.contains("listen_addr = 127.0.0.1\nlisten_port = 2\nunix_socket_dir =\n"));
        assert!(text.contains("pool_mode = transaction\ndefault_pool_size = 3\n"));
    }
}
