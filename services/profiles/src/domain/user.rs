//! The order machine: what a report does to a user.

use std::collections::BTreeMap;
use std::sync::Arc;

use time::{Date, OffsetDateTime};

use super::event::{Happened, Origin, Report, Told};
use super::order::{Basket, Order, State};
use super::refund::{Refund, TakenRefund, fits};
use super::refusal::Refusal;
use super::spend::Spend;

/// What rules may know of a user at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// When the user registered, where known.
    pub registered_at: Option<OffsetDateTime>,
    /// What the user has bought.
    pub spend: Spend,
    /// The last visit.
    pub last_visit_at: Option<OffsetDateTime>,
}

/// A loaded or decided value, and whether it has to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<T> {
    /// The value.
    pub value: T,
    /// Not stored yet.
    pub new: bool,
    /// Differs from what is stored.
    pub changed: bool,
}

impl<T> Kept<T> {
    /// As it is stored.
    pub fn stored(value: T) -> Self {
        Self { value, new: false, changed: false }
    }

    fn new(value: T) -> Self {
        Self { value, new: true, changed: true }
    }
}

/// Visits of one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Visits {
    /// How many.
    pub count: i64,
    /// How long in all.
    pub seconds: i64,
}

/// A user as far as deciding about a batch of their events needs: the summary, and the orders and refunds that the
/// batch names. Deciding changes it; what changed is then written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Not stored before this batch.
    pub new: bool,
    /// The summary.
    pub now: Snapshot,
    /// Differs from what is stored.
    pub changed: bool,
    /// By order id.
    pub orders: BTreeMap<String, Kept<Order>>,
    /// By order id, in order of arrival; an order may be unknown yet.
    pub refunds: BTreeMap<String, Vec<Kept<TakenRefund>>>,
    /// New visits by day of the tenant's zone.
    pub visits: BTreeMap<Date, Visits>,
}

impl User {
    /// Takes one report. Returns what became true, in order; nothing where the report repeats what is known or waits for
    /// another. A refusal changes nothing.
    pub fn take(&mut self, origin: &Origin, report: &Report, day: Date) -> Result<Vec<Told>, Refusal> {
        let was_new = self.new;
        self.new = false; // so that what is told includes the creation; restored below where the report is refused
        let mut told = Vec::new();
        if was_new {
            told.push(self.tell(origin, Some("profile"), Happened::UserCreated));
        }
        let outcome = match report {
            Report::OrderCreated(basket) => self.advance(origin, basket, State::Created, &mut told),
            Report::OrderPaid(basket) => self.advance(origin, basket, State::Paid, &mut told),
            Report::OrderCompleted(basket) => self.advance(origin, basket, State::Completed, &mut told),
            Report::OrderCancelled(order_id) => self.cancel(origin, order_id, &mut told),
            Report::OrderRefunded(refund) => self.refund(origin, refund, &mut told),
            Report::Visit(seconds) => self.visit(origin, *seconds, day, &mut told),
        };
        match outcome {
            Ok(()) => Ok(told),
            Err(refusal) => {
                self.new = was_new;
                Err(refusal)
            }
        }
    }

    /// Moves an order forward up to a state, through all states between.
    fn advance(
        &mut self,
        origin: &Origin,
        basket: &Arc<Basket>,
        to: State,
        told: &mut Vec<Told>,
    ) -> Result<(), Refusal> {
        let order_id = &basket.order_id;
        let from = match self.orders.get(order_id).map(|kept| &kept.value) {
            None => None,
            Some(order) if !order.basket.agrees_with(basket) => {
                return Err(Refusal::OrderDiffers { order_id: order_id.clone() });
            }
            Some(order) if order.state == State::Cancelled && to != State::Created => {
                return Err(Refusal::OrderState { order_id: order_id.clone(), state: order.state });
            }
            Some(order) => Some(order.state),
        };
        let passed = |state: &State| Some(*state) > from && *state <= to;
        for state in [State::Created, State::Paid, State::Completed].into_iter().filter(passed) {
            let happened = self.enter(origin, basket, state);
            let implied = (state != to).then_some(state.as_str());
            told.push(self.tell(origin, implied, happened));
        }
        if from < Some(State::Paid) && to >= State::Paid {
            self.apply_parked(order_id, told);
        }
        Ok(())
    }

    /// Puts an order into the next state.
    fn enter(&mut self, origin: &Origin, basket: &Arc<Basket>, state: State) -> Happened {
        let at = origin.occurred_at;
        let first = self.now.spend.first_at.is_none();
        let kept = self
            .orders
            .entry(basket.order_id.clone())
            .or_insert_with(|| Kept::new(Order::created(Arc::clone(basket), at, &origin.site)));
        kept.changed = true;
        let order = &mut kept.value;
        let before = order.counts();
        order.state = state;
        let basket = Arc::clone(&order.basket);
        let happened = match state {
            State::Paid => {
                order.paid_at = Some(at);
                order.first = first;
                self.now.spend.paid_at(at);
                Happened::OrderPaid { basket, first }
            }
            State::Completed => {
                order.completed_at = Some(at);
                Happened::OrderCompleted { basket, first: order.first }
            }
            State::Created | State::Cancelled => Happened::OrderCreated(basket),
        };
        self.now.spend.follow(before, order.counts());
        self.changed = true;
        happened
    }

