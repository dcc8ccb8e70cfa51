//! The end of a server.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use proto::levels::v1::level_service_client::LevelServiceClient;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::raw::{GET_SCHEME, Raw, encoded};
use crate::server::{Running, get, patient, publish};

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
    let mut late = LevelServiceClient::new(rt::connect(running.uri.clone(), &patient()).unwrap());
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
    let running = Running::with(|settings| settings.drain_ms_max = 200).await;
    let mut client = running.client();
    let call = tokio::spawn(async move { client.get_scheme(get("wait")).await });
    running.watch.arrived(1).await;
    let begun = Instant::now();
    running.shutdown.ask();
    assert!(!running.served.await.unwrap(), "the bound was needed");
    assert!(begun.elapsed() < Duration::from_secs(20));
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
    assert!(begun.elapsed() < Duration::from_secs(8), "less than the bound of the drain");
    while let Ok(Some(_)) = watch.message().await {}
}

#[tokio::test]
async fn a_connection_that_has_grown_old_is_replaced_without_a_failed_call() {
    let running = Running::with(|settings| settings.connection_age_ms_max = 40).await;
    let settings = rt::ClientSettings { retry_ratio: 1.0, ..patient() };
    let channel = rt::connect(running.uri.clone(), &settings).unwrap().with_token(running.token()).repeat_all();
    let mut client = LevelServiceClient::new(channel);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(400) {
        client.get_scheme(get("any")).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_runs_while_its_connection_grows_old_ends_well() {
    let running = Running::with(|settings| settings.connection_age_ms_max = 50).await;
    let mut raw = Raw::connect(&running).await;
    let request = raw.request(GET_SCHEME, &[], encoded(&get("wait")));
    raw.sender.ready().await.unwrap();
    let call = raw.sender.send_request(request);
    running.watch.arrived(1).await;
    // Asked to leave, the client can begin no more calls.
    while raw.sender.ready().await.is_ok() {
        let probe = raw.request(GET_SCHEME, &[], encoded(&get("any")));
        if raw.sender.send_request(probe).await.is_err() {
            break;
        }
    }
    running.watch.open(1);
    let body = call.await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn tasks_in_the_background_are_told_to_stop() {
    let running = Running::start().await;
    let shutdown = running.shutdown.clone();
    let task = rt::spawn(async move { shutdown.stopping().await });
    running.shutdown.ask();
    task.await.unwrap();
    running.served.await.unwrap();
}
