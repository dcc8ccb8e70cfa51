//! What an event of another service does to points and levels.

use std::collections::{BTreeMap, BTreeSet};

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;

use super::book::Book;
use super::claim::{Prospect, claims, occasion};
use super::earning::Happening;
use super::order::{Earning, OrderCourse, Refund};
use super::refusal::Refusal;

/// An event as far as this service looks at it.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The user, by canonical id.
    pub user: UserId,
    /// The event's id.
    pub event_id: EventId,
    /// Its type, such as `order.completed`.
    pub event_type: String,
    /// Its number in its partition of the log.
    pub seq: i64,
    /// When it happened in the world: decides which rules count it, and lots.
    pub occurred_at: OffsetDateTime,
    /// When its service took it: the decision time.
    pub recorded_at: OffsetDateTime,
    /// False: an import of facts alone; nothing is earned.
    pub earns: bool,
    /// What it says.
    pub says: Says,
}

/// What an event says.
#[derive(Debug, Clone)]
pub enum Says {
    /// Something that rules may count.
    Counts {
        /// The order; empty where it is about none.
        order_id: String,
        /// What rules see of it.
        happening: Happening,
    },
    /// Money was given back for an order.
    Refunded {
        /// The order.
        order_id: String,
        /// What and how much.
        refund: Refund,
    },
    /// An order was given up.
    Cancelled {
        /// The order.
        order_id: String,
    },
}

impl Incoming {
    /// The order that it is about.
    pub fn order_id(&self) -> Option<&str> {
        match &self.says {
            Says::Counts { order_id, .. } if order_id.is_empty() => None,
            Says::Counts { order_id, .. } | Says::Refunded { order_id, .. } | Says::Cancelled { order_id } => {
                Some(order_id)
            }
        }
    }
}

impl Incoming {
    /// The order whose completion it tells of.
    pub fn completed_order(&self) -> Option<&str> {
        self.order_id().filter(|_| self.event_type == "order.completed")
    }
}

/// What is known of the orders that a batch of events is about.
#[derive(Debug, Default)]
pub struct Orders {
    earnings: BTreeMap<UserId, Vec<Earning>>,
    courses: BTreeMap<(UserId, String), OrderCourse>,
    written: BTreeSet<(UserId, usize)>,
    changed: BTreeSet<(UserId, String)>,
}

impl Orders {
    /// As loaded.
    pub fn new(
        earnings: impl IntoIterator<Item = (UserId, Earning)>,
        courses: impl IntoIterator<Item = ((UserId, String), OrderCourse)>,
    ) -> Self {
        let mut orders = Self { courses: courses.into_iter().collect(), ..Self::default() };
        for (user, earning) in earnings {
            orders.earnings.entry(user).or_default().push(earning);
        }
        orders
    }

    /// The accounts that earlier earnings went to.
    pub fn accounts(&self) -> impl Iterator<Item = (UserId, Key)> {
        let earnings = self.earnings.iter();
        earnings.flat_map(|(user, earnings)| earnings.iter().map(|it| (user.clone(), it.point_type.clone())))
    }

    /// Applies one event to the accounts of its user, with the rules that may give something for it.
    pub fn apply(&mut self, book: &mut Book<'_>, incoming: &Incoming, prospects: &[Prospect]) -> Result<(), Refusal> {
        let before = book.effects().len();
        match &incoming.says {
            Says::Counts { .. } => {
                self.complete(book, incoming);
                self.earn(book, incoming, prospects)?;
            }
            Says::Refunded { refund, .. } => self.course(incoming).refund(refund),
            Says::Cancelled { .. } => self.course(incoming).cancel(),
        }
        self.take_back(book, incoming)?;
        if book.effects().len() > before {
            book.decide_level(&incoming.user, incoming.recorded_at);
        }
        Ok(())
    }

    /// New earnings and those of which more is taken back.
    pub fn earnings_to_write(&self) -> Vec<(&UserId, &Earning)> {
        let written = self.written.iter();
        written.filter_map(|(user, index)| Some((user, self.earnings.get(user)?.get(*index)?))).collect()
    }

    /// What became known of orders.
    pub fn courses_to_write(&self) -> Vec<(&(UserId, String), &OrderCourse)> {
        self.changed.iter().filter_map(|key| self.courses.get_key_value(key)).collect()
    }

    /// When the orders were completed of which that is known.
    pub fn completed(&self) -> impl Iterator<Item = ((UserId, String), OffsetDateTime)> {
        self.courses.iter().filter_map(|(key, course)| Some((key.clone(), course.completed_at?)))
    }

    /// Notes that an order was completed, and lets go what waited for it.
    fn complete(&mut self, book: &mut Book<'_>, incoming: &Incoming) {
        let Some(order_id) = incoming.completed_order().filter(|_| book.awaits_orders()) else { return };
        self.course(incoming).completed_at.get_or_insert(incoming.occurred_at);
        book.complete_order(&incoming.user, order_id, incoming.occurred_at, incoming.recorded_at);
    }

    fn earn(&mut self, book: &mut Book<'_>, incoming: &Incoming, prospects: &[Prospect]) -> Result<(), Refusal> {
        let order_id = incoming.order_id().unwrap_or_default();
        for claim in claims(book, prospects, incoming)? {
            let earned_before = |it: &Earning| {
                let same_source =
                    it.source_event == incoming.event_id || (!order_id.is_empty() && it.order_id == order_id);
                it.rule_id == claim.rule.id && same_source
            };
            let earnings = self.earnings.entry(incoming.user.clone()).or_default();
            if earnings.iter().any(earned_before) {
                continue;
            }
            let (given, landing) = claim.give(book, incoming)?;
            self.written.insert((incoming.user.clone(), earnings.len()));
            earnings.push(Earning {
                rule_id: claim.rule.id.clone(),
                rule_version: claim.rule.version,
                source_event: incoming.event_id.clone(),
                point_type: claim.rule.point_type.clone(),
                order_id: order_id.to_owned(),
                asked: claim.points,
                earned: given,
                taken_back: 0,
                landing,
                payer: claim.rule.payer.clone(),
                parts: claim.parts(incoming),
            });
        }
        Ok(())
    }

    fn course(&mut self, incoming: &Incoming) -> &mut OrderCourse {
        let key = (incoming.user.clone(), incoming.order_id().unwrap_or_default().to_owned());
        self.changed.insert(key.clone());
        self.courses.entry(key).or_default()
    }

    /// Brings what was taken back of the order's earnings up to what is known of its refunds, whichever came first.
    fn take_back(&mut self, book: &mut Book<'_>, incoming: &Incoming) -> Result<(), Refusal> {
        let Some(order_id) = incoming.order_id() else { return Ok(()) };
        let Some(course) = self.courses.get(&(incoming.user.clone(), order_id.to_owned())) else { return Ok(()) };
        let Some(earnings) = self.earnings.get_mut(&incoming.user) else { return Ok(()) };
        for (index, earning) in earnings.iter_mut().enumerate().filter(|(_, it)| it.order_id == order_id) {
            let points = earning.outstanding(course);
            if points == 0 {
                continue;
            }
            let key = (incoming.user.clone(), earning.point_type.clone());
            let at = book.decision_time(&key, incoming.recorded_at);
            let occasion = occasion(incoming, &earning.rule_id, &earning.payer);
            book.take_back(&key, points, &earning.landing, occasion, at)?;
            earning.taken_back += points;
            self.written.insert((incoming.user.clone(), index));
        }
        Ok(())
    }
}