    fn cancel(&mut self, origin: &Origin, order_id: &str, told: &mut Vec<Told>) -> Result<(), Refusal> {
        let Some(kept) = self.orders.get_mut(order_id) else {
            return Err(Refusal::OrderNotFound { order_id: order_id.to_owned() });
        };
        let order = &mut kept.value;
        match order.state {
            State::Cancelled => return Ok(()),
            state @ State::Completed => return Err(Refusal::OrderState { order_id: order_id.to_owned(), state }),
            State::Created | State::Paid => {}
        }
        let released = order.refundable();
        let before = order.counts();
        order.state = State::Cancelled;
        order.cancelled_at = Some(origin.occurred_at);
        let basket = Arc::clone(&order.basket);
        kept.changed = true;
        self.now.spend.follow(before, (0, 0));
        self.changed = true;
        told.push(self.tell(origin, None, Happened::OrderCancelled { basket, released }));
        Ok(())
    }

    fn refund(&mut self, origin: &Origin, refund: &Refund, told: &mut Vec<Told>) -> Result<(), Refusal> {
        let taken = self.refunds.get(&refund.order_id).map(Vec::as_slice).unwrap_or_default();
        if let Some(known) = taken.iter().find(|kept| kept.value.refund.refund_id == refund.refund_id) {
            let same = known.value.refund.amount == refund.amount;
            return if same { Ok(()) } else { Err(Refusal::RefundDiffers { refund_id: refund.refund_id.clone() }) };
        }
        let waits = self.orders.get(&refund.order_id).is_none_or(|kept| kept.value.state == State::Created);
        if !waits {
            let order = &self.orders[&refund.order_id].value;
            let known: Vec<TakenRefund> = taken.iter().map(|kept| kept.value.clone()).collect();
            fits(order, &known, refund).map_err(|excess| Refusal::RefundExceedsPaid {
                order_id: refund.order_id.clone(),
                refund_id: refund.refund_id.clone(),
                refundable_minor: excess.refundable,
                part: excess.part,
            })?;
        }
        let taken = self.refunds.entry(refund.order_id.clone()).or_default();
        let arrival = i32::try_from(taken.len()).unwrap_or(i32::MAX).saturating_add(1);
        let (refund, origin) = (refund.clone(), origin.clone());
        taken.push(Kept::new(TakenRefund { refund, origin, arrival, applied: false }));
        let index = taken.len() - 1;
        if !waits {
            let order_id = taken[index].value.refund.order_id.clone();
            self.apply(&order_id, index, told);
        }
        Ok(())
    }

    /// Applies the refunds that waited for the payment, in order of arrival. What would exceed what was paid waits on:
    /// its report was answered long ago, so an operator has to see it.
    fn apply_parked(&mut self, order_id: &str, told: &mut Vec<Told>) {
        for index in 0..self.refunds.get(order_id).map_or(0, Vec::len) {
            let taken: Vec<TakenRefund> = self.refunds[order_id].iter().map(|kept| kept.value.clone()).collect();
            let refund = &taken[index];
            if !refund.applied && fits(&self.orders[order_id].value, &taken, &refund.refund).is_ok() {
                self.apply(order_id, index, told);
            }
        }
    }

    /// Applies a refund that is known to fit.
    fn apply(&mut self, order_id: &str, index: usize, told: &mut Vec<Told>) {
        let (Some(order), Some(taken)) = (self.orders.get_mut(order_id), self.refunds.get_mut(order_id)) else {
            return;
        };
        let before = order.value.counts();
        let kept = &mut taken[index];
        order.value.refunded += kept.value.refund.amount;
        order.changed = true;
        kept.value.applied = true;
        kept.changed = true;
        self.now.spend.follow(before, order.value.counts());
        self.changed = true;
        let happened = Happened::OrderRefunded {
            refund: kept.value.refund.clone(),
            refunded_total: order.value.refunded,
            order_total: order.value.basket.total,
        };
        let origin = kept.value.origin.clone();
        told.push(self.tell(&origin, None, happened));
    }

    fn visit(&mut self, origin: &Origin, seconds: i32, day: Date, told: &mut Vec<Told>) -> Result<(), Refusal> {
        let at = origin.occurred_at;
        self.now.last_visit_at = Some(self.now.last_visit_at.map_or(at, |last| last.max(at)));
        self.changed = true;
        let visits = self.visits.entry(day).or_default();
        visits.count += 1;
        visits.seconds += i64::from(seconds);
        told.push(self.tell(origin, None, Happened::Visited { seconds }));
        Ok(())
    }

    fn tell(&self, origin: &Origin, implied: Option<&'static str>, happened: Happened) -> Told {
        Told { origin: origin.clone(), implied, happened, user: self.now }
    }
}

#[cfg(test)]
mod tests;
