//! What a quote looks at: promotions of the time, and coupons with their templates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ids::{TenantId, UserId};
use pg::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::coupon::{CouponKey, Range};
use super::{coupon, template};
use crate::domain::choice::{Choice, Offers};
use crate::domain::coupon::HeldCoupon;
use crate::domain::waterfall::Offer;

/// Coupons of a user looked at for the best combination, soonest expiry first.
pub const HELD_MAX: i64 = 200;

/// Promotions that apply at a time.
pub async fn promotions(
    conn: &mut PgConnection,
    tenant: &TenantId,
    at: OffsetDateTime,
) -> Result<Vec<Offer>, StoreError> {
    let automatic = template::automatic(conn, tenant).await?.into_iter();
    let offer = |template| Offer { coupon_id: String::new(), template: Arc::new(template) };
    Ok(automatic.filter(|template| template.applies(at)).map(offer).collect())
}

/// What stands to choose from at a time: promotions, and the templates of these coupons.
pub async fn offers(
    conn: &mut PgConnection,
    tenant: &TenantId,
    coupons: impl IntoIterator<Item = &HeldCoupon>,
    at: OffsetDateTime,
) -> Result<Offers, StoreError> {
    let promotions = promotions(conn, tenant, at).await?;
    let version = |coupon: &HeldCoupon| (coupon.template.to_string(), coupon.template_version);
    let versions: BTreeSet<(String, i32)> = coupons.into_iter().map(version).collect();
    let wanted = versions.iter().map(|(id, version)| (id.as_str(), *version));
    Ok(Offers { promotions, templates: template::versions(conn, tenant, wanted.collect::<Vec<_>>()).await? })
}

/// The coupons that each choice of a user names or stands for, without a lock; in two statements at most however many
/// choices.
pub async fn chosen(
    conn: &mut PgConnection,
    tenant: &TenantId,
    asked: &[(UserId, &Choice)],
    at: OffsetDateTime,
) -> Result<Vec<Vec<HeldCoupon>>, StoreError> {
    let (mut keys, mut ranges) = (BTreeSet::<CouponKey>::new(), Vec::new());
    for (user, choice) in asked {
        match choice {
            Choice::Named(ids) => keys.extend(ids.iter().map(|id| (user.clone(), id.clone()))),
            Choice::Best => {
                ranges.push(Range { user: user.clone(), after: (at, String::new()), open: true, limit: HELD_MAX });
            }
        }
    }
    let named = coupon::named(conn, tenant, &keys.into_iter().collect::<Vec<_>>()).await?;
    let named: BTreeMap<CouponKey, HeldCoupon> = named.into_iter().map(|it| (it.key(), it)).collect();
    let mut best = coupon::list(conn, tenant, &ranges).await?.into_iter();
    let found = |(user, choice): &(UserId, &Choice)| match choice {
        Choice::Named(ids) => ids.iter().filter_map(|id| named.get(&(user.clone(), id.clone())).cloned()).collect(),
        Choice::Best => best.next().unwrap_or_default(),
    };
    Ok(asked.iter().map(found).collect())
}
