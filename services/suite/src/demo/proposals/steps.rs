//! Steps of a threshold discount (满减) that ask for one more item.

use serde::Serialize;

use super::spread::Spread;
use super::{Coin, Lack};
use crate::demo::figures::{Amount, share_bp};

/// Baskets below which nothing is proposed.
const BASKETS_LEAST: u64 = 100;
/// Most items that a step asks for.
const ITEMS_MOST: i64 = 30;
/// A step is proposed where at least this share of baskets is within one item of it, in basis points.
const NEAR_LEAST_BP: i64 = 100;
/// The discounts of the first, second and third step, in basis points of a typical item: below half of what the item that
/// is asked for brings.
const DISCOUNT_BP: [i64; 3] = [2000, 3500, 5000];

/// What the baskets of the last twelve months propose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Steps {
    /// Orders above nothing in the last twelve months.
    pub baskets: i64,
    /// The price that half of the pieces sold do not exceed.
    pub typical_item: Amount,
    /// The amount that half of the baskets do not exceed.
    pub typical_basket: Amount,
    /// One to three steps, rising. A basket gets the discount of the highest step that it meets.
    pub steps: Vec<Step>,
    /// Discounts if nobody buys more, in basis points of revenue: what the steps cost at least.
    pub cost_bp: i64,
    /// Discounts if every basket within one item of a step takes it, in basis points of revenue as it is.
    pub cost_if_taken_bp: i64,
    /// Revenue that these items would add, before discounts, in basis points of revenue as it is.
    pub added_if_taken_bp: i64,
    /// Share of the baskets within one item that must take it for the added revenue to cover all discounts, in basis
    /// points; above 10,000: they never do. What the added items cost the shop is not counted.
    pub break_even_bp: i64,
}

/// One step: from `threshold` on, `discount` off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    /// The basket that gets it.
    pub threshold: Amount,
    /// What is taken off.
    pub discount: Amount,
    /// Share of baskets below it by at most one typical item, in basis points.
    pub near_bp: i64,
    /// Share of baskets that meet it already, in basis points.
    pub met_bp: i64,
    /// Discounts to baskets that meet it and no higher step, in basis points of revenue.
    pub cost_bp: i64,
}

/// A threshold under consideration.
#[derive(Clone, Copy)]
struct Candidate {
    threshold: i64,
    near: u64,
}

/// Proposes steps from baskets by amount and pieces by price, both in minor units.
pub(crate) fn propose(baskets: &Spread, prices: &Spread, revenue: i64, coin: &Coin) -> Result<Steps, Lack> {
    let (Some(item), Some(basket)) = (prices.median(), baskets.median()) else { return Err(Lack::Quantities) };
    if baskets.total() < BASKETS_LEAST {
        return Err(Lack::Baskets { found: whole(baskets.total()), needed: whole(BASKETS_LEAST) });
    }
    let item = item.max(1);
    let chosen = choose(&candidates(baskets, item), 2 * item);
    if chosen.is_empty() {
        return Err(Lack::Step);
    }
    let grain = grain(item) / 10;
    let discounts = DISCOUNT_BP.map(|share| {
        let off = item * share / 10_000;
        (off - off % grain.max(1)).max(1)
    });
    let share = |part: u64| share_bp(whole(part), whole(baskets.total()));
    let mut totals = Totals::default();
    let mut steps = Vec::new();
    for (index, Candidate { threshold, near }) in chosen.iter().copied().enumerate() {
        let discount = discounts[index.min(2)];
        let next = chosen.get(index + 1).map_or(i64::MAX, |next| next.threshold);
        let here = whole(baskets.between(threshold, next));
        let now = index.checked_sub(1).map_or(0, |below| discounts[below.min(2)]);
        totals.given += here * discount;
        totals.added += whole(near) * item;
        totals.raised += whole(near) * (discount - now);
        steps.push(Step {
            threshold: coin.amount(threshold),
            discount: coin.amount(discount),
            near_bp: share(near),
            met_bp: share(baskets.from(threshold)),
            cost_bp: share_bp(here * discount, revenue),
        });
    }
    Ok(Steps {
        baskets: whole(baskets.total()),
        typical_item: coin.amount(item),
        typical_basket: coin.amount(basket),
        steps,
        cost_bp: share_bp(totals.given, revenue),
        cost_if_taken_bp: share_bp(totals.given + totals.raised, revenue),
        added_if_taken_bp: share_bp(totals.added, revenue),
        break_even_bp: share_bp(totals.given, totals.added - totals.raised),
    })
}

