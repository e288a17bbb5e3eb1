//! A `DynamoDB` of the test's own, and a line to it that is cut at random.

use std::net::{SocketAddr, TcpListener as Port};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use shared::dynamo::Dynamo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

const TABLE: &str = "cadre";

pub(crate) struct Emulator {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Emulator {
    pub(crate) async fn start() -> Result<Self> {
        let address = Port::bind("127.0.0.1:0")?.local_addr()?;
        let folder = std::env::temp_dir().join(format!("cadre-spend-{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder)?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let program = root.join(".local/python/bin/ministack");
        let child = Command::new(&program)
            .envs([("BIND_HOST", "127.0.0.1"), ("PERSIST_STATE", "0"), ("LOG_LEVEL", "ERROR")])
            .envs([("SFTP_ENABLED", "0"), ("IOT_MTLS_ENABLED", "0")])
            .env("GATEWAY_PORT", address.port().to_string())
            .env("STATE_DIR", &folder)
            .env("TMPDIR", &folder)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let emulator = Self { child, folder, address };
        let begun = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            ensure!(begun.elapsed() < Duration::from_mins(1), "the emulator does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        emulator.create_table().await?;
        Ok(emulator)
    }

    /// As infra/data.tf makes it.
    async fn create_table(&self) -> Result<()> {
        let client = aws_sdk_dynamodb::Client::new(&aws(self.address).await);
        let mut create =
            client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            create = create
                .attribute_definitions(attribute.attribute_type(ScalarAttributeType::S).build()?)
                .key_schema(key.build()?);
        }
        create.send().await?;
        Ok(())
    }

    pub(crate) async fn client(&self) -> Dynamo {
        Dynamo::new(&aws(self.address).await, TABLE.into())
    }

    #[expect(clippy::disallowed_methods, reason = "the line is there as long as the test")]
    /// Of a hundred pieces that pass in either direction, so many are the last of their line.
    pub(crate) async fn bad_line(
        &self,
        percent: u64,
        dice: &Arc<Dice>,
    ) -> Result<(Dynamo, Arc<AtomicU32>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let cuts = Arc::new(AtomicU32::new(0));
        let (target, dice, count) = (self.address, dice.clone(), cuts.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (dice, count) = (dice.clone(), count.clone());
                tokio::spawn(async move {
                    if passes(near, target, percent, &dice).await.is_err() {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Ok((Dynamo::new(&aws(address).await, TABLE.into()), cuts))
    }
}

/// An error is a cut: of a request that did not arrive, or of an answer to what was done.
async fn passes(
    mut near: TcpStream,
    target: SocketAddr,
    percent: u64,
    dice: &Dice,
) -> std::io::Result<()> {
    let mut far = TcpStream::connect(target).await?;
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    let cut = || Err(std::io::Error::other("cut"));
    loop {
        tokio::select! {
            read = near.read(&mut asked) => match read? {
                0 => return Ok(()),
                _ if dice.below(100) < percent => return cut(),
                length => far.write_all(&asked[..length]).await?,
            },
            read = far.read(&mut answered) => match read? {
                0 => return Ok(()),
                _ if dice.below(100) < percent => return cut(),
                length => near.write_all(&answered[..length]).await?,
            },
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn aws(address: SocketAddr) -> SdkConfig {
    let keys = Credentials::new("000000000000", "test", None, None, "test");
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("eu-central-1"))
        .credentials_provider(keys);
    aws.load().await
}

/// `SplitMix64`: a seed repeats its numbers, as far as threads allow.
pub(crate) struct Dice {
    pub(crate) seed: u64,
    state: AtomicU64,
}

impl Dice {
    pub(crate) fn new() -> Self {
        let (seed, _) = Uuid::new_v4().as_u64_pair();
        Self { seed, state: AtomicU64::new(seed) }
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
