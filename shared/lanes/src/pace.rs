//! How many transactions run at once.
//!
//! A transaction keeps a processor busy for `work` and then waits for its flush. While one waits, others can work: with
//! a flush of `flush` there is room for `flush / work` of them beside the one that works. Fewer would leave the processor
//! idle; more would only make batches smaller. Two at least, so that one gathers while another is written.

use std::time::Duration;

/// Transactions that run at once: at least, and at most.
pub(crate) const AT_ONCE: (usize, usize) = (2, 16);

/// Weight of a new measurement against all earlier ones.
const WEIGHT: f64 = 0.1;

/// What batches have taken lately.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Seconds of a batch; `None` before the first.
    batch: Option<f64>,
}

impl Pace {
    /// Takes note of a batch.
    pub(crate) fn took(&mut self, batch: Duration) {
        let batch = batch.as_secs_f64();
        self.batch = Some(self.batch.map_or(batch, |mean| mean + WEIGHT * (batch - mean)));
    }

    /// How many should run at once while a flush takes this long.
    pub(crate) fn at_once(&self, flush: Duration) -> usize {
        let Some(batch) = self.batch else { return AT_ONCE.0 };
        let flush = flush.as_secs_f64().min(batch);
        let work = (batch - flush).max(1e-6);
        let wanted = 1.0 + flush / work;
        (wanted.round() as usize).clamp(AT_ONCE.0, AT_ONCE.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(batch_us: u64) -> Pace {
        let mut pace = Pace::default();
        pace.took(Duration::from_micros(batch_us));
        pace
    }

    #[test]
    fn fast_flushes_are_waited_for_two_at_a_time() {
        assert_eq!(pace(1_100).at_once(Duration::from_micros(100)), 2);
    }

    #[test]
    fn slow_flushes_are_waited_for_side_by_side() {
        assert_eq!(pace(5_000).at_once(Duration::from_millis(4)), 5);
        assert_eq!(pace(4_200).at_once(Duration::from_millis(4)), AT_ONCE.1);
    }

    #[test]
    fn a_flush_that_takes_longer_than_batches_did_is_no_number_out_of_bounds() {
        assert_eq!(pace(1_000).at_once(Duration::from_secs(9)), AT_ONCE.1);
        assert_eq!(Pace::default().at_once(Duration::from_secs(9)), AT_ONCE.0);
    }

    #[test]
    fn one_slow_batch_among_many_changes_little() {
        let mut pace = pace(1_000);
        pace.took(Duration::from_millis(5));
        assert_eq!(pace.at_once(Duration::from_micros(200)), 2);
    }
}
