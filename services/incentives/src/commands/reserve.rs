use std::ops::ControlFlow;

use eventlog::derive;
use ids::{TenantId, UserId};
use pg::Tx;
use proto::incentives::v1::ReserveResponse;
use requests::Request;
use service::{Answer, earlier, refuse};
use time::{Duration, OffsetDateTime};

use crate::domain::basket::Basket;
use crate::domain::checkout::{Checkout, CheckoutState};
use crate::domain::choice::Choice;
use crate::domain::coupon::HeldCoupon;
use crate::domain::deduction::Deduction;
use crate::domain::refund::{Returns, given_back};
use crate::domain::refusal::Refusal;
use crate::domain::waterfall::{Quote, quote};
use crate::domain::why_not::WhyNot;
use crate::error::IncentivesError;
use crate::points::{HoldOrder, NotHeld};
use crate::{Incentives, events, store, wire};

/// A hold outlives its checkout by this, so that levels never lets points go that a checkout still counts on.
const HOLD_MARGIN: Duration = Duration::minutes(5);

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

/// What was found out before anything is locked: whose it is, which coupons go into it, and the points to be held.
#[derive(Debug, Clone)]
struct Plan {
    user: UserId,
    coupon_ids: Vec<String>,
    points: i64,
}

/// Points that levels holds for a plan, or that it has too few.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Hold {
    None,
    Held(String),
    Short,
}

impl Incentives {
    /// See `CheckoutService.Reserve`. Points are held by a call before the transaction begins, with an id that follows
    /// from the request and the number of points, so that a repeat finds the same hold; where the transaction then
    /// refuses, the hold is let go, and where that is not heard, it runs out.
    pub async fn reserve(
        &self,
        tenant: &TenantId,
        command: &Reserve,
    ) -> Result<Answer<ReserveResponse>, IncentivesError> {
        let plan = match pg::retrying("plan", || self.plan(tenant, command)).await? {
            ControlFlow::Break(answer) => return Ok(answer),
            ControlFlow::Continue(plan) => plan,
        };
        let hold = self.hold(tenant, command, &plan).await?;
        let outcome = pg::retrying("reserve", || self.reserve_once(tenant, command, &plan, &hold)).await;
        if let (Err(IncentivesError::Refused { .. }), Hold::Held(hold_id)) = (&outcome, &hold) {
            let request_id = format!("{}/release", hold_request(command, plan.points));
            if let Err(status) = self.points.release(tenant, &request_id, &plan.user, hold_id).await {
                tracing::warn!(code = ?status.code(), "a hold was not let go and will run out");
            }
        }
        outcome
    }

    async fn plan(
        &self,
        tenant: &TenantId,
        command: &Reserve,
    ) -> Result<ControlFlow<Answer<ReserveResponse>, Plan>, IncentivesError> {
        let mut tx = self.core.write(tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(ControlFlow::Break(answer));
        }
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let at = self.core.decide(&mut tx, tenant).await?;
        let coupons = store::offer::chosen(&mut tx, tenant, &user, &command.choice, at).await?;
        let quote = price(&mut tx, tenant, command, &command.choice, coupons, at).await?;
        tx.rollback().await?;
        let coupon_ids = match &command.choice {
            Choice::Named(ids) => ids.clone(),
            Choice::Best => quote.coupons().map(|step| step.coupon_id.clone()).collect(),
        };
        Ok(ControlFlow::Continue(Plan { user, coupon_ids, points: quote.points }))
    }

    async fn hold(&self, tenant: &TenantId, command: &Reserve, plan: &Plan) -> Result<Hold, IncentivesError> {
        let Some(deduction) = command.points.as_ref().filter(|_| plan.points > 0) else { return Ok(Hold::None) };
        let order = HoldOrder {
            request_id: hold_request(command, plan.points),
            user: plan.user.clone(),
            point_type_id: deduction.point_type_id.clone(),
            points: plan.points,
            order_id: command.order_id.clone(),
            ttl_seconds: i32::try_from((command.ttl + HOLD_MARGIN).whole_seconds()).unwrap_or(i32::MAX),
        };
        match self.points.hold(tenant, &order).await {
            Ok(hold_id) => Ok(Hold::Held(hold_id)),
            Err(NotHeld::Short) => Ok(Hold::Short),
            Err(NotHeld::Failed(status)) => Err(IncentivesError::Peer(status)),
        }
    }

    #[tracing::instrument(name = "reserve", skip_all, fields(coupons = plan.coupon_ids.len(), points = plan.points))]
    async fn reserve_once(
        &self,
        tenant: &TenantId,
        command: &Reserve,
        plan: &Plan,
        hold: &Hold,
    ) -> Result<Answer<ReserveResponse>, IncentivesError> {
        let mut tx = self.core.write(tenant).await?;
        let keys: Vec<_> = plan.coupon_ids.iter().map(|id| (plan.user.clone(), id.clone())).collect();
        let mut coupons = store::coupon::lock(&mut tx, tenant, &keys).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        if store::checkout::read(&mut tx, tenant, &plan.user, &command.checkout_id).await?.is_some() {
            let refusal = Refusal::CheckoutExists { checkout_id: command.checkout_id.clone() };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let choice = Choice::Named(plan.coupon_ids.clone());
        let quote = price(&mut tx, tenant, command, &choice, coupons.clone(), at).await?;
        if let Some(refusal) = refusal(command, plan, hold, &quote) {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let checkout = checkout(command, plan, hold, quote, at);
        let used = checkout.coupon_ids();
        coupons.retain(|coupon| used.contains(&coupon.coupon_id));
        for coupon in &mut coupons {
            coupon.reserve(&checkout.checkout_id, checkout.expire_time);
        }
        store::coupon::write(&mut tx, tenant, &coupons).await?;
        store::checkout::insert(&mut tx, tenant, &checkout).await.map_err(|error| match error.constraint() {
            Some("checkout_pkey") => error.into_conflict(), // another call took the id meanwhile
            _ => error,
        })?;
        store::template::register_tenant(&mut tx, tenant).await?;
        let back = given_back(&checkout.basket, &checkout.quote, &Returns::default());
        let message = wire::checkout::checkout(&checkout, &back, at);
        let draft = events::checkout_reserved(&checkout);
        self.core
            .finish(tx, tenant, &command.request, (plan.user.as_str(), &[draft]), |position| ReserveResponse {
                checkout: Some(message),
                position: Some(position),
            })
            .await
    }
}

/// At most 128 characters, and another id for another number of points.
fn hold_request(command: &Reserve, points: i64) -> String {
    let rule = format!("hold/{}/{points}", command.request.id);
    derive(&command.request.user, &rule, 0).to_string()
}

async fn price(
    tx: &mut Tx,
    tenant: &TenantId,
    command: &Reserve,
    choice: &Choice,
    coupons: Vec<HeldCoupon>,
    at: OffsetDateTime,
) -> Result<Quote, IncentivesError> {
    let promotions = store::offer::promotions(tx, tenant, at).await?;
    let considered = store::offer::considered(tx, tenant, choice, coupons, at).await?;
    let points = command.points.as_ref();
    Ok(quote(&command.basket, &promotions, &considered.offers, &considered.refused, points))
}

/// What stands against it: a named coupon that cannot be used for another reason than that others are better, another
/// price than was shown, too few points, or other points or coupons than were planned.
fn refusal(command: &Reserve, plan: &Plan, hold: &Hold, quote: &Quote) -> Option<Refusal> {
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
    (quote.points != plan.points).then(changed)
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
