//! Worked cases of Chinese retail: what operators would compute by hand. Amounts are fen.

use super::basket::{Basket, Line};
use super::deduction::Deduction;
use super::pricing::{Running, cut};
use super::sample::{amount_off, basket, coupon, line, promotion, template};
use super::template::{Benefit, Layer, Scope, Template, ThresholdPrice};
use super::waterfall::{Quote, quote};
use super::why_not::{Hindrance, WhyNot};

/// What a template takes off each line of a basket at list prices, and off the freight.
fn off(template: &Template, basket: &Basket) -> Result<(Vec<i64>, i64), Hindrance> {
    cut(template, basket, &Running::at_list(basket)).map(|cut| (cut.lines, cut.freight))
}

fn short(why_not: WhyNot, amount_short: i64, quantity_short: i64) -> Hindrance {
    Hindrance { why_not, amount_short, quantity_short }
}

#[test]
fn amount_off_满200减20_is_shared_by_what_the_lines_cost() {
    let coupon = amount_off("200-20", 20_000, 2_000);
    let two = basket([line("a", "tea", 1, 15_000), line("b", "cup", 1, 5_000)], 0);
    assert_eq!(off(&coupon, &two), Ok((vec![1_500, 500], 0)));
    let three = basket([line("a", "tea", 3, 3_333), line("b", "cup", 1, 10_001), line("c", "cup", 7, 1)], 0);
    assert_eq!(off(&coupon, &three), Ok((vec![999, 1_000, 1], 0)));
    let less = basket([line("a", "tea", 1, 19_999)], 0);
    assert_eq!(off(&coupon, &less), Err(short(WhyNot::AmountShort, 1, 0)));
}

#[test]
fn step_off_每满100减10_counts_whole_steps_up_to_its_most() {
    let step = |times_max| template("step", Benefit::StepOff { every: 10_000, amount: 1_000, times_max });
    let basket_of = |price| basket([line("a", "tea", 1, price)], 0);
    let cases = [(10_000, 0, 1_000), (19_999, 0, 1_000), (35_000, 0, 3_000), (35_000, 2, 2_000)];
    for (price, times_max, want) in cases {
        assert_eq!(off(&step(times_max), &basket_of(price)), Ok((vec![want], 0)), "{price} {times_max}");
    }
    assert_eq!(off(&step(0), &basket_of(9_000)), Err(short(WhyNot::AmountShort, 1_000, 0)));
}

#[test]
fn second_piece_at_half_price_第二件半价_halves_the_cheaper_of_each_pair() {
    let half = template("half", Benefit::NthItemOff { nth: 2, basis_points: 5_000, times_max: 0 });
    let same = basket([line("a", "tea", 2, 9_900)], 0);
    assert_eq!(off(&half, &same), Ok((vec![4_950], 0)));
    let mixed = basket([line("a", "tea", 1, 6_000), line("b", "tea", 1, 10_000), line("c", "tea", 1, 8_000)], 0);
    assert_eq!(off(&half, &mixed), Ok((vec![0, 0, 4_000], 0)), "10,000 + 8,000 are a pair; 6,000 has none");
    let five = basket([line("a", "tea", 5, 1_000)], 0);
    assert_eq!(off(&half, &five), Ok((vec![1_000], 0)));
    let once = template("half", Benefit::NthItemOff { nth: 2, basis_points: 5_000, times_max: 1 });
    assert_eq!(off(&once, &five), Ok((vec![500], 0)));
    let single = basket([line("a", "tea", 1, 9_900)], 0);
    assert_eq!(off(&half, &single), Err(short(WhyNot::QuantityShort, 0, 1)));
}

#[test]
fn three_pieces_at_eighty_percent_满3件打8折_needs_three_pieces_and_keeps_its_cap() {
    let eighty = |amount_max| Template {
        quantity_min: 3,
        ..template("eighty", Benefit::PercentOff { basis_points: 2_000, amount_max })
    };
    let three = basket([line("a", "tea", 2, 9_999), line("b", "cup", 1, 5_000)], 0);
    assert_eq!(off(&eighty(None), &three), Ok((vec![3_999, 1_000], 0)), "20 % of 249.98, rounded down");
    assert_eq!(off(&eighty(Some(2_500)), &three), Ok((vec![2_000, 500], 0)));
    let two = basket([line("a", "tea", 2, 9_999)], 0);
    assert_eq!(off(&eighty(None), &two), Err(short(WhyNot::QuantityShort, 0, 1)));
}

