//! Settings of incentives.

use std::time::Duration;

use serde::Deserialize;

/// Defaults of the keys under `[service]`.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// Settings of incentives.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How often coupons and checkouts whose time is over are booked, in seconds. Reads and writes are right without it;
    /// it decides how late their events come.
    pub settle_every_s: u64,
    /// Coupons and checkouts booked in one transaction.
    pub settle_batch_max: i64,
    /// Transactions of one run; what is left waits for the next run.
    pub settle_batches_max: u32,
    /// Whether a service `feedback` runs too: campaigns are set off by its cases.
    pub feedback: bool,
    /// How claims, and writes about checkouts, share transactions.
    pub lanes: lanes::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            settle_every_s: 30,
            settle_batch_max: 200,
            settle_batches_max: 50,
            feedback: false,
            lanes: lanes::Settings::default(),
        }
    }
}

impl Settings {
    /// The pause between two runs.
    pub fn settle_every(&self) -> Duration {
        Duration::from_secs(self.settle_every_s.max(1))
    }
}
