//! The desk and those who write to it: a case goes from step to step, each at the stop of whoever's turn it is.

use std::collections::{BTreeMap, HashMap};

use proto::feedback::v1::{CaseKind, Quadrant};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use time::OffsetDateTime;

use super::cases::{self, Abuse};
use super::{at_once, by_user};
use crate::demo::calls::Calls;
use crate::demo::year::{Saying, Shift, Stop};

/// Share of users who say how satisfied they are.
const RATES: f64 = 0.6;
/// Share of solved complaints that come back once.
const REOPENS: f64 = 0.12;
/// Share of promises that are kept.
const KEEPS: f64 = 0.85;
/// Share of questions by the desk that are answered.
const REPLIES: f64 = 0.85;
/// Share of reports of other users that are true.
const TRUE_REPORTS: f64 = 0.75;

/// What is done next with a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The desk gives it to someone and learns how much it matters.
    TakeUp,
    /// The desk answers for the first time.
    Answer,
    /// The user replies.
    Reply,
    /// The desk ends it.
    Resolve,
    /// The desk gives up waiting for the user.
    Close,
    /// The user opens it again.
    Reopen,
    /// The user says how satisfied they are.
    Rate,
}

/// A case under way.
pub(super) struct Open<'a> {
    pub(super) saying: &'a Saying,
    pub(super) rng: StdRng,
    /// Whether it was opened again.
    pub(super) again: bool,
    /// Whether the user had to wait for long, or for nothing.
    pub(super) waited: bool,
}

/// What becomes of a case after a step.
pub(super) enum Then {
    /// After so many stops of the other side or the own.
    Next(Step, usize),
    /// The desk ended it, and this was found out about somebody.
    Ended(Option<Abuse>),
    /// Nothing.
    Over,
}

/// Whose turn is when.
pub(super) struct Desk<'a> {
    calls: &'a Calls,
    stops: &'a [Stop],
    agenda: BTreeMap<usize, Vec<(Step, Open<'a>)>>,
    /// Until when users may not post.
    muted: HashMap<String, Option<OffsetDateTime>>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(calls: &'a Calls, stops: &'a [Stop]) -> Self {
        Self { calls, stops, agenda: BTreeMap::new(), muted: HashMap::new() }
    }

    /// Whether nobody has a turn at a stop.
    pub(super) fn is_idle(&self, stop: usize) -> bool {
        !self.agenda.contains_key(&stop)
    }

    /// Takes in what users say. Who is muted posts neither ideas nor praise.
    pub(super) async fn hear(&mut self, stop: usize, sayings: &'a [Saying]) -> anyhow::Result<()> {
        let at = self.stops[stop].at;
        let heard: Vec<&Saying> = sayings.iter().filter(|saying| !self.is_silenced(saying, at)).collect();
        let calls = self.calls;
        let users = by_user(heard.iter().copied(), |saying| &saying.user_id).into_values();
        at_once(users.map(|sayings| async move {
            for saying in sayings {
                cases::submit(calls, saying).await?;
            }
            anyhow::Ok(())
        }))
        .await?;
        for saying in heard {
            let open = Open { saying, rng: StdRng::seed_from_u64(saying.seed), again: false, waited: false };
            self.plan(stop, Step::TakeUp, 1, open);
        }
        Ok(())
    }

    /// Lets everybody act whose turn is at a stop: users side by side, one user's cases one after the other.
    pub(super) async fn act(&mut self, stop: usize) -> anyhow::Result<()> {
        let Some(turns) = self.agenda.remove(&stop) else { return Ok(()) };
        let (calls, at) = (self.calls, self.stops[stop].at);
        let groups = by_user(turns, |(_, open)| open.saying.user_id.as_str()).into_values();
        let acted = at_once(groups.map(|turns| async move {
            let mut acted = Vec::with_capacity(turns.len());
            for (step, mut open) in turns {
                let then = cases::act(calls, at, step, &mut open).await?;
                acted.push((then, open));
            }
            anyhow::Ok(acted)
        }))
        .await?;
        let mut abuses = Vec::new();
        for (then, open) in acted.into_iter().flatten() {
            match then {
                Then::Next(step, after) => self.plan(stop, step, after, open),
                Then::Ended(abuse) => {
                    abuses.extend(abuse);
                    self.after(stop, open);
                }
                Then::Over => {}
            }
        }
        self.punish(abuses).await
    }

    /// What a user does after a case ended.
    fn after(&mut self, stop: usize, mut open: Open<'a>) {
        let comes_back = matches!(open.saying.kind, CaseKind::Complaint | CaseKind::Bug) && !open.again;
        let after = open.rng.random_range(1..=6);
        if comes_back && open.rng.random_bool(REOPENS) {
            self.plan(stop, Step::Reopen, after, open);
        } else if open.rng.random_bool(RATES) {
            self.plan(stop, Step::Rate, after, open);
        }
    }

    /// Penalties, one after the other: which offence it is depends on those before.
    async fn punish(&mut self, mut abuses: Vec<Abuse>) -> anyhow::Result<()> {
        abuses.sort_by(|a, b| (&a.user_id, &a.case_id).cmp(&(&b.user_id, &b.case_id)));
        for abuse in abuses {
            let user_id = abuse.user_id.clone();
            if let Some(until) = cases::punish(self.calls, abuse).await? {
                self.muted.insert(user_id, until);
            }
        }
        Ok(())
    }

    fn is_silenced(&self, saying: &Saying, at: OffsetDateTime) -> bool {
        let posts = matches!(saying.kind, CaseKind::Suggestion | CaseKind::Praise);
        posts && self.muted.get(&saying.user_id).is_some_and(|until| until.is_none_or(|until| at < until))
    }

    /// Puts a step on the agenda of the n-th stop after this one at which whoever does it acts.
    fn plan(&mut self, stop: usize, step: Step, after: usize, open: Open<'a>) {
        let shift = match step {
            Step::TakeUp | Step::Answer | Step::Resolve | Step::Close => Shift::Staff,
            Step::Reply | Step::Reopen | Step::Rate => Shift::Users,
        };
        let mut later = self.stops.iter().enumerate().skip(stop + 1).filter(|(_, stop)| stop.shift == shift);
        if let Some((index, _)) = later.nth(after.max(1) - 1) {
            self.agenda.entry(index).or_default().push((step, open));
        }
    }
}