/// Sums over all steps, in minor units.
#[derive(Default)]
struct Totals {
    /// Discounts to baskets as they are.
    given: i64,
    /// What one more item in each near basket brings.
    added: i64,
    /// Discounts on top when these baskets meet their step.
    raised: i64,
}

/// Thresholds just above so many typical items, written as prices are, that at most half of the baskets meet already and
/// enough come near.
fn candidates(baskets: &Spread, item: i64) -> Vec<Candidate> {
    let share = |part: u64| share_bp(whole(part), whole(baskets.total()));
    let mut thresholds: Vec<i64> = (1..=ITEMS_MOST).map(|items| price_above(items * item, grain(item))).collect();
    thresholds.dedup();
    let candidate = |threshold: i64| Candidate { threshold, near: baskets.between(threshold - item, threshold) };
    let fits = |candidate: &Candidate| {
        let met = baskets.from(candidate.threshold);
        met <= baskets.total() / 2 && share(candidate.near) >= NEAR_LEAST_BP
    };
    thresholds.into_iter().map(candidate).filter(fits).collect()
}

/// The smallest amount above `minor` that ends below a multiple of the grain as prices do: 199 above 196 and 49 above 48
/// for a grain of ten.
fn price_above(minor: i64, grain: i64) -> i64 {
    let off = grain / 10;
    (minor + off) / grain * grain + grain - off
}

/// The largest power of ten that an item's price reaches.
fn grain(item: i64) -> i64 {
    10_i64.pow(item.max(1).ilog10())
}

