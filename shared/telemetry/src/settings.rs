use serde::Deserialize;

/// What a process reports, and where to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Which log lines appear: a level, or a list such as `info,sqlx=warn,rt=debug`.
    pub filter: String,
    /// How a log line looks.
    pub format: LogFormat,
    /// Where spans are sent by OTLP over gRPC, such as `http://otel-collector:4317`. Empty: nowhere.
    pub otlp_endpoint: String,
    /// Share of the traces begun here that are sent, 0 to 1. A caller's decision is followed.
    pub sample_ratio: f64,
    /// Where Prometheus reads metrics, such as `0.0.0.0:9464`. Empty: nowhere.
    pub metrics_address: String,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Plain,
            otlp_endpoint: String::new(),
            sample_ratio: 1.0,
            metrics_address: String::new(),
        }
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Plain,
    /// One JSON object per line, for collectors.
    Json,
}
