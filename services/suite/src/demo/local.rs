//! Dates of the shop's calendar.

use jiff::{civil, tz::TimeZone};
use time::OffsetDateTime;

/// The zone whose clock the shop's times are read on.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    zone: TimeZone,
}

impl Local {
    /// The zone of an IANA name such as `Asia/Shanghai`; `None` where there is no such zone.
    #[must_use]
    pub(crate) fn new(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(|zone| Self { zone })
    }

    /// The instant of a date and time of day. A time that the clock skipped or showed twice is read with the offset
    /// before the change.
    #[must_use]
    pub(crate) fn instant(&self, at: civil::DateTime) -> Option<OffsetDateTime> {
        let nanoseconds = self.zone.to_ambiguous_timestamp(at).compatible().ok()?.as_nanosecond();
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()
    }

    /// The date that the clock shows at an instant.
    #[must_use]
    pub(crate) fn date(&self, at: OffsetDateTime) -> civil::Date {
        self.civil(at).date()
    }

    /// What the clock and the calendar show at an instant.
    #[must_use]
    pub(crate) fn civil(&self, at: OffsetDateTime) -> civil::DateTime {
        let timestamp = jiff::Timestamp::from_nanosecond(at.unix_timestamp_nanos()).unwrap_or(jiff::Timestamp::MAX);
        self.zone.to_datetime(timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_in_shanghai_is_four_in_the_afternoon_before_in_utc() {
        let local = Local::new("Asia/Shanghai").expect("the zone exists");
        let at = local.instant(civil::date(2026, 1, 1).at(0, 0, 0, 0)).expect("an instant");
        assert_eq!(at.unix_timestamp(), 1_767_196_800);
        assert_eq!(local.date(at), civil::date(2026, 1, 1));
    }

    #[test]
    fn an_unknown_zone_is_none() {
        assert!(Local::new("Asia/Nowhere").is_none());
    }
}
