//! The order in which a desk handles its cases: the nearest deadline first.

use time::OffsetDateTime;

use super::case::{Case, CaseState};
use super::triage::Quadrant;

/// Which cases of a queue are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this department; empty: of all.
    pub department: String,
    /// Only in this state.
    pub state: Option<CaseState>,
    /// Only in this quadrant.
    pub quadrant: Option<Quadrant>,
    /// Only of this operator; empty: only of nobody. `None`: of all.
    pub assignee: Option<String>,
}

/// A place in a queue: the case after it comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The nearest deadline, or the end of the calendar.
    pub queue_at: OffsetDateTime,
    /// The user.
    pub user_id: String,
    /// The case.
    pub case_id: String,
}

impl Place {
    /// Before all cases.
    pub fn start() -> Self {
        Self { queue_at: OffsetDateTime::UNIX_EPOCH, user_id: String::new(), case_id: String::new() }
    }

    /// Where a case stands.
    pub fn of(case: &Case) -> Self {
        Self { queue_at: case.queue_at(), user_id: case.user.to_string(), case_id: case.id.to_string() }
    }
}
