use std::time::Duration;

use serde::Deserialize;

/// How a log is read and kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Days that events are kept before their day may be dropped.
    pub retention_days: u16,
    /// A service identity that has not read for so many days no longer holds back dropping.
    pub reader_idle_days: u16,
    /// How often the tables of coming days are made and old ones dropped, in seconds.
    pub upkeep_every_s: u64,
    /// How often heads are looked up while a reader waits, in milliseconds: how late an event of another process is seen
    /// when Redis is gone.
    pub poll_every_ms: u64,
    /// Readers that may wait at once in one process.
    pub waiting_max: usize,
    /// Bytes of events in one answer; the last event may exceed it. Stays below the 4 MiB that gRPC clients accept.
    pub page_bytes_max: usize,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            retention_days: 30,
            reader_idle_days: 90,
            upkeep_every_s: 3_600,
            poll_every_ms: 1_000,
            waiting_max: 512,
            page_bytes_max: 3 << 20,
        }
    }
}

impl LogSettings {
    pub(crate) fn poll_every(&self) -> Duration {
        Duration::from_millis(self.poll_every_ms)
    }

    pub(crate) fn upkeep_every(&self) -> Duration {
        Duration::from_secs(self.upkeep_every_s)
    }
}
