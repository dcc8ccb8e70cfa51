use std::time::Duration;

use tokio::time::Instant;

use crate::StoreError;

/// Attempts of one call, the first included.
pub const ATTEMPTS_MAX: u32 = 3;

/// No new attempt begins after this, because the caller's deadline is near. Longer than the second that Postgres takes to
/// find a deadlock, so that its loser is always tried again.
const BEGIN_BEFORE: Duration = Duration::from_millis(1_500);

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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Outcome {
        Conflict,
        Other,
    }

    impl MaybeConflict for Outcome {
        fn is_conflict(&self) -> bool {
            *self == Self::Conflict
        }
    }

    /// What `retrying` returns, and the attempts made, where the first ones end like this and each takes some time.
    async fn ends(first: Vec<Outcome>, takes: Duration) -> (Result<(), Outcome>, usize) {
        let attempts = Cell::new(0);
        let mut outcomes = first.into_iter();
        let result = retrying("test", || {
            attempts.set(attempts.get() + 1);
            let outcome = outcomes.next().map_or(Ok(()), Err);
            async move {
                tokio::time::sleep(takes).await;
                outcome
            }
        });
        (result.await, attempts.get())
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_attempt_is_made_again_three_times_in_all() {
        use Outcome::Conflict;
        assert_eq!(ends(vec![Conflict, Conflict], Duration::ZERO).await, (Ok(()), 3));
        assert_eq!(ends(vec![Conflict, Conflict, Conflict], Duration::ZERO).await, (Err(Conflict), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn any_other_error_ends_the_call_at_once() {
        assert_eq!(ends(vec![Outcome::Other], Duration::ZERO).await, (Err(Outcome::Other), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn no_new_attempt_begins_when_the_callers_deadline_is_near() {
        use Outcome::Conflict;
        let lock_timeout = Duration::from_millis(1_200);
        assert_eq!(ends(vec![Conflict, Conflict], lock_timeout).await, (Err(Conflict), 2));
    }
}
