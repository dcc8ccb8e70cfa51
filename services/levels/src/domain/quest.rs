//! What users are to do.

pub mod progress;
pub mod reward;
pub mod sentence;
pub mod standing;
pub mod window;

use ids::Key;
use rules::{Condition, Fault, Formula, Written};
use time::OffsetDateTime;
use units::text::LocalizedText;
use units::zone::Zone;

use super::bonus::Bonus;
use super::consume::{Incoming, Says};
use super::earning::{RANK, Seen, names_of};
use super::entry::Payer;

/// Quests that a tenant may have: all of them are kept in memory.
pub const QUESTS_MAX: usize = 200;
/// Steps of a quest.
pub const STEPS_MAX: usize = 10;
/// The most that a step asks for, and that an event counts.
pub const TARGET_MAX: i64 = 1_000_000_000_000;

/// What progress counts within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestPeriod {
    /// The whole time in which the quest is valid.
    Ever,
    /// A day.
    Day,
    /// A week from Monday on.
    Week,
    /// A calendar month.
    Month,
    /// So many days from the start on.
    Days(u32),
}

impl QuestPeriod {
    /// The contract's number, and the number of days.
    pub fn code(self) -> (i16, i32) {
        match self {
            QuestPeriod::Ever => (1, 0),
            QuestPeriod::Day => (2, 0),
            QuestPeriod::Week => (3, 0),
            QuestPeriod::Month => (4, 0),
            QuestPeriod::Days(days) => (5, i32::try_from(days).unwrap_or(i32::MAX)),
        }
    }

    /// The period of a number, where the days fit it.
    pub fn from_code(code: i16, days: i32) -> Option<Self> {
        let days = u32::try_from(days).ok()?;
        match (code, days) {
            (1, 0) => Some(Self::Ever),
            (2, 0) => Some(Self::Day),
            (3, 0) => Some(Self::Week),
            (4, 0) => Some(Self::Month),
            (5, 1..) => Some(Self::Days(days)),
            _ => None,
        }
    }
}

/// How often a quest can be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recurrence {
    /// Once.
    None,
    /// Once a period.
    PeriodEnd,
    /// Again as soon as it is completed, so often in a period.
    Completion(i32),
}

impl Recurrence {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            Recurrence::None => 1,
            Recurrence::PeriodEnd => 2,
            Recurrence::Completion(_) => 3,
        }
    }

    /// The recurrence of a number.
    pub fn from_code(code: i16, rounds_max: i32) -> Option<Self> {
        match code {
            1 => Some(Self::None),
            2 => Some(Self::PeriodEnd),
            3 => Some(Self::Completion(rounds_max)),
            _ => None,
        }
    }

    /// How often in a period.
    pub fn rounds(self) -> i32 {
        if let Recurrence::Completion(rounds) = self { rounds.max(1) } else { 1 }
    }
}

/// What starts a quest for a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestStart {
    /// The first event that counts.
    Automatic,
    /// A call.
    ByUser,
    /// The time from which it is valid.
    Scheduled,
}

impl QuestStart {
    const ALL: [Self; 3] = [Self::Automatic, Self::ByUser, Self::Scheduled];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            QuestStart::Automatic => 1,
            QuestStart::ByUser => 2,
            QuestStart::Scheduled => 3,
        }
    }

    /// The start of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }
}

/// What refunds do to a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestReversal {
    /// Nothing.
    Keep,
    /// It is taken back.
    TakeBack,
}

impl QuestReversal {
    const ALL: [Self; 2] = [Self::Keep, Self::TakeBack];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            QuestReversal::Keep => 1,
            QuestReversal::TakeBack => 2,
        }
    }

    /// The policy of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }
}

/// A step, ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What users are to do.
    pub display_name: LocalizedText,
    /// The counting event.
    pub event_type: String,
    /// Which of them count.
    pub condition: Written,
    /// How much each counts; empty: 1.
    pub formula: String,
    /// How much is needed.
    pub target: i64,
    compiled: (Condition, Option<Formula>),
}

impl Step {
    /// Reads condition and formula against the names that the counting event offers; all faults at once.
    pub fn new(
        display_name: LocalizedText,
        event_type: String,
        (condition, formula): (Written, String),
        target: i64,
    ) -> Result<Self, Vec<Fault>> {
        let names = names_of(&event_type);
        let read = |text: &str| Formula::parse(text, &names);
        let amount = Some(formula.as_str()).filter(|text| !text.is_empty()).map(read).transpose();
        let amount = amount.map_err(|fault| Fault { field: "formula".to_owned(), cause: fault.to_string() });
        match (condition.compile(&names), amount) {
            (Ok(holds), Ok(amount)) => {
                Ok(Self { display_name, event_type, condition, formula, target, compiled: (holds, amount) })
            }
            (holds, amount) => Err(holds.err().into_iter().chain(amount.err()).collect()),
        }
    }

