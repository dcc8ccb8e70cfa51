use std::collections::BTreeMap;

use ids::{TenantId, UserId};
use proto::common::v1::Position;
use proto::incentives::v1 as pb;

use super::resolve;
use crate::domain::checkout::Checkout;
use crate::domain::refund::{GivenBack, Returns, call, given_back};
use crate::domain::refusal::Refusal;
use crate::error::IncentivesError;
use crate::{Incentives, store, wire};

/// What would come back.
#[derive(Debug, Clone)]
pub struct ReturnAsked {
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The checkout.
    pub checkout_id: String,
    /// Pieces by line; empty: all that is left.
    pub lines: BTreeMap<String, i64>,
    /// Freight stays paid.
    pub keep_freight: bool,
    /// Points that the whole order earned, and which.
    pub earned: Option<(String, i64)>,
}

/// What a return would give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The checkout.
    pub checkout: Checkout,
    /// What would be given back.
    pub back: GivenBack,
    /// Earned points that would be taken back.
    pub take_back: i64,
    /// How many of them the user no longer has.
    pub shortfall: i64,
}

impl Incentives {
    /// See `CheckoutService.GetCheckout`.
    pub async fn checkout(
        &self,
        tenant: &TenantId,
        user: &UserId,
        checkout_id: &str,
        at_least: &[Position],
    ) -> Result<pb::Checkout, IncentivesError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let found = store::checkout::read(&mut tx, tenant, &user, checkout_id).await?;
        let checkout = found.ok_or_else(|| Refusal::CheckoutNotFound { checkout_id: checkout_id.to_owned() })?;
        let order = store::checkout_order::read(&mut tx, tenant, &user, &checkout.order_id).await?;
        let at = pg::clock(&mut tx).await?;
        tx.rollback().await?;
        let own = order.checkout_id == checkout.checkout_id;
        let returns = if own { order.returns } else { Returns::default() };
        Ok(wire::checkout::checkout(&checkout, &given_back(&checkout.basket, &checkout.quote, &returns), at))
    }

    /// See `CheckoutService.PreviewReturn`.
    pub async fn preview_return(
        &self,
        tenant: &TenantId,
        asked: &ReturnAsked,
        at_least: &[Position],
    ) -> Result<Preview, IncentivesError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, &asked.user).await?;
        let checkout_id = &asked.checkout_id;
        let found = store::checkout::read(&mut tx, tenant, &user, checkout_id).await?;
        let checkout = found.ok_or_else(|| Refusal::CheckoutNotFound { checkout_id: checkout_id.clone() })?;
        checkout.confirmed_at(pg::clock(&mut tx).await?)?;
        let returns = store::checkout_order::read(&mut tx, tenant, &user, &checkout.order_id).await?.returns;
        tx.rollback().await?;
        let after = call(&checkout.basket, &returns, &asked.lines, asked.keep_freight)
            .map_err(|many| Refusal::ReturnTooLarge { line_id: many.line_id, left: many.left })?;
        let was = given_back(&checkout.basket, &checkout.quote, &returns);
        let now = given_back(&checkout.basket, &checkout.quote, &after);
        let back = now.beyond(&was);
        let (mut take_back, mut shortfall) = (0, 0);
        if let Some((point_type_id, earned)) = &asked.earned {
            let total = checkout.quote.total();
            take_back = share(*earned, now.cash(), total) - share(*earned, was.cash(), total);
            let same = *point_type_id == checkout.point_type_id;
            let available = self.points.available(tenant, &user, point_type_id).await;
            let available = available.map_err(|status| IncentivesError::Peer(Box::new(status)))?;
            let there = available + if same { back.points } else { 0 };
            shortfall = (take_back - there).max(0);
        }
        Ok(Preview { checkout, back, take_back, shortfall })
    }
}

/// The share of the order's points that goes with the cash given back, rounded down, as levels takes them back.
fn share(earned: i64, cash: i64, total: i64) -> i64 {
    if total <= 0 {
        return 0;
    }
    i64::try_from(i128::from(earned) * i128::from(cash.min(total)) / i128::from(total)).unwrap_or(earned)
}
