//! Settings of feedback.

use std::time::Duration;

use serde::Deserialize;

/// Defaults of the keys under `[service]`.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// Settings of feedback.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How often passed deadlines and promises are looked for, and cases put under a new SLA policy, in seconds. Reads are
    /// right without it; it decides how late `case.breached` comes.
    pub look_every_s: u64,
    /// Cases brought up to date in one transaction.
    pub batch_max: i64,
    /// Transactions of one run over all tenants; what is left waits for the next run.
    pub batches_max: u32,
    /// How calls about cases share transactions.
    pub lanes: lanes::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self { look_every_s: 10, batch_max: 100, batches_max: 100, lanes: lanes::Settings::default() }
    }
}

impl Settings {
    /// The pause between two runs.
    pub fn look_every(&self) -> Duration {
        Duration::from_secs(self.look_every_s.max(1))
    }
}
