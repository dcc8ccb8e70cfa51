//! What people do by hand to a member's level: they grant one, end a grant, lock a level and unlock it.

use ids::EventId;
use time::OffsetDateTime;

use super::member::{GrantKind, LevelGrant, LevelLock, LevelMove, Member, Terms};
use super::refusal::Refusal;
use super::scheme::Figures;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Grants a level.
    Grant {
        /// What gives it.
        kind: GrantKind,
        /// The level.
        rank: usize,
        /// From when; `None` or past: from now on.
        from: Option<OffsetDateTime>,
        /// Before when; `None`: until it is ended.
        until: Option<OffsetDateTime>,
    },
    /// Ends a grant.
    EndGrant(EventId),
    /// Locks a level.
    Lock {
        /// The level.
        rank: usize,
        /// Before when; `None`: until it is ended.
        until: Option<OffsetDateTime>,
    },
    /// Ends a lock.
    Unlock,
}

/// The same as a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActKind {
    /// A level was granted.
    Granted,
    /// A grant was ended.
    GrantEnded,
    /// A level was locked.
    Locked,
    /// A lock was ended.
    Unlocked,
}

impl ActKind {
    const ALL: [Self; 4] = [Self::Granted, Self::GrantEnded, Self::Locked, Self::Unlocked];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            ActKind::Granted => 1,
            ActKind::GrantEnded => 2,
            ActKind::Locked => 3,
            ActKind::Unlocked => 4,
        }
    }

    /// The kind of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What was done; never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelAct {
    /// 1 for the member's first act, then without gaps.
    pub seq: i64,
    /// What.
    pub kind: ActKind,
    /// The grant.
    pub grant_id: Option<EventId>,
    /// What gave the level.
    pub grant_kind: Option<GrantKind>,
    /// The level that was granted, ended or locked; of an unlocking, the one held after it.
    pub rank: usize,
    /// From when it holds; of what was ended, when.
    pub from: OffsetDateTime,
    /// Before when.
    pub until: Option<OffsetDateTime>,
    /// Why.
    pub reason: String,
    /// Who did it.
    pub acted_by: String,
    /// When.
    pub acted_at: OffsetDateTime,
}

/// Who does something, why, when and as which act of the member's.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The number of the act.
    pub seq: i64,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: OffsetDateTime,
}

impl Act {
    /// The level that it names.
    pub fn rank(&self) -> Option<usize> {
        match self {
            Act::Grant { rank, .. } | Act::Lock { rank, .. } => Some(*rank),
            Act::EndGrant(_) | Act::Unlock => None,
        }
    }

    /// When what it begins ends by itself.
    pub fn until(&self) -> Option<OffsetDateTime> {
        match self {
            Act::Grant { until, .. } | Act::Lock { until, .. } => *until,
            Act::EndGrant(_) | Act::Unlock => None,
        }
    }

    /// Does it to a member, `id` being that of a new grant; answers the act, and the move that follows at once.
    pub fn apply(
        &self,
        member: &mut Member,
        (terms, figures): (Terms<'_>, &[Figures]),
        id: &EventId,
        signed: Signed,
    ) -> Result<(LevelAct, Option<LevelMove>), Refusal> {
        let Signed { seq, reason, by: acted_by, at } = signed;
        let act = |kind, rank, from, until| LevelAct {
            seq,
            kind,
            grant_id: None,
            grant_kind: None,
            rank,
            from,
            until,
            reason,
            acted_by,
            acted_at: at,
        };
        Ok(match self {
            Act::Grant { kind, rank, from, until } => {
                let from = from.map_or(at, |from| from.max(at));
                let grant =
                    LevelGrant { id: id.clone(), kind: *kind, rank: *rank, from, until: *until, started: false };
                let moved = member.grant(terms, figures, grant, at)?;
                let act = act(ActKind::Granted, *rank, from, *until);
                (LevelAct { grant_id: Some(id.clone()), grant_kind: Some(*kind), ..act }, moved)
            }
            Act::EndGrant(id) => {
                let ended = member.grants.iter().find(|grant| grant.id == *id).cloned();
                let moved = member.end_grant(terms, figures, id, at)?;
                let (rank, kind) = ended.map(|ended| (ended.rank, ended.kind)).unzip();
                let act = act(ActKind::GrantEnded, rank.unwrap_or(0), at, None);
                (LevelAct { grant_id: Some(id.clone()), grant_kind: kind, ..act }, moved)
            }
            Act::Lock { rank, until } => {
                let moved = member.lock(terms, figures, LevelLock { rank: *rank, until: *until }, at);
                (act(ActKind::Locked, *rank, at, *until), Some(moved))
            }
            Act::Unlock => {
                let moved = member.unlock(terms, figures, at)?;
                (act(ActKind::Unlocked, moved.to_rank, at, None), Some(moved))
            }
        })
    }
}
