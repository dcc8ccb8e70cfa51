//! Waiting for conditions instead of sleeping.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What a condition may answer: `bool`, `Option<T>` or `Result<T, E>`.
pub trait Verdict {
    /// What is there once the condition holds.
    type Value;

    /// The value, or why not yet.
    fn verdict(self) -> Result<Self::Value, String>;
}

impl Verdict for bool {
    type Value = ();

    fn verdict(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".to_owned()) }
    }
}

impl<T> Verdict for Option<T> {
    type Value = T;

    fn verdict(self) -> Result<T, String> {
        self.ok_or_else(|| "None".to_owned())
    }
}

impl<T, E: Debug> Verdict for Result<T, E> {
    type Value = T;

    fn verdict(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

/// Asks until the condition holds and returns its value. Panics with the last answer after 30 s: long, because the
/// machine may be busy, and never waited out by a test that passes.
pub async fn eventually<V: Verdict, F: Future<Output = V>>(condition: impl FnMut() -> F) -> V::Value {
    eventually_within(Duration::from_secs(30), condition).await
}

/// As [`eventually`], with the limit chosen.
pub async fn eventually_within<V: Verdict, F: Future<Output = V>>(
    limit: Duration,
    mut condition: impl FnMut() -> F,
) -> V::Value {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(2);
    loop {
        let why_not = match condition().await.verdict() {
            Ok(value) => return value,
            Err(why_not) => why_not,
        };
        assert!(Instant::now() < end, "the condition did not hold within {limit:?}; last answer: {why_not}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// The moment that a text like `2026-02-28T23:59:59+08:00` names.
pub fn at(text: &str) -> OffsetDateTime {
    let moment = OffsetDateTime::parse(text, &Rfc3339).expect("a moment as in RFC 3339");
    moment.to_offset(time::UtcOffset::UTC)
}
