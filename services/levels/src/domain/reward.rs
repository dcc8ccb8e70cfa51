//! What incentives tells: rewards to be carried out, and what becomes of holds with their checkouts.

use std::collections::{BTreeMap, BTreeSet};

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;

use super::account::Occasion;
use super::book::{AccountKey, Book};
use super::entry::Origin;
use super::pending::Landing;
use super::point_type::AMOUNT_MAX;
use super::refusal::Refusal;

/// What a campaign grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The point type as it was named.
    pub point_type: String,
    /// How much.
    pub amount: i64,
    /// For the statement.
    pub reason: String,
    /// The campaign.
    pub campaign_id: String,
    /// The contract's number of who pays for it.
    pub funder: i32,
    /// Who bears the cost.
    pub cost_centre: String,
    /// The order that set it off.
    pub order_id: String,
}

/// Why a reward cannot be carried out. The names are stored and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The tenant has no such point type.
    PointTypeNotFound,
    /// The account cannot hold so much.
    BalanceOverflow,
    /// Not an amount that one entry gives.
    AmountInvalid,
}

impl Fault {
    const ALL: [Self; 3] = [Self::PointTypeNotFound, Self::BalanceOverflow, Self::AmountInvalid];

    /// The name of the contract's reason.
    pub fn name(self) -> &'static str {
        match self {
            Fault::PointTypeNotFound => "POINT_TYPE_NOT_FOUND",
            Fault::BalanceOverflow => "BALANCE_OVERFLOW",
            Fault::AmountInvalid => "REWARD_AMOUNT_INVALID",
        }
    }

    /// The fault of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

/// What came of a reward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// Its points were given.
    Fulfilled {
        /// What was given.
        point_type: Key,
        /// How much.
        amount: i64,
        /// Number of the entry.
        entry_seq: i64,
    },
    /// It cannot be carried out.
    Refused(Fault),
}

/// How far a reward has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It was revoked before it was granted: the grant will find it.
    Awaited,
    /// Its points were given.
    Fulfilled {
        /// Number of the entry.
        entry_seq: i64,
        /// Where the points went.
        landing: Landing,
    },
    /// It cannot be carried out.
    Refused(Fault),
}

/// A reward as far as it is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reward {
    /// What is granted; `None` as long as it is awaited.
    pub grant: Option<Grant>,
    /// How far it has come.
    pub progress: Progress,
    /// How much of it is to be taken back in all.
    pub revoked: i64,
    /// How much of it was taken back, forgiven shortfalls included.
    pub taken_back: i64,
}

impl Default for Reward {
    fn default() -> Self {
        Self { grant: None, progress: Progress::Awaited, revoked: 0, taken_back: 0 }
    }
}

impl Reward {
    /// The account that it went to or would go to.
    pub fn point_type(&self) -> Option<Key> {
        Key::new(self.grant.as_ref()?.point_type.as_str()).ok()
    }
}

/// What an event of incentives says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// Points are to be given.
    Granted {
        /// Once per reward.
        reward_id: String,
        /// What.
        grant: Grant,
    },
    /// Points of a reward are to be taken back.
    Revoked {
        /// The reward.
        reward_id: String,
        /// How much in all.
        amount: i64,
        /// The order that was given up.
        order_id: String,
    },
    /// A checkout is paid: its hold is used.
    Confirmed {
        /// The hold.
        hold_id: EventId,
        /// The order.
        order_id: String,
        /// How many points.
        points: i64,
    },
    /// A checkout was given up: its hold is released.
    Cancelled {
        /// The hold.
        hold_id: EventId,
    },
    /// An order that was paid with a hold came back.
    Returned {
        /// The hold.
        hold_id: EventId,
        /// The order.
        order_id: String,
        /// How many points in all.
        points: i64,
    },
}

/// An event of incentives as far as this service looks at it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The user, by canonical id.
    pub user: UserId,
    /// When it happened in the world: decides lots.
    pub occurred_at: OffsetDateTime,
    /// When incentives took it: the decision time.
    pub recorded_at: OffsetDateTime,
    /// What it says.
    pub says: Says,
}

