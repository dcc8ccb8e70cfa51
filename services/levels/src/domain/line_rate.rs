//! What lines of an order give.

use rules::{NoValue, Ratio};
use serde::{Deserialize, Serialize};

/// What lines that match give. The names are stored and never change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRate {
    /// Lines with one of these match.
    pub skus: Vec<String>,
    /// Lines with one of these match, too. Without any sku and category every line does.
    pub categories: Vec<String>,
    /// Points for each piece.
    pub points_per_piece: i64,
    /// Points for what is paid for the line: ten-thousandths of its minor units.
    pub rate_basis_points: i32,
}

/// A line of an order as far as rates look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id in the order.
    pub line_id: String,
    /// What was bought; may be empty.
    pub sku: String,
    /// Its category; may be empty.
    pub category: String,
    /// Pieces.
    pub quantity: i64,
    /// What the user pays for it, in minor units.
    pub paid_minor: i64,
}

impl LineRate {
    pub(super) fn matches(&self, line: &Line) -> bool {
        let all = self.skus.is_empty() && self.categories.is_empty();
        all || self.skus.contains(&line.sku) || self.categories.contains(&line.category)
    }

    fn points(&self, line: &Line) -> Option<Ratio> {
        let pieces = i128::from(self.points_per_piece) * i128::from(line.quantity);
        let paid = Ratio::new(i128::from(self.rate_basis_points) * i128::from(line.paid_minor), 10_000)?;
        Ratio::new(pieces, 1)?.plus(paid)
    }
}

/// What the lines give: each by the first rate that it matches, and nothing where it matches none.
pub fn points(rates: &[LineRate], lines: &[Line]) -> Result<Ratio, NoValue> {
    let mut sum = Ratio::from(0);
    for line in lines {
        if let Some(rate) = rates.iter().find(|rate| rate.matches(line)) {
            let points = rate.points(line).and_then(|points| sum.plus(points));
            sum = points.ok_or(NoValue::Overflow)?;
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sku: &str, category: &str, quantity: i64, paid_minor: i64) -> Line {
        Line { line_id: String::new(), sku: sku.to_owned(), category: category.to_owned(), quantity, paid_minor }
    }

    fn rate(skus: &[&str], categories: &[&str], points_per_piece: i64, rate_basis_points: i32) -> LineRate {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        LineRate { skus: texts(skus), categories: texts(categories), points_per_piece, rate_basis_points }
    }

    #[test]
    fn a_line_gives_by_the_first_rate_that_it_matches() {
        let rates = [rate(&["tea"], &[], 5, 0), rate(&[], &["gold"], 0, 0), rate(&[], &[], 0, 100)];
        let lines = [line("tea", "gold", 3, 9_900), line("ring", "gold", 1, 99_900), line("", "", 2, 1_050)];
        assert_eq!(points(&rates, &lines).unwrap().to_string(), "51/2", "3 × 5, nothing, and 10.5");
        assert_eq!(points(&rates[..2], &lines[2..]).unwrap(), Ratio::from(0), "a line that none matches gives nothing");
        assert_eq!(
            points(&[rate(&["x"], &["gold"], 1, 50)], &lines[..1]).unwrap().to_string(),
            "105/2",
            "either matches"
        );
    }
}
