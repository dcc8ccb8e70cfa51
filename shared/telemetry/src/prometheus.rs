use std::net::SocketAddr;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

use crate::TelemetryError;

/// Upper bounds of every histogram of durations. Calls take less than 5 ms, so the buckets begin well below.
pub const DURATION_BUCKETS_SECONDS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds of histograms whose name ends in `items`: sizes of batches.
const ITEM_BUCKETS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

const BUILD_INFO: &str = "banyan_build_info";

pub(crate) fn init(address: &str, service: &'static str) -> Result<(), TelemetryError> {
    if address.is_empty() {
        return Ok(());
    }
    builder()?.with_http_listener(address.parse::<SocketAddr>()?).install()?;
    metrics::describe_gauge!(BUILD_INFO, "Always 1; the labels tell what runs");
    metrics::gauge!(BUILD_INFO, "service" => service, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(())
}

/// Names get their unit and `_total` appended as Prometheus wants them.
fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .with_recommended_naming(true)
        .set_buckets(&DURATION_BUCKETS_SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("items".to_owned()), &ITEM_BUCKETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rendered_with_unit_and_fine_buckets() {
        let recorder = builder().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::describe_histogram!("rpc.server.call.duration", metrics::Unit::Seconds, "Duration of calls");
            metrics::histogram!("rpc.server.call.duration", "rpc.method" => "a/B").record(0.0004);
            metrics::describe_counter!("log.events", "Events");
            metrics::counter!("log.events").increment(2);
            metrics::histogram!("flush.items").record(3.0);
        });
        let text = recorder.handle().render();
        for line in [
            "# HELP rpc_server_call_duration_seconds Duration of calls",
            "# TYPE rpc_server_call_duration_seconds histogram",
            r#"rpc_server_call_duration_seconds_bucket{rpc_method="a/B",le="0.0005"} 1"#,
            "log_events_total 2",
            r#"flush_items_bucket{le="2"} 0"#,
            r#"flush_items_bucket{le="4"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
