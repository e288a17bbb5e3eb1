//! TLS: whoever cannot show who they are is told nothing.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::answers::who;
use crate::server::{Server, ok};
use crate::terminal::Terminal;

#[test]
fn a_token_is_sent_only_to_whom_a_trusted_authority_vouches_for() {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let server = Server::of(Some(Arc::new(tls)), |_| vec![ok(who())]);

    let said = Terminal::at(&server).run(&["whoami"]);
    assert!(said.bad(1).starts_with("cadre: no answer from https://"), "asked again: {}", said.err);
    assert!(said.err.contains("certificate"), "{}", said.err);
    assert_eq!(server.lines().len(), 0);

    let terminal = Terminal::at(&server);
    let authority = terminal.file("authority.pem", own.cert.pem());
    terminal.set("SSL_CERT_FILE", &authority).run(&["whoami"]).good();
    assert_eq!(server.lines(), ["GET /v1/session"]);
}
