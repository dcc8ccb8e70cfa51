//! Settings.

use std::time::Duration;

use serde::Deserialize;

/// Commented defaults of every setting of this service.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// The service's own settings, under `[service]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Rows of a page where the caller names no size.
    pub page_default: i64,
    /// The most rows of a page.
    pub page_max: i64,
    /// How often users are moved on whom time alone moves to another stage, in seconds. Reads are right without it; it
    /// decides how late such moves are told.
    pub stages_every_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { page_default: 50, page_max: 200, stages_every_s: 60 }
    }
}

impl Settings {
    /// The pause between two reviews of stages.
    pub fn stages_every(&self) -> Duration {
        Duration::from_secs(self.stages_every_s.max(1))
    }
}
