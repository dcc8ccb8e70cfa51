//! Users at the till: coupons claimed, baskets reserved, orders placed or given up.

use std::collections::{BTreeMap, HashSet};

use proto::google::r#type::Money;
use proto::incentives::v1::{
    Basket as Goods, BasketLine, CancelRequest, Checkout, ClaimCouponRequest, ConfirmRequest, CouponChoice,
    DiscountKind, PointsDeduction, Quote, ReserveRequest,
};
use proto::profiles::v1::Funder;
use tonic::Code;

use super::{at_once, by_user};
use crate::demo::calls::{Calls, call, told, unsettled};
use crate::demo::deed::{Basket, Line, money};
use crate::demo::preset::POINTS;
use crate::demo::year::{Claim, Ending, Till};

/// So many points are worth a hundred minor units.
const RATE: i64 = 100;
/// The largest share of what the goods cost that points may pay, in basis points.
const POINTS_SHARE_MAX: i32 = 5_000;
/// Seconds for which a basket stays reserved.
const TTL: i32 = 900;

/// What was sold over the till.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sold {
    orders: BTreeMap<String, Order>,
    declined: HashSet<String>,
}

/// An order that was placed over the till.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Whose.
    pub user_id: String,
    /// What was paid for what.
    pub basket: Basket,
    /// Coupons used.
    pub coupons: usize,
    /// Points used.
    pub points: i64,
}

impl Sold {
    /// An order as it was paid.
    pub(super) fn basket(&self, order_id: &str) -> Option<&Basket> {
        self.orders.get(order_id).map(|order| &order.basket)
    }

    /// Whether an order was not placed in the end.
    pub(super) fn is_declined(&self, order_id: &str) -> bool {
        self.declined.contains(order_id)
    }

    /// All orders, by their ids.
    pub(crate) fn orders(&self) -> impl Iterator<Item = (&str, &Order)> {
        self.orders.iter().map(|(id, order)| (id.as_str(), order))
    }
}

/// Lets users claim coupons and go to the till, each in their own order.
pub(super) async fn visit(
    calls: &Calls,
    currency: &str,
    claims: &[Claim],
    tills: &[Till],
    sold: &mut Sold,
) -> anyhow::Result<()> {
    at_once(by_user(claims, |claim| &claim.user_id).into_values().map(|claims| claim_all(calls, claims))).await?;
    let users = by_user(tills, |till| &till.user_id).into_values();
    let done = at_once(users.map(|tills| async move {
        let mut done = Vec::with_capacity(tills.len());
        for till in tills {
            done.push((till, one(calls, currency, till).await?));
        }
        anyhow::Ok(done)
    }));
    for (till, order) in done.await?.into_iter().flatten() {
        let order_id = till.basket.order_id.clone();
        match order {
            Some(order) => drop(sold.orders.insert(order_id, order)),
            None => drop(sold.declined.insert(order_id)),
        }
    }
    Ok(())
}

async fn claim_all(calls: &Calls, claims: Vec<&Claim>) -> anyhow::Result<()> {
    for claim in claims {
        let request = ClaimCouponRequest {
            request_id: claim.claim_id.clone(),
            user_id: claim.user_id.clone(),
            template_id: claim.template_id.to_owned(),
        };
        match call!(calls, coupons, claim_coupon, request) {
            // none is left, or the user has had all that one may have
            Err(status)
                if matches!(status.code(), Code::FailedPrecondition | Code::ResourceExhausted)
                    && !unsettled(&status) => {}
            answer => drop(told(answer, "ClaimCoupon")?),
        }
    }
    Ok(())
}

