use ids::{TenantId, UserId};
use proto::common::v1::Position;

use super::resolve;
use crate::domain::basket::Basket;
use crate::domain::choice::Choice;
use crate::domain::deduction::Deduction;
use crate::domain::waterfall::Quote;
use crate::error::IncentivesError;
use crate::{Incentives, store};

/// What is to be bought, with what.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The basket.
    pub basket: Basket,
    /// The coupons.
    pub choice: Choice,
    /// The points.
    pub points: Option<Deduction>,
}

impl Incentives {
    /// See `CheckoutService.Quote` and `CouponService.BestForBasket`.
    pub async fn quote(
        &self,
        tenant: &TenantId,
        asked: &Asked,
        at_least: &[Position],
    ) -> Result<Quote, IncentivesError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, &asked.user).await?;
        let at = pg::clock(&mut tx).await?;
        let found =
            store::offer::chosen(&mut tx, tenant, &[(user, &asked.choice)], at).await?.pop().unwrap_or_default();
        let offers = store::offer::offers(&mut tx, tenant, &found, at).await?;
        tx.rollback().await?;
        Ok(offers.quote(&asked.basket, (&asked.choice, found), asked.points.as_ref(), at))
    }
}
