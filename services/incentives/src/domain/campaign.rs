//! Campaigns: what they say, and which of their versions is in force.

use std::sync::Arc;

use ids::Key;
use rules::{Condition, Fault, Formula, Written};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use units::text::LocalizedText;
use units::zone::Zone;

use super::period::Period;
use super::trigger::{self, Happening};

/// Most points that one reward gives.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// What a campaign says, as it was saved. Stored as it is: names never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// What users call it.
    pub display_name: LocalizedText,
    /// What sets it off.
    pub event_type: String,
    /// When it applies.
    pub condition: Written,
    /// Events that happened at or after this time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub valid_from: Option<OffsetDateTime>,
    /// Events that happened before this time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub valid_until: Option<OffsetDateTime>,
    /// Events recorded more seconds than this after they happened set nothing off.
    pub event_age_max_s: i64,
    /// Decided in falling order.
    pub priority: i32,
    /// At most one campaign of it grants for one event; empty: none.
    pub exclusion_group: String,
    /// The share of users that never gets it.
    pub holdout_bp: i32,
    /// Whose days, weeks and months limits count.
    pub zone: String,
    /// Limits per user; each period at most once.
    pub user_limits: Vec<UserLimit>,
    /// Standing grants over all users; 0: no limit.
    pub grants_max: i64,
    /// What it may cost, in the measure of the reward; `None`: no limit.
    pub budget: Option<i64>,
    /// What returns when a reward is taken back.
    pub returns: Returns,
    /// Who bears the cost; may be empty.
    pub cost_centre: String,
    /// The contract's number of who pays.
    pub funder: i32,
    /// What the user gets.
    pub reward: Reward,
}

/// How often one user gets the reward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLimit {
    /// Over which time.
    pub period: Period,
    /// At most this many.
    pub max: i64,
}

/// What a reward that is taken back gives back to its campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returns {
    /// The counts of limits, once all of it is taken back.
    pub limits: bool,
    /// The budget, by the share taken back.
    pub budget: bool,
}

impl Returns {
    /// The contract's number.
    pub fn code(self) -> i16 {
        1 + i16::from(self.limits) + 2 * i16::from(self.budget)
    }

    /// Of the contract's number.
    pub fn from_code(code: i32) -> Option<Self> {
        let code = code.checked_sub(1).filter(|code| (0..4).contains(code))?;
        Some(Self { limits: code & 1 == 1, budget: code & 2 == 2 })
    }
}

/// What the user gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// A coupon.
    Coupon {
        /// Its template.
        template_id: String,
        /// What one piece costs the budget, in minor units.
        cost_minor: i64,
        /// The currency of cost and budget.
        currency: String,
    },
    /// Points by a formula.
    Points {
        /// What is given.
        point_type_id: String,
        /// How much.
        formula: String,
    },
    /// A random number of points.
    RandomPoints {
        /// What is given.
        point_type_id: String,
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
}

/// What of a definition is evaluated, read once.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    condition: Condition,
    formula: Option<Formula>,
    /// Whose days, weeks and months limits count.
    pub zone: Zone,
}

impl Definition {
    /// Reads condition, formula and zone against the names that the trigger offers; all faults at once.
    pub fn compile(&self) -> Result<Compiled, Vec<Fault>> {
        let names = trigger::names_of(&self.event_type);
        let condition = self.condition.compile(&names);
        let formula = match &self.reward {
            Reward::Points { formula, .. } => Formula::parse(formula, &names)
                .map(Some)
                .map_err(|fault| Fault { field: "points.formula".to_owned(), cause: fault.to_string() }),
            Reward::Coupon { .. } | Reward::RandomPoints { .. } => Ok(None),
        };
        let zone = Zone::new(&self.zone).map_err(|fault| Fault { field: "zone".to_owned(), cause: fault.to_string() });
        match (condition, formula, zone) {
            (Ok(condition), Ok(formula), Ok(zone)) => Ok(Compiled { condition, formula, zone }),
            (condition, formula, zone) => {
                Err(condition.err().into_iter().chain(formula.err()).chain(zone.err()).collect())
            }
        }
    }

