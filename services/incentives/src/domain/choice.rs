//! Which of a user's coupons are looked at for a basket.

use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;

use super::basket::Basket;
use super::coupon::HeldCoupon;
use super::deduction::Deduction;
use super::template::Template;
use super::waterfall::{Offer, Quote, quote};
use super::why_not::WhyNot;

/// Versions of templates, by id and version.
pub type Templates = BTreeMap<(String, i32), Arc<Template>>;

/// Which coupons the caller wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// These.
    Named(Vec<String>),
    /// The best of all that the user has.
    Best,
}

/// Coupons that may apply, soonest expiry first, and those that cannot whatever the basket.
#[derive(Debug, Clone, Default)]
pub struct Considered {
    /// They may apply.
    pub offers: Vec<Offer>,
    /// They cannot, by id.
    pub refused: Vec<(String, WhyNot)>,
}

/// Looks at the coupons found. Those named that were not found are refused; of all that a user has, those that cannot be
/// used now are passed over.
pub fn consider(choice: &Choice, mut found: Vec<HeldCoupon>, templates: &Templates, at: OffsetDateTime) -> Considered {
    found.sort_by(|a, b| (a.valid_until, &a.coupon_id).cmp(&(b.valid_until, &b.coupon_id)));
    let mut considered = Considered::default();
    for coupon in &found {
        let template = templates.get(&(coupon.template.to_string(), coupon.template_version));
        match (coupon.hindrance(at), template) {
            (None, Some(template)) => {
                let offer = Offer { coupon_id: coupon.coupon_id.clone(), template: Arc::clone(template) };
                considered.offers.push(offer);
            }
            (why_not, _) if matches!(choice, Choice::Named(_)) => {
                considered.refused.push((coupon.coupon_id.clone(), why_not.unwrap_or(WhyNot::NotFound)));
            }
            _ => {}
        }
    }
    if let Choice::Named(ids) = choice {
        let missing = ids.iter().filter(|id| found.iter().all(|coupon| coupon.coupon_id != **id));
        considered.refused.extend(missing.map(|id| (id.clone(), WhyNot::NotFound)));
    }
    considered
}

/// What stands to choose from: promotions, and the templates of coupons.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    /// Promotions that apply now.
    pub promotions: Vec<Offer>,
    /// Templates of all coupons that are looked at.
    pub templates: Templates,
}

impl Offers {
    /// What a basket costs with a choice of coupons, of which these were found.
    pub fn quote(
        &self,
        basket: &Basket,
        (choice, found): (&Choice, Vec<HeldCoupon>),
        points: Option<&Deduction>,
        at: OffsetDateTime,
    ) -> Quote {
        let considered = consider(choice, found, &self.templates, at);
        quote(basket, &self.promotions, &considered.offers, &considered.refused, points)
    }
}
