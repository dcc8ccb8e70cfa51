use std::collections::{BTreeMap, BTreeSet};

use eventlog::{ApplyError, Consume, Draft, Link};
use ids::TenantId;
use pg::{StoreError, Tx};
use proto::events::v1::Event;

use super::returning::{coupon_keys, returning};
use crate::domain::checkout::{Checkout, Key, Order};
use crate::domain::coupon::HeldCoupon;
use crate::events::{self, OrderBack, Told};
use crate::store;

/// Gives coupons and points back for orders that profiles tells were refunded or cancelled.
#[derive(Debug, Clone, Copy)]
pub struct CheckoutConsumer;

impl Consume for CheckoutConsumer {
    fn name(&self) -> &'static str {
        "checkout"
    }

    fn source(&self) -> &'static str {
        "profiles"
    }

    fn types(&self) -> &'static [&'static str] {
        &events::CHECKOUT_CONSUMED
    }

    fn ignores(&self) -> &'static [&'static str] {
        &events::CHECKOUT_IGNORED
    }

    async fn apply(&self, tx: &mut Tx, tenant: &TenantId, events: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        mirror::apply(tx, tenant, events).await?;
        let mut backs = Vec::new();
        for (index, event) in events.iter().enumerate() {
            let read = events::order_back(event).map_err(|reason| ApplyError::Event { index, reason })?;
            backs.extend(read.map(|read| (index, read)));
        }
        let drafts = apply_refunds(tx, tenant, backs).await?;
        let mut linked = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts {
            let (link, site) = (Link::to("profiles", &events[index]), &events[index].site);
            let draft = draft.site(site).caused_by(&link);
            linked.push(draft.map_err(|error| ApplyError::Event { index, reason: error.to_string() })?);
        }
        Ok(linked)
    }
}

/// Applies what came back of orders, in order, inside the caller's transaction: a fixed number of statements however many
/// they are. An order of which nothing is known yet gets a row, which its confirmation finds. Answers what is to be told,
/// each with the index given with what caused it; the caller appends it last.
pub async fn apply_refunds(
    tx: &mut Tx,
    tenant: &TenantId,
    mut backs: Vec<(usize, OrderBack)>,
) -> Result<Vec<(usize, Draft)>, StoreError> {
    if backs.is_empty() {
        return Ok(Vec::new());
    }
    let aliases = mirror::resolve(tx, tenant, backs.iter().map(|(_, back)| &back.user)).await?;
    for (_, back) in &mut backs {
        back.user = aliases.meant(&back.user);
    }
    let keys: BTreeSet<Key> = backs.iter().map(|(_, back)| (back.user.clone(), back.order_id.clone())).collect();
    let keys: Vec<Key> = keys.into_iter().collect();
    store::checkout_order::open(tx, tenant, &keys).await?;
    let mut orders = store::checkout_order::lock(tx, tenant, &keys).await?;
    let (checkouts, mut coupons) = lock_checkouts(tx, tenant, &orders).await?;
    let mut drafts = Vec::new();
    for (index, back) in backs {
        let order = orders.entry((back.user.clone(), back.order_id)).or_default();
        let mut after = order.returns.clone();
        match &back.told {
            Told::Refunded(refund) => after.refund(refund),
            Told::Cancelled => after.cancel(),
        }
        if let Some(checkout) = checkouts.get(&(back.user, order.checkout_id.clone())) {
            let own = coupons.entry((checkout.user.clone(), checkout.checkout_id.clone())).or_default();
            let returning = returning(checkout, &order.returns, &mut after, own, back.at);
            drafts.extend(returning.drafts.into_iter().map(|draft| (index, draft)));
        }
        order.returns = after;
    }
    store::checkout_order::write(tx, tenant, &orders).await?;
    let coupons: Vec<HeldCoupon> = coupons.into_values().flatten().collect();
    store::coupon::write(tx, tenant, &coupons).await?;
    Ok(drafts)
}

/// The checkouts that were confirmed for the orders, and their coupons by checkout.
async fn lock_checkouts(
    tx: &mut Tx,
    tenant: &TenantId,
    orders: &BTreeMap<Key, Order>,
) -> Result<(BTreeMap<Key, Checkout>, BTreeMap<Key, Vec<HeldCoupon>>), StoreError> {
    let confirmed = orders.iter().filter(|(_, order)| !order.checkout_id.is_empty());
    let mut keys: Vec<Key> = confirmed.map(|((user, _), order)| (user.clone(), order.checkout_id.clone())).collect();
    keys.sort();
    if keys.is_empty() {
        return Ok(Default::default());
    }
    let checkouts = store::checkout::lock(tx, tenant, &keys).await?;
    let coupon_keys: BTreeSet<_> = checkouts.iter().flat_map(coupon_keys).collect();
    let locked = store::coupon::lock(tx, tenant, &coupon_keys.into_iter().collect::<Vec<_>>()).await?;
    let mut coupons: BTreeMap<Key, Vec<HeldCoupon>> = BTreeMap::new();
    // one that was given back before may be free, or in another checkout: it is none of these
    for coupon in locked.into_iter().filter(|coupon| !coupon.checkout_id.is_empty()) {
        coupons.entry((coupon.user.clone(), coupon.checkout_id.clone())).or_default().push(coupon);
    }
    let checkouts = checkouts.into_iter().map(|it| ((it.user.clone(), it.checkout_id.clone()), it)).collect();
    Ok((checkouts, coupons))
}
