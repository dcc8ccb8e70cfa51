//! Keys over TLS, from an issuer whose certificate a company's own authority signed.
//!
//! What a process trusts is the system's roots, or those in the file that `SSL_CERT_FILE` names when it starts. So each case
//! runs in a process of its own: this test program again, with that variable.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use authn::Authenticator;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::{Folder, Signer, claims, jwks, settings};

/// Tells the process of a case where the keys are.
const ADDRESS: &str = "AUTHN_TEST_JWKS";
/// Tells it a token to verify.
const TOKEN: &str = "AUTHN_TEST_TOKEN";

/// An authority of a company's own.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// Serves a body at `https://127.0.0.1:…/jwks`, as `name`.
    async fn serve(&self, name: &str, body: String) -> String {
        let key = KeyPair::generate().unwrap();
        let signed = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![signed.into()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}/jwks", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 4096]).await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        address
    }
}

/// Runs [`verify_in_a_process_of_its_own`].
async fn verify(roots: &Path, address: &str, token: &str) -> Output {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", "tls::verify_in_a_process_of_its_own", "--ignored", "--nocapture"]);
    program.env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
    program.env(ADDRESS, address).env(TOKEN, token).output().await.unwrap()
}

#[tokio::test]
#[ignore = "a part of the tests below"]
async fn verify_in_a_process_of_its_own() {
    let variable = |name| std::env::var(name).unwrap();
    let authenticator = Authenticator::new(settings(&variable(ADDRESS))).await.unwrap();
    authenticator.verify(&variable(TOKEN)).await.unwrap();
}

/// How a process that trusts an authority gets along with an issuer that shows a certificate of `signed_by` for `name`.
async fn outcome(trusts: &Authority, signed_by: &Authority, name: &str) -> Output {
    let (folder, signer) = (Folder::new(), Signer::ed25519("ed"));
    let roots = folder.write("roots.pem", &trusts.1);
    let address = signed_by.serve(name, jwks(&[&signer])).await;
    verify(&roots, &address, &signer.sign(&claims())).await
}

#[tokio::test]
async fn keys_are_read_from_an_issuer_whose_authority_is_trusted() {
    let authority = Authority::new();
    let output = outcome(&authority, &authority, "127.0.0.1").await;
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn an_issuer_of_another_authority_of_the_same_name_or_with_another_address_is_not_believed() {
    let (trusted, other) = (Authority::new(), Authority::new());
    for (signed_by, name, why) in [(&other, "127.0.0.1", "BadSignature"), (&trusted, "127.0.0.2", "NotValidForName")] {
        let output = outcome(&trusted, signed_by, name).await;
        let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
}