/// One visit to the till; `None` where nothing was bought.
async fn one(calls: &Calls, currency: &str, till: &Till) -> anyhow::Result<Option<Order>> {
    let Some(checkout) = reserve(calls, currency, till).await? else { return Ok(None) };
    let quote = checkout.quote.unwrap_or_default();
    let (request_id, user_id) = (till.basket.order_id.clone(), till.user_id.clone());
    let checkout_id = checkout.checkout_id;
    let wanted = |template: &str| quote.steps.iter().any(|step| step.template_id == template);
    let buys = match till.ending {
        Ending::Bought => true,
        Ending::BoughtWith(template) => wanted(template),
        Ending::GivenUp => false,
        Ending::Forgotten => return Ok(None),
    };
    if !buys {
        let request = CancelRequest { request_id, user_id, checkout_id };
        return told(call!(calls, checkouts, cancel, request), "Cancel").map(|_| None);
    }
    let request = ConfirmRequest { request_id, user_id, checkout_id, order_id: till.basket.order_id.clone() };
    told(call!(calls, checkouts, confirm, request), "Confirm")?;
    let basket = priced(&till.basket, &quote, currency)?;
    let (coupons, points) = (checkout.coupon_ids.len(), quote.points);
    Ok(Some(Order { user_id: till.user_id.clone(), basket, coupons, points }))
}

/// Reserves a basket with the best of the user's coupons and as many points as wanted; where the user has too few, with half
/// of them, and so on. Each try is a request of its own whose refusal is kept.
async fn reserve(calls: &Calls, currency: &str, till: &Till) -> anyhow::Result<Option<Checkout>> {
    let mut points = till.points;
    loop {
        let deduction = PointsDeduction {
            point_type_id: POINTS.to_owned(),
            points_max: points,
            rate_points: RATE,
            rate_amount: money(100, currency),
            share_max_basis_points: POINTS_SHARE_MAX,
        };
        let request = ReserveRequest {
            request_id: format!("{}:{points}", till.basket.order_id),
            user_id: till.user_id.clone(),
            basket: Some(goods(&till.basket, currency)),
            coupons: Some(CouponChoice { best: true, ..CouponChoice::default() }),
            points: (points > 0).then_some(deduction),
            ttl_seconds: TTL,
            checkout_id: till.basket.order_id.clone(),
            ..ReserveRequest::default()
        };
        match call!(calls, checkouts, reserve, request) {
            Err(status) if status.code() == Code::FailedPrecondition && points > 0 => {
                points = if points < 50 { 0 } else { points / 2 };
            }
            answer => return Ok(told(answer, "Reserve")?.checkout),
        }
    }
}

fn goods(basket: &Basket, currency: &str) -> Goods {
    let line = |(index, line): (usize, &Line)| BasketLine {
        line_id: (index + 1).to_string(),
        sku: line.sku.clone(),
        category: line.category.clone(),
        quantity: line.quantity,
        list_price: money(line.list_minor(), currency),
        ..BasketLine::default()
    };
    Goods { lines: basket.lines.iter().enumerate().map(line).collect(), freight: None }
}

/// A basket as it was quoted: what is paid for each line, and who pays for the rest. Points are the shop's own.
fn priced(basket: &Basket, quote: &Quote, currency: &str) -> anyhow::Result<Basket> {
    let mut lines = basket.lines.clone();
    for (line, quoted) in lines.iter_mut().zip(&quote.lines) {
        let mut funded: BTreeMap<i32, i64> = BTreeMap::new();
        for discount in &quoted.discounts {
            if discount.kind() == DiscountKind::Points {
                *funded.entry(Funder::Shop.into()).or_default() += minor(discount.amount.as_ref(), currency)?;
            }
            for part in discount.funded.iter().filter(|_| discount.kind() != DiscountKind::Points) {
                *funded.entry(part.funder).or_default() += minor(part.amount.as_ref(), currency)?;
            }
        }
        line.paid_minor = minor(quoted.payable.as_ref(), currency)?;
        let known = |(funder, minor)| Funder::try_from(funder).ok().map(|funder| (funder, minor));
        line.discounts = funded.into_iter().filter(|(_, minor)| *minor > 0).filter_map(known).collect();
    }
    Ok(Basket { lines, total_minor: minor(quote.payable.as_ref(), currency)?, ..basket.clone() })
}

/// An amount in minor units; 0 where there is none.
pub(super) fn minor(money: Option<&Money>, currency: &str) -> anyhow::Result<i64> {
    Ok(money.map_or(Ok(0), |money| units::money::from_proto(money, currency))?)
}
