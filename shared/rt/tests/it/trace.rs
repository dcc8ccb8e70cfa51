//! Traces pass through server and client.

use std::sync::LazyLock;

use telemetry::TelemetrySettings;
use tracing::Instrument as _;

use crate::raw::{GET_SCHEME, Raw, encoded};
use crate::server::{Running, get};

static TELEMETRY: LazyLock<telemetry::Guard> = LazyLock::new(|| {
    let settings = TelemetrySettings { filter: "off".to_owned(), ..TelemetrySettings::default() };
    telemetry::init(&settings, "test").unwrap()
});

#[tokio::test]
async fn a_call_joins_the_trace_that_its_caller_names() {
    LazyLock::force(&TELEMETRY);
    let running = Running::start().await;
    let mut raw = Raw::connect(&running).await;
    let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    raw.status(GET_SCHEME, &[("traceparent", caller)], encoded(&get("any"))).await;
    let seen = running.watch.traceparent.lock().unwrap().clone();
    assert!(seen.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{seen}");
}

#[tokio::test]
async fn a_client_passes_on_the_trace_that_it_is_used_in() {
    LazyLock::force(&TELEMETRY);
    let running = Running::start().await;
    let span = tracing::info_span!("caller");
    running.client().get_scheme(get("any")).instrument(span.clone()).await.unwrap();
    let seen = running.watch.traceparent.lock().unwrap().clone();
    assert_eq!(seen.split('-').nth(1), Some(telemetry::trace_id(&span).as_str()), "{seen}");
}

#[tokio::test]
async fn an_internal_error_names_its_trace() {
    LazyLock::force(&TELEMETRY);
    let running = Running::start().await;
    let span = tracing::info_span!("caller");
    let status = running.client().get_scheme(get("internal")).instrument(span.clone()).await.unwrap_err();
    assert_eq!(status::metadata_of(&status)["trace_id"], telemetry::trace_id(&span));
}
