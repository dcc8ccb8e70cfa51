//! A user's standing in a scheme, and its moves.

mod earned;
mod grant;

pub use earned::{Earned, Fall, Shift};
pub use grant::{GRANTS_MAX, GrantKind, LevelGrant, LevelLock};

use ids::EventId;
use time::OffsetDateTime;
use units::zone::Zone;

use super::scheme::policy::Downgrade;
use super::scheme::{Figures, Scheme};

/// What decides about members of a scheme.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The scheme.
    pub scheme: &'a Scheme,
    /// What decides days and months.
    pub zone: &'a Zone,
}

/// A user's standing in a scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The rank held: that of a lock, or the higher one of what is earned and what is granted.
    pub rank: usize,
    /// Since when.
    pub since: OffsetDateTime,
    /// What the measures say.
    pub earned: Earned,
    /// What was granted and has not ended.
    pub grants: Vec<LevelGrant>,
    /// The level that is kept whatever is earned or granted.
    pub lock: Option<LevelLock>,
    /// The version of the scheme that decided it.
    pub scheme_version: i32,
    /// Number of the last move; 0: none yet.
    pub move_seq: i64,
}

/// Why a level changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveCause {
    /// What counts reached a threshold.
    Earned,
    /// What counts was taken back below the threshold.
    Reversed,
    /// The validity ended.
    PeriodEnd,
    /// A new version of the scheme has other thresholds.
    SchemeChanged,
    /// What counts lapsed below the threshold.
    Lapsed,
    /// A fall that was put off took place.
    GraceEnd,
    /// A level was granted.
    Granted,
    /// A grant ended.
    GrantEnded,
    /// The level was locked.
    Locked,
    /// A lock ended.
    Unlocked,
}

impl MoveCause {
    const ALL: [Self; 10] = [
        Self::Earned,
        Self::Reversed,
        Self::PeriodEnd,
        Self::SchemeChanged,
        Self::Lapsed,
        Self::GraceEnd,
        Self::Granted,
        Self::GrantEnded,
        Self::Locked,
        Self::Unlocked,
    ];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            MoveCause::Earned => 1,
            MoveCause::Reversed => 2,
            MoveCause::PeriodEnd => 3,
            MoveCause::SchemeChanged => 4,
            MoveCause::Lapsed => 5,
            MoveCause::GraceEnd => 6,
            MoveCause::Granted => 7,
            MoveCause::GrantEnded => 8,
            MoveCause::Locked => 9,
            MoveCause::Unlocked => 10,
        }
    }

    /// The cause of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.code() == code)
    }
}

/// One move of a member. A renewal at a period's end is a move to the same rank; so is what changes below a rank that is granted
/// or locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelMove {
    /// 1 for the member's first move, then without gaps.
    pub seq: i64,
    /// Rank before.
    pub from_rank: usize,
    /// Rank after.
    pub to_rank: usize,
    /// The rank that is earned after it.
    pub earned_rank: usize,
    /// Why.
    pub cause: MoveCause,
    /// The counts that decided it, measure by measure.
    pub counts: Vec<i64>,
    /// The grant that began or ended.
    pub grant_id: Option<EventId>,
    /// The scheme's version that decided it.
    pub scheme_version: i32,
    /// When it took effect.
    pub moved_at: OffsetDateTime,
    /// When it was decided.
    pub recorded_at: OffsetDateTime,
    /// Validity of the new level; `None`: for ever.
    pub valid_until: Option<OffsetDateTime>,
    /// When it is reviewed next; `None`: never.
    pub review_at: Option<OffsetDateTime>,
}

/// What of a member falls due by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberDue {
    /// The review of a validity that ended.
    Review,
    /// A fall that was put off.
    Fall,
    /// A grant begins or ends.
    Grant,
    /// The lock ends.
    Unlock,
}

/// What happens to a member, and when it is decided.
struct Event {
    cause: MoveCause,
    grant_id: Option<EventId>,
    moved_at: OffsetDateTime,
    recorded_at: OffsetDateTime,
}

impl Member {
    /// Someone seen for the first time, on the lowest level.
    pub fn enrol(terms: Terms<'_>, at: OffsetDateTime) -> Self {
        Self {
            rank: 0,
            since: at,
            earned: Earned::begin(terms, at),
            grants: Vec::new(),
            lock: None,
            scheme_version: terms.scheme.version,
            move_seq: 0,
        }
    }

    /// Takes note of what counts now, after a shift at `moved_at`: what follows from it for the level.
    pub fn follow(
        &mut self,
        terms: Terms<'_>,
        figures: &[Figures],
        shift: Shift,
        (moved_at, recorded_at): (OffsetDateTime, OffsetDateTime),
    ) -> Option<LevelMove> {
        self.scheme_version = terms.scheme.version;
        let cause = self.earned.follow(terms, figures, shift, moved_at)?;
        Some(self.moved(terms, figures, Event { cause, grant_id: None, moved_at, recorded_at }))
    }