impl Open<'_> {
    /// After how many more of its stops the desk turns to a case for the first time, by how much it matters; 0: at once.
    pub(super) fn first_delay(&mut self, quadrant: Quadrant) -> usize {
        let most = match quadrant {
            Quadrant::UrgentImportant => 1,
            Quadrant::Urgent => 2,
            Quadrant::Important => 2,
            Quadrant::Neither | Quadrant::Unspecified => 4,
        };
        let delay = self.rng.random_range(0..=most);
        self.waited |= delay > 2; // a day and more
        delay
    }

    /// How the desk begins.
    pub(super) fn opening(&mut self) -> Opening {
        let draw: f64 = self.rng.random_range(0.0..1.0);
        match self.saying.kind {
            CaseKind::Praise => Opening::End,
            CaseKind::Question if draw < 0.75 => Opening::End,
            CaseKind::UserReport if draw < TRUE_REPORTS => Opening::EndWithPenalty,
            CaseKind::UserReport => Opening::End,
            CaseKind::Suggestion => Opening::Answer { after: self.rng.random_range(1..=3) },
            _ if draw < 0.45 => Opening::Answer { after: self.rng.random_range(1..=6) },
            _ if draw < 0.7 => {
                let days = self.rng.random_range(1..=3_u8);
                let keeps = self.rng.random_bool(KEEPS);
                self.waited |= !keeps;
                // two stops a day: the last one before the promised time, or some days after it
                let after = usize::from(days) * 2 - 1;
                Opening::Promise { days, after: if keeps { after } else { after + self.rng.random_range(3..=6) } }
            }
            _ => Opening::Ask,
        }
    }

    /// After a question of the desk: the user replies, or the desk gives up.
    pub(super) fn after_asking(&mut self) -> Then {
        if self.rng.random_bool(REPLIES) {
            Then::Next(Step::Reply, self.rng.random_range(1..=4))
        } else {
            Then::Next(Step::Close, 12)
        }
    }

    /// 1 to 5.
    pub(super) fn score(&mut self) -> i32 {
        let draw: f64 = self.rng.random_range(0.0..1.0);
        let score = match draw {
            draw if draw < 0.47 => 5,
            draw if draw < 0.77 => 4,
            draw if draw < 0.89 => 3,
            draw if draw < 0.96 => 2,
            _ => 1,
        };
        (score - i32::from(self.waited) - i32::from(self.again)).max(1)
    }
}

/// How the desk begins with a case.
pub(super) enum Opening {
    /// It answers, and ends it after so many more stops.
    Answer { after: usize },
    /// It promises an answer within so many days, and ends the case after so many stops.
    Promise { days: u8, after: usize },
    /// It asks the user something.
    Ask,
    /// It answers and ends it at once.
    End,
    /// It ends it at once, and the one whom it is about is punished.
    EndWithPenalty,
}
