//! The end of a server.

use std::time::{Duration, Instant};

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::server::{Running, eventually, get, publish};

#[tokio::test]
async fn running_calls_end_before_the_server_does() {
    let running = Running::start().await;
    let mut client = running.client();
    let call = tokio::spawn(async move { client.get_scheme(get("wait")).await });
    running.watch.arrived(1).await;
    running.shutdown.ask();
    running.shutdown.stopping().await;
    running.watch.open(1);
    call.await.unwrap().unwrap();
    assert!(running.served.await.unwrap(), "everything ended in time");
    let mut late = proto::levels::v1::level_service_client::LevelServiceClient::new(
        rt::connect(running.uri.clone(), &rt::ClientSettings::default()).unwrap(),
    );
    assert_eq!(late.get_scheme(get("any")).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn an_abandoned_write_ends_before_the_server_does() {
    let running = Running::start().await;
    let mut client = running.client();
    let call = tokio::spawn(async move { client.publish_scheme(publish("left", "wait")).await });
    running.watch.arrived(1).await;
    call.abort();
    running.shutdown.ask();
    running.shutdown.stopping().await;
    assert!(!running.served.is_finished());
    running.watch.open(1);
    assert!(running.served.await.unwrap());
    assert_eq!(running.watch.writes.lock().unwrap()["left"], (1, 1));
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_off_at_the_bound() {
    let running = Running::with(|settings| {
        settings.call_ms_max = 60_000;
        settings.drain_ms_max = 200;
    })
    .await;
    let mut client = proto::levels::v1::level_service_client::LevelServiceClient::new(
        rt::connect(running.uri.clone(), &rt::ClientSettings { call_ms_max: 60_000, ..Default::default() })
            .unwrap()
            .with_token(running.token()),
    );
    let call = tokio::spawn(async move { client.get_scheme(get("wait")).await });
    running.watch.arrived(1).await;
    let begun = Instant::now();
    running.shutdown.ask();
    assert!(!running.served.await.unwrap(), "the bound was needed");
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn health_says_not_serving_while_calls_are_still_served_in_the_grace() {
    let running = Running::with(|settings| settings.drain_grace_ms = 60_000).await;
    let mut health = HealthClient::new(running.anonymous());
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    running.shutdown.ask();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    running.client().get_scheme(get("any")).await.unwrap();
    running.served.abort();
}

#[tokio::test]
async fn a_watched_health_does_not_hold_up_the_end() {
    let running = Running::start().await;
    let mut health = HealthClient::new(running.anonymous());
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    let begun = Instant::now();
    running.shutdown.ask();
    assert!(running.served.await.unwrap());
    assert!(begun.elapsed() < Duration::from_secs(5));
    while let Ok(Some(_)) = watch.message().await {}
}

#[tokio::test]
async fn a_connection_that_has_grown_old_is_replaced_without_a_failed_call() {
    let running = Running::with(|settings| settings.connection_age_ms_max = 40).await;
    let mut client = proto::levels::v1::level_service_client::LevelServiceClient::new(running.channel().repeat_all());
    let begun = Instant::now();
    let mut calls = 0;
    while begun.elapsed() < Duration::from_millis(600) {
        client.get_scheme(get("any")).await.unwrap();
        calls += 1;
    }
    assert!(calls > 20, "only {calls} calls");
}

#[tokio::test]
async fn tasks_in_the_background_are_told_to_stop() {
    let running = Running::start().await;
    let shutdown = running.shutdown.clone();
    let task = rt::spawn(async move { shutdown.stopping().await });
    running.shutdown.ask();
    task.await.unwrap();
    running.served.await.unwrap();
    eventually("nothing is left", || true).await;
}
