//! A case, and how its clocks go on.

use ids::{Key, UserId};
use time::OffsetDateTime;

use super::clock::{CaseClock, Clock};
use super::coded::coded;
use super::entry::{Entry, Message, Resolution, What};
use super::sla_policy::{Plan, Policies};
use super::triage::{CaseKind, Emotion, Impact, Quadrant, Urgency};

/// Behind every deadline.
const NO_DEADLINE: OffsetDateTime = time::macros::datetime!(9999-12-31 0:00 UTC);

/// What a case is found by: its user, by canonical id, and its own id.
pub type CaseKey = (UserId, Key);

/// A case that was dealt with, and what happened to it.
pub type Dealt = (Case, Vec<Entry>);

coded! {
    /// How far a case has come.
    CaseState {
        /// Not yet answered.
        New = 1 "new",
        /// Answered and being worked on.
        InProgress = 2 "in_progress",
        /// Waits for its user.
        AwaitingUser = 3 "awaiting_user",
        /// Ended.
        Resolved = 4 "resolved",
    }
}

/// How a case came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The app, shop or brand; may be empty.
    pub site: String,
    /// Such as `app`; may be empty.
    pub channel: String,
    /// Its number elsewhere; may be empty.
    pub external_reference: String,
    /// Whom a report is about; else empty.
    pub reported_user: String,
}

/// What a case was classified as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triage {
    /// Its type; empty: none.
    pub case_type: String,
    /// Who should handle it; may be empty.
    pub department: String,
    /// How much time matters.
    pub urgency: Urgency,
    /// How much is in it for the user.
    pub impact: Impact,
    /// What the user was worth when the case came in, 1 to 3.
    pub user_value: i16,
    /// 1 to 9.
    pub importance: i16,
    /// Decides the targets.
    pub quadrant: Quadrant,
    /// The user's mood.
    pub emotion: Emotion,
    /// Working minutes to the first answer by the case's type; 0: the quadrant's.
    pub answer_within_minutes: i32,
}

/// An answer that is promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// By when.
    pub until: OffsetDateTime,
    /// Whether it passed, and was told of.
    pub overdue: bool,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// When.
    pub at: OffsetDateTime,
    /// How.
    pub resolution: Resolution,
    /// Until when its user may reopen it.
    pub reopen_until: OffsetDateTime,
    /// The user's score of it.
    pub score: Option<i16>,
}

/// One thing that a user told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its user.
    pub user: UserId,
    /// Its id.
    pub id: Key,
    /// What it is.
    pub kind: CaseKind,
    /// How it came in.
    pub origin: Origin,
    /// What it was classified as.
    pub triage: Triage,
    /// The operator who has it; empty: nobody.
    pub assignee: String,
    /// How far it has come.
    pub state: CaseState,
    /// 1, then one more with each reopening.
    pub attempt: i32,
    /// To the first answer; stands still from then on.
    pub first_response: Clock,
    /// To the resolution.
    pub resolution: Clock,
    /// The open promise.
    pub promise: Option<Promise>,
    /// The policy that its clocks follow; 0: none.
    pub sla_version: i32,
    /// When it came in.
    pub submitted_at: OffsetDateTime,
    /// When it was first answered.
    pub first_answered_at: Option<OffsetDateTime>,
    /// How it ended, while it is resolved.
    pub ending: Option<Ending>,
    /// Number of its last entry.
    pub entry_seq: i64,
    /// When it was last decided on.
    pub decided_at: OffsetDateTime,
}

impl Case {
    /// What it is found by.
    pub fn key(&self) -> CaseKey {
        (self.user.clone(), self.id.clone())
    }

    /// When something passes that nobody was told of yet.
    pub fn alarm(&self) -> Option<OffsetDateTime> {
        let promise = self.promise.as_ref().filter(|promise| !promise.overdue).map(|promise| promise.until);
        [self.first_response.alarm(), self.resolution.alarm(), promise].into_iter().flatten().min()
    }

    /// The nearest of all deadlines, passed ones included.
    pub fn due_at(&self) -> Option<OffsetDateTime> {
        let promise = self.promise.as_ref().map(|promise| promise.until);
        [self.first_response.deadline, self.resolution.deadline, promise].into_iter().flatten().min()
    }

