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
    /// How long a part of a member page may take, in milliseconds. One that takes longer is left out of the page.
    pub member_part_ms: u64,
    /// How single events share transactions.
    pub lanes: lanes::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            page_default: 50,
            page_max: 200,
            stages_every_s: 60,
            member_part_ms: 140,
            lanes: lanes::Settings::default(),
        }
    }
}

impl Settings {
    /// The pause between two reviews of stages.
    pub fn stages_every(&self) -> Duration {
        Duration::from_secs(self.stages_every_s.max(1))
    }

    /// How long a part of a member page may take.
    pub fn member_part(&self) -> Duration {
        Duration::from_millis(self.member_part_ms)
    }
}