    /// Whether its window holds the time at which an event happened.
    pub fn open(&self, occurred_at: OffsetDateTime) -> bool {
        self.valid_from.is_none_or(|from| occurred_at >= from)
            && self.valid_until.is_none_or(|until| occurred_at < until)
    }
}

impl Compiled {
    /// Whether the condition holds; where it has no value it does not.
    pub fn holds(&self, happening: &Happening) -> bool {
        self.condition.holds(happening)
    }

    /// The points that the formula yields, at most [`AMOUNT_MAX`]; 0 where it has no positive value.
    pub fn points(&self, happening: &Happening) -> i64 {
        let value = self.formula.as_ref().and_then(|formula| formula.value(happening).ok());
        value.unwrap_or(0).clamp(0, AMOUNT_MAX)
    }
}

/// A version that was approved, read.
#[derive(Debug, Clone)]
pub struct Version {
    /// The campaign.
    pub campaign_id: Key,
    /// Its version.
    pub version: i32,
    /// What it says.
    pub definition: Arc<Definition>,
    /// What of it is evaluated.
    pub compiled: Arc<Compiled>,
}

/// From when on which version of a campaign is in force, or none is. Turns of a campaign never overlap: one holds until
/// the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The campaign.
    pub campaign_id: Key,
    /// 1, then one more each.
    pub number: i32,
    /// The version approved last.
    pub version: i32,
    /// What it makes of the campaign.
    pub standing: Standing,
    /// Since when.
    pub at: OffsetDateTime,
}

/// What was decided of a campaign by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It grants within its window.
    InForce,
    /// It is held up.
    Paused,
    /// It is over.
    Ended,
}

impl Standing {
    /// The number stored.
    pub fn code(self) -> i16 {
        match self {
            Self::InForce => 1,
            Self::Paused => 2,
            Self::Ended => 3,
        }
    }

    /// Of the number stored.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::InForce, Self::Paused, Self::Ended].into_iter().find(|it| it.code() == code)
    }
}

/// How far a campaign has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No version was approved yet.
    Draft,
    /// Approved, before its window.
    Scheduled,
    /// Within it.
    Running,
    /// Held up by hand.
    Paused,
    /// Past its window, or ended by hand.
    Ended,
}

impl State {
    /// Of the last turn, and the window of the version approved last.
    pub fn of(turn: Option<&Turn>, approved: Option<&Definition>, now: OffsetDateTime) -> Self {
        let (Some(turn), Some(approved)) = (turn, approved) else { return Self::Draft };
        match turn.standing {
            Standing::Ended => Self::Ended,
            _ if approved.valid_until.is_some_and(|until| now >= until) => Self::Ended,
            Standing::Paused => Self::Paused,
            Standing::InForce if approved.valid_from.is_some_and(|from| now < from) => Self::Scheduled,
            Standing::InForce => Self::Running,
        }
    }

    /// The contract's number.
    pub fn code(self) -> i32 {
        match self {
            Self::Draft => 1,
            Self::Scheduled => 2,
            Self::Running => 3,
            Self::Paused => 4,
            Self::Ended => 5,
        }
    }

    /// As it stands in metadata of refusals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }
}

/// What holds for all campaigns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Setting {
    /// The share of users that no campaign rewards.
    pub global_holdout_bp: i32,
    /// The author of a version may approve it.
    pub self_approval: bool,
    /// 0: never set, then one more with each change.
    pub revision: i64,
}

/// The versions in force for an event recorded at `at`, in the order in which they are decided. `turns` holds those of
/// one campaign together, oldest first; `versions` finds what they name.
pub fn in_force<'a>(
    turns: &[Turn],
    versions: impl Fn(&Key, i32) -> Option<&'a Version>,
    at: OffsetDateTime,
) -> Vec<&'a Version> {
    let last = |turns: &[Turn]| turns.iter().rev().find(|turn| turn.at <= at).cloned();
    let mut found: Vec<&Version> = turns
        .chunk_by(|a, b| a.campaign_id == b.campaign_id)
        .filter_map(last)
        .filter(|turn| turn.standing == Standing::InForce)
        .filter_map(|turn| versions(&turn.campaign_id, turn.version))
        .collect();
    found.sort_by(|a, b| (b.definition.priority, &a.campaign_id).cmp(&(a.definition.priority, &b.campaign_id)));
    found
}
