//! Jobs over the points of many users: what they are, how far they have come, and whose approval they need.

mod carry;
pub mod line;
pub mod reconcile;
#[cfg(test)]
mod tests;

pub use carry::{Done, Opened, OpenedBy};

use ids::{EventId, Key};
use time::OffsetDateTime;

use super::refusal::Refusal;
use line::LineState;

/// The most lines that a job has.
pub const LINES_MAX: i64 = 200_000;
/// The most jobs of a tenant that are not over.
pub const JOBS_MAX: i64 = 100;

/// What the lines of a job do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Give points.
    Earn,
    /// Add or take by hand.
    Adjust,
    /// Take what is there.
    Void,
    /// Open accounts with what users had elsewhere.
    Opening,
}

impl JobKind {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            JobKind::Earn => 1,
            JobKind::Adjust => 2,
            JobKind::Void => 3,
            JobKind::Opening => 4,
        }
    }

    /// The kind of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Earn, Self::Adjust, Self::Void, Self::Opening].into_iter().find(|kind| kind.code() == code)
    }
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Lines are added.
    Draft,
    /// Somebody else must approve it.
    AwaitingApproval,
    /// Its lines are carried out.
    Running,
    /// No line waits.
    Finished,
    /// Stopped by hand.
    Cancelled,
    /// Will never be carried out.
    Rejected,
    /// What its lines did is taken back.
    Recalling,
    /// All that could be taken back was.
    Recalled,
}

impl JobState {
    const ALL: [Self; 8] = [
        Self::Draft,
        Self::AwaitingApproval,
        Self::Running,
        Self::Finished,
        Self::Cancelled,
        Self::Rejected,
        Self::Recalling,
        Self::Recalled,
    ];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            JobState::Draft => 1,
            JobState::AwaitingApproval => 2,
            JobState::Running => 3,
            JobState::Finished => 4,
            JobState::Cancelled => 5,
            JobState::Rejected => 6,
            JobState::Recalling => 7,
            JobState::Recalled => 8,
        }
    }

    /// The state of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    fn name(self) -> &'static str {
        match self {
            JobState::Draft => "draft",
            JobState::AwaitingApproval => "awaiting_approval",
            JobState::Running => "running",
            JobState::Finished => "finished",
            JobState::Cancelled => "cancelled",
            JobState::Rejected => "rejected",
            JobState::Recalling => "recalling",
            JobState::Recalled => "recalled",
        }
    }

    /// Whether it goes on by itself, and with the lines of which state.
    pub fn takes(self) -> Option<LineState> {
        match self {
            JobState::Running => Some(LineState::Waiting),
            JobState::Recalling => Some(LineState::Done),
            JobState::Draft
            | JobState::AwaitingApproval
            | JobState::Finished
            | JobState::Cancelled
            | JobState::Rejected
            | JobState::Recalled => None,
        }
    }
}

/// How many lines are in which state; all others wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub lines: i64,
    /// Carried out, and standing.
    pub done: i64,
    /// Refused.
    pub failed: i64,
    /// Taken back.
    pub recalled: i64,
    /// Could not be taken back.
    pub recall_failed: i64,
}

impl Counts {
    /// How many wait.
    pub fn waiting(&self) -> i64 {
        self.lines - self.done - self.failed - self.recalled - self.recall_failed
    }

    /// A line goes from one state to another.
    pub fn moved(&mut self, from: LineState, to: LineState, lines: i64) {
        for (state, change) in [(from, -lines), (to, lines)] {
            match state {
                LineState::Waiting => {}
                LineState::Done => self.done += change,
                LineState::Failed => self.failed += change,
                LineState::Recalled => self.recalled += change,
                LineState::RecallFailed => self.recall_failed += change,
            }
        }
    }
}

/// What a job is said to move of a point type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The point type.
    pub point_type: Key,
    /// How many lines.
    pub lines: i64,
    /// The sum of their amounts.
    pub points: i64,
    /// The sum of their growth.
    pub growth: i64,
}

/// What the lines of a job say of one point type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// The point type, known or not.
    pub point_type: Key,
    /// How many lines.
    pub lines: i64,
    /// What they add.
    pub added: i64,
    /// What they take.
    pub taken: i64,
    /// Their growth.
    pub growth: i64,
    /// How many take all that there is.
    pub unlimited: i64,
}

impl Cost {
    /// Whether so much needs the approval of somebody else, where the limit is that of the point type; `None`: there is no
    /// such type yet, so nobody has said how much needs none.
    pub fn needs_approval(&self, limit: Option<i64>) -> bool {
        self.unlimited > 0 || self.added.saturating_add(self.taken).max(self.growth) > limit.unwrap_or(0)
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Made from the request that created it.
    pub id: EventId,
    /// What its lines do.
    pub kind: JobKind,
    /// What operators call it.
    pub title: String,
    /// Why.
    pub reason: String,
    /// Who bears the cost.
    pub cost_centre: String,
    /// The contract's number of who pays.
    pub funder: i32,
    /// What it is said to move.
    pub controls: Vec<Control>,
    /// How far it has come.
    pub state: JobState,
    /// The state that it was cancelled in.
    pub resumes: Option<JobState>,
    /// Its lines.
    pub counts: Counts,
    /// Who created it.
    pub created_by: String,
    /// Who submitted it.
    pub submitted_by: String,
    /// Whether somebody else must approve it.
    pub needs_approval: bool,
    /// Who approved or rejected it.
    pub decided_by: String,
    /// Why it was rejected, cancelled or recalled.
    pub note: String,
    /// How often its state changed.
    pub changes: i64,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When it began to run.
    pub started_at: Option<OffsetDateTime>,
    /// When it came to an end.
    pub ended_at: Option<OffsetDateTime>,
}

impl Job {
    fn refused(&self) -> Refusal {
        Refusal::JobStateWrong { job_id: self.id.to_string(), state: self.state.name().to_owned() }
    }