#[test]
fn free_freight_包邮_takes_freight_off_and_leaves_the_goods() {
    let free = Template { amount_min: 9_900, ..template("free", Benefit::FreightOff { amount_max: None }) };
    let order = basket([line("a", "tea", 1, 9_900)], 1_200);
    assert_eq!(off(&free, &order), Ok((vec![0], 1_200)));
    let capped = template("free", Benefit::FreightOff { amount_max: Some(800) });
    assert_eq!(off(&capped, &order), Ok((vec![0], 800)));
    let none = basket([line("a", "tea", 1, 9_900)], 0);
    assert_eq!(off(&free, &none), Err(WhyNot::NoEffect.into()));
}

#[test]
fn a_fixed_price_秒杀_brings_pieces_down_to_it_and_never_up() {
    let flash = |pieces_max| Template {
        scope: Scope { categories: ["tea".to_owned()].into(), ..Scope::default() },
        ..template("flash", Benefit::FixedPrice { price: 990, pieces_max })
    };
    let order = basket([line("a", "tea", 3, 5_000), line("b", "tea", 1, 900), line("c", "cup", 1, 7_000)], 0);
    assert_eq!(off(&flash(0), &order), Ok((vec![12_030, 0, 0], 0)));
    assert_eq!(off(&flash(1), &order), Ok((vec![4_010, 0, 0], 0)));
    let cups = basket([line("c", "cup", 1, 7_000)], 0);
    assert_eq!(off(&flash(0), &cups), Err(WhyNot::OutOfScope.into()));
}

#[test]
fn a_floor_price_holds_whatever_the_coupon_says() {
    let coupon = Template { floor_price: 900, ..amount_off("big", 0, 5_000) };
    let order = basket([line("a", "tea", 2, 1_000), line("b", "tea", 1, 2_000), line("c", "tea", 1, 500)], 0);
    assert_eq!(off(&coupon, &order), Ok((vec![200, 1_100, 0], 0)));
}

#[test]
fn a_coupon_of_another_currency_is_none() {
    let coupon = Template { currency: "USD".to_owned(), ..amount_off("usd", 0, 100) };
    assert_eq!(off(&coupon, &basket([line("a", "tea", 1, 1_000)], 0)), Err(WhyNot::OtherCurrency.into()));
}

/// The amounts of the steps, goods payable and freight payable.
fn way(quote: &Quote) -> (Vec<i64>, i64, i64) {
    let steps = quote.steps.iter().map(super::waterfall::Step::total).collect();
    (steps, quote.payable.iter().sum(), quote.freight_payable)
}

#[test]
fn the_whole_way_of_a_double_eleven_order() {
    let member = |line: Line, price| Line { member_price: Some(price), ..line };
    let order = basket([member(line("a", "tea", 2, 15_000), 14_500), line("b", "cup", 1, 8_000)], 1_000);
    let steps = Template {
        layer: Layer::Shop,
        ..template("m-step", Benefit::StepOff { every: 10_000, amount: 1_000, times_max: 5 })
    };
    let item = Template {
        layer: Layer::Item,
        scope: Scope { categories: ["cup".to_owned()].into(), ..Scope::default() },
        ..amount_off("cup-5", 0, 500)
    };
    let platform = Template { layer: Layer::Platform, ..amount_off("300-40", 30_000, 4_000) };
    let free = Template { layer: Layer::Payment, ..template("post", Benefit::FreightOff { amount_max: None }) };
    let points = Deduction {
        point_type_id: "points".into(),
        points_max: 5_000,
        rate_points: 100,
        rate_minor: 100,
        share_max: 1_000,
    };
    let coupons = [&item, &platform, &free].map(coupon);
    let quote = quote(&order, &[promotion(&steps)], &coupons, &[], Some(&points));
    // 38,000 - 3,000 (每满减) = 35,000 - 500 (item) = 34,500 - 4,000 (platform) = 30,500 - 1,000 (member) = 29,500
    // points: at most 10 % = 2,950; freight 1,000 - 1,000
    assert_eq!(way(&quote), (vec![3_000, 500, 4_000, 1_000, 1_000, 2_950], 26_550, 0));
    assert_eq!(quote.points, 2_950);
    assert!(quote.unused.is_empty());
}

