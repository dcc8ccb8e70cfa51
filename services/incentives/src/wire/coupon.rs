//! Templates and coupons.

use proto::incentives::v1 as pb;
use proto::incentives::v1::coupon_template::{Benefit as PbBenefit, Validity as PbValidity};
use time::OffsetDateTime;
use units::time::to_proto;

use super::{at, money, money_if, small};
use crate::domain::coupon::HeldCoupon;
use crate::domain::template::{Benefit, Scope, Template, Validity};

/// A template, with the number of coupons ever issued.
pub fn template(it: &Template, issued: i64) -> pb::CouponTemplate {
    let share = |share: &crate::domain::template::FunderShare| pb::FunderShare {
        funder: share.funder.code(),
        basis_points: small(share.basis_points),
    };
    pb::CouponTemplate {
        template_id: it.template_id.clone(),
        display_name: Some(units::text::to_proto(&it.display_name)),
        layer: it.layer.code(),
        scope: scope(&it.scope),
        amount_min: money_if(it.amount_min, &it.currency),
        quantity_min: it.quantity_min,
        threshold_price: it.threshold_price.code(),
        funders: it.funders.iter().map(share).collect(),
        floor_price: money_if(it.floor_price, &it.currency),
        excludes_member_price: it.excludes_member_price,
        stock: it.stock,
        per_user_max: it.per_user_max,
        distribution: it.distribution.code().into(),
        claim_from: at(it.claim_from),
        claim_until: at(it.claim_until),
        paused: it.paused,
        version: it.version,
        publish_time: Some(to_proto(it.publish_time)),
        issued,
        benefit: Some(benefit(&it.benefit, &it.currency)),
        validity: Some(validity(it)),
    }
}

fn scope(it: &Scope) -> Option<pb::CouponScope> {
    let list = |set: &std::collections::BTreeSet<String>| set.iter().cloned().collect();
    let scope = pb::CouponScope { skus: list(&it.skus), categories: list(&it.categories), sites: list(&it.sites) };
    if scope == pb::CouponScope::default() { None } else { Some(scope) }
}

fn benefit(it: &Benefit, currency: &str) -> PbBenefit {
    match it {
        Benefit::AmountOff { amount } => PbBenefit::AmountOff(pb::AmountOff { amount: money(*amount, currency) }),
        Benefit::StepOff { every, amount, times_max } => PbBenefit::StepOff(pb::StepOff {
            every: money(*every, currency),
            amount: money(*amount, currency),
            times_max: small(*times_max),
        }),
        Benefit::PercentOff { basis_points, amount_max } => PbBenefit::PercentOff(pb::PercentOff {
            basis_points: small(*basis_points),
            amount_max: amount_max.and_then(|max| money(max, currency)),
        }),
        Benefit::FixedPrice { price, pieces_max } => {
            PbBenefit::FixedPrice(pb::FixedPrice { price: money(*price, currency), pieces_max: *pieces_max })
        }
        Benefit::NthItemOff { nth, basis_points, times_max } => PbBenefit::NthItemOff(pb::NthItemOff {
            nth: small(*nth),
            basis_points: small(*basis_points),
            times_max: small(*times_max),
        }),
        Benefit::Gift { sku, quantity } => {
            PbBenefit::Gift(pb::GiftItem { sku: sku.clone(), quantity: small(*quantity) })
        }
        Benefit::FreightOff { amount_max } => {
            PbBenefit::FreightOff(pb::FreightOff { amount_max: amount_max.and_then(|max| money(max, currency)) })
        }
    }
}

fn validity(it: &Template) -> PbValidity {
    match it.validity {
        Validity::Fixed { from, until } => PbValidity::FixedValidity(pb::FixedValidity {
            valid_from: Some(to_proto(from)),
            valid_until: Some(to_proto(until)),
        }),
        Validity::Relative { days } => {
            let days = i32::try_from(days).unwrap_or(i32::MAX);
            PbValidity::RelativeValidity(pb::RelativeValidity { days, zone: it.zone.clone() })
        }
    }
}

/// A coupon as it is at a time, with the template's version that holds for it.
pub fn coupon(it: &HeldCoupon, template: Option<&Template>, now: OffsetDateTime) -> pb::Coupon {
    pb::Coupon {
        coupon_id: it.coupon_id.clone(),
        user_id: it.user.to_string(),
        template_id: it.template.to_string(),
        template_version: it.template_version,
        display_name: template.map(|template| units::text::to_proto(&template.display_name)),
        layer: template.map_or(0, |template| template.layer.code()),
        state: it.state_at(now).code().into(),
        claim_time: Some(to_proto(it.claimed_at)),
        valid_from: Some(to_proto(it.valid_from)),
        valid_until: Some(to_proto(it.valid_until)),
        campaign_id: it.campaign_id.clone(),
        checkout_id: it.checkout_id.clone(),
        order_id: it.order_id.clone(),
    }
}
