//! Steps of a sandbox's clock.

use time::{Duration, OffsetDateTime};

/// The longest step: daily work of whatever kind happens on its day.
const STEP_MAX: Duration = Duration::days(1);

/// Where a clock stands after one step from `now` towards `to`: at the next due time on the way, at most a day later, and
/// never back.
pub fn next_step(now: OffsetDateTime, to: OffsetDateTime, due: Option<OffsetDateTime>) -> OffsetDateTime {
    let due = due.filter(|due| *due > now).unwrap_or(to);
    to.min(due).min(now + STEP_MAX).max(now)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_step_ends_at_what_comes_first() {
        let now = datetime!(2025-03-01 10:00 UTC);
        let (soon, tomorrow) = (datetime!(2025-03-01 12:30 UTC), datetime!(2025-03-02 10:00 UTC));
        let cases = [
            (datetime!(2025-04-01 0:00 UTC), Some(soon), soon),
            (datetime!(2025-04-01 0:00 UTC), None, tomorrow),
            (datetime!(2025-04-01 0:00 UTC), Some(datetime!(2025-03-09 0:00 UTC)), tomorrow),
            (datetime!(2025-03-01 11:00 UTC), Some(soon), datetime!(2025-03-01 11:00 UTC)),
            (datetime!(2025-02-01 0:00 UTC), Some(soon), now),
            // what was due before has been done, or waits for somebody else
            (datetime!(2025-03-01 11:00 UTC), Some(datetime!(2025-02-28 0:00 UTC)), datetime!(2025-03-01 11:00 UTC)),
        ];
        for (to, due, want) in cases {
            assert_eq!(next_step(now, to, due), want, "to {to}, due {due:?}");
        }
    }
}
