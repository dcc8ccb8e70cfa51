//! What the orders of a file say of their buyers, gathered order by order: memory grows with buyers, not with orders.

use std::collections::HashMap;

use jiff::{ToSpan as _, civil::Date};

use super::returns::Gaps;
use super::spread::Spread;

/// Months after which points lapse, as in the preset.
pub(crate) const POINTS_MONTHS: i32 = 6;

/// One order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purchase<'a> {
    /// Who bought.
    pub user_id: &'a str,
    /// On which day of the shop's zone.
    pub day: Date,
    /// What was paid, in minor units.
    pub amount_minor: i64,
    /// Pieces, where the file has them.
    pub pieces: Option<i64>,
}

/// What all orders say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Base {
    /// Days from the first order to the last, both included.
    pub days: i64,
    /// Intervals after first purchases.
    pub after_first: Gaps,
    /// Intervals after later ones.
    pub after_later: Gaps,
    /// Growth in the last twelve months of each buyer who ordered in them.
    pub growth_year: Vec<i64>,
    /// Growth since the first order of each buyer.
    pub growth_all: Vec<i64>,
    /// The last twelve months.
    pub year: Year,
}

/// What the last twelve months say; fewer where the file is shorter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Year {
    /// Days that have passed of them.
    pub days: i64,
    /// What was paid, in minor units.
    pub revenue_minor: i64,
    /// Points and growth earned at the preset's rates.
    pub points: i64,
    /// Points whose whole life is seen: given in these months, lapsed or used by the end of the data.
    pub points_followed: i64,
    /// Of them those whose owner did not buy again before they lapsed.
    pub points_lapsed: i64,
    /// Orders above nothing, by amount.
    pub baskets: Spread,
    /// Pieces sold in them, by what one cost on average over the order.
    pub prices: Spread,
}

/// What is kept of a buyer.
struct Buyer {
    last: Date,
    /// Days on which something was bought.
    purchases: u64,
    growth_year: Option<i64>,
    growth_all: i64,
    /// Points earned on the last day.
    fresh: i64,
}

/// Takes orders by time.
pub(crate) struct History {
    first: Option<Date>,
    last: Date,
    year_from: Date,
    buyers: HashMap<Box<str>, Buyer>,
    base: Base,
}

/// Points and growth for an amount, as the preset's rules have it.
pub(crate) fn points_for(amount_minor: i64) -> i64 {
    amount_minor / 100
}

impl History {
    /// For data that end with this day.
    pub(crate) fn until(last: Date) -> Self {
        // a year that ends on 28 February begins on 1 March
        let year_from = last.tomorrow().unwrap_or(last).saturating_sub(12.months());
        Self { first: None, last, year_from, buyers: HashMap::new(), base: Base::default() }
    }

    /// Takes an order; those of one buyer come by time.
    pub(crate) fn add(&mut self, order: &Purchase<'_>) {
        let first = *self.first.get_or_insert(order.day);
        self.first = Some(first.min(order.day));
        let growth = points_for(order.amount_minor);
        let in_year = order.day >= self.year_from;
        if in_year {
            self.base.year.take(order, growth);
        }
        match self.buyers.get_mut(order.user_id) {
            Some(buyer) => {
                if order.day > buyer.last {
                    self.base.came_back(buyer, order.day, self.last, self.year_from);
                }
                buyer.fresh += growth;
                buyer.growth_all += growth;
                if in_year {
                    *buyer.growth_year.get_or_insert(0) += growth;
                }
            }
            None => {
                let growth_year = in_year.then_some(growth);
                let buyer = Buyer { last: order.day, purchases: 1, growth_year, growth_all: growth, fresh: growth };
                self.buyers.insert(order.user_id.into(), buyer);
            }
        }
    }

    /// What they say together.
    pub(crate) fn finish(self) -> Base {
        let mut base = self.base;
        for buyer in self.buyers.values() {
            base.stayed_away(buyer, self.last, self.year_from);
            base.growth_year.extend(buyer.growth_year);
            base.growth_all.push(buyer.growth_all);
        }
        base.growth_year.sort_unstable();
        base.growth_all.sort_unstable();
        let first = self.first.unwrap_or(self.last);
        base.days = i64::from(days(first, self.last)) + 1;
        base.year.days = i64::from(days(first.max(self.year_from), self.last)) + 1;
        base
    }
}

impl Base {
    fn came_back(&mut self, buyer: &mut Buyer, day: Date, last: Date, year_from: Date) {
        let gaps = if buyer.purchases == 1 { &mut self.after_first } else { &mut self.after_later };
        gaps.close(days(buyer.last, day), days(buyer.last, last));
        self.year.follow(buyer, Some(day), last, year_from);
        buyer.purchases += 1;
        buyer.last = day;
        buyer.fresh = 0;
    }

    fn stayed_away(&mut self, buyer: &Buyer, last: Date, year_from: Date) {
        let gaps = if buyer.purchases == 1 { &mut self.after_first } else { &mut self.after_later };
        gaps.leave_open(days(buyer.last, last));
        self.year.follow(buyer, None, last, year_from);
    }
}

