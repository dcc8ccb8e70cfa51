//! However a purchase comes back, it gives back what was paid, and never more.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::basket::Basket;
use super::pricing_properties::{basket, points, template};
use super::refund::{GivenBack, Returns, ToldRefund, call, given_back};
use super::sample;
use super::template::{Benefit, Layer, Template};
use super::waterfall::{Quote, quote};

fn sale() -> impl Strategy<Value = (Basket, Quote)> {
    (basket(), prop::collection::vec(template(), 0..4), points()).prop_map(|(basket, templates, points)| {
        let offer = |(index, template): (usize, Template)| {
            sample::coupon(&Template { template_id: format!("t{index}"), ..template })
        };
        let coupons: Vec<_> = templates.into_iter().enumerate().map(offer).collect();
        let quote = quote(&basket, &[], &coupons, &[], points.as_ref());
        (basket, quote)
    })
}

/// A sale, and its pieces in some order, each as the index of its line.
fn sale_in_pieces() -> impl Strategy<Value = (Basket, Quote, Vec<usize>)> {
    sale().prop_flat_map(|(basket, quote)| {
        let lines = basket.lines().iter().enumerate();
        let pieces: Vec<usize> = lines.flat_map(|(index, line)| vec![index; line.quantity as usize]).collect();
        (Just(basket), Just(quote), Just(pieces).prop_shuffle())
    })
}

fn one(basket: &Basket, index: usize, pieces: i64) -> BTreeMap<String, i64> {
    [(basket.lines()[index].line_id.clone(), pieces)].into()
}

/// Everything that was paid for a sale.
fn taken(basket: &Basket, quote: &Quote) -> GivenBack {
    given_back(basket, quote, &call(basket, &Returns::default(), &BTreeMap::new(), false).unwrap())
}

proptest! {
    #[test]
    fn a_whole_return_gives_back_exactly_what_was_taken((basket, quote) in sale()) {
        let back = taken(&basket, &quote);
        prop_assert_eq!(back.cash(), quote.total());
        prop_assert_eq!(back.points, quote.points);
        prop_assert_eq!(back.lines.iter().map(|line| line.cash).collect::<Vec<_>>(), quote.payable.clone());
        let coupons: Vec<_> = quote.coupons().map(|step| step.coupon_id.clone()).collect();
        prop_assert!(back.coupons.into_iter().eq(std::collections::BTreeSet::from_iter(coupons)));
    }

    #[test]
    fn any_sequence_of_partial_returns_sums_to_what_was_paid_and_never_exceeds_it(
        (basket, quote, pieces) in sale_in_pieces(),
    ) {
        let (mut returns, mut before) = (Returns::default(), GivenBack::default());
        let (mut cash, mut points, mut coupons) = (0, 0, Vec::new());
        for index in pieces {
            returns = call(&basket, &returns, &one(&basket, index, 1), false).unwrap();
            let now = given_back(&basket, &quote, &returns);
            let back = now.beyond(&before);
            prop_assert!(back.lines.iter().all(|line| line.cash >= 0 && line.points >= 0));
            prop_assert!(back.points >= 0 && back.freight >= 0);
            cash += back.cash();
            points += back.points;
            coupons.extend(back.coupons);
            prop_assert!(cash <= quote.total() && points <= quote.points);
            before = now;
        }
        prop_assert_eq!((cash, points), (quote.total(), quote.points));
        prop_assert_eq!(coupons.len(), quote.coupons().count(), "each coupon came back once");
        prop_assert!(call(&basket, &returns, &one(&basket, 0, 1), false).is_err());
    }

    #[test]
    fn calls_and_events_commute_and_pieces_that_both_tell_of_count_once(
        (basket, quote, pieces) in sale_in_pieces(), by_call in prop::collection::vec(any::<bool>(), 200), seed in any::<u64>(),
    ) {
        let told = |index: usize| ToldRefund {
            lines: vec![(basket.lines()[index].line_id.clone(), 1)],
            amount_minor: 1,
            refunded_minor: 0,
            total_minor: 0,
        };
        let apply = |returns: &mut Returns, (index, call_it): (usize, bool)| {
            if call_it {
                *returns = call(&basket, returns, &one(&basket, index, 1), false).unwrap();
            } else {
                returns.refund(&told(index));
            }
        };
        let half = pieces.len() / 2;
        // every piece of the first half is told by an event, some of them by a call too
        let mut told_all: Vec<(usize, bool)> = pieces[..half].iter().map(|index| (*index, false)).collect();
        let also = pieces[..half].iter().zip(&by_call).filter(|(_, also)| **also);
        told_all.extend(also.map(|(index, _)| (*index, true)));
        let mut straight = Returns::default();
        told_all.iter().for_each(|it| apply(&mut straight, *it));
        let count = told_all.len().max(1);
        told_all.rotate_left((seed as usize) % count);
        let mut turned = Returns::default();
        told_all.iter().rev().for_each(|it| apply(&mut turned, *it));
        prop_assert_eq!(given_back(&basket, &quote, &straight), given_back(&basket, &quote, &turned));
        let mut events_alone = Returns::default();
        pieces[..half].iter().for_each(|index| apply(&mut events_alone, (*index, false)));
        prop_assert_eq!(given_back(&basket, &quote, &straight), given_back(&basket, &quote, &events_alone));
    }

    #[test]
    fn a_refund_without_lines_gives_points_back_by_its_share_and_all_of_it_at_the_end(
        (basket, quote) in sale(), parts in prop::collection::vec(1_i64..1_000, 1..6),
    ) {
        let total: i64 = parts.iter().sum();
        let (mut returns, mut so_far, mut before) = (Returns::default(), 0, 0);
        for part in parts {
            so_far += part;
            returns.refund(&ToldRefund { lines: vec![], amount_minor: part, refunded_minor: so_far, total_minor: total });
            let back = given_back(&basket, &quote, &returns);
            prop_assert!((before..=quote.points).contains(&back.points));
            before = back.points;
        }
        prop_assert_eq!(given_back(&basket, &quote, &returns), taken(&basket, &quote));
    }
}

