//! What a line of a job does.

use std::collections::BTreeMap;

use ids::EventId;
use time::OffsetDateTime;

use super::line::{JobLine, Line, LineState};
use super::{Job, JobKind};
use crate::domain::account::Occasion;
use crate::domain::book::{AccountKey, Book};
use crate::domain::earning::caps_of;
use crate::domain::entry::{Entry, Origin};
use crate::domain::refusal::Refusal;

/// By which job accounts were opened.
pub type Opened = BTreeMap<AccountKey, OpenedBy>;

/// A job that opened an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedBy {
    /// The job.
    pub job: EventId,
    /// Whether it was recalled: then another one may open the account again.
    pub recalled: bool,
}

/// What a line did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Its entry.
    pub entry: Entry,
    /// What caps left out.
    pub cut: i64,
}

impl Job {
    fn occasion(&self, line: &Line) -> Occasion {
        let (reason, cost_centre) = (self.reason.clone(), self.cost_centre.clone());
        let origin = Origin { reason, cost_centre, funder: self.funder, ..Origin::default() };
        Occasion { occurred_at: line.occurred_at, origin }
    }
}

impl Book<'_> {
    /// Carries a line of a job out, or takes back what it did, in the account that it is about now, and notes what came of
    /// it.
    pub fn carry(&mut self, job: &Job, key: &AccountKey, it: &mut JobLine, opened: &mut Opened, clock: OffsetDateTime) {
        let at = self.decision_time(key, clock);
        let outcome = match it.state {
            LineState::Done => self.recall_line(job, key, it, at),
            LineState::Waiting | LineState::Failed | LineState::Recalled | LineState::RecallFailed => {
                self.carry_line(job, key, it, opened, at)
            }
        };
        match outcome {
            Ok(()) => {
                it.refusal = None;
                if it.line.level.is_none() || it.state == LineState::Recalled {
                    self.decide_level(&key.0, at);
                }
            }
            Err(refusal) => it.refuse(refusal),
        }
    }

    fn carry_line(
        &mut self,
        job: &Job,
        key: &AccountKey,
        it: &mut JobLine,
        opened: &mut Opened,
        at: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let (line, occasion) = (&it.line, job.occasion(&it.line));
        let done = match job.kind {
            JobKind::Earn => self.earn_line(key, line, occasion, at)?,
            JobKind::Adjust => Done { entry: self.correct(key, line.amount, occasion, at)?, cut: 0 },
            JobKind::Void => {
                let what = (line.void_scope, line.expires_at);
                Done { entry: self.void(key, what, line.amount, occasion, at)?, cut: 0 }
            }
            JobKind::Opening => Done { entry: self.open(key, line, (&job.id, opened), occasion, at)?, cut: 0 },
        };
        it.state = LineState::Done;
        it.account_user = Some(key.0.clone());
        (it.entry_seq, it.moved, it.cut) = (done.entry.seq, done.entry.amount, done.cut);
        Ok(())
    }

    /// As a single call earns: caps of the point type cut it, and refuse it where they leave nothing.
    fn earn_line(
        &mut self,
        key: &AccountKey,
        line: &Line,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Done, Refusal> {
        let capped = caps_of(None, self.point_type(&key.1)?);
        let allowed = self.room(&capped, &key.0, at, line.amount);
        if let Some(cut) = allowed.cut.filter(|_| allowed.given == 0) {
            return Err(Refusal::EarningCapped { point_type_id: key.1.to_string(), frees_at: cut.frees_at });
        }
        let (entry, _) = self.earn(key, allowed.given, occasion, at)?;
        self.take_room(&capped, &key.0, at, allowed.given);
        Ok(Done { entry, cut: allowed.asked - allowed.given })
    }

    fn recall_line(
        &mut self,
        job: &Job,
        key: &AccountKey,
        it: &mut JobLine,
        at: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let made_in = (it.account_user.clone().unwrap_or_else(|| key.0.clone()), key.1.clone());
        let origin = Origin { reason: job.reason.clone(), ..Origin::default() };
        let taken = self.undo(key, &made_in, it.entry_seq, Occasion { occurred_at: None, origin }, at)?;
        it.recalled += taken;
        it.state = LineState::Recalled;
        Ok(())
    }
}