impl Year {
    fn take(&mut self, order: &Purchase<'_>, growth: i64) {
        self.revenue_minor += order.amount_minor;
        self.points += growth;
        if order.amount_minor > 0 {
            self.baskets.add(order.amount_minor, 1);
            if let Some(pieces) = order.pieces.filter(|pieces| *pieces > 0) {
                self.prices.add((order.amount_minor + pieces / 2) / pieces, pieces.unsigned_abs());
            }
        }
    }

    /// Follows the points of a buyer's last day of purchase to the next one, where their term ended within the data: the
    /// last day on which they can be used is the one so many months later.
    fn follow(&mut self, buyer: &Buyer, next: Option<Date>, last: Date, year_from: Date) {
        let usable_until = buyer.last.saturating_add(POINTS_MONTHS.months());
        if buyer.last >= year_from && usable_until <= last {
            self.points_followed += buyer.fresh;
            if next.is_none_or(|next| next > usable_until) {
                self.points_lapsed += buyer.fresh;
            }
        }
    }
}

/// Days from one date to a later one.
fn days(from: Date, to: Date) -> u32 {
    from.until(to).map_or(0, |span| u32::try_from(span.get_days()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn base(last: Date, orders: &[(&str, Date, i64)]) -> Base {
        let mut history = History::until(last);
        for (user_id, day, amount_minor) in orders {
            history.add(&Purchase { user_id, day: *day, amount_minor: *amount_minor, pieces: Some(2) });
        }
        history.finish()
    }

    #[test]
    fn orders_of_one_day_are_one_purchase() {
        let got = base(
            date(2026, 6, 30),
            &[
                ("a", date(2026, 6, 1), 1000),
                ("a", date(2026, 6, 1), 1000),
                ("a", date(2026, 6, 11), 1000),
                ("a", date(2026, 6, 16), 1000),
                ("b", date(2026, 6, 30), 1000),
            ],
        );
        let (mut first, mut later) = (Gaps::default(), Gaps::default());
        first.close(10, 29);
        later.close(5, 19);
        later.leave_open(14);
        first.leave_open(0);
        assert_eq!((got.after_first, got.after_later), (first, later));
        assert_eq!(got.days, 30);
    }

    #[test]
    fn the_year_begins_on_the_day_after_the_same_day_a_year_ago() {
        let orders = [("a", date(2025, 6, 30), 5000), ("a", date(2025, 7, 1), 199), ("b", date(2025, 6, 30), 700)];
        let got = base(date(2026, 6, 30), &orders);
        assert_eq!((got.growth_year, got.growth_all), (vec![1], vec![7, 51]));
        assert_eq!((got.year.revenue_minor, got.year.points, got.year.days), (199, 1, 365));
        assert_eq!((got.year.prices.median(), got.year.baskets.median()), (Some(100), Some(199)));
    }

    #[test]
    fn points_lapse_when_the_owner_does_not_buy_in_time() {
        let orders = [
            ("in time", date(2025, 8, 31), 10_000),
            ("late", date(2025, 8, 31), 20_000),
            ("never", date(2025, 9, 15), 40_000),
            ("too young to tell", date(2026, 1, 1), 80_000),
            ("in time", date(2026, 2, 28), 100),
            ("late", date(2026, 3, 1), 100),
        ];
        let year = base(date(2026, 6, 30), &orders).year;
        assert_eq!((year.points_followed, year.points_lapsed), (100 + 200 + 400, 200 + 400));
    }

    #[test]
    fn nothing_comes_of_nothing() {
        let got = base(date(2026, 6, 30), &[]);
        assert_eq!((got.days, got.year.days, got.after_first.open()), (1, 1, 0));
    }

    proptest! {
        #[test]
        fn every_buyer_is_counted_once_and_every_amount_once(
            mut orders in prop::collection::vec((0..8_u8, 0..700_i32, 0..100_000_i64), 1..120),
        ) {
            orders.sort_by_key(|(_, day, _)| *day);
            let start = date(2024, 1, 1);
            let names: Vec<String> = orders.iter().map(|(user, _, _)| format!("u{user}")).collect();
            let rows: Vec<_> = orders
                .iter()
                .zip(&names)
                .map(|((_, day, amount), name)| (name.as_str(), start.saturating_add(day.days()), *amount))
                .collect();
            let last = rows.last().map(|row| row.1).unwrap_or(start);
            let got = base(last, &rows);
            let buyers: std::collections::BTreeSet<_> = names.iter().collect();
            let purchases: std::collections::BTreeSet<_> = rows.iter().map(|row| (row.0, row.1)).collect();
            let all = got.after_first.clone().with(&got.after_later);
            prop_assert_eq!(all.open(), buyers.len() as u64);
            prop_assert_eq!(all.closed() + all.open(), purchases.len() as u64);
            prop_assert_eq!(got.growth_all.iter().sum::<i64>(), orders.iter().map(|row| points_for(row.2)).sum::<i64>());
            prop_assert_eq!(got.growth_year.iter().sum::<i64>(), got.year.points);
            prop_assert!(got.year.points_lapsed <= got.year.points_followed);
            prop_assert!(got.year.points_followed <= got.year.points);
        }
    }
}
