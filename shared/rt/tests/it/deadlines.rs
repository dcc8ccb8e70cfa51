//! Time: every call has an end, and says so itself.

use std::time::{Duration, Instant};

use proto::levels::v1::level_service_client::LevelServiceClient;
use status::reason_of;
use tonic::Code;

use crate::raw::{GET_SCHEME, Raw, encoded};
use crate::server::{Running, get};

#[tokio::test]
async fn the_server_itself_says_that_the_callers_time_is_over() {
    let running = Running::start().await;
    let mut raw = Raw::connect(&running).await;
    let begun = Instant::now();
    let status = raw.status(GET_SCHEME, &[("grpc-timeout", "50m")], encoded(&get("wait"))).await;
    assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::DeadlineExceeded, Some("DEADLINE_EXCEEDED")));
    assert!((Duration::from_millis(50)..Duration::from_secs(10)).contains(&begun.elapsed()));
}

#[tokio::test]
async fn a_call_without_a_timeout_ends_at_the_servers_cap() {
    let running = Running::with(|settings| settings.call_ms_max = 60).await;
    let mut raw = Raw::connect(&running).await;
    for headers in [&[][..], &[("grpc-timeout", "99999999H")]] {
        let status = raw.status(GET_SCHEME, headers, encoded(&get("wait"))).await;
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }
}

#[tokio::test]
async fn a_call_whose_time_is_over_on_arrival_is_not_begun() {
    let running = Running::start().await;
    let mut raw = Raw::connect(&running).await;
    for timeout in ["0S", "0n", "00000000H"] {
        let status = raw.status(GET_SCHEME, &[("grpc-timeout", timeout)], encoded(&get("wait"))).await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{timeout}");
    }
    assert_eq!(running.watch.arrived.available_permits(), 0);
}

#[tokio::test]
async fn a_malformed_timeout_is_refused() {
    let running = Running::start().await;
    let mut raw = Raw::connect(&running).await;
    for timeout in ["", "S", "1", "-1S", "+1S", "1s", "1 S", "1.5S", "0x1S", "123456789S", "1SS", "soon"] {
        let status = raw.status(GET_SCHEME, &[("grpc-timeout", timeout)], encoded(&get("any"))).await;
        let told = (status.code(), reason_of(&status));
        assert_eq!(told, (Code::InvalidArgument, Some("TIMEOUT_MALFORMED".to_owned())), "{timeout:?}");
    }
    let twice = [("grpc-timeout", "1S"), ("grpc-timeout", "1S")];
    let status = raw.status(GET_SCHEME, &twice, encoded(&get("any"))).await;
    assert_eq!(reason_of(&status).as_deref(), Some("TIMEOUT_MALFORMED"));
}

#[tokio::test]
async fn a_handler_knows_its_deadline_and_a_client_passes_it_on() {
    let running = Running::with(|settings| settings.call_ms_max = 20_000).await;
    let mut client = running.client();
    let mut request = tonic::Request::new(get("any"));
    request.set_timeout(Duration::from_secs(10));
    client.get_scheme(request).await.unwrap();
    let known = running.watch.remaining.lock().unwrap().unwrap();
    assert!((Duration::from_secs(1)..=Duration::from_secs(10)).contains(&known), "{known:?}");
    // The server's cap where the caller grants more.
    client.get_scheme(get("any")).await.unwrap();
    let capped = running.watch.remaining.lock().unwrap().unwrap();
    assert!((Duration::from_secs(10)..=Duration::from_secs(20)).contains(&capped), "{capped:?}");
}

#[tokio::test]
async fn a_client_gives_up_at_the_deadline_when_the_server_is_silent() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", silent.local_addr().unwrap());
    let settings = rt::ClientSettings { call_ms_max: 80, ..rt::ClientSettings::default() };
    let channel = rt::connect(uri, &settings).unwrap().repeat_all();
    let status = LevelServiceClient::new(channel).get_scheme(get("any")).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
}
