use std::collections::BTreeMap;

use serde::Deserialize;

/// Defaults of everything that all services share. A service's own `config.default.toml` follows them, under `[service]`.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// Characters of the secret for page tokens, at least.
const SECRET_MIN: usize = 16;

/// Settings of a process: what all services share, and under `service` the service's own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings<S> {
    /// The service's role in Postgres.
    pub pg: pg::PgSettings,
    /// Redis.
    pub redis: RedisSettings,
    /// Where calls are taken, and how many.
    pub server: rt::ServerSettings,
    /// Whose tokens are accepted.
    pub authn: authn::AuthnSettings,
    /// Calls to other services.
    pub client: rt::ClientSettings,
    /// Logs, traces, metrics.
    pub telemetry: telemetry::TelemetrySettings,
    /// The service's event log.
    pub log: eventlog::LogSettings,
    /// Consumers of other services' logs.
    pub consumer: eventlog::ConsumerSettings,
    /// Page tokens.
    pub page: PageSettings,
    /// Where other services' logs are served: service to address, such as `levels = "http://levels:50051"`. A service
    /// that is not listed must be part of the same process.
    pub sources: BTreeMap<String, String>,
    /// File with the token by which consumers read other services' logs; read again when it changes. Empty where no
    /// consumer reads another process.
    pub token_file: String,
    /// The service's own.
    pub service: S,
}

/// Redis, which carries wake-ups between processes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// Such as `redis://redis:6379`. Empty: none; events of other processes are then seen by polling.
    pub url: String,
}

/// Page tokens.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageSettings {
    /// Signs page tokens; the same in all replicas, at least 16 characters.
    pub secret: String,
}

impl PageSettings {
    /// What seals and opens page tokens. Refuses a secret that could be guessed.
    pub(crate) fn tokens(&self) -> anyhow::Result<page::Tokens> {
        anyhow::ensure!(self.secret.len() >= SECRET_MIN, "page.secret must have at least {SECRET_MIN} characters");
        Ok(page::Tokens::new(&self.secret))
    }
}

/// Without the secret.
impl std::fmt::Debug for PageSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageSettings").finish_non_exhaustive()
    }
}
