use ids::{TenantId, UserId};
use proto::common::v1::Position;
use proto::incentives::v1 as pb;
use service::Page;
use time::{Duration, OffsetDateTime};

use super::resolve;
use crate::domain::basket::Basket;
use crate::domain::coupon::HeldCoupon;
use crate::domain::refusal::Refusal;
use crate::domain::waterfall::alone;
use crate::domain::why_not::{Hindrance, WhyNot};
use crate::error::IncentivesError;
use crate::{Incentives, store, wire};

/// A coupon's place in a user's list: its end and its id.
pub type CouponPlace = (OffsetDateTime, String);

impl Incentives {
    /// See `CouponService.GetCoupon`.
    pub async fn coupon(
        &self,
        tenant: &TenantId,
        user: &UserId,
        coupon_id: &str,
        at_least: &[Position],
    ) -> Result<pb::Coupon, IncentivesError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let found = store::coupon::named(&mut tx, tenant, &user, &[coupon_id.to_owned()]).await?.pop();
        let coupon = found.ok_or_else(|| Refusal::CouponNotFound { coupon_id: coupon_id.to_owned() })?;
        let version = [(coupon.template.as_str(), coupon.template_version)];
        let template = store::template::versions(&mut tx, tenant, version).await?.into_values().next();
        let at = pg::clock(&mut tx).await?;
        tx.rollback().await?;
        Ok(wire::coupon::coupon(&coupon, template.as_deref(), at))
    }

    /// See `CouponService.ListCoupons`: those after a place.
    pub async fn list_coupons(
        &self,
        tenant: &TenantId,
        (user, basket, closed): (&UserId, Option<&Basket>, bool),
        after: Option<CouponPlace>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<pb::ListedCoupon, CouponPlace>, IncentivesError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let at = pg::clock(&mut tx).await?;
        // what is over by now but not booked is closed too
        let first = if closed { OffsetDateTime::UNIX_EPOCH } else { at + Duration::MICROSECOND };
        let after = after.unwrap_or((first, String::new()));
        let found = store::coupon::list(&mut tx, tenant, &user, (after.0, &after.1), !closed, size + 1).await?;
        let page = Page::of(found, size, |it: &HeldCoupon| (it.valid_until, it.coupon_id.clone()));
        let versions = page.rows.iter().map(|it| (it.template.as_str(), it.template_version));
        let templates = store::template::versions(&mut tx, tenant, versions.collect::<Vec<_>>()).await?;
        let promotions = match basket {
            Some(_) => store::offer::promotions(&mut tx, tenant, at).await?,
            None => Vec::new(),
        };
        tx.rollback().await?;
        let listed = |coupon: &HeldCoupon| {
            let template = templates.get(&(coupon.template.to_string(), coupon.template_version));
            let currency = basket.map_or("", Basket::currency);
            let saves = match (coupon.hindrance(at), basket, template) {
                (Some(why_not), ..) => Err(Hindrance::from(why_not)),
                (None, Some(basket), Some(template)) => alone(basket, &promotions, template).map(Some),
                (None, Some(_), None) => Err(WhyNot::NotFound.into()),
                (None, None, _) => Ok(None),
            };
            pb::ListedCoupon {
                coupon: Some(wire::coupon::coupon(coupon, template.map(AsRef::as_ref), at)),
                hindrance: saves.as_ref().err().map(|why| wire::quote::hindrance(why, currency)),
                saves: saves.ok().flatten().map(|saves| units::money::to_proto(saves, currency)),
            }
        };
        Ok(Page { rows: page.rows.iter().map(listed).collect(), next: page.next })
    }
}
