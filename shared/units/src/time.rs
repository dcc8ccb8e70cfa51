//! Times travel as `google.protobuf.Timestamp` and are stored with microseconds.

use prost_types::Timestamp;
use time::OffsetDateTime;

const NANOS_PER_MICRO: i32 = 1_000;

/// Why a `Timestamp` is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Outside the years 1 to 9999.
    #[error("must lie between the years 1 and 9999")]
    Range,
    /// `nanos` lies outside 0 to 999,999,999.
    #[error("nanos must lie between 0 and 999999999")]
    Nanos,
}

/// A time as it travels.
pub fn to_proto(at: OffsetDateTime) -> Timestamp {
    Timestamp { seconds: at.unix_timestamp(), nanos: i32::try_from(at.nanosecond()).expect("below a second") }
}

/// A time in UTC, cut to the microseconds that Postgres keeps: what is decided with is what is stored.
pub fn from_proto(at: &Timestamp) -> Result<OffsetDateTime, TimeError> {
    if !(0..1_000_000_000).contains(&at.nanos) {
        return Err(TimeError::Nanos);
    }
    let whole = OffsetDateTime::from_unix_timestamp(at.seconds).map_err(|_| TimeError::Range)?;
    if !(1..=9999).contains(&whole.year()) {
        return Err(TimeError::Range);
    }
    Ok(whole + time::Duration::microseconds(i64::from(at.nanos / NANOS_PER_MICRO)))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_before_1970_has_negative_seconds_and_positive_nanos() {
        let at = datetime!(1969-12-31 23:59:59.25 UTC);
        let travels = Timestamp { seconds: -1, nanos: 250_000_000 };
        assert_eq!(to_proto(at), travels);
        assert_eq!(from_proto(&travels), Ok(at));
    }

    #[test]
    fn nanoseconds_are_cut_to_what_the_database_keeps() {
        let sent = Timestamp { seconds: 0, nanos: 1_999 };
        assert_eq!(to_proto(from_proto(&sent).unwrap()), Timestamp { seconds: 0, nanos: 1_000 });
    }

    #[test]
    fn the_years_1_to_9999_are_accepted_and_no_others() {
        for at in [datetime!(0001-01-01 0:00 UTC), datetime!(9999-12-31 23:59:59.999999 UTC)] {
            assert_eq!(from_proto(&to_proto(at)), Ok(at));
        }
        for seconds in [-62_135_596_801, 253_402_300_800, i64::MIN, i64::MAX] {
            assert_eq!(from_proto(&Timestamp { seconds, nanos: 0 }), Err(TimeError::Range), "{seconds}");
        }
    }

    #[test]
    fn nanos_outside_a_second_are_refused() {
        for nanos in [-1, 1_000_000_000] {
            assert_eq!(from_proto(&Timestamp { seconds: 0, nanos }), Err(TimeError::Nanos), "{nanos}");
        }
    }
}
