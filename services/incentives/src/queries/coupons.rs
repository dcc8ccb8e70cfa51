use std::collections::BTreeSet;

use ids::{TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use proto::incentives::v1 as pb;
use service::{Core, Gather, Page};
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
        let found = store::coupon::named(&mut tx, tenant, &[(user, coupon_id.to_owned())]).await?.pop();
        let coupon = found.ok_or_else(|| Refusal::CouponNotFound { coupon_id: coupon_id.to_owned() })?;
        let version = [(coupon.template.as_str(), coupon.template_version)];
        let template = store::template::versions(&mut tx, tenant, version).await?.into_values().next();
        let at = pg::clock(&mut tx).await?;
        tx.rollback().await?;
        Ok(wire::coupon::coupon(&coupon, template.as_deref(), at))
    }
}

/// A page of somebody's coupons.
#[derive(Debug, Clone)]
pub struct AskedCoupons {
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// What they are to be used for, if for anything yet.
    pub basket: Option<Basket>,
    /// Whether those that were used or are over are wanted too.
    pub closed: bool,
    /// Those after this place; `None`: from the first.
    pub after: Option<CouponPlace>,
    /// How many.
    pub size: i64,
}

/// See `CouponService.ListCoupons`.
impl Gather<AskedCoupons> for Incentives {
    type Answer = Page<pb::ListedCoupon, CouponPlace>;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn gather(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        asked: &[AskedCoupons],
    ) -> Result<Vec<Result<Self::Answer, IncentivesError>>, IncentivesError> {
        let aliases = mirror::resolve(tx, tenant, asked.iter().map(|it| &it.user)).await?;
        let at = pg::clock(tx).await?;
        let range = |it: &AskedCoupons| {
            // what is over by now but not booked is closed too
            let first = if it.closed { OffsetDateTime::UNIX_EPOCH } else { at + Duration::MICROSECOND };
            let after = it.after.clone().unwrap_or((first, String::new()));
            store::coupon::Range { user: aliases.meant(&it.user), after, open: !it.closed, limit: it.size + 1 }
        };
        let found = store::coupon::list(tx, tenant, &asked.iter().map(range).collect::<Vec<_>>()).await?;
        let pages: Vec<Page<HeldCoupon, CouponPlace>> = found
            .into_iter()
            .zip(asked)
            .map(|(rows, it)| Page::of(rows, it.size, |it: &HeldCoupon| (it.valid_until, it.coupon_id.clone())))
            .collect();
        let versions: BTreeSet<_> =
            pages.iter().flat_map(|page| &page.rows).map(|it| (it.template.as_str(), it.template_version)).collect();
        let templates = store::template::versions(tx, tenant, versions).await?;
        let promotions = match asked.iter().any(|it| it.basket.is_some()) {
            true => store::offer::promotions(tx, tenant, at).await?,
            false => Vec::new(),
        };
        let listed = |coupon: &HeldCoupon, basket: Option<&Basket>| {
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
        let answer = |(page, it): (Page<HeldCoupon, CouponPlace>, &AskedCoupons)| {
            let rows = page.rows.iter().map(|coupon| listed(coupon, it.basket.as_ref())).collect();
            Ok(Page { rows, next: page.next })
        };
        Ok(pages.into_iter().zip(asked).map(answer).collect())
    }
}
