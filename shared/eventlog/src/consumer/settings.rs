use std::time::Duration;

use serde::Deserialize;

/// How a consumer reads and applies.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsumerSettings {
    /// Transactions at the same time, each on a connection of its own.
    pub concurrent: usize,
    /// Events applied in one transaction at most, of as many partitions as there are.
    pub batch_max: i32,
    /// How long one read waits for events, in seconds.
    pub wait_s: u64,
    /// Events set aside at which the consumer stops.
    pub dead_letters_max: i64,
    /// How often cursors are stored while nothing but unwanted events passes, in milliseconds at least.
    pub store_every_ms: u64,
    /// How long a replica owns its partitions without a sign of life, in milliseconds.
    pub lease_ms: u64,
    /// First pause after a failure of the store or the source, in milliseconds; doubled each time.
    pub retry_first_ms: u64,
    /// Longest such pause, in milliseconds.
    pub retry_max_ms: u64,
    /// When a consumer that stopped, or a partition that is paused, looks whether its reason is gone, in milliseconds.
    pub stopped_ms: u64,
}

impl Default for ConsumerSettings {
    fn default() -> Self {
        Self {
            concurrent: 2,
            batch_max: 512,
            wait_s: 10,
            dead_letters_max: 100,
            store_every_ms: 100,
            lease_ms: 10_000,
            retry_first_ms: 50,
            retry_max_ms: 5_000,
            stopped_ms: 30_000,
        }
    }
}

impl ConsumerSettings {
    pub(super) fn stopped(&self) -> Duration {
        Duration::from_millis(self.stopped_ms)
    }

    /// The pause before try `attempt` (1 for the first repetition), drawn at random from its upper half, so that
    /// replicas do not fall into step.
    pub(super) fn pause(&self, attempt: u32) -> Duration {
        let doubled = self.retry_first_ms.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let longest = doubled.min(self.retry_max_ms).max(2);
        Duration::from_millis(rand::random_range(longest / 2..=longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_no_further() {
        let settings = ConsumerSettings::default();
        for (attempt, longest) in [(1, 50), (2, 100), (4, 400), (8, 5_000), (4_000_000_000, 5_000)] {
            let pause = settings.pause(attempt).as_millis();
            assert!((longest / 2..=longest).contains(&pause), "{attempt}: {pause}");
        }
    }
}
