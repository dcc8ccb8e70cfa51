use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A new measurement counts for one part in this many.
const WEIGHT: u64 = 16;

/// How long commits take: a moving mean over all of a pool.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flush(Arc<AtomicU64>);

impl Flush {
    /// Takes note of a commit. Of two at the same time one may be lost, which a mean can bear.
    pub(crate) fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / WEIGHT);
        let mean = self.0.load(Ordering::Relaxed);
        let next = if mean == 0 { time } else { mean - mean / WEIGHT + time / WEIGHT };
        self.0.store(next, Ordering::Relaxed);
    }

    /// The mean; zero before the first commit.
    pub(crate) fn lately(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_follows_what_commits_take() {
        let flush = Flush::default();
        flush.took(Duration::from_micros(100));
        assert_eq!(flush.lately(), Duration::from_micros(100));
        for _ in 0..100 {
            flush.took(Duration::from_millis(4));
        }
        assert!(flush.lately() > Duration::from_micros(3_900) && flush.lately() <= Duration::from_millis(4));
    }
}
