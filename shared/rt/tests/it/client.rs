//! What a channel does for its calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proto::levels::v1::level_service_client::LevelServiceClient;
use rt::{ClientSettings, repeatable};
use tokio::net::TcpListener;
use tonic::Code;

use crate::server::{Running, get, patient};

/// Closes the first connections at once and passes the later ones on.
async fn flaky(running: &Running, broken: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let target = running.uri.strip_prefix("http://").unwrap().to_owned();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            if count.fetch_add(1, Ordering::SeqCst) < broken {
                continue;
            }
            let mut far = tokio::net::TcpStream::connect(&target).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    (uri, seen)
}

fn client(running: &Running, uri: &str, settings: &ClientSettings) -> LevelServiceClient<rt::Channel> {
    LevelServiceClient::new(rt::connect(uri, settings).unwrap().with_token(running.token()))
}

#[tokio::test]
async fn a_repeatable_call_survives_two_broken_connections() {
    let running = Running::start().await;
    let (uri, seen) = flaky(&running, 2).await;
    let mut client = client(&running, &uri, &patient());
    client.get_scheme(repeatable(get("any"))).await.unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn any_other_call_fails_with_unavailable_at_once() {
    let running = Running::start().await;
    let (uri, seen) = flaky(&running, 1).await;
    let mut client = client(&running, &uri, &patient());
    assert_eq!(client.get_scheme(get("any")).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    client.get_scheme(get("any")).await.unwrap();
}

#[tokio::test]
async fn repetitions_are_bounded_by_number_and_by_budget() {
    let running = Running::start().await;
    let (uri, seen) = flaky(&running, usize::MAX).await;
    let settings = ClientSettings { retry_ratio: 0.0, ..patient() };
    let mut client = client(&running, &uri, &settings);
    assert_eq!(client.get_scheme(repeatable(get("any"))).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(seen.load(Ordering::SeqCst), 3);
    // What a quiet channel has saved is ten; two are spent.
    for _ in 0..20 {
        client.get_scheme(repeatable(get("any"))).await.unwrap_err();
    }
    assert_eq!(seen.load(Ordering::SeqCst), 21 + 10);
}

#[tokio::test]
async fn a_refusal_by_the_server_is_not_repeated() {
    let running = Running::start().await;
    let mut client = running.client();
    let refused = client.get_scheme(repeatable(get("refused"))).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn an_address_that_nobody_has_is_unavailable() {
    let running = Running::start().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut client = client(&running, &format!("http://{free}"), &patient());
    assert_eq!(client.get_scheme(get("any")).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn what_is_not_an_address_is_told_so() {
    let error = rt::connect("not an address", &ClientSettings::default()).err().unwrap();
    assert!(error.to_string().contains("not an address"), "{error}");
}

#[tokio::test]
async fn the_calls_own_token_wins_over_the_channels() {
    let running = Running::start().await;
    let mut request = tonic::Request::new(get("any"));
    request.metadata_mut().insert("authorization", "Bearer wrong".parse().unwrap());
    assert_eq!(running.client().get_scheme(request).await.unwrap_err().code(), Code::Unauthenticated);
}