#[test]
fn a_threshold_sees_the_price_that_its_template_says() {
    let order = basket([line("a", "tea", 1, 21_000)], 0);
    let item = Template { layer: Layer::Item, ..amount_off("item", 0, 2_000) };
    let platform =
        |threshold_price| Template { layer: Layer::Platform, threshold_price, ..amount_off("platform", 20_000, 1_500) };
    let pays = |threshold_price| quote(&order, &[], &[coupon(&item), coupon(&platform(threshold_price))], &[], None);
    assert_eq!(pays(ThresholdPrice::List).total(), 17_500);
    let running = pays(ThresholdPrice::Running);
    assert_eq!(running.total(), 19_000, "19,000 is left, so the platform's coupon does not reach its threshold");
    assert_eq!(running.unused, [("c-platform".to_owned(), WhyNot::Outdone.into())]);
}

#[test]
fn of_one_layer_the_coupon_that_saves_most_applies_and_the_other_says_so() {
    let order = basket([line("a", "tea", 1, 20_000)], 0);
    let (small, large) = (amount_off("small", 0, 1_000), amount_off("large", 20_000, 3_000));
    let far = amount_off("far", 50_000, 10_000);
    let quote = quote(&order, &[], &[&small, &large, &far].map(coupon), &[("gone".into(), WhyNot::Used)], None);
    assert_eq!(quote.total(), 17_000);
    assert_eq!(
        quote.unused,
        [
            ("c-far".to_owned(), short(WhyNot::AmountShort, 30_000, 0)),
            ("c-small".to_owned(), WhyNot::Outdone.into()),
            ("gone".to_owned(), WhyNot::Used.into()),
        ]
    );
    assert_eq!(quote.next_steps.len(), 1);
    assert_eq!(quote.next_steps[0].short, short(WhyNot::AmountShort, 30_000, 0));
}

#[test]
fn a_coupon_that_excludes_the_member_price_is_left_out_where_the_member_price_is_better() {
    let tea = Line { member_price: Some(7_000), ..line("a", "tea", 1, 10_000) };
    let order = basket([tea], 0);
    let exclusive = Template { excludes_member_price: true, ..amount_off("x", 0, 1_000) };
    let stacking = amount_off("s", 0, 1_000);
    assert_eq!(quote(&order, &[], &[coupon(&exclusive)], &[], None).total(), 7_000);
    assert_eq!(quote(&order, &[], &[coupon(&stacking)], &[], None).total(), 6_000);
}

#[test]
fn a_gift_goes_with_the_order_and_changes_no_price() {
    let order = basket([line("a", "tea", 1, 10_000)], 0);
    let gift = Template { amount_min: 9_900, ..template("gift", Benefit::Gift { sku: "cup".into(), quantity: 1 }) };
    let quote = quote(&order, &[], &[coupon(&gift)], &[], None);
    assert_eq!(quote.total(), 10_000);
    assert_eq!(quote.steps[0].gift, Some(("cup".to_owned(), 1)));
}

#[test]
fn the_next_step_says_what_is_missing() {
    let order = basket([line("a", "tea", 1, 27_000)], 0);
    let step = template("m-step", Benefit::StepOff { every: 10_000, amount: 1_000, times_max: 0 });
    let quote = quote(&order, &[promotion(&step)], &[], &[], None);
    assert_eq!(quote.total(), 25_000);
    assert_eq!(quote.next_steps[0].short, short(WhyNot::AmountShort, 3_000, 0));
}
