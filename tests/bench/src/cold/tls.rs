//! Postgres with TLS, as it is on AWS: an authority and a certificate made for the occasion.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use local::install;
use local::services::postgres::Cluster;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::surroundings::Surroundings;

/// While it lives, Postgres speaks TLS to whoever asks for it.
pub(crate) struct Tls {
    cluster: Cluster,
    /// For `DATABASE_CA`.
    pub(crate) authority: PathBuf,
}

impl Tls {
    pub(crate) fn on(around: &Surroundings) -> Result<Self> {
        let tools = install::unpacked_postgres(&around.paths)?;
        let folder = tools.user.folder(&around.paths.stack.join("tls"))?;
        let [authority, certificate, key] =
            ["authority", "certificate", "key"].map(|name| folder.join(name).with_extension("pem"));

        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        fs::write(&authority, ca.self_signed(&ca_key)?.pem())?;
        let server_key = KeyPair::generate()?;
        let server = CertificateParams::new(vec!["127.0.0.1".into()])?;
        let server = server.signed_by(&server_key, &Issuer::new(ca, ca_key))?;
        tools.user.write_private(&certificate, &server.pem())?;
        tools.user.write_private(&key, &server_key.serialize_pem())?;

        let cluster = Cluster::open(&around.paths, &tools, around.postgres_port()?)?;
        let tls = Self { cluster, authority };
        for (setting, path) in [("ssl_cert_file", certificate), ("ssl_key_file", key)] {
            tls.sql(&format!("alter system set {setting} = '{}'", path.display()))?;
        }
        tls.sql("alter system set ssl = on")?;
        tls.sql("select pg_reload_conf()")?;
        Ok(tls)
    }

    fn sql(&self, sql: &str) -> Result<()> {
        self.cluster.sql("postgres", sql).map(drop)
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self
            .sql("alter system set ssl = off")
            .and_then(|()| self.sql("select pg_reload_conf()"));
    }
}
