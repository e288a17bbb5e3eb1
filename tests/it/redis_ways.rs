//! The ways to a Redis: over TLS, as a user whose password changes, in a cluster whose slots move.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use shared::config::{self, Secret, Topology};
use shared::redis::cache::Kind;
use shared::redis::{Credentials, Key, Login, Redis};
use tests::cache::{Server, settings};
use tests::crash::until;
use uuid::Uuid;

const LIFE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn over_tls_a_server_is_trusted_by_its_authority_and_by_no_other() -> Result<()> {
    let [port] = local::ports::free()?;
    let folder =
        local::settings::temporary().join(format!("cadre-tls-{}", Uuid::now_v7().simple()));
    fs::create_dir_all(&folder)?;
    let file = |name: &str| folder.join(name).display().to_string();
    let mut authority = rcgen::CertificateParams::new(vec![])?;
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate()?;
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".into()])?.signed_by(&key, &issuer)?;
    fs::write(file("ca.pem"), authority_pem)?;
    fs::write(file("cert.pem"), certificate.pem())?;
    fs::write(file("key.pem"), key.serialize_pem())?;
    let other = rcgen::generate_simple_self_signed(vec!["localhost".into()])?;
    fs::write(file("other.pem"), other.cert.pem())?;
    let server = Server::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("cert.pem"),
        "--tls-key-file",
        &file("key.pem"),
        "--tls-ca-cert-file",
        &file("ca.pem"),
        "--tls-auth-clients",
        "no",
    ])
    .await?;
    let with = |ca: Option<String>| {
        let urls = vec![Secret::new(format!("rediss://localhost:{port}"))];
        let patience = Duration::from_secs(1);
        Redis::new(config::Redis { urls, topology: Topology::Single, ca, iam: None, patience })
    };
    let ours = with(Some(file("ca.pem")));
    until("a handshake", async || Ok(ours.ping().await.is_ok())).await?;
    assert!(with(Some(file("other.pem"))).ping().await.is_err(), "a stranger's certificate");
    assert!(with(None).ping().await.is_err(), "an authority that the system does not know");
    drop(server);
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// A password that is good for one connection, as a token is.
struct Rotating {
    made: Arc<AtomicU32>,
}

impl Credentials for Rotating {
    fn login(&self) -> Result<Option<Login>> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        let password = Secret::new(format!("password-{number}"));
        Ok(Some(Login { user: "app".into(), password }))
    }

    fn life(&self) -> Option<Duration> {
        Some(Duration::from_millis(100))
    }
}

#[tokio::test]
async fn a_connection_proves_itself_again_with_a_fresh_password_before_its_life_is_over()
-> Result<()> {
    let server = Server::start(&[]).await?;
    let allow = async |password: &str| {
        let password = format!(">{password}");
        let user = ["ACL", "SETUSER", "app", "on", "resetpass", &password, "~*", "&*", "+@all"];
        server.say(&user).await
    };
    allow("password-0").await?;
    let made = Arc::new(AtomicU32::new(0));
    let rotating = Box::new(Rotating { made: Arc::clone(&made) });
    let redis = Redis::with_credentials(settings(&[server.port], Topology::Single), rotating);
    redis.ping().await?;
    let mine = async || server.text(&["CLIENT", "LIST"]).await;
    let id = |list: &str| {
        let line = list.lines().find(|line| line.contains(" user=app "))?;
        line.split(' ').next().map(str::to_owned)
    };
    let first = id(&mine().await?).context("no connection")?;
    allow("password-1").await?;
    let auths = server.text(&["INFO", "commandstats"]).await?.contains("cmdstat_auth");
    tokio::time::sleep(Duration::from_millis(150)).await;
    redis.ping().await?;
    assert_eq!(made.load(Ordering::SeqCst), 2, "a second password was made");
    assert_eq!(id(&mine().await?).as_ref(), Some(&first), "over the same connection");
    assert!(auths || server.text(&["INFO", "commandstats"]).await?.contains("cmdstat_auth"));
    // A password that the server does not take: no answer, and none from anybody else's connection.
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(redis.ping().await.is_err());
    Ok(())
}

/// Three masters without replicas, which share the slots.
async fn cluster() -> Result<[Server; 3]> {
    // A port of its own for what nodes tell each other: by default 10,000 above, which may not exist.
    let buses: [u16; 3] = local::ports::free()?;
    let [one, two, three] = buses.map(|bus| bus.to_string());
    let node =
        async |bus: &str| Server::start(&["--cluster-enabled", "yes", "--cluster-port", bus]).await;
    let nodes = [node(&one).await?, node(&two).await?, node(&three).await?];
    for (node, slots) in nodes.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]) {
        node.say(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]).await?;
    }
    for (node, bus) in nodes[1..].iter().zip([two, three]) {
        nodes[0].say(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string(), &bus]).await?;
    }
    for node in &nodes {
        until("the cluster is one", async || {
            let info = node.text(&["CLUSTER", "INFO"]).await?;
            Ok(info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3"))
        })
        .await?;
    }
    Ok(nodes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_everything_of_a_tenant_is_in_one_slot_and_a_moved_slot_is_found() -> Result<()>
{
    let nodes = cluster().await?;
    let ports = nodes.each_ref().map(|node| node.port);
    let redis = Redis::new(settings(&ports[..1], Topology::Cluster));
    until("a connection", async || Ok(redis.ping().await.is_ok())).await?;
    let kind = Kind { name: "sample", life: LIFE };
    for n in 0..30 {
        let scope = Key::tenant(Uuid::from_u128(n));
        redis.set(&scope.key("x", &["1"]), b"1", LIFE).await?;
        let lock = redis.lock(&scope, "door", LIFE).await?.context("it is free")?;
        assert!(redis.unlock(lock).await?);
        assert_eq!(redis.cached(&scope, kind, &["a"], async { Ok(Some(1)) }).await?, Some(1));
    }
    let key = Key::tenant(Uuid::from_u128(7)).key("x", &["1"]);
    let slot = nodes[0].text(&["CLUSTER", "KEYSLOT", key.as_str()]).await?;
    let slot: u32 = slot.trim_matches(|c: char| !c.is_ascii_digit()).parse()?;
    let from = usize::try_from(slot)? / 5461;
    let to = (from + 1) % 3;
    let id = nodes[to].text(&["CLUSTER", "MYID"]).await?;
    let mine = nodes[from].text(&["CLUSTER", "MYID"]).await?;
    let (slot, port) = (slot.to_string(), nodes[to].port.to_string());
    nodes[to].say(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &mine]).await?;
    nodes[from].say(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id]).await?;
    let there = nodes[from].say(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]).await?;
    let there: Vec<String> = redis::FromRedisValue::from_redis_value(there)?;
    for name in &there {
        nodes[from].say(&["MIGRATE", "127.0.0.1", &port, name, "0", "1000"]).await?;
    }
    for node in [&nodes[to], &nodes[from]] {
        node.say(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]).await?;
    }
    assert!(there.contains(&key.as_str().to_owned()));
    until("the slot's new place", async || {
        Ok(redis.get(&key).await.is_ok_and(|value| value.as_deref() == Some(b"1")))
    })
    .await?;
    redis.set(&key, b"2", LIFE).await?;
    assert_eq!(redis.get(&key).await?.as_deref(), Some(b"2".as_slice()));
    Ok(())
}
