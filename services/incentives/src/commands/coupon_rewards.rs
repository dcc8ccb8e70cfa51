use std::collections::{BTreeMap, BTreeSet};

use eventlog::{ApplyError, Draft, Link};
use ids::{Key, TenantId};
use pg::{StoreError, Tx};
use proto::events::v1::Event;

use super::{CouponGrant, CouponSource, grant_coupons, void_coupons};
use crate::domain::book::{Book, Effect};
use crate::domain::campaign::{Definition, Reward};
use crate::domain::campaign_refusal::CampaignRefusal;
use crate::domain::coupon::HeldCoupon;
use crate::domain::grant::{Gift, GrantKey};
use crate::{events, store};

/// Issues the coupons that were granted, then voids those of orders that were given back and of levels that
/// were undone, and answers what is to be told.
/// A coupon that its template does not allow is no grant.
pub(super) async fn carry_out(
    tx: &mut Tx,
    tenant: &TenantId,
    (source, read): (&str, &[Event]),
    book: &mut Book<'_>,
    effects: &[(usize, Effect)],
) -> Result<Vec<Draft>, ApplyError> {
    let mut granted: BTreeMap<GrantKey, usize> = BTreeMap::new();
    let mut voided: BTreeMap<GrantKey, usize> = BTreeMap::new();
    for (index, effect) in effects {
        match effect {
            Effect::Granted(key) if coupon(book, key).is_some() => drop(granted.insert(key.clone(), *index)),
            Effect::Void(key) => drop(voided.insert(key.clone(), *index)),
            Effect::Granted(_) | Effect::Revoked(..) => {}
        }
    }
    let mut told = Vec::new();
    for (key, coupon) in issue(tx, tenant, book, granted.keys()).await? {
        told.push((granted[&key], events::coupon_granted(&coupon)));
    }
    voided.retain(|key, _| book.grant(key).is_some());
    for (key, coupon) in void(tx, tenant, book, voided.keys()).await? {
        let index = voided[&key];
        let at = read[index].recorded_at.as_ref().and_then(|it| units::time::from_proto(it).ok());
        let undone = book.grant(&key).is_some_and(|grant| grant.undone);
        let reason = if undone { "level undone" } else { "order returned" };
        told.push((index, events::coupon_voided(&coupon, reason, at.unwrap_or(coupon.claimed_at))));
    }
    let caused = |(index, draft): (usize, Draft)| {
        let link = Link::to(source, &read[index]);
        draft.caused_by(&link).map_err(|error| ApplyError::Event { index, reason: error.to_string() })
    };
    told.into_iter().map(caused).collect()
}

/// The template of a grant of a coupon.
fn coupon<'a>(book: &'a Book<'_>, key: &GrantKey) -> Option<&'a Key> {
    match &book.grant(key)?.gift {
        Gift::Coupon(template) => Some(template),
        Gift::Points(_) => None,
    }
}

async fn issue<'a>(
    tx: &mut Tx,
    tenant: &TenantId,
    book: &mut Book<'_>,
    keys: impl Iterator<Item = &'a GrantKey>,
) -> Result<Vec<(GrantKey, HeldCoupon)>, StoreError> {
    let mut asked = Vec::new();
    for key in keys {
        let (Some(template), Some(grant)) = (coupon(book, key), book.grant(key)) else { continue };
        let grant = CouponGrant {
            user: key.0.clone(),
            template_id: template.clone(),
            campaign_id: key.1.to_string(),
            source_event_id: key.2.to_string(),
            at: grant.granted_at,
        };
        asked.push((key.clone(), grant));
    }
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let (keys, grants): (Vec<GrantKey>, Vec<CouponGrant>) = asked.into_iter().unzip();
    let mut issued = Vec::new();
    for (key, outcome) in keys.into_iter().zip(grant_coupons(tx, tenant, &grants).await?) {
        match outcome {
            Ok(coupon) => {
                book.coupon_issued(&key, &coupon.coupon_id);
                issued.push((key, coupon));
            }
            Err(refusal) => book.coupon_refused(&key, &refusal.to_string()),
        }
    }
    Ok(issued)
}

async fn void<'a>(
    tx: &mut Tx,
    tenant: &TenantId,
    book: &mut Book<'_>,
    keys: impl Iterator<Item = &'a GrantKey>,
) -> Result<Vec<(GrantKey, HeldCoupon)>, StoreError> {
    let keys: BTreeSet<&GrantKey> = keys.collect();
    let source = |key: &&GrantKey| CouponSource {
        user: key.0.clone(),
        campaign_id: key.1.to_string(),
        source_event_id: key.2.to_string(),
    };
    let sources: Vec<CouponSource> = keys.iter().map(source).collect();
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let mut voided = Vec::new();
    for coupon in void_coupons(tx, tenant, &sources).await? {
        let of = |key: &&&GrantKey| {
            key.0 == coupon.user && key.1.as_str() == coupon.campaign_id && key.2.as_str() == coupon.source_event_id
        };
        if let Some(key) = keys.iter().find(of) {
            book.coupon_voided(key);
            voided.push(((*key).clone(), coupon));
        }
    }
    Ok(voided)
}

/// Why a campaign's coupon cannot be promised: its template does not exist.
pub(super) async fn template_missing(
    tx: &mut Tx,
    tenant: &TenantId,
    says: &Definition,
) -> Result<Option<CampaignRefusal>, StoreError> {
    let Reward::Coupon { template_id, .. } = &says.reward else { return Ok(None) };
    let found = store::template::newest(tx, tenant, &[template_id.as_str()]).await?;
    let missing = || CampaignRefusal::CouponTemplateNotFound { template_id: template_id.clone() };
    Ok(found.is_empty().then(missing))
}
