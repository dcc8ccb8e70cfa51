//! The lines of a job.

use ids::{Key, UserId};
use time::OffsetDateTime;

use super::JobKind;
use crate::domain::refusal::Refusal;

/// How far a line has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineState {
    /// Not carried out yet.
    Waiting,
    /// Carried out.
    Done,
    /// Refused.
    Failed,
    /// Carried out and taken back.
    Recalled,
    /// Carried out; taking it back was refused.
    RecallFailed,
}

impl LineState {
    const ALL: [Self; 5] = [Self::Waiting, Self::Done, Self::Failed, Self::Recalled, Self::RecallFailed];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            LineState::Waiting => 1,
            LineState::Done => 2,
            LineState::Failed => 3,
            LineState::Recalled => 4,
            LineState::RecallFailed => 5,
        }
    }

    /// The state of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// What is voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoidScope {
    /// What can be used, then what is pending.
    All,
    /// One lot.
    Lot,
    /// What is pending.
    Pending,
}

impl VoidScope {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            VoidScope::All => 1,
            VoidScope::Lot => 2,
            VoidScope::Pending => 3,
        }
    }

    /// The scope of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::All, Self::Lot, Self::Pending].into_iter().find(|scope| scope.code() == code)
    }
}

/// A level held elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningLevel {
    /// Its rank.
    pub rank: usize,
    /// Since when.
    pub since: OffsetDateTime,
    /// Until when; `None`: for ever.
    pub valid_until: Option<OffsetDateTime>,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub no: i64,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The point type.
    pub point_type: Key,
    /// How many points; what 0 and less mean depends on the kind of the job.
    pub amount: i64,
    /// When the lot lapses that it is about.
    pub expires_at: Option<OffsetDateTime>,
    /// What is voided.
    pub void_scope: Option<VoidScope>,
    /// When points of an opening were given.
    pub occurred_at: Option<OffsetDateTime>,
    /// When points of an opening can be used.
    pub activates_at: Option<OffsetDateTime>,
    /// Growth of an opening.
    pub growth: i64,
    /// Level of an opening.
    pub level: Option<OpeningLevel>,
}

impl Line {
    /// What does not fit the kind of job that it is for: fields, and why.
    pub fn faults(&self, kind: JobKind) -> Vec<(&'static str, &'static str)> {
        let opens = kind == JobKind::Opening;
        let amount = match kind {
            JobKind::Earn => (self.amount >= 1, "must be 1 or more"),
            JobKind::Adjust => (self.amount != 0, "must not be 0"),
            JobKind::Void => (self.amount >= 0, "must be 0 or more"),
            JobKind::Opening => (self.amount >= 0, "must be 0 or more"),
        };
        let dated = opens || self.void_scope == Some(VoidScope::Lot);
        let rules = [
            (amount.0, "amount", amount.1),
            (
                self.void_scope.is_some() == (kind == JobKind::Void),
                "void_scope",
                "is for jobs that void, and needed there",
            ),
            (dated || self.expires_at.is_none(), "expires_at", "is for openings, and for voiding one lot"),
            (opens || self.occurred_at.is_none(), "occurred_at", "is for openings"),
            (opens || self.activates_at.is_none(), "activates_at", "is for openings"),
            (
                self.activates_at.is_none() || self.expires_at.is_none(),
                "expires_at",
                "is not known of points that are pending: they lapse by the point type's policy",
            ),
            (opens || self.growth == 0, "growth", "is for openings"),
            (opens || self.level.is_none(), "level", "is for openings"),
            (
                !opens || self.amount + self.growth > 0 || self.level.is_some(),
                "amount",
                "must be 1 or more where neither growth nor a level is brought along",
            ),
        ];
        rules.into_iter().filter(|(holds, ..)| !holds).map(|(_, field, why)| (field, why)).collect()
    }
}

/// A line with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLine {
    /// The line.
    pub line: Line,
    /// How far it has come.
    pub state: LineState,
    /// Whose account its entry is in; `None`: it has none.
    pub account_user: Option<UserId>,
    /// Number of its entry; 0: none.
    pub entry_seq: i64,
    /// What the entry moved.
    pub moved: i64,
    /// What caps left out.
    pub cut: i64,
    /// What was taken back of it.
    pub recalled: i64,
    /// Why it failed.
    pub refusal: Option<Refusal>,
}

impl JobLine {
    /// A line that waits.
    pub fn new(line: Line) -> Self {
        let (state, account_user, refusal) = (LineState::Waiting, None, None);
        Self { line, state, account_user, entry_seq: 0, moved: 0, cut: 0, recalled: 0, refusal }
    }

    /// It was refused: to be carried out, or to be taken back.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.state = match self.state {
            LineState::Done => LineState::RecallFailed,
            LineState::Waiting | LineState::Failed | LineState::Recalled | LineState::RecallFailed => LineState::Failed,
        };
        self.refusal = Some(refusal);
    }
}
