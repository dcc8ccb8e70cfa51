//! Baskets and what they cost.

use proto::incentives::v1 as pb;

use super::{money, money_if, small};
use crate::domain::allocation::apportion;
use crate::domain::basket::{Basket, Line};
use crate::domain::waterfall::{Kind, Quote, Step, list_totals};
use crate::domain::why_not::{Hindrance, WhyNot};

/// A basket, its lines in byte order of their ids.
pub fn basket(it: &Basket) -> pb::Basket {
    let currency = it.currency();
    let line = |line: &Line| pb::BasketLine {
        line_id: line.line_id.clone(),
        sku: line.sku.clone(),
        category: line.category.clone(),
        site: line.site.clone(),
        quantity: line.quantity,
        list_price: money(line.list_price, currency),
        member_price: line.member_price.and_then(|price| money(price, currency)),
    };
    pb::Basket { lines: it.lines().iter().map(line).collect(), freight: money_if(it.freight(), currency) }
}

/// Why not.
pub fn hindrance(it: &Hindrance, currency: &str) -> pb::Hindrance {
    pb::Hindrance {
        why_not: it.why_not.code(),
        amount_short: if it.why_not == WhyNot::AmountShort { money(it.amount_short, currency) } else { None },
        quantity_short: it.quantity_short,
    }
}

/// What a basket costs.
pub fn quote(basket: &Basket, it: &Quote) -> pb::Quote {
    let currency = basket.currency();
    let applied: Vec<Vec<Option<pb::AppliedDiscount>>> =
        it.steps.iter().map(|step| discounts(step, currency)).collect();
    let column = |index: usize| applied.iter().filter_map(|row| row[index].clone()).collect();
    let lines = basket.lines().iter().zip(list_totals(basket)).zip(&it.payable).enumerate();
    let line = |(index, ((line, list), payable)): (usize, ((&Line, i64), &i64))| pb::QuotedLine {
        line_id: line.line_id.clone(),
        list_total: money(list, currency),
        discounts: column(index),
        payable: money(*payable, currency),
    };
    let next = |next: &crate::domain::waterfall::NextStep| pb::NextStep {
        template_id: next.template_id.clone(),
        coupon_id: next.coupon_id.clone(),
        amount_short: money_if(next.short.amount_short, currency),
        quantity_short: next.short.quantity_short,
    };
    pb::Quote {
        lines: lines.map(line).collect(),
        steps: steps(basket, it),
        goods_total: money(basket.goods(), currency),
        goods_payable: money(it.payable.iter().sum(), currency),
        freight: money(basket.freight(), currency),
        freight_discounts: column(basket.lines().len()),
        freight_payable: money(it.freight_payable, currency),
        payable: money(it.total(), currency),
        points: it.points,
        points_amount: money(it.points_amount(), currency),
        gifts: it.steps.iter().filter_map(gift).collect(),
        unused: it.unused.iter().map(|(coupon, why)| unused(coupon, why, currency)).collect(),
        next_steps: it.next_steps.iter().map(next).collect(),
    }
}

fn unused(coupon_id: &str, why: &Hindrance, currency: &str) -> pb::UnusedCoupon {
    pb::UnusedCoupon { coupon_id: coupon_id.to_owned(), hindrance: Some(hindrance(why, currency)) }
}

/// What a step takes off each line, and at the end off the freight, with who pays for it.
fn discounts(step: &Step, currency: &str) -> Vec<Option<pb::AppliedDiscount>> {
    let amounts: Vec<i64> = step.cuts.iter().copied().chain([step.freight_cut]).collect();
    let shares: Vec<i64> = step.funders.iter().map(|share| share.basis_points).collect();
    let funded = apportion(&amounts, &shares);
    let discount = |(amount, parts): (&i64, &Vec<i64>)| {
        let paid = step.funders.iter().zip(parts).filter(|(_, part)| **part > 0);
        (*amount > 0).then(|| pb::AppliedDiscount {
            kind: step.kind.code(),
            template_id: step.template_id.clone(),
            coupon_id: step.coupon_id.clone(),
            amount: money(*amount, currency),
            funded: paid
                .map(|(share, part)| pb::FundedAmount { funder: share.funder.code(), amount: money(*part, currency) })
                .collect(),
        })
    };
    amounts.iter().zip(&funded).map(discount).collect()
}

fn steps(basket: &Basket, it: &Quote) -> Vec<pb::QuoteStep> {
    let mut goods = basket.goods();
    let mut told = |step: &Step| {
        goods -= step.cuts.iter().sum::<i64>();
        pb::QuoteStep {
            kind: step.kind.code(),
            layer: step.layer.map_or(0, |layer| layer.code()),
            template_id: step.template_id.clone(),
            coupon_id: step.coupon_id.clone(),
            amount: money(step.total(), basket.currency()),
            goods_after: money(goods, basket.currency()),
            gift: gift(step),
        }
    };
    it.steps.iter().map(&mut told).collect()
}

fn gift(step: &Step) -> Option<pb::GiftLine> {
    let (sku, quantity) = step.gift.as_ref()?;
    debug_assert!(matches!(step.kind, Kind::Promotion | Kind::Coupon), "only templates give");
    Some(pb::GiftLine {
        sku: sku.clone(),
        quantity: small(*quantity),
        template_id: step.template_id.clone(),
        coupon_id: step.coupon_id.clone(),
    })
}