    /// What falls due first by itself, and when. At one instant the review comes first.
    pub fn next_due(&self) -> Option<(OffsetDateTime, MemberDue)> {
        let review = self.earned.review_at.map(|at| (at, MemberDue::Review));
        let fall = self.earned.fall.map(|fall| (fall.at, MemberDue::Fall));
        let grant = self.grants.iter().filter_map(LevelGrant::next_due).min().map(|at| (at, MemberDue::Grant));
        let unlock = self.lock.as_ref().and_then(|lock| lock.until).map(|at| (at, MemberDue::Unlock));
        let due = [review, fall, grant, unlock].into_iter().flatten();
        due.min_by_key(|(at, _)| *at) // of equals the first
    }

    /// Does what fell due at a time. Before a review, what the period's end does to growth was done; `figures` are those after it.
    pub fn come_due(
        &mut self,
        terms: Terms<'_>,
        figures: &[Figures],
        due: MemberDue,
        (moved_at, recorded_at): (OffsetDateTime, OffsetDateTime),
    ) -> Option<LevelMove> {
        self.scheme_version = terms.scheme.version;
        let mut grant_id = None;
        let cause = match due {
            MemberDue::Review => {
                self.earned.review(terms, figures, moved_at);
                Some(MoveCause::PeriodEnd)
            }
            MemberDue::Fall => self.earned.end_grace(terms, figures, moved_at),
            MemberDue::Grant => {
                let (cause, id) = self.turn_grant(moved_at)?;
                grant_id = Some(id);
                Some(cause)
            }
            MemberDue::Unlock => {
                self.lock = None;
                Some(MoveCause::Unlocked)
            }
        };
        Some(self.moved(terms, figures, Event { cause: cause?, grant_id, moved_at, recorded_at }))
    }

    /// Holds a level that was reached elsewhere: which, since when and until when.
    pub fn open(
        &mut self,
        terms: Terms<'_>,
        figures: &[Figures],
        (rank, since, valid_until): (usize, OffsetDateTime, Option<OffsetDateTime>),
        recorded_at: OffsetDateTime,
    ) -> LevelMove {
        self.scheme_version = terms.scheme.version;
        self.earned = Earned::opened(terms, rank, since, valid_until);
        let cause = MoveCause::Earned;
        self.moved(terms, figures, Event { cause, grant_id: None, moved_at: since, recorded_at })
    }

    /// The rank that a review would lead to that took place now, graces aside.
    pub fn reviewed(&self, terms: Terms<'_>, figures: &[Figures]) -> usize {
        let supported = terms.scheme.rank_for(&terms.scheme.counts(figures, &self.earned.bases));
        let earned = match terms.scheme.policy.downgrade {
            Downgrade::Never => supported.max(self.earned.rank),
            Downgrade::AtReview | Downgrade::AtOnce if supported < self.earned.rank => {
                terms.scheme.policy.step(self.earned.rank, supported)
            }
            Downgrade::AtReview | Downgrade::AtOnce => supported,
        };
        self.held_with(earned)
    }

    /// The rank that is held where so much is earned.
    fn held_with(&self, earned: usize) -> usize {
        let granted = self.grants.iter().filter(|grant| grant.started).map(|grant| grant.rank);
        self.lock.as_ref().map_or_else(|| granted.fold(earned, usize::max), |lock| lock.rank)
    }

    /// Until when the level is held without anything else happening; `None`: for ever.
    pub fn valid_until(&self) -> Option<OffsetDateTime> {
        if let Some(lock) = &self.lock {
            return lock.until;
        }
        if self.rank <= self.earned.rank {
            return self.earned.valid_until;
        }
        let holding = self.grants.iter().filter(|grant| grant.started && grant.rank == self.rank);
        holding.map(|grant| grant.until).max_by_key(|until| (until.is_none(), *until)).flatten()
    }

    fn moved(&mut self, terms: Terms<'_>, figures: &[Figures], event: Event) -> LevelMove {
        let to_rank = self.held_with(self.earned.rank);
        let from_rank = std::mem::replace(&mut self.rank, to_rank);
        if from_rank != to_rank {
            self.since = event.moved_at;
        }
        self.move_seq += 1;
        LevelMove {
            seq: self.move_seq,
            from_rank,
            to_rank,
            earned_rank: self.earned.rank,
            cause: event.cause,
            counts: terms.scheme.counts(figures, &self.earned.bases),
            grant_id: event.grant_id,
            scheme_version: self.scheme_version,
            moved_at: event.moved_at,
            recorded_at: event.recorded_at,
            valid_until: self.valid_until(),
            review_at: self.earned.review_at,
        }
    }
}
