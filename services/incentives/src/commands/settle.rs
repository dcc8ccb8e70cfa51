use std::collections::BTreeMap;

use ids::TenantId;
use time::OffsetDateTime;

use super::cancel::close;
use super::returning::coupon_keys;
use crate::domain::checkout::CheckoutState;
use crate::domain::coupon::{CouponState, HeldCoupon};
use crate::error::IncentivesError;
use crate::{Incentives, events, store};

/// Tenants looked up at once.
const TENANTS_STEP: i64 = 100;

impl Incentives {
    /// When something of a tenant falls due next, perhaps in the past: the end of a coupon, an open checkout or a penalty.
    pub async fn next_due(&self, tenant: &TenantId) -> Result<Option<OffsetDateTime>, IncentivesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let coupon = store::coupon::next_due(&mut tx, tenant).await?;
        let checkout = store::checkout::next_due(&mut tx, tenant).await?;
        let penalty = store::penalty::next_end(&mut tx, tenant).await?;
        tx.rollback().await?;
        Ok(coupon.into_iter().chain(checkout).chain(penalty).min())
    }

    /// Books what of a tenant is over, in one bounded transaction for checkouts and coupons and one for penalties; answers
    /// how much.
    pub async fn run_due(&self, tenant: &TenantId) -> Result<u64, IncentivesError> {
        let settled = pg::retrying("settle", || self.run_due_once(tenant)).await?;
        Ok(settled + pg::retrying("end_penalties", || self.end_penalties(tenant)).await?)
    }

    #[tracing::instrument(name = "settle", skip_all, fields(tenant = %tenant))]
    async fn run_due_once(&self, tenant: &TenantId) -> Result<u64, IncentivesError> {
        let limit = self.settings.settle_batch_max.max(1);
        let mut tx = self.core.db.begin(tenant).await?;
        let at = pg::clock(&mut tx).await?;
        let mut checkouts = store::checkout::lock_due(&mut tx, tenant, at, limit).await?;
        let mut keys: Vec<_> = checkouts.iter().flat_map(coupon_keys).collect();
        keys.sort();
        let mut by_key: BTreeMap<_, HeldCoupon> = store::coupon::lock(&mut tx, tenant, &keys)
            .await?
            .into_iter()
            .map(|coupon| ((coupon.user.clone(), coupon.coupon_id.clone()), coupon))
            .collect();
        let mut drafts = Vec::new();
        for checkout in &mut checkouts {
            let own = coupon_keys(checkout).into_iter().filter_map(|key| by_key.remove(&key));
            let mut own: Vec<HeldCoupon> = own.collect();
            let ended = checkout.expire_time;
            drafts.extend(close(checkout, &mut own, CheckoutState::Expired, ended));
            by_key.extend(own.into_iter().map(|it| ((it.user.clone(), it.coupon_id.clone()), it)));
        }
        let mut coupons: Vec<HeldCoupon> = by_key.into_values().collect();
        // those that were just let go are looked at by the next run
        let mut over = store::coupon::lock_due(&mut tx, tenant, at, limit).await?;
        for coupon in &mut over {
            coupon.state = CouponState::Expired;
            drafts.push(events::coupon_expired(coupon));
        }
        let settled = checkouts.len() + over.len();
        if settled == 0 {
            return Ok(0);
        }
        // one that a checkout no longer had may be over itself
        coupons.retain(|it| over.iter().all(|other| other.user != it.user || other.coupon_id != it.coupon_id));
        coupons.extend(over);
        if !checkouts.is_empty() {
            store::checkout::write(&mut tx, tenant, &checkouts).await?;
        }
        store::coupon::write(&mut tx, tenant, &coupons).await?;
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        Ok(settled as u64)
    }

    /// Books what fell due for all tenants, as far as one run may go; answers how much. Several replicas may settle at
    /// once: each passes over what another holds.
    pub async fn settle(&self) -> Result<u64, IncentivesError> {
        let (mut settled, mut batches) = (0, self.settings.settle_batches_max);
        let mut after = String::new();
        loop {
            let mut tx = self.core.db.begin_system().await?;
            let tenants = store::template::tenants(&mut tx, &after, TENANTS_STEP).await?;
            tx.rollback().await?;
            let Some(last) = tenants.last() else { return Ok(settled) };
            after = last.as_str().to_owned();
            for tenant in &tenants {
                loop {
                    if batches == 0 {
                        return Ok(settled);
                    }
                    batches -= 1;
                    let done = self.run_due(tenant).await?;
                    settled += done;
                    if done == 0 {
                        break;
                    }
                }
            }
        }
    }
}
