//! Levels that are given, and levels that are locked.

use ids::EventId;
use time::OffsetDateTime;

use super::{Event, LevelMove, Member, MoveCause, Terms};
use crate::domain::refusal::Refusal;
use crate::domain::scheme::Figures;

/// Grants that a member may have at once.
pub const GRANTS_MAX: usize = 16;

/// What gives a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantKind {
    /// A person of the company.
    Staff,
    /// An invitation.
    Invitation,
    /// A paid membership.
    Paid,
    /// A paid membership that is tried for nothing.
    Trial,
}

impl GrantKind {
    const ALL: [Self; 4] = [Self::Staff, Self::Invitation, Self::Paid, Self::Trial];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            GrantKind::Staff => 1,
            GrantKind::Invitation => 2,
            GrantKind::Paid => 3,
            GrantKind::Trial => 4,
        }
    }

    /// The kind of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// A level that is held at least, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelGrant {
    /// Its id.
    pub id: EventId,
    /// What gives it.
    pub kind: GrantKind,
    /// The level.
    pub rank: usize,
    /// From when.
    pub from: OffsetDateTime,
    /// Before when; `None`: until it is ended.
    pub until: Option<OffsetDateTime>,
    /// Whether it has begun.
    pub started: bool,
}

/// A level that is kept whatever is earned or granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelLock {
    /// The level.
    pub rank: usize,
    /// Before when; `None`: until it is ended.
    pub until: Option<OffsetDateTime>,
}

impl LevelGrant {
    /// When it begins or ends by itself.
    pub(super) fn next_due(&self) -> Option<OffsetDateTime> {
        if self.started { self.until } else { Some(self.from) }
    }
}

impl Member {
    /// Grants a level from a time on, which may be now; `None`: it begins later.
    pub fn grant(
        &mut self,
        terms: Terms<'_>,
        figures: &[Figures],
        grant: LevelGrant,
        at: OffsetDateTime,
    ) -> Result<Option<LevelMove>, Refusal> {
        if self.grants.len() >= GRANTS_MAX {
            return Err(Refusal::LevelGrantLimit { limit: GRANTS_MAX });
        }
        self.scheme_version = terms.scheme.version;
        let (begins, id) = (grant.from <= at, grant.id.clone());
        self.grants.push(LevelGrant { started: begins, ..grant });
        Ok(begins.then(|| self.turned(terms, figures, MoveCause::Granted, Some(id), at)))
    }

    /// Ends a grant; `None`: it had not begun.
    pub fn end_grant(
        &mut self,
        terms: Terms<'_>,
        figures: &[Figures],
        id: &EventId,
        at: OffsetDateTime,
    ) -> Result<Option<LevelMove>, Refusal> {
        let place = self.grants.iter().position(|grant| grant.id == *id);
        let place = place.ok_or_else(|| Refusal::LevelGrantNotFound { grant_id: id.to_string() })?;
        self.scheme_version = terms.scheme.version;
        let ended = self.grants.remove(place);
        Ok(ended.started.then(|| self.turned(terms, figures, MoveCause::GrantEnded, Some(ended.id), at)))
    }

    /// Keeps a level, in place of an earlier lock.
    pub fn lock(&mut self, terms: Terms<'_>, figures: &[Figures], lock: LevelLock, at: OffsetDateTime) -> LevelMove {
        self.scheme_version = terms.scheme.version;
        self.lock = Some(lock);
        self.turned(terms, figures, MoveCause::Locked, None, at)
    }

    /// Ends a lock.
    pub fn unlock(&mut self, terms: Terms<'_>, figures: &[Figures], at: OffsetDateTime) -> Result<LevelMove, Refusal> {
        self.lock.take().ok_or(Refusal::LevelNotLocked)?;
        self.scheme_version = terms.scheme.version;
        Ok(self.turned(terms, figures, MoveCause::Unlocked, None, at))
    }

    fn turned(
        &mut self,
        terms: Terms<'_>,
        figures: &[Figures],
        cause: MoveCause,
        grant_id: Option<EventId>,
        at: OffsetDateTime,
    ) -> LevelMove {
        self.moved(terms, figures, Event { cause, grant_id, moved_at: at, recorded_at: at })
    }

    /// Begins or ends the first grant that is due at a time; one that follows on another begins first.
    pub(super) fn turn_grant(&mut self, at: OffsetDateTime) -> Option<(MoveCause, EventId)> {
        let due = |grant: &&mut LevelGrant| grant.next_due().is_some_and(|due| due <= at);
        if let Some(begins) = self.grants.iter_mut().filter(due).find(|grant| !grant.started) {
            begins.started = true;
            return Some((MoveCause::Granted, begins.id.clone()));
        }
        let place = self.grants.iter().position(|grant| grant.next_due().is_some_and(|due| due <= at))?;
        Some((MoveCause::GrantEnded, self.grants.remove(place).id))
    }
}
