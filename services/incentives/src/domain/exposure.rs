//! What users bought after a campaign met them: the figures that treated and held-out users are compared by.

use time::{Duration, OffsetDateTime};

/// Orders of this time after the first meeting count.
pub const WATCHED: Duration = Duration::days(30);

/// Which group a user belongs to: decided at the first meeting, and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// Was granted a reward.
    Treated,
    /// Was held out by the campaign's own share.
    Control,
}

impl Arm {
    /// The number stored.
    pub fn code(self) -> i16 {
        match self {
            Self::Treated => 1,
            Self::Control => 2,
        }
    }

    /// Of the number stored.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Treated, Self::Control].into_iter().find(|it| it.code() == code)
    }
}

/// How a campaign met a user first, and what the user bought since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// The group.
    pub arm: Arm,
    /// When the event happened that set it off.
    pub at: OffsetDateTime,
    /// Paid orders since.
    pub orders: i64,
    /// What was paid for them, in minor units.
    pub spend_minor: i64,
}

impl Exposure {
    /// The first meeting.
    pub fn new(arm: Arm, at: OffsetDateTime) -> Self {
        Self { arm, at, orders: 0, spend_minor: 0 }
    }

    /// Counts an order that was paid later than the meeting and within the time watched; says whether it does.
    pub fn bought(&mut self, paid_minor: i64, at: OffsetDateTime) -> bool {
        let counts = at > self.at && at - self.at <= WATCHED;
        if counts {
            self.orders += 1;
            self.spend_minor = self.spend_minor.saturating_add(paid_minor);
        }
        counts
    }
}
