//! What a quote looks at: promotions of the time, and coupons with their templates.

use std::sync::Arc;

use ids::{TenantId, UserId};
use pg::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{coupon, template};
use crate::domain::choice::{Choice, Considered, consider};
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

/// The user's coupons that a choice names or stands for, without a lock.
pub async fn chosen(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    choice: &Choice,
    at: OffsetDateTime,
) -> Result<Vec<HeldCoupon>, StoreError> {
    match choice {
        Choice::Named(ids) if ids.is_empty() => Ok(Vec::new()),
        Choice::Named(ids) => coupon::named(conn, tenant, user, ids).await,
        Choice::Best => {
            let usable = coupon::Range { user: user.clone(), after: (at, String::new()), open: true, limit: HELD_MAX };
            Ok(coupon::list(conn, tenant, &[usable]).await?.pop().unwrap_or_default())
        }
    }
}

/// What of them may apply.
pub async fn considered(
    conn: &mut PgConnection,
    tenant: &TenantId,
    choice: &Choice,
    coupons: Vec<HeldCoupon>,
    at: OffsetDateTime,
) -> Result<Considered, StoreError> {
    let versions = coupons.iter().map(|coupon| (coupon.template.as_str(), coupon.template_version));
    let templates = template::versions(conn, tenant, versions.collect::<Vec<_>>()).await?;
    Ok(consider(choice, coupons, &templates, at))
}
