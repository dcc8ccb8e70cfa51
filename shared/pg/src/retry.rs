use std::time::{Duration, Instant};

use crate::StoreError;

/// Attempts of one call, the first included.
pub const ATTEMPTS_MAX: u32 = 3;

/// No new attempt begins after this: an attempt that waited out its lock timeout is answered instead.
const BEGIN_BEFORE: Duration = Duration::from_millis(900);

/// An error that may say "lost against a concurrent transaction, try the whole thing again".
pub trait MaybeConflict {
    /// True for exactly those errors.
    fn is_conflict(&self) -> bool;
}

impl MaybeConflict for StoreError {
    fn is_conflict(&self) -> bool {
        self.retryable()
    }
}

/// Runs whole attempts until one does not lose against a concurrent transaction, three at most with a small random
/// pause between them. `attempt` opens its own transaction each time, so nothing of a lost attempt is left.
pub async fn retrying<T, E, F, Fut>(name: &'static str, mut attempt: F) -> Result<T, E>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: MaybeConflict + std::fmt::Debug,
{
    let begun = Instant::now();
    for number in 1.. {
        match attempt().await {
            Err(error) if error.is_conflict() && number < ATTEMPTS_MAX && begun.elapsed() < BEGIN_BEFORE => {
                tracing::debug!(name, number, ?error, "lost against a concurrent transaction, trying again");
                let pause = rand::random_range(1..=10 * u64::from(number));
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            outcome => return outcome,
        }
    }
    unreachable!("the last attempt returns its outcome")
}
