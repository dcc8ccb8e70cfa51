//! What holds for every basket and every choice of coupons.

use proptest::prelude::*;

use super::basket::{Basket, Line};
use super::deduction::Deduction;
use super::pricing::{Running, cut};
use super::sample;
use super::template::{Benefit, Layer, Scope, Template, ThresholdPrice};
use super::waterfall::{Offer, Step, alone, list_totals, quote};

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = (1_i64..20, 0_i64..50_000, 0..3_usize, prop::option::of(0_i64..50_000));
    prop::collection::vec(line, 1..8).prop_map(|lines| {
        let line = |(index, (quantity, price, category, member)): (usize, (i64, i64, usize, Option<i64>))| Line {
            member_price: member,
            ..sample::line(&format!("l{index}"), ["tea", "cup", "cake"][category], quantity, price)
        };
        lines.into_iter().enumerate().map(line).collect()
    })
}

fn benefit() -> impl Strategy<Value = Benefit> {
    prop_oneof![
        (1_i64..30_000).prop_map(|amount| Benefit::AmountOff { amount }),
        (1_i64..20_000, 1_i64..5_000, 0_i64..4).prop_map(|(every, amount, times_max)| Benefit::StepOff {
            every,
            amount,
            times_max
        }),
        (1_i64..=10_000, prop::option::of(1_i64..5_000))
            .prop_map(|(basis_points, amount_max)| Benefit::PercentOff { basis_points, amount_max }),
        (0_i64..40_000, 0_i64..5).prop_map(|(price, pieces_max)| Benefit::FixedPrice { price, pieces_max }),
        (2_i64..5, 1_i64..=10_000, 0_i64..3).prop_map(|(nth, basis_points, times_max)| Benefit::NthItemOff {
            nth,
            basis_points,
            times_max
        }),
        Just(Benefit::Gift { sku: "gift".to_owned(), quantity: 1 }),
        prop::option::of(1_i64..2_000).prop_map(|amount_max| Benefit::FreightOff { amount_max }),
    ]
}

pub(super) fn template() -> impl Strategy<Value = Template> {
    let scope = prop::option::of(0..3_usize);
    (benefit(), 0..4_usize, scope, 0_i64..60_000, 0_i64..6, 0_i64..20_000, any::<(bool, bool)>())
        .prop_map(|(benefit, layer, scope, amount_min, quantity_min, floor_price, (list, excludes_member_price))| {
            let categories = scope.map(|index| ["tea", "cup", "cake"][index].to_owned()).into_iter().collect();
            Template {
                layer: Layer::ALL[layer],
                scope: Scope { categories, ..Scope::default() },
                amount_min: amount_min.saturating_sub(30_000),
                quantity_min: quantity_min.saturating_sub(3),
                floor_price: floor_price.saturating_sub(15_000),
                threshold_price: if list { ThresholdPrice::List } else { ThresholdPrice::Running },
                excludes_member_price,
                ..sample::template("t", benefit)
            }
        })
        .prop_map(|template| Template {
            amount_min: template.amount_min.max(0),
            quantity_min: template.quantity_min.max(0),
            floor_price: template.floor_price.max(0),
            ..template
        })
}

fn offers(count: std::ops::Range<usize>, coupons: bool) -> impl Strategy<Value = Vec<Offer>> {
    prop::collection::vec(template(), count).prop_map(move |templates| {
        let offer = |(index, template): (usize, Template)| {
            let template = Template { template_id: format!("t{index}"), ..template };
            if coupons { sample::coupon(&template) } else { sample::promotion(&template) }
        };
        templates.into_iter().enumerate().map(offer).collect()
    })
}

pub(super) fn basket() -> impl Strategy<Value = Basket> {
    (lines(), 0_i64..3_000).prop_map(|(lines, freight)| sample::basket(lines, freight))
}

pub(super) fn points() -> impl Strategy<Value = Option<Deduction>> {
    let deduction = (1_i64..100_000, 1_i64..300, 1_i64..300, 1_i64..=10_000);
    prop::option::of(deduction.prop_map(|(points_max, rate_points, rate_minor, share_max)| Deduction {
        point_type_id: "points".to_owned(),
        points_max,
        rate_points,
        rate_minor,
        share_max,
    }))
}

