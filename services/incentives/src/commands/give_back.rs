use std::collections::BTreeMap;

use ids::{TenantId, UserId};
use proto::incentives::v1::ReturnResponse;
use requests::Request;
use service::{Answer, earlier, refuse};

use super::returning::{coupon_keys, returning};
use crate::domain::checkout::Checkout;
use crate::domain::refund::{Returns, call};
use crate::domain::refusal::Refusal;
use crate::error::IncentivesError;
use crate::{Incentives, store, wire};

/// Goods of a confirmed checkout come back.
#[derive(Debug, Clone)]
pub struct GiveBack {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The checkout.
    pub checkout_id: String,
    /// Pieces by line; empty: all that is left.
    pub lines: BTreeMap<String, i64>,
    /// Freight stays paid.
    pub keep_freight: bool,
}

impl Incentives {
    /// See `CheckoutService.Return`.
    pub async fn give_back(
        &self,
        tenant: &TenantId,
        command: &GiveBack,
    ) -> Result<Answer<ReturnResponse>, IncentivesError> {
        pg::retrying("give_back", || self.give_back_once(tenant, command)).await
    }

    #[tracing::instrument(name = "give_back", skip_all, fields(lines = command.lines.len()))]
    async fn give_back_once(
        &self,
        tenant: &TenantId,
        command: &GiveBack,
    ) -> Result<Answer<ReturnResponse>, IncentivesError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        // the order's row is locked before the checkout's: which one it is, is looked up first and compared afterwards
        let seen = store::checkout::read(&mut tx, tenant, &user, &command.checkout_id).await?;
        let order_key = (user.clone(), seen.map(|checkout| checkout.order_id).unwrap_or_default());
        let orders = std::slice::from_ref(&order_key);
        let mut orders = store::checkout::lock_orders(&mut tx, tenant, orders, false).await?;
        let key = (user.clone(), command.checkout_id.clone());
        let found = store::checkout::lock(&mut tx, tenant, &[key]).await?.pop();
        let keys = found.as_ref().map(coupon_keys).unwrap_or_default();
        let mut coupons = store::coupon::lock(&mut tx, tenant, &keys).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        if found.as_ref().is_some_and(|found| found.order_id != order_key.1) {
            return Err(IncentivesError::Raced); // confirmed meanwhile, for another order than it was reserved for
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let confirmed = confirmed(found, &command.checkout_id, at);
        let order = orders.entry(order_key).or_default();
        let decided = confirmed.and_then(|checkout| {
            let after = more(&checkout, &order.returns, &command.lines, command.keep_freight)?;
            Ok((checkout, after))
        });
        let (checkout, mut after) = match decided {
            Ok(decided) => decided,
            Err(refusal) => return Err(refuse(tx, tenant, &command.request, refusal).await),
        };
        let back = returning(&checkout, &order.returns, &mut after, &mut coupons, at);
        order.returns = after;
        store::checkout::write_orders(&mut tx, tenant, &orders).await?;
        store::coupon::write(&mut tx, tenant, &coupons).await?;
        let outcome = wire::checkout::outcome(&checkout, &back.more);
        let message = wire::checkout::checkout(&checkout, &back.now, at);
        self.core
            .finish(tx, tenant, &command.request, (user.as_str(), &back.drafts), |position| ReturnResponse {
                outcome: Some(outcome),
                checkout: Some(message),
                position: Some(position),
            })
            .await
    }
}

/// The checkout, if there is one and it was confirmed.
pub(crate) fn confirmed(
    found: Option<Checkout>,
    checkout_id: &str,
    at: time::OffsetDateTime,
) -> Result<Checkout, Refusal> {
    let checkout = found.ok_or_else(|| Refusal::CheckoutNotFound { checkout_id: checkout_id.to_owned() })?;
    checkout.confirmed_at(at)?;
    Ok(checkout)
}

/// What has come back with these lines.
pub(crate) fn more(
    checkout: &Checkout,
    returns: &Returns,
    lines: &BTreeMap<String, i64>,
    keep_freight: bool,
) -> Result<Returns, Refusal> {
    call(&checkout.basket, returns, lines, keep_freight)
        .map_err(|many| Refusal::ReturnTooLarge { line_id: many.line_id, left: many.left })
}
