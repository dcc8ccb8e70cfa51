//! How a user stands in a quest at a time.

use time::OffsetDateTime;

use super::progress::Round;
use super::window::{Begun, Window};
use super::{Quest, QuestStart, Recurrence};

/// How a user stands in a quest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestState {
    /// It waits for the user to start it.
    ToStart,
    /// Events count.
    Open,
    /// Completed as often as it can be in this period, or for good.
    Completed,
    /// Its period ended before it was completed, and there is no other.
    Over,
    /// The user's level does not have it.
    Locked,
    /// Paused, or not valid now.
    NotInForce,
}

impl QuestState {
    /// The contract's number.
    pub fn code(self) -> i32 {
        match self {
            QuestState::ToStart => 1,
            QuestState::Open => 2,
            QuestState::Completed => 3,
            QuestState::Over => 4,
            QuestState::Locked => 5,
            QuestState::NotInForce => 6,
        }
    }
}

/// How far a user has come with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepStanding {
    /// What counts for the round that is open, at most the target.
    pub counted: i64,
    /// How much is needed.
    pub target: i64,
    /// A step ahead of it is not reached.
    pub waits: bool,
}

impl StepStanding {
    /// What is missing.
    pub fn missing(&self) -> i64 {
        self.target - self.counted
    }
}

/// A quest as it stands for a user.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestStanding<'q> {
    /// The quest.
    pub quest: &'q Quest,
    /// How the user stands in it.
    pub state: QuestState,
    /// Its steps.
    pub steps: Vec<StepStanding>,
    /// How often it was completed in the period.
    pub completions: i32,
    /// The period that counts now, or the last one.
    pub window: Option<Window>,
    /// When it was completed last in it.
    pub completed_at: Option<OffsetDateTime>,
}

/// The rounds of a user's quest: the last that began by now, and the last there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rounds {
    /// The last that began by now.
    pub latest: Option<Round>,
    /// The last there is.
    pub newest: Option<Round>,
}

impl Rounds {
    /// Their periods.
    pub fn begun(&self) -> Begun {
        let window = |round: &Option<Round>| round.as_ref().map(|round| round.window);
        Begun { latest: window(&self.latest), newest: window(&self.newest) }
    }
}

impl<'q> QuestStanding<'q> {
    /// Of a user of a rank at a time.
    pub fn of(quest: &'q Quest, rounds: &Rounds, rank: Option<i64>, at: OffsetDateTime) -> Self {
        let current = quest.window_at(at, &rounds.begun());
        let own = |round: &&Round| current.is_none_or(|window| round.window.start == window.start);
        let round = rounds.latest.as_ref().or(rounds.newest.as_ref()).filter(own);
        let completions = round.map_or(0, |round| round.completions);
        let full = completions >= quest.recurrence.rounds();
        let state = if quest.paused || !quest.is_valid(at) {
            QuestState::NotInForce
        } else if current.is_some() && full {
            QuestState::Completed
        } else if !quest.has_rank(rank) {
            QuestState::Locked
        } else if current.is_some() {
            QuestState::Open
        } else if quest.start == QuestStart::ByUser && (round.is_none() || quest.recurrence != Recurrence::None) {
            QuestState::ToStart
        } else if completions > 0 {
            QuestState::Completed
        } else {
            QuestState::Over
        };
        // what was counted in a period that is over says nothing of the one to come
        let round = round.filter(|_| state != QuestState::ToStart);
        let none = vec![0; quest.steps.len()];
        let counted = round.map_or(&none, |round| &round.counted);
        let completions = round.map_or(0, |round| round.completions);
        let step = |(n, sum): (usize, &i64)| {
            let target = quest.steps[n].target;
            let open = (sum - i64::from(completions) * target).clamp(0, target);
            let of_round = if full && completions > 0 { target } else { open };
            let waits = quest.in_order && of_round < target && !quest.is_open(counted, n);
            StepStanding { counted: of_round, target, waits }
        };
        let steps = counted.iter().enumerate().map(step).collect();
        let window = if state == QuestState::ToStart { None } else { current.or(round.map(|round| round.window)) };
        let completed_at = round.and_then(|round| round.completed_at);
        Self { quest, state, steps, completions, window, completed_at }
    }

    /// Whether it can be worked on or started now.
    pub fn is_open(&self) -> bool {
        matches!(self.state, QuestState::ToStart | QuestState::Open)
    }

    /// Whether its period ends with the day.
    pub fn ends_today(&self, at: OffsetDateTime) -> bool {
        let end = self.window.filter(|window| window.holds(at)).and_then(|window| window.end);
        end.is_some_and(|end| end <= self.quest.zone.day_end(at))
    }
}