proptest! {
    #[test]
    fn a_cut_never_goes_below_the_floor_or_below_nothing(basket in basket(), template in template()) {
        let running = Running::at_list(&basket);
        if let Ok(cut) = cut(&template, &basket, &running) {
            for (index, line) in basket.lines().iter().enumerate() {
                let left = running.goods[index] - cut.lines[index];
                prop_assert!(cut.lines[index] >= 0 && left >= 0);
                prop_assert!(cut.lines[index] == 0 || left >= template.floor_price * line.quantity);
                prop_assert!(cut.lines[index] == 0 || template.scope.covers(line));
            }
            prop_assert!((0..=running.freight).contains(&cut.freight));
        }
    }

    #[test]
    fn what_is_paid_and_what_is_taken_off_sum_to_the_list_price(
        basket in basket(), promotions in offers(0..3, false), coupons in offers(0..5, true), points in points(),
    ) {
        let quote = quote(&basket, &promotions, &coupons, &[], points.as_ref());
        for (index, list) in list_totals(&basket).into_iter().enumerate() {
            let off: i64 = quote.steps.iter().map(|step| step.cuts[index]).sum();
            prop_assert!(quote.payable[index] >= 0);
            prop_assert_eq!(quote.payable[index] + off, list);
        }
        let freight_off: i64 = quote.steps.iter().map(|step| step.freight_cut).sum();
        prop_assert_eq!(quote.freight_payable + freight_off, basket.freight());
        prop_assert_eq!(quote.total() + quote.steps.iter().map(Step::total).sum::<i64>(), basket.goods() + basket.freight());
        prop_assert_eq!(quote.points_by_line().iter().sum::<i64>(), quote.points);
        prop_assert_eq!(quote.coupons().count() + quote.unused.len(), coupons.len());
        let mut layers: Vec<_> = quote.coupons().map(|step| step.layer).collect();
        let used = layers.len();
        layers.dedup();
        prop_assert_eq!(layers.len(), used, "one coupon of a layer");
    }

    #[test]
    fn the_order_in_which_lines_are_named_changes_nothing(
        (lines, shuffled) in lines().prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        promotions in offers(0..2, false), coupons in offers(0..4, true), points in points(),
    ) {
        let of = |lines| quote(&sample::basket(lines, 800), &promotions, &coupons, &[], points.as_ref());
        prop_assert_eq!(of(lines), of(shuffled));
    }

    #[test]
    fn one_more_coupon_to_choose_from_never_raises_the_price(
        basket in basket(), promotions in offers(0..2, false), coupons in offers(1..6, true), points in points(),
    ) {
        let total = |coupons: &[Offer]| quote(&basket, &promotions, coupons, &[], points.as_ref()).total();
        for count in 0..coupons.len() {
            prop_assert!(total(&coupons[..=count]) <= total(&coupons[..count]));
        }
    }

    #[test]
    fn the_best_of_all_coupons_is_at_least_as_good_as_any_one_of_them(
        basket in basket(), promotions in offers(0..2, false), coupons in offers(1..9, true), points in points(),
    ) {
        let total = |coupons: &[Offer]| quote(&basket, &promotions, coupons, &[], points.as_ref()).total();
        let best = total(&coupons);
        for coupon in &coupons {
            prop_assert!(best <= total(std::slice::from_ref(coupon)));
        }
    }

    #[test]
    fn what_a_coupon_saves_alone_is_what_it_saves_as_the_only_choice(
        basket in basket(), promotions in offers(0..2, false), template in template(),
    ) {
        let without = quote(&basket, &promotions, &[], &[], None).total();
        let with = quote(&basket, &promotions, &[sample::coupon(&template)], &[], None).total();
        prop_assert_eq!(alone(&basket, &promotions, &template).unwrap_or(0), without - with);
    }
}

#[test]
fn more_coupons_than_can_be_tried_with_each_other_are_narrowed_and_the_best_single_one_is_kept() {
    let layer = |index: usize| Layer::ALL[index % 4];
    let template = |index: usize| Template {
        layer: layer(index),
        ..sample::amount_off(&format!("t{index:03}"), 0, 100 + index as i64)
    };
    let coupons: Vec<Offer> = (0..200).map(|index| sample::coupon(&template(index))).collect();
    let basket = sample::basket([sample::line("a", "tea", 1, 100_000)], 0);
    let best = quote(&basket, &[], &coupons, &[], None).total();
    assert_eq!(best, 100_000 - (299 + 298 + 297 + 296));
}