    /// Where it stands in a queue: by its nearest deadline, behind all others where it has none.
    pub fn queue_at(&self) -> OffsetDateTime {
        self.due_at().unwrap_or(NO_DEADLINE)
    }

    /// Whether first answer and resolution kept their targets so far.
    pub fn within_sla(&self) -> bool {
        !self.first_response.breached && !self.resolution.breached
    }

    /// Whether it ever had a target.
    pub fn has_target(&self) -> bool {
        self.first_response.target_minutes > 0 || self.resolution.target_minutes > 0
    }

    /// What its clocks follow.
    pub fn plan<'a>(&self, policies: &'a Policies) -> Plan<'a> {
        policies.plan(self.sla_version, self.triage.quadrant, self.triage.answer_within_minutes)
    }
}

/// A case while it is being decided on, with what happened to it meanwhile.
pub struct Dealing<'a> {
    pub(super) case: Case,
    pub(super) policies: &'a Policies,
    pub(super) at: OffsetDateTime,
    pub(super) entries: Vec<Entry>,
}

impl<'a> Dealing<'a> {
    /// Takes up a case at the clock's time, never before what was last decided, and brings it up to date: new versions of
    /// the policy apply from when they were published, and what passed meanwhile is told.
    pub fn take_up(case: Case, policies: &'a Policies, clock: OffsetDateTime) -> Self {
        let at = clock.max(case.decided_at);
        let mut dealing = Self { case, policies, at, entries: Vec::new() };
        dealing.catch_up();
        dealing
    }

    /// One that came in now.
    pub(super) fn begin(case: Case, policies: &'a Policies) -> Self {
        let at = case.submitted_at;
        Self { case, policies, at, entries: Vec::new() }
    }

    /// The case as it is now.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The case and what happened to it, in order.
    pub fn close(self) -> Dealt {
        (self.case, self.entries)
    }

    pub(super) fn happened(&mut self, what: What, message: Message, occurred_at: OffsetDateTime) {
        self.case.entry_seq += 1;
        self.case.decided_at = self.at;
        self.entries.push(Entry {
            seq: self.case.entry_seq,
            what,
            message,
            occurred_at,
            recorded_at: self.at,
            state: self.case.state,
            quadrant: self.case.triage.quadrant,
        });
    }

    fn catch_up(&mut self) {
        if self.case.state == CaseState::Resolved {
            return;
        }
        let (policies, at) = (self.policies, self.at);
        for policy in policies.after(self.case.sla_version).filter(|policy| policy.publish_time <= at) {
            self.tell_breaches(policy.publish_time);
            self.follow(policy.version, policy.publish_time);
            self.happened(What::Replanned, Message::default(), policy.publish_time);
        }
        self.tell_breaches(at);
    }

    /// Lets the clocks go on by another version of the policy.
    pub(super) fn follow(&mut self, version: i32, at: OffsetDateTime) {
        let before = self.case.plan(self.policies);
        self.case.sla_version = version;
        self.replan(before, at);
    }

    /// Lets the clocks go on by the plan that now holds. The one to the first answer keeps its outcome once it is given.
    pub(super) fn replan(&mut self, before: Plan<'_>, at: OffsetDateTime) {
        let after = self.case.plan(self.policies);
        let calendars = (before.calendar, after.calendar);
        if self.case.first_answered_at.is_none() {
            self.case.first_response.retarget(calendars, after.first_response_minutes, at);
        }
        self.case.resolution.retarget(calendars, after.resolution_minutes, at);
    }

    /// Tells of what has passed by `at`, in the order in which it passed.
    pub(super) fn tell_breaches(&mut self, at: OffsetDateTime) {
        let mut passed = Vec::new();
        passed.extend(self.case.first_response.breach(at).map(|deadline| (deadline, CaseClock::FirstResponse)));
        passed.extend(self.case.resolution.breach(at).map(|deadline| (deadline, CaseClock::Resolution)));
        if let Some(promise) = self.case.promise.as_mut().filter(|it| !it.overdue && it.until <= at) {
            promise.overdue = true;
            passed.push((promise.until, CaseClock::Promise));
        }
        passed.sort_unstable();
        for (deadline, clock) in passed {
            self.happened(What::Breached { clock }, Message::default(), deadline);
        }
    }
}