impl Told {
    /// The reward that it is about.
    pub fn reward(&self) -> Option<(UserId, String)> {
        match &self.says {
            Says::Granted { reward_id, .. } | Says::Revoked { reward_id, .. } => {
                Some((self.user.clone(), reward_id.clone()))
            }
            Says::Confirmed { .. } | Says::Cancelled { .. } | Says::Returned { .. } => None,
        }
    }

    /// The order that a reward is granted for.
    pub fn granted_for(&self) -> Option<(UserId, String)> {
        match &self.says {
            Says::Granted { grant, .. } if !grant.order_id.is_empty() => {
                Some((self.user.clone(), grant.order_id.clone()))
            }
            _ => None,
        }
    }

    /// The hold that it is about.
    pub fn hold(&self) -> Option<(UserId, EventId)> {
        match &self.says {
            Says::Confirmed { hold_id, .. } | Says::Cancelled { hold_id } | Says::Returned { hold_id, .. } => {
                Some((self.user.clone(), hold_id.clone()))
            }
            Says::Granted { .. } | Says::Revoked { .. } => None,
        }
    }
}

/// What is known of the rewards and holds that a batch of events is about.
#[derive(Debug, Default)]
pub struct Rewards {
    rewards: BTreeMap<(UserId, String), Reward>,
    /// What the named holds hold.
    held: BTreeMap<(UserId, EventId), Key>,
    written: BTreeSet<(UserId, String)>,
}

impl Rewards {
    /// As loaded: the rewards, and the point types of the holds.
    pub fn new(rewards: BTreeMap<(UserId, String), Reward>, held: BTreeMap<(UserId, EventId), Key>) -> Self {
        Self { rewards, held, written: BTreeSet::new() }
    }

    /// The accounts that the events may change.
    pub fn accounts(&self, events: &[&Told]) -> BTreeSet<AccountKey> {
        let granted = events.iter().filter_map(|told| match &told.says {
            Says::Granted { grant, .. } => Some((told.user.clone(), Key::new(grant.point_type.as_str()).ok()?)),
            Says::Revoked { .. } | Says::Confirmed { .. } | Says::Cancelled { .. } | Says::Returned { .. } => None,
        });
        let known = self.rewards.iter().filter_map(|((user, _), reward)| Some((user.clone(), reward.point_type()?)));
        let held = self.held.iter().map(|((user, _), point_type)| (user.clone(), point_type.clone()));
        granted.chain(known).chain(held).collect()
    }

    /// Applies one event to the accounts of its user.
    pub fn apply(&mut self, book: &mut Book<'_>, told: &Told) -> Result<(), Refusal> {
        let before = book.effects().len();
        match &told.says {
            Says::Granted { reward_id, grant } => self.grant(book, told, reward_id, grant)?,
            Says::Revoked { reward_id, amount, order_id } => {
                let key = (told.user.clone(), reward_id.clone());
                let reward = self.rewards.entry(key.clone()).or_default();
                if *amount > reward.revoked {
                    reward.revoked = *amount;
                    self.written.insert(key);
                }
                self.take_back(book, told, reward_id, order_id)?;
            }
            Says::Confirmed { hold_id, order_id, points } => {
                let (key, at) = self.account_of(book, told, hold_id)?;
                book.confirm(&key, hold_id, *points, occasion(told, order_id), at)?;
            }
            Says::Cancelled { hold_id } => {
                let (key, at) = self.account_of(book, told, hold_id)?;
                book.cancel(&key, hold_id, at)?;
            }
            Says::Returned { hold_id, order_id, points } => {
                let (key, at) = self.account_of(book, told, hold_id)?;
                book.returned(&key, hold_id, *points, occasion(told, order_id), at)?;
            }
        }
        if book.effects().len() > before {
            book.decide_level(&told.user, told.recorded_at);
        }
        Ok(())
    }

    /// Rewards that are new or changed.
    pub fn to_write(&self) -> Vec<(&(UserId, String), &Reward)> {
        self.written.iter().filter_map(|key| self.rewards.get_key_value(key)).collect()
    }

