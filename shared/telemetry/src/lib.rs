//! Logs, traces and metrics of a process.
//!
//! Logs go to standard error, one line each, plain or JSON. Every call has a trace id, from its caller or new, whether
//! or not traces are sent anywhere: it stands in the log lines and in INTERNAL errors. Spans are sent by OTLP only
//! where an endpoint is set, metrics served for Prometheus only where an address is set.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, filter::LevelFilter};

mod prometheus;
mod propagation;
mod settings;

pub use prometheus::DURATION_BUCKETS_SECONDS;
pub use propagation::{adopt, current_traceparent, trace_id, traceparent};
pub use settings::{LogFormat, TelemetrySettings};

/// How long the last spans may take to leave when the process ends.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `telemetry.filter` is not a filter expression.
    #[error("telemetry.filter is not a filter expression: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// `telemetry.sample_ratio` is not between 0 and 1.
    #[error("telemetry.sample_ratio is {0}, not between 0 and 1")]
    SampleRatio(f64),
    /// `telemetry.otlp_endpoint` cannot be used.
    #[error("telemetry.otlp_endpoint cannot be used: {0}")]
    Otlp(#[from] opentelemetry_otlp::ExporterBuildError),
    /// `telemetry.metrics_address` is not an address.
    #[error("telemetry.metrics_address is not an address such as 0.0.0.0:9464: {0}")]
    MetricsAddress(#[from] std::net::AddrParseError),
    /// The port of `telemetry.metrics_address` is taken, or metrics were started before.
    #[error("metrics cannot be served: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// Another logger was installed in this process before.
    #[error("logging was started before: {0}")]
    Logs(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends what is left when it is dropped at the end of `main`.
#[derive(Debug)]
#[must_use = "the last spans are lost when the guard is dropped early"]
pub struct Guard {
    tracer: SdkTracerProvider,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.tracer.shutdown_with_timeout(FLUSH_MAX) {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// Starts logs, traces and metrics of this process, which calls itself `service`. Must be called once, inside a Tokio
/// runtime.
pub fn init(settings: &TelemetrySettings, service: &'static str) -> Result<Guard, TelemetryError> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let tracer = tracer(settings, service)?;
    prometheus::init(&settings.metrics_address, service)?;
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer.tracer(service))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match settings.format {
        LogFormat::Plain => lines.with_target(false).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
    };
    Registry::default().with(spans).with(lines).try_init()?;
    Ok(Guard { tracer })
}

fn tracer(settings: &TelemetrySettings, service: &'static str) -> Result<SdkTracerProvider, TelemetryError> {
    let ratio = settings.sample_ratio;
    if !(0.0..=1.0).contains(&ratio) {
        return Err(TelemetryError::SampleRatio(ratio));
    }
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    if settings.otlp_endpoint.is_empty() {
        // Spans still get ids, which cost little and lead from an error to its log lines.
        return Ok(builder.with_sampler(Sampler::AlwaysOff).build());
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&settings.otlp_endpoint)
        .with_timeout(Duration::from_secs(3))
        .build()?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)));
    Ok(builder.with_sampler(sampler).with_batch_exporter(exporter).build())
}
