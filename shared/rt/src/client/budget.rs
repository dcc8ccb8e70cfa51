use std::sync::atomic::{AtomicU64, Ordering};

/// What one repetition costs.
const REPETITION: u64 = 1000;
/// A quiet channel has saved this many repetitions, so that the first failures after a start can be repeated.
const SAVED_MAX: u64 = 10;

/// Bounds repetitions to a share of the calls: when a server is in trouble, its callers must not multiply.
#[derive(Debug)]
pub(crate) struct Budget {
    saved: AtomicU64,
    per_call: u64,
}

impl Budget {
    pub(crate) fn new(ratio: f64) -> Self {
        let per_call = (ratio.clamp(0.0, 1.0) * REPETITION as f64) as u64;
        Self { saved: AtomicU64::new(SAVED_MAX * REPETITION), per_call }
    }

    /// A call was begun.
    pub(crate) fn deposit(&self) {
        let add = |saved: u64| Some((saved + self.per_call).min(SAVED_MAX * REPETITION));
        let _ = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Whether one more repetition is allowed.
    pub(crate) fn withdraw(&self) -> bool {
        let take = |saved: u64| saved.checked_sub(REPETITION);
        self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_stay_a_tenth_of_the_calls() {
        let budget = Budget::new(0.1);
        let mut repeated = 0;
        for _ in 0..1000 {
            budget.deposit();
            repeated += u32::from(budget.withdraw());
        }
        assert_eq!(repeated, 109);
    }

    #[test]
    fn a_quiet_channel_saves_ten() {
        let budget = Budget::new(0.5);
        (0..1000).for_each(|_| budget.deposit());
        assert_eq!((0..1000).filter(|_| budget.withdraw()).count(), 10);
    }
}
