//! What the shop sells, and what one visit to the till costs.

use rand::{RngExt, rngs::StdRng};
use rand_distr::{Distribution, LogNormal, weighted::WeightedIndex};

use crate::demo::deed::{Basket, Line};

/// Category, share of lines in per cent, median price of a piece in hundredths, spread of the price.
const SHELVES: [(&str, u32, f64, f64); 5] = [
    ("snacks", 38, 1_900.0, 0.45),
    ("drinks", 27, 3_600.0, 0.5),
    ("household", 18, 4_900.0, 0.5),
    ("beauty", 12, 11_900.0, 0.6),
    ("appliances", 5, 35_900.0, 0.7),
];
/// Articles per category.
const ARTICLES: u32 = 40;

/// Fills a basket for someone who buys `taste` times the usual.
pub(crate) fn basket(order_id: String, taste: f64, rng: &mut StdRng) -> Basket {
    let mut lines = vec![line(taste, rng)];
    while lines.len() < 6 && rng.random_bool(0.3) {
        lines.push(line(taste, rng));
    }
    let total_minor = lines.iter().map(|line| line.paid_minor).sum();
    Basket { order_id, lines, total_minor, till: true }
}

fn line(taste: f64, rng: &mut StdRng) -> Line {
    let shares = WeightedIndex::new(SHELVES.map(|(_, share, _, _)| share)).expect("the shares are positive");
    let (category, _, median, spread) = SHELVES[shares.sample(rng)];
    let price = LogNormal::new((median * taste).ln(), spread).expect("the spread is finite").sample(rng);
    let mut quantity = 1;
    while quantity < 12 && rng.random_bool(0.25) {
        quantity += 1;
    }
    // Prices end in tens of the minor unit and stay within what a shop would ask.
    let price_minor = (price.clamp(100.0, 2_000_000.0) / 10.0).round() as i64 * 10;
    let sku = format!("{category}-{:02}", rng.random_range(1..=ARTICLES));
    Line { sku, category: category.to_owned(), quantity, paid_minor: price_minor * quantity, discounts: Vec::new() }
}
