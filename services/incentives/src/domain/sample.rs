//! Baskets and templates of tests.

use std::sync::Arc;

use time::macros::datetime;

use super::basket::{Basket, Line};
use super::template::{Benefit, Distribution, Funder, FunderShare, Layer, Scope, Template, ThresholdPrice, Validity};
use super::waterfall::Offer;
use units::text::LocalizedText;

/// A line of so many pieces at a price, of a category.
pub(crate) fn line(id: &str, category: &str, quantity: i64, list_price: i64) -> Line {
    let (sku, site) = (format!("sku-{id}"), String::new());
    Line { line_id: id.to_owned(), sku, category: category.to_owned(), site, quantity, list_price, member_price: None }
}

/// A basket in yuan.
pub(crate) fn basket(lines: impl IntoIterator<Item = Line>, freight: i64) -> Basket {
    Basket::new("CNY", lines.into_iter().collect(), freight).unwrap()
}

/// A shop's template without a condition, valid in November 2026, paid by the shop.
pub(crate) fn template(id: &str, benefit: Benefit) -> Template {
    Template {
        template_id: id.to_owned(),
        version: 1,
        display_name: LocalizedText::default(),
        layer: Layer::Shop,
        scope: Scope::default(),
        currency: "CNY".to_owned(),
        amount_min: 0,
        quantity_min: 0,
        threshold_price: ThresholdPrice::Running,
        benefit,
        funders: vec![FunderShare { funder: Funder::Shop, basis_points: 10_000 }],
        floor_price: 0,
        excludes_member_price: false,
        validity: Validity::Fixed { from: datetime!(2026-11-01 00:00 UTC), until: datetime!(2026-12-01 00:00 UTC) },
        zone: "UTC".to_owned(),
        stock: 0,
        per_user_max: 0,
        distribution: Distribution::Claimable,
        claim_from: None,
        claim_until: None,
        paused: false,
        publish_time: datetime!(2026-10-01 00:00 UTC),
    }
}

/// 满 `min` 减 `amount`.
pub(crate) fn amount_off(id: &str, min: i64, amount: i64) -> Template {
    Template { amount_min: min, ..template(id, Benefit::AmountOff { amount }) }
}

/// A coupon of a template, with the template's id.
pub(crate) fn coupon(template: &Template) -> Offer {
    Offer { coupon_id: format!("c-{}", template.template_id), template: Arc::new(template.clone()) }
}

/// A promotion.
pub(crate) fn promotion(template: &Template) -> Offer {
    Offer { coupon_id: String::new(), template: Arc::new(template.clone()) }
}
