//! Rules of timestamps and durations: `lt`, `lte`, `gt`, `gte`.

use prost_reflect::{DynamicMessage, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    UnsupportedRule,
    bounds::{Bounds, Words},
    source::Rules,
};

/// Seconds and nanoseconds: since 1970 or of a span.
type Pair = (i64, i32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Timestamp,
    Duration,
}

/// The rules of a timestamp or duration.
#[derive(Debug)]
pub(crate) struct Moment {
    kind: Kind,
    bounds: Bounds<Pair>,
}

impl Moment {
    pub(crate) fn read(kind: Kind, mut rules: Rules) -> Result<Self, UnsupportedRule> {
        let take = |rules: &mut Rules, name: &str| rules.take(name).as_ref().and_then(Value::as_message).map(pair);
        let bounds = Bounds::read(&mut rules, take)?;
        rules.finish()?;
        Ok(Self { kind, bounds })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bounds.is_empty()
    }

    pub(crate) fn check(&self, message: &DynamicMessage, mut report: impl FnMut(String)) {
        let words = match self.kind {
            Kind::Timestamp => Words { gte: "at or after", gt: "after", lte: "at or before", lt: "before" },
            Kind::Duration => Words { gte: "at least", gt: "longer than", lte: "at most", lt: "shorter than" },
        };
        let violation = self.bounds.violation(pair(message), &words, |value| show(self.kind, value));
        violation.into_iter().for_each(&mut report);
    }
}

fn pair(message: &DynamicMessage) -> Pair {
    let number = |name: &str| message.get_field_by_name(name).and_then(|value| crate::source::integer(&value));
    let seconds = number("seconds").and_then(|seconds| i64::try_from(seconds).ok());
    let nanos = number("nanos").and_then(|nanos| i32::try_from(nanos).ok());
    (seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

fn show(kind: Kind, (seconds, nanos): Pair) -> String {
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let date = || OffsetDateTime::from_unix_timestamp_nanos(total).ok()?.format(&Rfc3339).ok();
    match kind {
        Kind::Timestamp => date().unwrap_or_else(|| format!("{seconds} s since 1970")),
        Kind::Duration if nanos == 0 => format!("{seconds} s"),
        Kind::Duration => {
            let (sign, total) = (if total < 0 { "-" } else { "" }, total.unsigned_abs());
            let fraction = format!("{:09}", total % 1_000_000_000);
            format!("{sign}{}.{} s", total / 1_000_000_000, fraction.trim_end_matches('0'))
        }
    }
}
