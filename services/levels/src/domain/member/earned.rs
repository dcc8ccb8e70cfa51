//! The level that what counts supports, with its validity, graces and falls.

use time::{Duration, OffsetDateTime};

use super::{MoveCause, Terms};
use crate::domain::scheme::policy::{Downgrade, Upgrade};
use crate::domain::scheme::{Basis, Figures};

/// A fall that is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fall {
    /// Until when.
    pub at: OffsetDateTime,
    /// The lowest rank that it leads to.
    pub to: usize,
}

/// The level that a member has earned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earned {
    /// Its rank.
    pub rank: usize,
    /// Since when.
    pub since: OffsetDateTime,
    /// The rank that the counts reached when they were last looked at: what a reversal is measured by.
    pub supported: usize,
    /// When the last validity ended; `None`: none has yet.
    pub period_start: Option<OffsetDateTime>,
    /// The first instant at which it is no longer held without a review; `None`: for ever.
    pub valid_until: Option<OffsetDateTime>,
    /// When that review is.
    pub review_at: Option<OffsetDateTime>,
    /// A fall that is put off.
    pub fall: Option<Fall>,
    /// The growth at which the period began, measure by measure; none: 0.
    pub bases: Vec<i64>,
}

/// What made counts change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// Something was earned or taken back.
    Booked,
    /// Something lapsed.
    Lapsed,
    /// The scheme has a new version.
    Scheme,
}

impl Earned {
    /// The lowest level, from `at` on.
    pub(super) fn begin(terms: Terms<'_>, at: OffsetDateTime) -> Self {
        let mut earned = Self {
            rank: 0,
            since: at,
            supported: 0,
            period_start: None,
            valid_until: None,
            review_at: None,
            fall: None,
            bases: Vec::new(),
        };
        earned.hold_from(terms, at);
        earned
    }

    /// A level that was reached elsewhere.
    pub(super) fn opened(
        terms: Terms<'_>,
        rank: usize,
        since: OffsetDateTime,
        valid_until: Option<OffsetDateTime>,
    ) -> Self {
        let review_at = valid_until.map(|ends| terms.scheme.policy.review_of(ends, terms.zone));
        Self { rank, supported: rank, valid_until, review_at, ..Self::begin(terms, since) }
    }

    /// What follows from counts that may have changed at `at`; `None`: the level stays. A rise restarts the validity; a fall keeps
    /// it, so that nobody is held longer by losing a level. What was taken back lowers the level at once if the level stood on it:
    /// one that is kept by its validity or by grace does not.
    pub(super) fn follow(
        &mut self,
        terms: Terms<'_>,
        figures: &[Figures],
        shift: Shift,
        at: OffsetDateTime,
    ) -> Option<MoveCause> {
        let stood = self.supported >= self.rank;
        let supported = self.look(terms, figures);
        let policy = &terms.scheme.policy;
        if supported >= self.rank {
            self.fall = None;
            let rises = supported > self.rank && policy.upgrade == Upgrade::AtOnce;
            return rises.then(|| {
                self.rise(terms, supported, at);
                if shift == Shift::Scheme { MoveCause::SchemeChanged } else { MoveCause::Earned }
            });
        }
        let gone = self.rank > terms.scheme.highest();
        match shift {
            Shift::Booked if stood => {
                self.fall_to(supported, at);
                Some(MoveCause::Reversed)
            }
            Shift::Scheme if gone => {
                self.fall_to(supported, at);
                Some(MoveCause::SchemeChanged)
            }
            Shift::Lapsed | Shift::Scheme if policy.downgrade == Downgrade::AtOnce => {
                let cause = if shift == Shift::Scheme { MoveCause::SchemeChanged } else { MoveCause::Lapsed };
                self.sink(terms, supported, at).then_some(cause)
            }
            Shift::Booked | Shift::Lapsed | Shift::Scheme => None,
        }
    }

    /// The review of a validity that ended: the level is decided anew, and its next validity follows on the last without a gap.
    /// Counts of the period begin anew.
    pub(super) fn review(&mut self, terms: Terms<'_>, figures: &[Figures], at: OffsetDateTime) {
        let ended = self.valid_until.unwrap_or(at);
        let supported = self.look(terms, figures);
        self.fall = None;
        if supported > self.rank {
            (self.rank, self.since) = (supported, at);
        } else if supported < self.rank && terms.scheme.policy.downgrade != Downgrade::Never {
            self.sink_once(terms, supported, at);
        }
        self.period_start = Some(ended);
        // counted from the last instant held: the end itself belongs to the day after, and dates would drift by a day
        self.hold_from(terms, ended - Duration::MICROSECOND);
        let periodic = terms.scheme.measures.iter().any(|measure| measure.basis == Basis::Period);
        if periodic {
            self.bases = figures.iter().map(|it| it.growth).collect();
        }
        self.look(terms, figures);
    }

    /// The end of a grace: whoever has not regained the level loses it.
    pub(super) fn end_grace(&mut self, terms: Terms<'_>, figures: &[Figures], at: OffsetDateTime) -> Option<MoveCause> {
        let fall = self.fall.take()?;
        let supported = self.look(terms, figures);
        if supported >= self.rank {
            return None;
        }
        self.fall_to(fall.to.max(supported), at);
        if terms.scheme.policy.downgrade == Downgrade::AtOnce {
            self.sink(terms, supported, at);
        }
        Some(MoveCause::GraceEnd)
    }

    /// The rank that the counts reach now. A period whose growth was taken back begins where that is now.
    fn look(&mut self, terms: Terms<'_>, figures: &[Figures]) -> usize {
        for (base, it) in self.bases.iter_mut().zip(figures) {
            *base = it.growth.min(*base);
        }
        self.supported = terms.scheme.rank_for(&terms.scheme.counts(figures, &self.bases));
        self.supported
    }

    /// Falls step by step towards a rank, as far as nothing puts it off; answers whether it fell.
    fn sink(&mut self, terms: Terms<'_>, supported: usize, at: OffsetDateTime) -> bool {
        let mut fell = false;
        while supported < self.rank && self.sink_once(terms, supported, at) {
            fell = true;
        }
        fell
    }

    fn sink_once(&mut self, terms: Terms<'_>, supported: usize, at: OffsetDateTime) -> bool {
        let policy = &terms.scheme.policy;
        let to = policy.step(self.rank, supported);
        let earliest = policy.earliest_fall(self.since, at, terms.zone);
        if earliest <= at {
            self.fall_to(to, at);
            return true;
        }
        // what is put off already stays put off until then, and may lead further down
        let until = self.fall.map_or(earliest, |fall| fall.at);
        self.fall = Some(Fall { at: until, to });
        false
    }

    fn rise(&mut self, terms: Terms<'_>, to: usize, at: OffsetDateTime) {
        (self.rank, self.since) = (to, at);
        self.hold_from(terms, at);
    }

    fn fall_to(&mut self, to: usize, at: OffsetDateTime) {
        (self.rank, self.since, self.fall) = (to, at, None);
    }

    fn hold_from(&mut self, terms: Terms<'_>, since: OffsetDateTime) {
        self.valid_until = terms.scheme.valid_until(since, terms.zone);
        self.review_at = self.valid_until.map(|ends| terms.scheme.policy.review_of(ends, terms.zone));
    }
}