/// Of all choices of up to three thresholds at least `apart` from each other, the one that puts the most baskets within
/// one item of a step; of equal ones that with fewer and lower steps.
fn choose(candidates: &[Candidate], apart: i64) -> Vec<Candidate> {
    let mut best: (u64, Vec<Candidate>) = (0, vec![]);
    let mut consider = |choice: &[Candidate]| {
        let near = choice.iter().map(|candidate| candidate.near).sum();
        let spaced = choice.windows(2).all(|pair| pair[1].threshold - pair[0].threshold >= apart);
        if spaced && near > best.0 {
            best = (near, choice.to_vec());
        }
    };
    for (first, a) in candidates.iter().enumerate() {
        consider(&[*a]);
        for (second, b) in candidates.iter().enumerate().skip(first + 1) {
            consider(&[*a, *b]);
            candidates.iter().skip(second + 1).for_each(|c| consider(&[*a, *b, *c]));
        }
    }
    best.1
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const YUAN: Coin = Coin { currency: "CNY", decimals: 2 };

    /// Baskets of so many pieces each, of items at these prices in turn, with their prices and revenue.
    fn shop(prices: &[i64], pieces: impl IntoIterator<Item = (usize, u64)>) -> (Spread, Spread, i64) {
        let (mut baskets, mut sold, mut revenue) = (Spread::default(), Spread::default(), 0);
        let mut turn = 0;
        for (count, times) in pieces {
            for _ in 0..times {
                let basket: i64 = (turn..turn + count).map(|index| prices[index % prices.len()]).sum();
                (turn..turn + count).for_each(|index| sold.add(prices[index % prices.len()], 1));
                baskets.add(basket, 1);
                (turn, revenue) = (turn + count, revenue + basket);
            }
        }
        (baskets, sold, revenue)
    }

    fn minor(steps: &Steps) -> Vec<(i64, i64)> {
        steps.steps.iter().map(|step| (step.threshold.minor, step.discount.minor)).collect()
    }

    #[test]
    fn items_at_39_49_and_59_give_199_299_and_399() {
        let pieces = [(1, 30), (2, 50), (3, 80), (4, 120), (5, 40), (6, 60), (7, 20), (8, 30)];
        let (baskets, sold, revenue) = shop(&[3900, 4900, 5900], pieces);
        let got = propose(&baskets, &sold, revenue, &YUAN).expect("a proposal");
        assert_eq!(got.typical_item, YUAN.amount(4900));
        assert_eq!(minor(&got), [(19_900, 900), (29_900, 1700), (39_900, 2400)]);
    }

    #[test]
    fn the_cost_of_a_step_is_what_baskets_as_they_are_would_get() {
        let (baskets, sold, revenue) = shop(&[1000], [(1, 150), (2, 30), (4, 20)]);
        let got = propose(&baskets, &sold, revenue, &YUAN).expect("a proposal");
        assert_eq!((minor(&got), revenue), (vec![(1900, 200), (4900, 300)], 290_000));
        let shares = |step: &Step| (step.near_bp, step.met_bp, step.cost_bp);
        // 150 of 200 baskets hold one item, 50 meet the first step: 100.00 of 2,900.00
        assert_eq!(got.steps.iter().map(shares).collect::<Vec<_>>(), [(7500, 2500, 345), (1000, 0, 0)]);
        // taken, 150 baskets bring 10.00 more and get 2.00, 20 bring 10.00 more and get 1.00 more
        assert_eq!((got.cost_bp, got.cost_if_taken_bp, got.added_if_taken_bp), (345, 1448, 5862));
        assert_eq!(got.break_even_bp, 725); // 100.00 of 1,700.00 - 320.00
    }

    #[test]
    fn a_step_that_most_baskets_meet_is_never_proposed() {
        let (baskets, sold, revenue) = shop(&[1000], [(1, 40), (9, 160)]);
        let got = propose(&baskets, &sold, revenue, &YUAN).expect("a proposal");
        assert!(got.steps.iter().all(|step| step.threshold.minor > 9000), "{got:?}");
    }

    #[test]
    fn without_pieces_or_baskets_nothing_is_proposed() {
        let (baskets, sold, revenue) = shop(&[1000], [(1, 99)]);
        assert_eq!(propose(&baskets, &Spread::default(), revenue, &YUAN), Err(Lack::Quantities));
        assert_eq!(propose(&baskets, &sold, revenue, &YUAN), Err(Lack::Baskets { found: 99, needed: 100 }));
    }

    #[test]
    fn thresholds_end_as_prices_do() {
        assert_eq!(
            [price_above(19_600, 1000), price_above(19_900, 1000), price_above(1437, 1000)],
            [19_900, 20_900, 1900]
        );
        assert_eq!([price_above(7, 1), price_above(99, 10), price_above(4900, 1000)], [8, 109, 4900 + 1000]);
    }

    proptest! {
        #[test]
        fn every_proposed_step_asks_for_more_than_most_baskets_hold(
            pieces in prop::collection::vec((1..12_usize, 1..40_u64), 1..12),
            prices in prop::collection::vec(1..20_000_i64, 1..6),
        ) {
            let (baskets, sold, revenue) = shop(&prices, pieces);
            let Ok(got) = propose(&baskets, &sold, revenue, &YUAN) else { return Ok(()) };
            let item = got.typical_item.minor;
            prop_assert!((1..=3).contains(&got.steps.len()));
            for step in &got.steps {
                prop_assert!(2 * baskets.from(step.threshold.minor) <= baskets.total(), "{:?}", got);
                prop_assert!(step.near_bp >= NEAR_LEAST_BP && step.met_bp <= 5000);
                prop_assert!(2 * step.discount.minor <= item.max(2), "{:?}", got);
                prop_assert!(step.cost_bp >= 0);
            }
            for pair in got.steps.windows(2) {
                prop_assert!(pair[1].threshold.minor - pair[0].threshold.minor >= 2 * item);
                prop_assert!(pair[0].discount.minor <= pair[1].discount.minor);
                prop_assert!(pair[0].met_bp >= pair[1].met_bp);
            }
            prop_assert!(got.steps.iter().map(|step| step.near_bp).sum::<i64>() <= 10_003);
            prop_assert!(got.cost_bp <= got.cost_if_taken_bp);
        }
    }
}
