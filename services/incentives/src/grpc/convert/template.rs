//! Templates.

use proto::incentives::v1 as pb;
use proto::incentives::v1::coupon_template::{Benefit as PbBenefit, Validity as PbValidity};
use service::Parse;
use time::OffsetDateTime;
use units::zone::Zone;

use super::basket::Currency;
use crate::domain::basket::BASKET_MAX;
use crate::domain::template::{
    Benefit, Distribution, Funder, FunderShare, Layer, Scope, Template, ThresholdPrice, Validity, WHOLE,
};

pub(super) fn template(parse: &mut Parse, it: pb::CouponTemplate) -> Option<Template> {
    let mut currency = Currency::default();
    let display_name = parse.text("template.display_name", it.display_name.as_ref());
    let benefit = benefit(parse, &mut currency, it.benefit.as_ref());
    let validity = validity(parse, it.validity.as_ref());
    let mut limit = |field: &str, sent: Option<&_>| {
        let amount = currency.amount(parse, field, sent).unwrap_or(0);
        parse.require(amount <= BASKET_MAX, field, "is more than a basket may cost");
        amount
    };
    let amount_min = limit("template.amount_min", it.amount_min.as_ref());
    let floor_price = limit("template.floor_price", it.floor_price.as_ref());
    let funders = funders(parse, &it.funders);
    let claim_from = parse.time("template.claim_from", it.claim_from.as_ref());
    let claim_until = parse.time("template.claim_until", it.claim_until.as_ref());
    let ordered = claim_from.zip(claim_until).is_none_or(|(from, until)| from < until);
    parse.require(ordered, "template.claim_until", "must be after claim_from");
    let layer = Layer::from_code(it.layer);
    let threshold_price = ThresholdPrice::from_code(it.threshold_price);
    let distribution = Distribution::from_code(it.distribution);
    if distribution == Some(Distribution::Automatic) {
        parse.require(it.stock == 0, "template.stock", "must be 0 for an automatic template");
        parse.require(it.per_user_max == 0, "template.per_user_max", "must be 0 for an automatic template");
        let fixed = matches!(it.validity, Some(PbValidity::FixedValidity(_)));
        parse.require(fixed, "template.validity", "must be fixed for an automatic template");
    }
    let (validity, zone) = validity?;
    Some(Template {
        template_id: it.template_id,
        version: 0,
        display_name,
        layer: layer?,
        scope: scope(it.scope.unwrap_or_default()),
        currency: currency.code(),
        amount_min,
        quantity_min: it.quantity_min,
        threshold_price: threshold_price?,
        benefit: benefit?,
        funders,
        floor_price,
        excludes_member_price: it.excludes_member_price,
        validity,
        zone,
        stock: it.stock,
        per_user_max: it.per_user_max,
        distribution: distribution?,
        claim_from,
        claim_until,
        paused: it.paused,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    })
}

fn scope(it: pb::CouponScope) -> Scope {
    Scope {
        skus: it.skus.into_iter().collect(),
        categories: it.categories.into_iter().collect(),
        sites: it.sites.into_iter().collect(),
    }
}

fn benefit(parse: &mut Parse, currency: &mut Currency, sent: Option<&PbBenefit>) -> Option<Benefit> {
    let Some(sent) = sent else {
        parse.refuse("template.benefit", "is required");
        return None;
    };
    Some(match sent {
        PbBenefit::AmountOff(it) => {
            Benefit::AmountOff { amount: currency.positive(parse, "template.amount_off.amount", it.amount.as_ref())? }
        }
        PbBenefit::StepOff(it) => {
            let every = currency.positive(parse, "template.step_off.every", it.every.as_ref());
            let amount = currency.positive(parse, "template.step_off.amount", it.amount.as_ref());
            Benefit::StepOff { every: every?.max(1), amount: amount?, times_max: it.times_max.into() }
        }
        PbBenefit::PercentOff(it) => Benefit::PercentOff {
            basis_points: it.basis_points.into(),
            amount_max: most(parse, currency, "template.percent_off.amount_max", it.amount_max.as_ref())?,
        },
        PbBenefit::FixedPrice(it) => {
            parse.require(it.price.is_some(), "template.fixed_price.price", "is required");
            let price = currency.amount(parse, "template.fixed_price.price", it.price.as_ref())?;
            Benefit::FixedPrice { price, pieces_max: it.pieces_max }
        }
        PbBenefit::NthItemOff(it) => Benefit::NthItemOff {
            nth: it.nth.max(2).into(),
            basis_points: it.basis_points.into(),
            times_max: it.times_max.into(),
        },
        PbBenefit::Gift(it) => Benefit::Gift { sku: it.sku.clone(), quantity: it.quantity.into() },
        PbBenefit::FreightOff(it) => Benefit::FreightOff {
            amount_max: most(parse, currency, "template.freight_off.amount_max", it.amount_max.as_ref())?,
        },
    })
}

/// A limit that may be absent.
fn most(
    parse: &mut Parse,
    currency: &mut Currency,
    field: &str,
    sent: Option<&proto::google::r#type::Money>,
) -> Option<Option<i64>> {
    match sent {
        None => Some(None),
        sent => currency.positive(parse, field, sent).map(Some),
    }
}

fn validity(parse: &mut Parse, sent: Option<&PbValidity>) -> Option<(Validity, String)> {
    match sent {
        None => {
            parse.refuse("template.validity", "is required");
            None
        }
        Some(PbValidity::FixedValidity(it)) => {
            let from = parse.time("template.fixed_validity.valid_from", it.valid_from.as_ref());
            let until = parse.time("template.fixed_validity.valid_until", it.valid_until.as_ref());
            let (from, until) = from.zip(until)?;
            parse.require(from < until, "template.fixed_validity.valid_until", "must be after valid_from");
            Some((Validity::Fixed { from, until }, Zone::utc().name().to_owned()))
        }
        Some(PbValidity::RelativeValidity(it)) => {
            let zone = Zone::new(&it.zone);
            let zone = zone.map_err(|fault| parse.refuse("template.relative_validity.zone", fault.to_string())).ok()?;
            let days = u32::try_from(it.days).ok()?;
            Some((Validity::Relative { days }, zone.name().to_owned()))
        }
    }
}

fn funders(parse: &mut Parse, sent: &[pb::FunderShare]) -> Vec<FunderShare> {
    let share = |it: &pb::FunderShare| {
        let funder = Funder::from_code(it.funder)?;
        Some(FunderShare { funder, basis_points: it.basis_points.into() })
    };
    let mut shares: Vec<FunderShare> = sent.iter().filter_map(share).collect();
    let sum: i64 = shares.iter().map(|share| share.basis_points).sum();
    parse.require(sum == WHOLE, "template.funders", "must sum to 10000 basis points");
    shares.sort_by_key(|share| share.funder);
    let twice = shares.windows(2).any(|pair| pair[0].funder == pair[1].funder);
    parse.require(!twice, "template.funders", "must name each funder once");
    shares
}