    /// How much an event counts; 0: it does not.
    fn amount(&self, seen: &Seen<'_>) -> i64 {
        let (condition, formula) = &self.compiled;
        if !condition.holds(seen) {
            return 0;
        }
        let Some(formula) = formula else { return 1 };
        let value = formula.exact(seen).map_or(0, |value| value.floor());
        i64::try_from(value.clamp(0, TARGET_MAX.into())).unwrap_or(TARGET_MAX)
    }

    fn asks_for_level(&self) -> bool {
        let (condition, formula) = &self.compiled;
        let formula = formula.as_ref().is_some_and(|it| it.expr().names(RANK));
        formula || condition.expr().is_some_and(|it| it.names(RANK))
    }
}

/// One version of a quest, as it was published.
#[derive(Debug, Clone, PartialEq)]
pub struct Quest {
    /// Its id.
    pub id: Key,
    /// What users call it.
    pub display_name: LocalizedText,
    /// What it is about.
    pub description: Option<LocalizedText>,
    /// What is to be done; never empty.
    pub steps: Vec<Step>,
    /// Whether a step waits for those before it.
    pub in_order: bool,
    /// What progress counts within.
    pub period: QuestPeriod,
    /// The zone that decides its days.
    pub zone: Zone,
    /// How often it can be completed.
    pub recurrence: Recurrence,
    /// What starts it.
    pub start: QuestStart,
    /// Events that occurred at or after this time.
    pub valid_from: Option<OffsetDateTime>,
    /// Events that occurred before this time.
    pub valid_until: Option<OffsetDateTime>,
    /// The scheme of which some levels alone have it.
    pub scheme: Option<Key>,
    /// The lowest level that has it.
    pub first_rank: usize,
    /// The highest; `None`: all above.
    pub last_rank: Option<usize>,
    /// What a completion gives.
    pub bonus: Bonus,
    /// What refunds do to it.
    pub reversal: QuestReversal,
    /// Who pays for its points.
    pub payer: Payer,
    /// Events that become known meanwhile do not count.
    pub paused: bool,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// When the first version was published.
    pub create_time: OffsetDateTime,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
}

impl Quest {
    /// Whether events count that occur at a time.
    pub fn is_valid(&self, at: OffsetDateTime) -> bool {
        self.valid_from.is_none_or(|from| from <= at) && self.valid_until.is_none_or(|until| at < until)
    }

    /// Whether a level has it.
    pub fn has_rank(&self, rank: Option<i64>) -> bool {
        let rank = rank.and_then(|rank| usize::try_from(rank).ok()).unwrap_or(0);
        self.scheme.is_none() || self.first_rank <= rank && self.last_rank.is_none_or(|last| rank <= last)
    }

    /// Whether it asks for the user's level.
    pub fn asks_for_level(&self) -> bool {
        self.scheme.is_some() || self.steps.iter().any(Step::asks_for_level)
    }

    /// The first part that a new version must leave as it is and does not.
    pub fn breaks(&self, before: &Self) -> Option<&'static str> {
        let parts = [
            (self.steps == before.steps, "steps"),
            (self.in_order == before.in_order, "in_order"),
            (self.period == before.period, "period"),
            (self.zone == before.zone, "zone"),
            (self.recurrence == before.recurrence, "recurrence"),
            (self.start == before.start, "start"),
            (self.valid_from == before.valid_from, "valid_from"),
            (self.scheme == before.scheme, "scheme_id"),
            (self.first_rank == before.first_rank, "first_rank"),
            (self.last_rank == before.last_rank, "last_rank"),
            (self.bonus.badge == before.bonus.badge, "bonus.badge_id"),
        ];
        parts.into_iter().find(|(same, _)| !same).map(|(_, part)| part)
    }

    /// Which steps an event counts for, and how much, as far as the event and the user's level tell.
    pub fn counts(&self, incoming: &Incoming, rank: Option<i64>) -> Vec<(usize, i64)> {
        let Says::Counts { happening, .. } = &incoming.says else { return Vec::new() };
        let counts = incoming.earns
            && !self.paused
            && incoming.recorded_at >= self.create_time
            && self.is_valid(incoming.occurred_at)
            && self.has_rank(rank);
        if !counts {
            return Vec::new();
        }
        let seen = Seen { happening, at: incoming.occurred_at, zone: &self.zone, rank };
        let steps = self.steps.iter().enumerate().filter(|(_, step)| step.event_type == incoming.event_type);
        steps.map(|(n, step)| (n, step.amount(&seen))).filter(|(_, amount)| *amount > 0).collect()
    }
}
