//! The rows that calls about checkouts share: each call finds them as the ones before it left them.

use std::collections::{BTreeMap, BTreeSet};

use ids::UserId;

use super::checkout::{Checkout, Key, Order};
use super::choice::Offers;
use super::coupon::HeldCoupon;

/// Orders, checkouts and coupons, loaded and locked, and what is changed of them. Whoever decides works on copies and puts
/// them back when nothing can refuse any more, so that a refused call leaves nothing.
#[derive(Debug, Default)]
pub struct Desk {
    orders: Rows<Order>,
    checkouts: Rows<Checkout>,
    made: BTreeSet<Key>,
    coupons: Rows<HeldCoupon>,
    /// What prices follow from.
    pub offers: Offers,
}

/// Rows of one kind by key, and which of them changed.
#[derive(Debug)]
struct Rows<T> {
    all: BTreeMap<Key, T>,
    changed: BTreeSet<Key>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { all: BTreeMap::new(), changed: BTreeSet::new() }
    }
}

impl<T> Rows<T> {
    fn of(all: BTreeMap<Key, T>) -> Self {
        Self { all, changed: BTreeSet::new() }
    }

    fn put(&mut self, key: Key, row: T) {
        self.changed.insert(key.clone());
        self.all.insert(key, row);
    }

    /// Those that changed, in key order.
    fn changed(self) -> BTreeMap<Key, T> {
        let changed = self.changed;
        self.all.into_iter().filter(|(key, _)| changed.contains(key)).collect()
    }
}

/// What is to be stored, in key order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Orders of which something new is known.
    pub orders: BTreeMap<Key, Order>,
    /// Orders of which nothing is known.
    pub unknown: Vec<Key>,
    /// New checkouts.
    pub made: Vec<Checkout>,
    /// Changed checkouts.
    pub checkouts: Vec<Checkout>,
    /// Changed coupons.
    pub coupons: Vec<HeldCoupon>,
}

impl Desk {
    /// With these rows.
    pub fn new(orders: BTreeMap<Key, Order>, checkouts: Vec<Checkout>, coupons: Vec<HeldCoupon>) -> Self {
        Self {
            orders: Rows::of(orders),
            checkouts: Rows::of(checkouts.into_iter().map(|it| (it.key(), it)).collect()),
            coupons: Rows::of(coupons.into_iter().map(|it| (it.key(), it)).collect()),
            ..Self::default()
        }
    }

    /// What is known of an order.
    pub fn order(&self, key: &Key) -> Order {
        self.orders.all.get(key).cloned().unwrap_or_default()
    }

    /// A checkout, if there is one.
    pub fn checkout(&self, key: &Key) -> Option<Checkout> {
        self.checkouts.all.get(key).cloned()
    }

    /// Those of a user's coupons that there are, in byte order of their ids.
    pub fn coupons(&self, user: &UserId, ids: &[String]) -> Vec<HeldCoupon> {
        let keys: BTreeSet<Key> = ids.iter().map(|id| (user.clone(), id.clone())).collect();
        keys.iter().filter_map(|key| self.coupons.all.get(key).cloned()).collect()
    }

    /// Every coupon.
    pub fn all_coupons(&self) -> impl Iterator<Item = &HeldCoupon> {
        self.coupons.all.values()
    }

    /// Something new is known of an order.
    pub fn put_order(&mut self, key: Key, order: Order) {
        self.orders.put(key, order);
    }

    /// A checkout was made, or is another than before.
    pub fn put_checkout(&mut self, checkout: Checkout) {
        let key = checkout.key();
        if !self.checkouts.all.contains_key(&key) {
            self.made.insert(key.clone());
        }
        self.checkouts.put(key, checkout);
    }

    /// Coupons are other than before.
    pub fn put_coupons(&mut self, coupons: Vec<HeldCoupon>) {
        for coupon in coupons {
            self.coupons.put(coupon.key(), coupon);
        }
    }

    /// What is to be stored.
    pub fn close(self) -> Written {
        let nothing = Order::default();
        let unknown = self.orders.all.iter().filter(|(_, order)| **order == nothing);
        let unknown = unknown.map(|(key, _)| key.clone()).collect();
        let changed = self.checkouts.changed().into_iter();
        let (made, checkouts): (Vec<_>, Vec<_>) = changed.partition(|(key, _)| self.made.contains(key));
        let rows = |rows: Vec<(Key, Checkout)>| rows.into_iter().map(|(_, row)| row).collect();
        Written {
            orders: self.orders.changed(),
            unknown,
            made: rows(made),
            checkouts: rows(checkouts),
            coupons: self.coupons.changed().into_values().collect(),
        }
    }
}
