use std::time::Duration;

use serde::Deserialize;

/// How a channel behaves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientSettings {
    /// How long a connection may take to be made.
    pub connect_ms_max: u64,
    /// The time of a call that names none and is not made inside of another; one inside gets at most what that has left.
    pub call_ms_max: u64,
    /// A connection is pinged when nothing was heard for so long, also while idle…
    pub keepalive_interval_ms: u64,
    /// …and given up when the answer takes longer than this.
    pub keepalive_timeout_ms: u64,
    /// How often a repeatable call is repeated.
    pub retries_max: u32,
    /// Repetitions per call over all calls of the channel, so that a server in trouble is not asked twice as much.
    pub retry_ratio: f64,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_ms_max: 1_000,
            call_ms_max: 3_000,
            keepalive_interval_ms: 10_000,
            keepalive_timeout_ms: 3_000,
            retries_max: 2,
            retry_ratio: 0.1,
        }
    }
}

impl ClientSettings {
    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_ms_max)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.call_ms_max)
    }

    pub(crate) fn keepalive_interval(&self) -> Duration {
        Duration::from_millis(self.keepalive_interval_ms)
    }

    pub(crate) fn keepalive_timeout(&self) -> Duration {
        Duration::from_millis(self.keepalive_timeout_ms)
    }
}
