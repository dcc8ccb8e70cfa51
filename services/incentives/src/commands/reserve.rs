use std::sync::Arc;

use ids::UserId;
use proto::common::v1::Position;
use proto::incentives::v1::ReserveResponse;
use requests::{Encoded, Request};
use time::{Duration, OffsetDateTime};

use super::change::{Change, Done, Needs, Reply};
use super::plan::{Hold, Plan};
use crate::domain::basket::Basket;
use crate::domain::checkout::{Checkout, CheckoutState};
use crate::domain::choice::Choice;
use crate::domain::deduction::Deduction;
use crate::domain::desk::Desk;
use crate::domain::refund::{Returns, given_back};
use crate::domain::refusal::Refusal;
use crate::domain::waterfall::Quote;
use crate::domain::why_not::WhyNot;
use crate::{events, wire};

/// A user places an order.
#[derive(Debug, Clone)]
pub struct Reserve {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// Chosen by the caller, unique within the user.
    pub checkout_id: String,
    /// What is bought.
    pub basket: Basket,
    /// The coupons.
    pub choice: Choice,
    /// The points.
    pub points: Option<Deduction>,
    /// What the user was shown, in minor units.
    pub expected: Option<i64>,
    /// The order; may be empty.
    pub order_id: String,
    /// How long it stays reserved.
    pub ttl: Duration,
}

/// A reservation that was planned, and its points held.
#[derive(Debug, Clone)]
pub struct Reserving {
    /// What was asked for.
    pub command: Arc<Reserve>,
    /// What was found out before.
    pub plan: Plan,
    /// The points.
    pub hold: Hold,
}

impl Change for Reserving {
    fn request(&self) -> &Request {
        &self.command.request
    }

    fn user(&self) -> &UserId {
        &self.command.user
    }

    fn checkout_id(&self) -> &str {
        &self.command.checkout_id
    }

    fn needs(&self) -> Needs<'_> {
        Needs::Coupons(&self.plan.coupon_ids)
    }

    fn decide(&self, desk: &mut Desk, user: &UserId, at: OffsetDateTime) -> Result<Done, Refusal> {
        let Self { command, plan, hold } = self;
        if desk.checkout(&(user.clone(), command.checkout_id.clone())).is_some() {
            return Err(Refusal::CheckoutExists { checkout_id: command.checkout_id.clone() });
        }
        let (choice, found) = (Choice::Named(plan.coupon_ids.clone()), desk.coupons(user, &plan.coupon_ids));
        let quote = desk.offers.quote(&command.basket, (&choice, found), command.points.as_ref(), at);
        if let Some(refusal) = refusal(command, plan, hold, &quote, user) {
            return Err(refusal);
        }
        let checkout = checkout(command, plan, hold, quote, at);
        let mut coupons = desk.coupons(user, &checkout.coupon_ids());
        for coupon in &mut coupons {
            coupon.reserve(&checkout.checkout_id, checkout.expire_time);
        }
        let back = given_back(&checkout.basket, &checkout.quote, &Returns::default());
        let reply = Reply { checkout: wire::checkout::checkout(&checkout, &back, at), outcome: None };
        let drafts = vec![events::checkout_reserved(&checkout)];
        desk.put_checkout(checkout);
        desk.put_coupons(coupons);
        Ok(Done { reply, drafts })
    }

    fn answer(&self, reply: Reply, position: Position) -> Encoded {
        Encoded::of(&ReserveResponse { checkout: Some(reply.checkout), position: Some(position) })
    }
}

/// What stands against it: a named coupon that cannot be used for another reason than that others are better, another
/// price than was shown, too few points, other points or coupons than were planned, or a plan for an id that has become an
/// alias since.
fn refusal(command: &Reserve, plan: &Plan, hold: &Hold, quote: &Quote, user: &UserId) -> Option<Refusal> {
    let changed = || Refusal::QuoteChanged { payable_minor: quote.total() };
    let unusable = quote.unused.iter().find(|(_, hindrance)| hindrance.why_not != WhyNot::Outdone);
    match (unusable, &command.choice) {
        (Some((coupon_id, hindrance)), Choice::Named(_)) => {
            return Some(Refusal::CouponNotUsable { coupon_id: coupon_id.clone(), why_not: hindrance.why_not });
        }
        (None, Choice::Best) if !quote.unused.is_empty() => return Some(changed()),
        (Some(_), Choice::Best) => return Some(changed()),
        (None, _) => {}
    }
    if command.expected.is_some_and(|expected| expected != quote.total()) {
        return Some(changed());
    }
    if *hold == Hold::Short {
        return Some(Refusal::PointsShort { points: plan.points });
    }
    (quote.points != plan.points || plan.user != *user).then(changed)
}

fn checkout(command: &Reserve, plan: &Plan, hold: &Hold, quote: Quote, at: OffsetDateTime) -> Checkout {
    let points = command.points.as_ref().filter(|_| quote.points > 0);
    Checkout {
        user: plan.user.clone(),
        checkout_id: command.checkout_id.clone(),
        state: CheckoutState::Reserved,
        order_id: command.order_id.clone(),
        basket: command.basket.clone(),
        point_type_id: points.map(|points| points.point_type_id.clone()).unwrap_or_default(),
        hold_id: match hold {
            Hold::Held(hold_id) => hold_id.clone(),
            Hold::None | Hold::Short => String::new(),
        },
        quote,
        create_time: at,
        expire_time: at + command.ttl,
    }
}