#[test]
fn a_return_of_one_item_of_满200减20_keeps_the_coupon_and_gives_back_what_was_paid_for_it() {
    let basket = sample::basket([sample::line("a", "tea", 1, 15_000), sample::line("b", "cup", 1, 5_000)], 800);
    let free =
        Template { layer: Layer::Payment, ..sample::template("post", Benefit::FreightOff { amount_max: Some(300) }) };
    let coupons = [sample::coupon(&sample::amount_off("200-20", 20_000, 2_000)), sample::coupon(&free)];
    let quote = quote(&basket, &[], &coupons, &[], None);
    assert_eq!((quote.payable.clone(), quote.freight_payable), (vec![13_500, 4_500], 500));
    let first = call(&basket, &Returns::default(), &one(&basket, 1, 1), false).unwrap();
    let back = given_back(&basket, &quote, &first);
    assert_eq!((back.cash(), back.coupons.len()), (4_500, 0));
    let kept = call(&basket, &first, &BTreeMap::new(), true).unwrap();
    let rest = given_back(&basket, &quote, &kept).beyond(&back);
    assert_eq!((rest.cash(), rest.coupons.len()), (13_500, 2), "freight stays paid, the coupons return");
    let refused = call(&basket, &kept, &one(&basket, 0, 1), false).unwrap_err();
    assert_eq!((refused.line_id.as_str(), refused.left), ("a", 0));
}

#[test]
fn a_cancelled_order_gives_everything_back_whatever_was_told_before() {
    let basket = sample::basket([sample::line("a", "tea", 3, 1_000)], 500);
    let quote = quote(&basket, &[], &[], &[], None);
    let mut returns = call(&basket, &Returns::default(), &one(&basket, 0, 2), true).unwrap();
    returns.cancel();
    assert_eq!(given_back(&basket, &quote, &returns).cash(), 3_500);
}
