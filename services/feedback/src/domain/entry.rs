//! What happened to a case.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::clock::CaseClock;
use super::coded::coded;
use super::triage::Quadrant;
use crate::domain::case::CaseState;

coded! {
    /// How a case ended.
    Resolution {
        /// The cause is gone.
        Solved = 1 "solved",
        /// The question was answered.
        Answered = 2 "answered",
        /// The cause stays and the user can do without.
        Workaround = 3 "workaround",
        /// Handed to product development, which decides.
        Forwarded = 4 "forwarded",
        /// The same as another case.
        Duplicate = 5 "duplicate",
        /// It will not be done.
        Declined = 6 "declined",
        /// The user did not answer.
        NoReply = 7 "no_reply",
        /// No real case.
        Spam = 8 "spam",
    }
}

/// A file kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Where it is.
    pub reference: String,
    /// Such as `image/png`; may be empty.
    pub media_type: String,
    /// What the user called it; may be empty.
    pub name: String,
}

/// What a correction changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field, as in the contract.
    pub field: String,
    /// Its value before.
    pub before: String,
    /// Its value after.
    pub after: String,
}

/// What happened. Stored: the names never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// It came in.
    Submitted,
    /// Its classification was corrected.
    Corrected {
        /// What changed.
        changes: Vec<FieldChange>,
    },
    /// It was given to an operator, or taken from one.
    Assigned {
        /// What changed.
        changes: Vec<FieldChange>,
    },
    /// An internal note.
    Noted,
    /// An answer.
    Answered {
        /// Whether it was the first.
        first: bool,
    },
    /// An interim answer with a promise.
    Promised {
        /// Whether it was the first answer.
        first: bool,
        /// By when the next one comes.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
    },
    /// A question to the user.
    Asked {
        /// Whether it was the first answer.
        first: bool,
    },
    /// The user wrote.
    Replied,
    /// It ended.
    Resolved {
        /// Whether it was the first answer.
        first: bool,
        /// How.
        resolution: Resolution,
    },
    /// The user opened it again.
    Reopened,
    /// The user rated the resolution.
    Rated {
        /// 1 to 5.
        score: i16,
    },
    /// A target or promise passed.
    Breached {
        /// Which one.
        clock: CaseClock,
    },
    /// A new version of the SLA policy applies to it.
    Replanned,
}

impl What {
    /// The contract's number.
    pub fn code(&self) -> i16 {
        match self {
            What::Submitted => 1,
            What::Corrected { .. } => 2,
            What::Assigned { .. } => 3,
            What::Noted => 4,
            What::Answered { .. } => 5,
            What::Promised { .. } => 6,
            What::Asked { .. } => 7,
            What::Replied => 8,
            What::Resolved { .. } => 9,
            What::Reopened => 10,
            What::Rated { .. } => 11,
            What::Breached { .. } => 12,
            What::Replanned => 13,
        }
    }

    /// Whether it is the first answer that the user got.
    pub fn first_answer(&self) -> bool {
        match self {
            What::Answered { first }
            | What::Promised { first, .. }
            | What::Asked { first }
            | What::Resolved { first, .. } => *first,
            _ => false,
        }
    }

    /// Whether the user sees it. Ratings are the user's own, but no message.
    pub fn visible(&self) -> bool {
        match self {
            What::Submitted
            | What::Answered { .. }
            | What::Promised { .. }
            | What::Asked { .. }
            | What::Replied
            | What::Resolved { .. }
            | What::Reopened => true,
            What::Corrected { .. }
            | What::Assigned { .. }
            | What::Noted
            | What::Rated { .. }
            | What::Breached { .. }
            | What::Replanned => false,
        }
    }
}

/// What somebody wrote, with the files that belong to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The operator who wrote it; empty for the user.
    pub agent: String,
    /// The text; may be empty.
    pub text: String,
    /// The files.
    pub attachments: Vec<Attachment>,
}

/// One thing that happened to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1 for the first, then without gaps.
    pub seq: i64,
    /// What happened.
    pub what: What,
    /// What was written, and by whom.
    pub message: Message,
    /// When it happened; for a breach the deadline.
    pub occurred_at: OffsetDateTime,
    /// When it was decided.
    pub recorded_at: OffsetDateTime,
    /// The case's state after it.
    pub state: CaseState,
    /// Where the case stands after it.
    pub quadrant: Quadrant,
}
