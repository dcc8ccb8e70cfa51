//! `const`, `lt`, `lte`, `gt`, `gte`, `in` and `not_in` of integers; the four comparisons of anything that has an order.

use std::fmt::Display;

use prost_reflect::Value;

use crate::{
    UnsupportedRule,
    source::{Rules, integer},
};

/// How comparisons read.
pub(crate) struct Words {
    pub(crate) gte: &'static str,
    pub(crate) gt: &'static str,
    pub(crate) lte: &'static str,
    pub(crate) lt: &'static str,
}

const NUMBER: Words = Words { gte: "at least", gt: "above", lte: "at most", lt: "below" };

/// The lower and upper limit of a value.
#[derive(Debug, Default)]
pub(crate) struct Bounds<T> {
    gte: Option<T>,
    gt: Option<T>,
    lte: Option<T>,
    lt: Option<T>,
}

impl<T: PartialOrd + Copy> Bounds<T> {
    /// Takes the comparisons out of a family of rules.
    pub(crate) fn read(
        rules: &mut Rules,
        take: impl Fn(&mut Rules, &str) -> Option<T>,
    ) -> Result<Self, UnsupportedRule> {
        let mut limit = |name: &str| take(rules, name);
        let bounds = Self { gte: limit("gte"), gt: limit("gt"), lte: limit("lte"), lt: limit("lt") };
        let (lower, upper) = (bounds.gte.or(bounds.gt), bounds.lte.or(bounds.lt));
        let open = bounds.gt.is_some() || bounds.lt.is_some();
        // Protovalidate reads limits the wrong way round as "outside of"; nothing here needs that.
        match (lower, upper) {
            (Some(lower), Some(upper)) if lower > upper || lower == upper && open => {
                Err(rules.error("(limits)", "leave no value"))
            }
            _ => Ok(bounds),
        }
    }

    /// What the value must be and isn't.
    pub(crate) fn violation<S: Display>(&self, value: T, words: &Words, show: impl Fn(T) -> S) -> Option<String> {
        let broken = [
            (self.gte, words.gte, self.gte.is_some_and(|limit| value < limit)),
            (self.gt, words.gt, self.gt.is_some_and(|limit| value <= limit)),
            (self.lte, words.lte, self.lte.is_some_and(|limit| value > limit)),
            (self.lt, words.lt, self.lt.is_some_and(|limit| value >= limit)),
        ];
        let (limit, word, _) = broken.into_iter().find(|(_, _, broken)| *broken)?;
        Some(format!("must be {word} {}, is {}", show(limit?), show(value)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.gte.is_none() && self.gt.is_none() && self.lte.is_none() && self.lt.is_none()
    }
}

/// The rules of an integer.
#[derive(Debug)]
pub(crate) struct Number {
    constant: Option<i128>,
    bounds: Bounds<i128>,
    among: Vec<i128>,
    barred: Vec<i128>,
}

impl Number {
    pub(crate) fn read(mut rules: Rules) -> Result<Self, UnsupportedRule> {
        let bounds = Bounds::read(&mut rules, Rules::integer)?;
        let constant = rules.integer("const");
        let number = Self { constant, bounds, among: rules.integers("in"), barred: rules.integers("not_in") };
        rules.finish()?;
        Ok(number)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.constant.is_none() && self.bounds.is_empty() && self.among.is_empty() && self.barred.is_empty()
    }

    pub(crate) fn check(&self, value: &Value, mut report: impl FnMut(String)) {
        let Some(number) = integer(value) else { return };
        if let Some(constant) = self.constant.filter(|constant| *constant != number) {
            report(format!("must be {constant}, is {number}"));
        }
        if let Some(violation) = self.bounds.violation(number, &NUMBER, |number| number) {
            report(violation);
        }
        if !self.among.is_empty() && !self.among.contains(&number) {
            report(format!("must be one of {}, is {number}", listed(&self.among)));
        }
        if self.barred.contains(&number) {
            report(format!("must not be {number}"));
        }
    }
}

/// The values with commas between them.
pub(crate) fn listed<T: Display>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