    /// Carries a reward out, once. One that was revoked before is given and taken back: the statement shows both, and both
    /// orders end the same.
    fn grant(&mut self, book: &mut Book<'_>, told: &Told, reward_id: &str, grant: &Grant) -> Result<(), Refusal> {
        let key = (told.user.clone(), reward_id.to_owned());
        let reward = self.rewards.entry(key.clone()).or_default();
        if reward.progress != Progress::Awaited {
            return Ok(());
        }
        self.written.insert(key);
        reward.grant = Some(grant.clone());
        let carried = match give(book, told, reward_id, grant) {
            Ok((carried, landing, entry_seq)) => {
                reward.progress = Progress::Fulfilled { entry_seq, landing };
                carried
            }
            Err(fault) => {
                reward.progress = Progress::Refused(fault);
                Carried::Refused(fault)
            }
        };
        book.rewarded(&told.user, reward_id, carried, told.recorded_at);
        self.take_back(book, told, reward_id, &grant.order_id)
    }

    /// Brings what was taken back of a reward up to what is known, whichever came first.
    fn take_back(&mut self, book: &mut Book<'_>, told: &Told, reward_id: &str, order_id: &str) -> Result<(), Refusal> {
        let key = (told.user.clone(), reward_id.to_owned());
        let Some(reward) = self.rewards.get_mut(&key) else { return Ok(()) };
        let (Some(point_type), Some(grant)) = (reward.point_type(), &reward.grant) else { return Ok(()) };
        let Progress::Fulfilled { landing, .. } = &reward.progress else { return Ok(()) };
        let points = reward.revoked.min(grant.amount) - reward.taken_back;
        if points <= 0 {
            return Ok(());
        }
        let account = (told.user.clone(), point_type);
        let at = book.decision_time(&account, told.recorded_at);
        let origin = origin(reward_id, grant, order_id);
        let occasion = Occasion { occurred_at: Some(told.occurred_at), origin };
        book.take_back(&account, points, landing, occasion, at)?;
        reward.taken_back += points;
        self.written.insert(key);
        Ok(())
    }

    fn account_of(
        &self,
        book: &Book<'_>,
        told: &Told,
        hold_id: &EventId,
    ) -> Result<(AccountKey, OffsetDateTime), Refusal> {
        let point_type = self.held.get(&(told.user.clone(), hold_id.clone()));
        let point_type = point_type.ok_or_else(|| Refusal::HoldNotFound { hold_id: hold_id.to_string() })?;
        let key = (told.user.clone(), point_type.clone());
        let at = book.decision_time(&key, told.recorded_at);
        Ok((key, at))
    }
}

fn give(book: &mut Book<'_>, told: &Told, reward_id: &str, grant: &Grant) -> Result<(Carried, Landing, i64), Fault> {
    if !(1..=AMOUNT_MAX).contains(&grant.amount) {
        return Err(Fault::AmountInvalid);
    }
    let point_type = Key::new(grant.point_type.as_str()).map_err(|_| Fault::PointTypeNotFound)?;
    book.point_type(&point_type).map_err(|_| Fault::PointTypeNotFound)?;
    let key = (told.user.clone(), point_type.clone());
    let at = book.decision_time(&key, told.recorded_at);
    let origin = origin(reward_id, grant, &grant.order_id);
    let occasion = Occasion { occurred_at: Some(told.occurred_at), origin };
    let (entry, landing) = book.earn(&key, grant.amount, occasion, at).map_err(|_| Fault::BalanceOverflow)?;
    let carried = Carried::Fulfilled { point_type, amount: grant.amount, entry_seq: entry.seq };
    Ok((carried, landing, entry.seq))
}

fn origin(reward_id: &str, grant: &Grant, order_id: &str) -> Origin {
    Origin {
        reason: grant.reason.clone(),
        order_id: order_id.to_owned(),
        reward_id: reward_id.to_owned(),
        cost_centre: grant.cost_centre.clone(),
        funder: grant.funder,
        ..Origin::default()
    }
}

fn occasion(told: &Told, order_id: &str) -> Occasion {
    let origin = Origin { order_id: order_id.to_owned(), ..Origin::default() };
    Occasion { occurred_at: Some(told.occurred_at), origin }
}
