//! A user's standing in a scheme, and its moves.

use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use super::scheme::Scheme;

/// A user's standing in a scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The rank held.
    pub rank: usize,
    /// Since when.
    pub since: OffsetDateTime,
    /// The first instant at which it is no longer held without a review; `None`: for ever.
    pub valid_until: Option<OffsetDateTime>,
    /// The version of the scheme that decided it.
    pub scheme_version: i32,
    /// Number of the last move; 0: none yet.
    pub move_seq: i64,
}

/// Why a level changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveCause {
    /// Growth reached a threshold.
    Earned,
    /// Growth was taken back below the threshold.
    Reversed,
    /// The validity ended.
    PeriodEnd,
    /// A new version of the scheme has other thresholds.
    SchemeChanged,
}

impl MoveCause {
    const ALL: [Self; 4] = [Self::Earned, Self::Reversed, Self::PeriodEnd, Self::SchemeChanged];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            MoveCause::Earned => 1,
            MoveCause::Reversed => 2,
            MoveCause::PeriodEnd => 3,
            MoveCause::SchemeChanged => 4,
        }
    }

    /// The cause of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.code() == code)
    }
}

/// One move of a member. A renewal at a period's end is a move to the same rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelMove {
    /// 1 for the member's first move, then without gaps.
    pub seq: i64,
    /// Rank before.
    pub from_rank: usize,
    /// Rank after.
    pub to_rank: usize,
    /// Why.
    pub cause: MoveCause,
    /// The growth that decided it.
    pub growth: i64,
    /// The scheme's version that decided it.
    pub scheme_version: i32,
    /// When it took effect.
    pub moved_at: OffsetDateTime,
    /// When it was decided.
    pub recorded_at: OffsetDateTime,
    /// Validity of the new level; `None`: for ever.
    pub valid_until: Option<OffsetDateTime>,
}

impl Member {
    /// Someone seen for the first time, on the lowest level.
    pub fn enrol(scheme: &Scheme, zone: &Zone, at: OffsetDateTime) -> Self {
        Self {
            rank: 0,
            since: at,
            valid_until: scheme.valid_until(at, zone),
            scheme_version: scheme.version,
            move_seq: 0,
        }
    }

    /// Moves at `moved_at` to the rank that the growth supports, where that is another one. A rise restarts the validity; a fall
    /// keeps it, so that nobody is held longer by losing a level.
    pub fn follow(
        &mut self,
        scheme: &Scheme,
        zone: &Zone,
        growth: i64,
        cause: MoveCause,
        (moved_at, at): (OffsetDateTime, OffsetDateTime),
    ) -> Option<LevelMove> {
        self.scheme_version = scheme.version;
        let rank = scheme.rank_for(growth);
        if rank == self.rank {
            return None;
        }
        if rank > self.rank {
            self.valid_until = scheme.valid_until(moved_at, zone);
        }
        Some(self.moved(rank, cause, growth, moved_at, at))
    }

    /// Ends a period at its time: what remains of the growth, and the renewal or move that follows from it. `None` where
    /// no period has ended by `at`. The next period follows on the last without a gap, so several may end at once.
    pub fn end_period(
        &mut self,
        scheme: &Scheme,
        zone: &Zone,
        growth: i64,
        at: OffsetDateTime,
    ) -> Option<(i64, LevelMove)> {
        let ended = self.valid_until.filter(|end| *end <= at)?;
        self.scheme_version = scheme.version;
        let threshold = scheme.threshold(self.rank);
        let growth = scheme.validity.map_or(growth, |validity| validity.end.growth_after(growth, threshold));
        // counted from the last instant held: the end itself belongs to the day after, and dates would drift by a day
        self.valid_until = scheme.valid_until(ended - Duration::MICROSECOND, zone);
        let to = scheme.rank_for(growth);
        Some((growth, self.moved(to, MoveCause::PeriodEnd, growth, ended, at)))
    }

    fn moved(
        &mut self,
        to: usize,
        cause: MoveCause,
        growth: i64,
        moved_at: OffsetDateTime,
        at: OffsetDateTime,
    ) -> LevelMove {
        let from_rank = std::mem::replace(&mut self.rank, to);
        if from_rank != to {
            self.since = moved_at;
        }
        self.move_seq += 1;
        LevelMove {
            seq: self.move_seq,
            from_rank,
            to_rank: to,
            cause,
            growth,
            scheme_version: self.scheme_version,
            moved_at,
            recorded_at: at,
            valid_until: self.valid_until,
        }
    }
}