    /// The refusal unless it is in one of these states.
    fn only_in(&self, states: &[JobState]) -> Result<(), Refusal> {
        if states.contains(&self.state) { Ok(()) } else { Err(self.refused()) }
    }

    /// The refusal to get so many more lines.
    pub fn refuse_lines(&self, more: i64) -> Result<(), Refusal> {
        self.only_in(&[JobState::Draft])?;
        if self.counts.lines + more > LINES_MAX {
            return Err(Refusal::JobLimit { of: "lines".to_owned(), limit: LINES_MAX });
        }
        Ok(())
    }

    /// A job is submitted by a subject; it runs unless what it moves needs approval.
    pub fn submit(&mut self, by: &str, needs_approval: bool, at: OffsetDateTime) -> Result<(), Refusal> {
        self.only_in(&[JobState::Draft])?;
        if self.counts.lines == 0 {
            return Err(Refusal::JobEmpty);
        }
        by.clone_into(&mut self.submitted_by);
        self.needs_approval = needs_approval;
        self.enter(if needs_approval { JobState::AwaitingApproval } else { JobState::Running }, at);
        Ok(())
    }

    /// Somebody else approves it.
    pub fn approve(&mut self, by: &str, at: OffsetDateTime) -> Result<(), Refusal> {
        self.only_in(&[JobState::AwaitingApproval])?;
        if by == self.submitted_by || by == self.created_by {
            return Err(Refusal::JobApproverIsRequester { job_id: self.id.to_string() });
        }
        by.clone_into(&mut self.decided_by);
        self.enter(JobState::Running, at);
        Ok(())
    }

    /// It will not be carried out.
    pub fn reject(&mut self, by: &str, note: &str, at: OffsetDateTime) -> Result<(), Refusal> {
        self.only_in(&[JobState::AwaitingApproval])?;
        by.clone_into(&mut self.decided_by);
        note.clone_into(&mut self.note);
        self.enter(JobState::Rejected, at);
        Ok(())
    }

    /// It stops.
    pub fn cancel(&mut self, note: &str, at: OffsetDateTime) -> Result<(), Refusal> {
        self.only_in(&[JobState::Draft, JobState::AwaitingApproval, JobState::Running])?;
        note.clone_into(&mut self.note);
        self.resumes = Some(self.state);
        self.enter(JobState::Cancelled, at);
        Ok(())
    }

    /// It goes on where it was stopped.
    pub fn resume(&mut self, at: OffsetDateTime) -> Result<(), Refusal> {
        self.only_in(&[JobState::Cancelled])?;
        let state = self.resumes.take().ok_or_else(|| self.refused())?;
        self.enter(state, at);
        Ok(())
    }

    /// What failed is tried again: the lines of one state are to be put back to another one.
    pub fn retry(&mut self, at: OffsetDateTime) -> Result<(LineState, LineState), Refusal> {
        match self.state {
            JobState::Running | JobState::Finished => {
                self.enter(JobState::Running, at);
                Ok((LineState::Failed, LineState::Waiting))
            }
            JobState::Recalling | JobState::Recalled => {
                self.enter(JobState::Recalling, at);
                Ok((LineState::RecallFailed, LineState::Done))
            }
            JobState::Draft | JobState::AwaitingApproval | JobState::Cancelled | JobState::Rejected => {
                Err(self.refused())
            }
        }
    }

    /// What it did is taken back.
    pub fn recall(&mut self, note: &str, at: OffsetDateTime) -> Result<(), Refusal> {
        if self.kind == JobKind::Void {
            return Err(Refusal::JobNotRecallable);
        }
        self.only_in(&[JobState::Running, JobState::Finished, JobState::Cancelled])?;
        note.clone_into(&mut self.note);
        self.resumes = None;
        self.enter(JobState::Recalling, at);
        Ok(())
    }

    /// Ends it where no line is left that it takes.
    pub fn end(&mut self, at: OffsetDateTime) {
        match self.state {
            JobState::Running if self.counts.waiting() == 0 => self.enter(JobState::Finished, at),
            JobState::Recalling if self.counts.done == 0 => self.enter(JobState::Recalled, at),
            _ => {}
        }
    }

    /// How much of what it is doing is behind it, in percent.
    pub fn progress_percent(&self) -> i32 {
        let Counts { lines, done, recalled, recall_failed, .. } = self.counts;
        let (behind, all) = match self.state {
            JobState::Draft | JobState::AwaitingApproval => return 0,
            JobState::Finished | JobState::Recalled | JobState::Rejected => return 100,
            JobState::Running | JobState::Cancelled => (lines - self.counts.waiting(), lines),
            JobState::Recalling => (recalled + recall_failed, done + recalled + recall_failed),
        };
        i32::try_from(behind * 100 / all.max(1)).unwrap_or(100)
    }

    fn enter(&mut self, state: JobState, at: OffsetDateTime) {
        self.state = state;
        self.changes += 1;
        let ended = matches!(state, JobState::Finished | JobState::Cancelled | JobState::Rejected | JobState::Recalled);
        self.ended_at = ended.then_some(at);
        if state == JobState::Running {
            self.started_at = self.started_at.or(Some(at));
        }
    }
}
