//! Scores by recency, frequency and monetary value.

/// How scores are cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// By the model's fixed thresholds.
    #[default]
    Thresholds,
    /// By the payers' quintiles.
    Quintiles,
}

/// How recency, frequency and monetary value are scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RfmModel {
    /// Which cuts are used.
    pub method: Method,
    /// Orders of this many days up to the date asked count.
    pub window_days: i32,
    /// The thresholds, used unless the method is quintiles.
    pub cuts: Cuts,
}

impl Default for RfmModel {
    fn default() -> Self {
        Self { method: Method::Thresholds, window_days: 365, cuts: Cuts::default() }
    }
}

/// Where the scores are cut: the limit of score 2 first, of score 5 last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cuts {
    /// The last order at most this many days ago; falling.
    pub recency_days: [i32; 4],
    /// At least this many orders; rising.
    pub frequency_orders: [i32; 4],
    /// At least this net spend in minor units; rising.
    pub monetary_minor: [i64; 4],
}

impl Default for Cuts {
    fn default() -> Self {
        Self {
            recency_days: [180, 90, 60, 30],
            frequency_orders: [2, 3, 5, 8],
            monetary_minor: [5_000, 10_000, 20_000, 50_000],
        }
    }
}

impl Cuts {
    /// The cuts between the fifths of the payers. `days`, `orders` and `net` are their 20th, 40th, 60th and 80th
    /// percentiles: the smallest value that is not below this share of them. Whoever has such a value belongs to the
    /// fifth that it closes, so equal values get equal scores.
    pub fn quintiles(days: [i32; 4], orders: [i32; 4], net: [i64; 4]) -> Self {
        let [d20, d40, d60, d80] = days;
        Self {
            recency_days: [d80, d60, d40, d20],
            frequency_orders: orders.map(|limit| limit.saturating_add(1)),
            monetary_minor: net.map(|limit| limit.saturating_add(1)),
        }
    }
}

/// What a payer bought in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchases {
    /// Days since the last order.
    pub days: i32,
    /// Orders that count.
    pub orders: i64,
    /// Net spend in minor units.
    pub net: i64,
}

/// Scores from 1 (low) to 5 (high).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// Higher is more recent.
    pub recency: i32,
    /// Higher is more often.
    pub frequency: i32,
    /// Higher is more money.
    pub monetary: i32,
}

/// The scores of a payer, or of a group whose members lie between the same cuts.
pub fn score(cuts: &Cuts, bought: &Purchases) -> Score {
    let passed = |passes: [bool; 4]| 1 + passes.into_iter().filter(|passes| *passes).count() as i32;
    Score {
        recency: passed(cuts.recency_days.map(|limit| bought.days <= limit)),
        frequency: passed(cuts.frequency_orders.map(|limit| bought.orders >= i64::from(limit))),
        monetary: passed(cuts.monetary_minor.map(|limit| bought.net >= limit)),
    }
}

/// The eight cells: recency, frequency and monetary value each high or low.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// All high.
    Champion,
    /// Recency and money high.
    Grow,
    /// Frequency and money high.
    Keep,
    /// Money high.
    WinBack,
    /// Recency and frequency high.
    Frequent,
    /// Recency high.
    Recent,
    /// Frequency high.
    Fading,
    /// All low.
    Hibernating,
}

impl Cell {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Champion,
        Self::Grow,
        Self::Keep,
        Self::WinBack,
        Self::Frequent,
        Self::Recent,
        Self::Fading,
        Self::Hibernating,
    ];
}

/// The cell of scores: high is above the middle, 4 or 5.
pub fn cell(score: &Score) -> Cell {
    let high = |score: i32| score >= 4;
    match (high(score.recency), high(score.frequency), high(score.monetary)) {
        (true, true, true) => Cell::Champion,
        (true, false, true) => Cell::Grow,
        (false, true, true) => Cell::Keep,
        (false, false, true) => Cell::WinBack,
        (true, true, false) => Cell::Frequent,
        (true, false, false) => Cell::Recent,
        (false, true, false) => Cell::Fading,
        (false, false, false) => Cell::Hibernating,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(days: i32, orders: i64, net: i64) -> (i32, i32, i32) {
        let Score { recency, frequency, monetary } = score(&Cuts::default(), &Purchases { days, orders, net });
        (recency, frequency, monetary)
    }

    #[test]
    fn a_value_exactly_at_a_limit_has_the_higher_score() {
        assert_eq!(scores(181, 1, 4_999), (1, 1, 1));
        assert_eq!(scores(180, 2, 5_000), (2, 2, 2));
        assert_eq!(scores(31, 7, 49_999), (4, 4, 4));
        assert_eq!(scores(30, 8, 50_000), (5, 5, 5));
        assert_eq!(scores(0, i64::MAX, i64::MAX), (5, 5, 5));
    }

    #[test]
    fn each_cell_has_its_own_combination() {
        let (high, low) = (4, 3);
        let combinations = [
            (high, high, high),
            (high, low, high),
            (low, high, high),
            (low, low, high),
            (high, high, low),
            (high, low, low),
            (low, high, low),
            (low, low, low),
        ];
        let cells = combinations.map(|(recency, frequency, monetary)| cell(&Score { recency, frequency, monetary }));
        assert_eq!(cells, Cell::ALL);
    }

    #[test]
    fn quintile_cuts_give_each_fifth_its_score_and_equal_values_equal_scores() {
        // 1..=10: the percentiles are 2, 4, 6, 8
        let cuts = Cuts::quintiles([2, 4, 6, 8], [2, 4, 6, 8], [2, 4, 6, 8]);
        let got: Vec<_> = (1..=10)
            .map(|n| score(&cuts, &Purchases { days: n, orders: i64::from(n), net: i64::from(n) }))
            .map(|s| (s.recency, s.frequency, s.monetary))
            .collect();
        let rising = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5];
        let want: Vec<_> = rising.into_iter().map(|n| (6 - n, n, n)).collect();
        assert_eq!(got, want);
        // half of the payers bought once: all of them score 1, and nobody else does
        let tied = Cuts::quintiles([1; 4], [1, 1, 2, 3], [1; 4]);
        let frequency = |orders| score(&tied, &Purchases { days: 0, orders, net: 0 }).frequency;
        assert_eq!([1, 2, 3, 4].map(frequency), [1, 3, 4, 5]);
    }
}
