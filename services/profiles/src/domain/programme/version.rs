//! A version of a programme on its way into force.

use time::{Duration, OffsetDateTime};

/// How long a version may stand still before another may take its place.
pub const ABANDONED_AFTER: Duration = Duration::minutes(10);

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its parts are being published.
    Applying,
    /// It came into force.
    Applied,
    /// A part was refused, or it was left unfinished.
    Failed,
}

/// Whether who wanted a version has given it up, to judge from when it was last gone on with; both in real time.
pub fn is_abandoned(touched_at: OffsetDateTime, now: OffsetDateTime) -> bool {
    now - touched_at > ABANDONED_AFTER
}

/// The id of the request that publishes a definition for a version. The same however often the version is gone on with;
/// another for another kind or content, and for the same content in another version, since it may have changed in between.
pub fn publication_id(version: i32, kind: &str, content: &[u8; 32]) -> String {
    let hex: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("programme-{version}-{kind}-{hex}")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_version_is_given_up_after_ten_minutes_without_a_step() {
        let touched = datetime!(2026-01-01 00:00 UTC);
        assert!(!is_abandoned(touched, touched + ABANDONED_AFTER));
        assert!(is_abandoned(touched, touched + ABANDONED_AFTER + Duration::SECOND));
    }

    #[test]
    fn publications_differ_by_version_kind_and_content_and_fit_into_a_request_id() {
        let id = publication_id(i32::MAX, "campaign_settings", &[7; 32]);
        assert_eq!(id, publication_id(i32::MAX, "campaign_settings", &[7; 32]));
        assert_ne!(id, publication_id(1, "campaign_settings", &[7; 32]));
        assert_ne!(id, publication_id(i32::MAX, "scheme", &[7; 32]));
        assert_ne!(id, publication_id(i32::MAX, "campaign_settings", &[8; 32]));
        assert!(id.len() <= 128);
    }
}
