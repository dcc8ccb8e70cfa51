//! What operators and users do with a case.

use time::{Duration, OffsetDateTime};

use super::case::{Case, CaseState, Dealing, Ending, Promise};
use super::case_type::CaseType;
use super::entry::{FieldChange, Message, Resolution, What};
use super::refusal::Refusal;
use super::triage::{Emotion, Quadrant, Urgency};

/// What a correction says; what is empty stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Correction {
    /// How much time matters.
    pub urgency: Option<Urgency>,
    /// 1 to 9.
    pub importance: Option<i16>,
    /// Who shall handle it.
    pub department: String,
    /// Its type.
    pub case_type: String,
    /// The user's mood.
    pub emotion: Option<Emotion>,
}

impl Dealing<'_> {
    /// Corrects the classification: the clocks keep what they measured and get the targets that now hold. `case_type` is
    /// the correction's, where it names one.
    pub fn correct(&mut self, it: &Correction, case_type: Option<&CaseType>, important_from: i16, message: Message) {
        let before = self.case.clone();
        let plan = before.plan(self.policies);
        let triage = &mut self.case.triage;
        triage.urgency = it.urgency.unwrap_or(triage.urgency);
        triage.importance = it.importance.unwrap_or(triage.importance);
        triage.emotion = it.emotion.unwrap_or(triage.emotion);
        if !it.department.is_empty() {
            triage.department.clone_from(&it.department);
        }
        if let Some(case_type) = case_type {
            triage.case_type = case_type.id.to_string();
            triage.answer_within_minutes = case_type.answer_within_minutes;
        }
        triage.quadrant = Quadrant::of(triage.urgency, triage.importance, important_from);
        if self.case.state != CaseState::Resolved {
            self.replan(plan, self.at);
        }
        let changes = changes(&before, &self.case);
        self.happened(What::Corrected { changes }, message, self.at);
        self.tell_breaches(self.at);
    }

    /// Gives it to an operator, or to nobody, and to a department where one is named.
    pub fn assign(&mut self, assignee: &str, department: &str, message: Message) {
        let before = self.case.clone();
        assignee.clone_into(&mut self.case.assignee);
        if !department.is_empty() {
            department.clone_into(&mut self.case.triage.department);
        }
        let changes = changes(&before, &self.case);
        self.happened(What::Assigned { changes }, message, self.at);
    }

    /// Adds an internal note, in any state.
    pub fn note(&mut self, message: Message) {
        self.happened(What::Noted, message, self.at);
    }

    /// Answers the user.
    pub fn answer(&mut self, message: Message) -> Result<(), Refusal> {
        self.unless(&[CaseState::Resolved])?;
        let first = self.answered();
        self.happened(What::Answered { first }, message, self.at);
        Ok(())
    }

    /// Gives an interim answer and promises the next.
    pub fn promise(&mut self, until: OffsetDateTime, message: Message) -> Result<(), Refusal> {
        self.unless(&[CaseState::Resolved])?;
        if until <= self.at {
            return Err(Refusal::PromisePast);
        }
        let first = self.answered();
        self.case.promise = Some(Promise { until, overdue: false });
        self.happened(What::Promised { first, until }, message, self.at);
        Ok(())
    }

    /// Asks the user something and waits: the clock to the resolution stands still.
    pub fn await_user(&mut self, message: Message) -> Result<(), Refusal> {
        self.unless(&[CaseState::AwaitingUser, CaseState::Resolved])?;
        let first = self.answered();
        self.case.state = CaseState::AwaitingUser;
        self.case.resolution.pause(self.case.plan(self.policies).calendar, self.at);
        self.happened(What::Asked { first }, message, self.at);
        Ok(())
    }

    /// The user's next message: a case that waited for it goes on.
    pub fn reply(&mut self, message: Message) -> Result<(), Refusal> {
        self.unless(&[CaseState::Resolved])?;
        if self.case.state == CaseState::AwaitingUser {
            self.go_on();
        }
        self.happened(What::Replied, message, self.at);
        self.tell_breaches(self.at);
        Ok(())
    }

    /// Ends it. What it was ended with counts as an answer.
    pub fn resolve(&mut self, resolution: Resolution, message: Message) -> Result<(), Refusal> {
        self.unless(&[CaseState::Resolved])?;
        let first = self.answered();
        self.case.resolution.pause(self.case.plan(self.policies).calendar, self.at);
        self.case.state = CaseState::Resolved;
        let days = i64::from(self.policies.reopen_within_days());
        let reopen_until = self.at + Duration::days(days);
        self.case.ending = Some(Ending { at: self.at, resolution, reopen_until, score: None });
        self.happened(What::Resolved { first, resolution }, message, self.at);
        Ok(())
    }

    /// Opens it again: the next attempt begins, and the clock goes on from where it stopped.
    pub fn reopen(&mut self, message: Message) -> Result<(), Refusal> {
        self.unless(&[CaseState::New, CaseState::InProgress, CaseState::AwaitingUser])?;
        let case_id = self.case.id.to_string();
        if let Some(until) = self.case.ending.as_ref().map(|ending| ending.reopen_until).filter(|it| *it <= self.at) {
            return Err(Refusal::ReopenWindowOver { case_id, until });
        }
        self.case.ending = None;
        self.case.attempt += 1;
        // versions that were published while it was resolved measured nothing
        self.follow(self.policies.version(), self.at);
        self.go_on();
        self.happened(What::Reopened, message, self.at);
        self.tell_breaches(self.at);
        Ok(())
    }

    /// The user's one answer to how satisfied they are with this resolution.
    pub fn rate(&mut self, score: i16, message: Message) -> Result<(), Refusal> {
        self.unless(&[CaseState::New, CaseState::InProgress, CaseState::AwaitingUser])?;
        let (case_id, attempt) = (self.case.id.to_string(), self.case.attempt);
        match &mut self.case.ending {
            Some(ending) if ending.score.is_none() => ending.score = Some(score),
            _ => return Err(Refusal::CaseRated { case_id, attempt }),
        }
        self.happened(What::Rated { score }, message, self.at);
        Ok(())
    }

    fn go_on(&mut self) {
        self.case.state = CaseState::InProgress;
        self.case.resolution.resume(self.case.plan(self.policies).calendar, self.at);
    }

    /// The user gets an answer: whether it is the first. It keeps an open promise, and stops the clock to it.
    fn answered(&mut self) -> bool {
        self.case.promise = None;
        if self.case.first_answered_at.is_some() {
            return false;
        }
        self.case.first_answered_at = Some(self.at);
        self.case.first_response.pause(self.case.plan(self.policies).calendar, self.at);
        self.case.state = CaseState::InProgress;
        true
    }

    fn unless(&self, refused: &[CaseState]) -> Result<(), Refusal> {
        if refused.contains(&self.case.state) {
            let (case_id, state) = (self.case.id.to_string(), self.case.state.as_str().to_owned());
            return Err(Refusal::CaseState { case_id, state });
        }
        Ok(())
    }
}

/// Where two states of a case differ in what operators decide.
fn changes(before: &Case, after: &Case) -> Vec<FieldChange> {
    let fields = |case: &Case| {
        let triage = &case.triage;
        [
            ("case_type_id", triage.case_type.clone()),
            ("department", triage.department.clone()),
            ("urgency", triage.urgency.code().to_string()),
            ("importance", triage.importance.to_string()),
            ("quadrant", triage.quadrant.code().to_string()),
            ("emotion", triage.emotion.code().to_string()),
            ("assignee_id", case.assignee.clone()),
        ]
    };
    let pairs = fields(before).into_iter().zip(fields(after)).filter(|(before, after)| before.1 != after.1);
    pairs.map(|((field, before), (_, after))| FieldChange { field: field.to_owned(), before, after }).collect()
}
