//! How AWS itself is reached: one way for every client.
//!
//! By themselves the clients read all roots of the system, from a file and once more from a folder:
//! several milliseconds of CPU in a cold start, for each client. AWS's endpoints have certificates of
//! Amazon's own roots, and AWS asks to trust these five (<https://www.amazontrust.com/repository/>).
//! Who has another authority between, a proxy for example, names it: `AWS_CA_BUNDLE`, as for AWS's
//! other tools.
//!
//! Keys, region and endpoint are the environment's, where Lambda puts them, and there alone: the chain
//! that also looks into profiles, single sign-on, containers and instances was half a megabyte of each
//! zip. On a laptop, `aws configure export-credentials --format env` prints them.

use std::path::Path;

use anyhow::{Context, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sfn::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config::{self, AwsKeys};

const AMAZON: &[u8] = include_bytes!("roots.pem");

pub(crate) fn client() -> anyhow::Result<SharedHttpClient> {
    let roots = match config::aws_ca_bundle() {
        Some(path) => bundle(Path::new(&path))?,
        None => AMAZON.to_vec(),
    };
    let trusted = TrustStore::empty().with_pem_certificate(roots);
    let tls = TlsContext::builder().with_trust_store(trusted).build()?;
    Ok(Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(tls)
        .build_https())
}

/// How a service is reached, `service` as AWS's tools spell it in `AWS_ENDPOINT_URL_<service>`; with
/// our keys.
pub(crate) fn signed(service: &str, client: SharedHttpClient) -> anyhow::Result<SdkConfig> {
    let keys = credentials(&AwsKeys::from_env()?);
    let config = unsigned(service, client, config::aws_region()?).into_builder();
    Ok(config.credentials_provider(SharedCredentialsProvider::new(keys)).build())
}

/// The same without keys: who calls has a secret of another kind.
pub(crate) fn unsigned(service: &str, client: SharedHttpClient, region: String) -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .http_client(client);
    config.set_endpoint_url(config::aws_endpoint(service));
    config.build()
}

pub(crate) fn credentials(keys: &AwsKeys) -> Credentials {
    let session = keys.session_token.as_ref().map(|token| token.expose().clone());
    Credentials::new(&keys.access_key, keys.secret_key.expose(), session, None, "environment")
}

/// Looked at before the client does, which would panic.
fn bundle(path: &Path) -> anyhow::Result<Vec<u8>> {
    let told = || format!("AWS_CA_BUNDLE={}", path.display());
    let pem = std::fs::read(path).with_context(told)?;
    let certificates = CertificateDer::pem_slice_iter(&pem);
    let count = certificates.collect::<Result<Vec<_>, _>>().with_context(told)?.len();
    ensure!(count > 0, "{}: no certificate in PEM", told());
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_roots_of_amazon_are_trusted_and_a_bad_bundle_is_an_error() {
        let all = CertificateDer::pem_slice_iter(AMAZON).collect::<Result<Vec<_>, _>>().unwrap();
        let mut roots = rustls::RootCertStore::empty();
        assert_eq!(roots.add_parsable_certificates(all), (5, 0));

        let folder = std::env::temp_dir().join(format!("cadre-bundle-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let good = folder.join("good.pem");
        std::fs::write(&good, AMAZON).unwrap();
        assert_eq!(bundle(&good).unwrap(), AMAZON);
        for wrong in ["", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
            let bad = folder.join("bad.pem");
            std::fs::write(&bad, wrong).unwrap();
            let error = format!("{:#}", bundle(&bad).unwrap_err());
            assert!(error.contains("AWS_CA_BUNDLE="), "{error}");
        }
        assert!(bundle(&folder.join("none.pem")).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
