//! What is taken back of grants when what set them off is undone.

use ids::UserId;

use super::{Book, Effect};
use crate::domain::grant::{Gift, Grant, GrantKey, Reached};
use crate::domain::incoming::{GivesBack, Incoming, Moved};
use crate::domain::order::Reversal;

impl Book<'_> {
    /// Notes what is known of an order, and brings what was taken back of its rewards up to it.
    pub(super) fn give_back(&mut self, incoming: &Incoming, how: GivesBack) {
        let order = (incoming.user.clone(), incoming.order_id.clone());
        let reversal = self.rows.reversals.entry(order.clone()).or_default();
        match how {
            GivesBack::Refund { refunded_minor, total_minor } => reversal.refund(refunded_minor, total_minor),
            GivesBack::Cancel => reversal.cancel(),
        }
        self.returned.insert(order);
        let of_order = |(key, grant): (&GrantKey, &Grant)| {
            (key.0 == incoming.user && grant.order_id == incoming.order_id).then(|| key.clone())
        };
        for key in self.rows.grants.iter().filter_map(of_order).collect::<Vec<_>>() {
            self.take_back(&key);
        }
    }

    /// A user falls below levels. What was granted for them is taken back where the growth that had lifted the user to them
    /// was; where they ended in another way it stays, whatever happens to later levels of the same rank.
    pub(super) fn fall(&mut self, user: &UserId, moved: &Moved) {
        let lost = |reached: &Reached| reached.scheme_id == moved.scheme_id && reached.rank > moved.to_rank;
        let of_lost = |(key, grant): (&GrantKey, &Grant)| {
            (key.0 == *user && grant.level.as_ref().is_some_and(lost)).then(|| key.clone())
        };
        for key in self.rows.grants.iter().filter_map(of_lost).collect::<Vec<_>>() {
            self.change(&key, |grant| (grant.level, grant.undone) = (None, moved.reversed));
            self.take_back(&key);
        }
    }

    /// How much of what set a grant off is gone.
    pub(super) fn reversal(&self, key: &GrantKey) -> Option<Reversal> {
        match self.rows.grants.get(key)? {
            grant if grant.undone => Some(Reversal::all()),
            grant if grant.order_id.is_empty() => None,
            grant => self.rows.reversals.get(&(key.0.clone(), grant.order_id.clone())).copied(),
        }
    }

    /// Takes back what is due of a grant: points at once, a coupon once the voiding is known to have worked.
    pub(super) fn take_back(&mut self, key: &GrantKey) {
        let Some((grant, reversal)) = self.rows.grants.get(key).zip(self.reversal(key)) else { return };
        let more = grant.outstanding(&reversal);
        if more == 0 {
            return;
        }
        if matches!(grant.gift, Gift::Coupon(_)) {
            self.effects.push(Effect::Void(key.clone()));
            return;
        }
        let sum = grant.taken_back + more;
        self.change(key, |grant| grant.taken_back = sum);
        self.effects.push(Effect::Revoked(key.clone(), sum));
    }
}
