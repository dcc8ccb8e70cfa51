use std::collections::{BTreeMap, BTreeSet};

use eventlog::derive;
use ids::{Key, TenantId, UserId};
use pg::{StoreError, Tx};
use time::OffsetDateTime;

use crate::domain::coupon::{CouponState, HeldCoupon};
use crate::domain::issue::{Asking, Issuing};
use crate::domain::refusal::Refusal;
use crate::store;

/// A coupon that a campaign gives for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponGrant {
    /// The user's canonical id.
    pub user: UserId,
    /// The template.
    pub template_id: Key,
    /// The campaign.
    pub campaign_id: String,
    /// The event: with campaign and user it is granted once.
    pub source_event_id: String,
    /// The decision time: the event's `recorded_at`.
    pub at: OffsetDateTime,
}

/// What a campaign gave for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponSource {
    /// The user's canonical id.
    pub user: UserId,
    /// The campaign.
    pub campaign_id: String,
    /// The event.
    pub source_event_id: String,
}

/// Grants coupons inside the caller's transaction, in a fixed number of statements however many they are, each with its
/// own outcome. One that was granted before for the same campaign, user and event is answered again. Locks the templates'
/// rows in key order. The caller appends `events::coupon_granted` of each, last before its commit.
pub async fn grant_coupons(
    tx: &mut Tx,
    tenant: &TenantId,
    grants: &[CouponGrant],
) -> Result<Vec<Result<HeldCoupon, Refusal>>, StoreError> {
    let keys: Vec<(UserId, Key)> = grants.iter().map(|grant| (grant.user.clone(), grant.template_id.clone())).collect();
    let mut issuing = load(tx, tenant, &keys).await?;
    let sources: Vec<_> = grants
        .iter()
        .map(|grant| (grant.user.as_str(), grant.campaign_id.as_str(), grant.source_event_id.as_str()))
        .collect();
    let source = |it: &HeldCoupon| (it.user.clone(), it.campaign_id.clone(), it.source_event_id.clone());
    let found = store::coupon::lock_by_source(tx, tenant, &sources).await?;
    let mut granted: BTreeMap<_, HeldCoupon> = found.into_iter().map(|coupon| (source(&coupon), coupon)).collect();
    let mut issued = Vec::new();
    let mut decide = |grant: &CouponGrant| {
        let key = (grant.user.clone(), grant.campaign_id.clone(), grant.source_event_id.clone());
        if let Some(before) = granted.get(&key) {
            return Ok(before.clone());
        }
        let (campaign_id, source_event_id) = (grant.campaign_id.clone(), grant.source_event_id.clone());
        let asking = Asking::Grant { campaign_id, source_event_id };
        let id = |count| coupon_id(&grant.user, &grant.template_id, count);
        let coupon = issuing.issue(&grant.user, &grant.template_id, &asking, grant.at, id)?;
        issued.push(coupon.clone());
        granted.insert(key, coupon.clone());
        Ok(coupon)
    };
    let outcomes = grants.iter().map(&mut decide).collect();
    store_issued(tx, tenant, &issuing, &issued).await?;
    Ok(outcomes)
}

/// Takes coupons back that were granted for events, inside the caller's transaction, and answers those that are void by
/// it: the caller appends `events::coupon_voided` of each. A used or expired one stays what it is; one that a checkout has
/// is void as soon as the checkout lets it go.
pub async fn void_coupons(
    tx: &mut Tx,
    tenant: &TenantId,
    sources: &[CouponSource],
) -> Result<Vec<HeldCoupon>, StoreError> {
    let sources: Vec<_> =
        sources.iter().map(|it| (it.user.as_str(), it.campaign_id.as_str(), it.source_event_id.as_str())).collect();
    let mut found = store::coupon::lock_by_source(tx, tenant, &sources).await?;
    found.retain(|coupon| matches!(coupon.state, CouponState::Held | CouponState::Reserved | CouponState::Used));
    for coupon in &mut found {
        coupon.revoked = true;
        if coupon.state == CouponState::Held {
            coupon.state = CouponState::Voided;
        }
    }
    store::coupon::write(tx, tenant, &found).await?;
    found.retain(|coupon| coupon.state == CouponState::Voided);
    Ok(found)
}

/// The id of a user's next coupon of a template: counts never fall, so it never comes twice.
pub(super) fn coupon_id(user: &UserId, template: &Key, count: i32) -> String {
    let derived = derive(user.as_str(), &format!("coupon/{template}"), u32::try_from(count).unwrap_or(0));
    derived.as_str().replacen("f-", "c-", 1)
}

/// Locks templates in key order, then reads what was issued of them, and to these users.
pub(super) async fn load(tx: &mut Tx, tenant: &TenantId, keys: &[(UserId, Key)]) -> Result<Issuing, StoreError> {
    let templates: BTreeSet<&str> = keys.iter().map(|(_, template)| template.as_str()).collect();
    let templates: Vec<&str> = templates.into_iter().collect();
    store::template::lock(tx, tenant, &templates).await?;
    let templates = store::template::newest(tx, tenant, &templates).await?;
    let counts = store::coupon::counts(tx, tenant, keys).await?;
    Ok(Issuing { templates, counts })
}

/// Stores what was issued: one statement per table, however many coupons.
pub(super) async fn store_issued(
    tx: &mut Tx,
    tenant: &TenantId,
    issuing: &Issuing,
    issued: &[HeldCoupon],
) -> Result<(), StoreError> {
    if issued.is_empty() {
        return Ok(());
    }
    let mut by_template: BTreeMap<Key, i64> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for coupon in issued {
        *by_template.entry(coupon.template.clone()).or_default() += 1;
        let key = (coupon.user.clone(), coupon.template.clone());
        counts.insert(key.clone(), issuing.counts.get(&key).copied().unwrap_or(0));
    }
    store::coupon::insert(tx, tenant, issued).await?;
    store::coupon::write_counts(tx, tenant, &counts).await?;
    store::template::add_issued(tx, tenant, &by_template).await
}
