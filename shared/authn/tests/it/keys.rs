use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use authn::{Authenticator, AuthnSettings, InvalidToken, KeysError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Folder, Signer, claims, jwks, settings};

/// An issuer's key address that counts how often it is asked.
#[derive(Clone)]
struct KeyServer {
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    url: String,
}

impl KeyServer {
    async fn start(body: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let server = Self { answer: Arc::default(), asked: Arc::default(), url };
        server.answer_with("200 OK", &body);
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                serving.asked.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]).await;
                let answer = serving.answer.lock().unwrap().clone();
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        server
    }

    fn answer_with(&self, status: &str, body: &str) {
        let length = body.len();
        *self.answer.lock().unwrap() = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nlocation: /other\r\nconnection: close\r\n\r\n{body}"
        );
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn eager(url: &str) -> AuthnSettings {
    AuthnSettings { refresh_min_seconds: 0, ..settings(url) }
}

#[tokio::test]
async fn a_new_key_is_found_by_its_first_token() {
    let (old, new) = (Signer::ed25519("old"), Signer::ed25519("new"));
    let server = KeyServer::start(jwks(&[&old])).await;
    let authenticator = Authenticator::new(eager(&server.url)).await.unwrap();
    server.answer_with("200 OK", &jwks(&[&old, &new]));
    assert!(authenticator.verify(&new.sign(&claims())).await.is_ok());
    assert!(authenticator.verify(&old.sign(&claims())).await.is_ok());
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn unknown_key_ids_do_not_flood_the_issuer() {
    let (known, unknown) = (Signer::ed25519("known"), Signer::ed25519("unknown"));
    let server = KeyServer::start(jwks(&[&known])).await;
    let authenticator = Authenticator::new(settings(&server.url)).await.unwrap();
    let token = unknown.sign(&claims());
    for _ in 0..200 {
        assert_eq!(authenticator.verify(&token).await, Err(InvalidToken::UnknownKey));
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_withdrawn_key_stops_working_once_the_keys_are_read_anew() {
    let (kept, withdrawn) = (Signer::ed25519("kept"), Signer::ed25519("withdrawn"));
    let server = KeyServer::start(jwks(&[&kept, &withdrawn])).await;
    let settings = AuthnSettings { refresh_seconds: 0, ..eager(&server.url) };
    let authenticator = Authenticator::new(settings).await.unwrap();
    assert!(authenticator.verify(&withdrawn.sign(&claims())).await.is_ok());
    server.answer_with("200 OK", &jwks(&[&kept]));
    assert_eq!(authenticator.verify(&withdrawn.sign(&claims())).await, Err(InvalidToken::UnknownKey));
}

#[tokio::test]
async fn known_keys_stay_in_use_while_the_issuer_is_away() {
    let signer = Signer::ed25519("ed");
    let server = KeyServer::start(jwks(&[&signer])).await;
    let settings = AuthnSettings { refresh_seconds: 0, ..eager(&server.url) };
    let authenticator = Authenticator::new(settings).await.unwrap();
    for (status, body) in [("500 Oops", ""), ("200 OK", "<html>"), ("302 Found", ""), ("200 OK", "{\"keys\": []}")] {
        server.answer_with(status, body);
        let before = server.asked();
        assert!(authenticator.verify(&signer.sign(&claims())).await.is_ok(), "{status} {body}");
        assert_eq!(server.asked(), before + 1, "{status} {body}");
    }
}

#[tokio::test]
async fn a_key_set_that_is_too_large_is_not_read_to_its_end() {
    let server = KeyServer::start(" ".repeat(300 * 1024)).await;
    let failed = Authenticator::new(settings(&server.url)).await.err().unwrap();
    assert!(matches!(failed, KeysError::TooLarge(_)), "{failed:?}");
}

#[tokio::test]
async fn a_server_without_usable_settings_does_not_start() {
    let folder = Folder::new();
    let file = folder.write("jwks.json", &jwks(&[&Signer::ed25519("ed")])).display().to_string();
    let good = settings(&file);
    assert!(Authenticator::new(good.clone()).await.is_ok());
    assert!(Authenticator::new(AuthnSettings { leeway_seconds: 60, ..good.clone() }).await.is_ok());
    for bad in [
        AuthnSettings { jwks: String::new(), ..good.clone() },
        AuthnSettings { jwks: format!("{file}.missing"), ..good.clone() },
        AuthnSettings { issuer: String::new(), ..good.clone() },
        AuthnSettings { audience: String::new(), ..good.clone() },
        AuthnSettings { leeway_seconds: 61, ..good },
    ] {
        assert!(Authenticator::new(bad.clone()).await.is_err(), "{bad:?}");
    }
}
