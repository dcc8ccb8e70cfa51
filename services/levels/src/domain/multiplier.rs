//! Multipliers: where a condition holds a rule gives more, or less.

use rules::{Condition, Fault, Names, NoValue, Ratio, Values, Written};
use serde::{Deserialize, Serialize};

/// A factor with its condition. The names are stored and never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multiplier {
    /// When it counts.
    pub condition: Written,
    /// In basis points: 10,000 changes nothing.
    pub factor_basis_points: i32,
}

/// What the multipliers that hold do together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mix {
    /// Each multiplies.
    #[default]
    Product,
    /// The greatest counts.
    Greatest,
    /// What each adds is added.
    Sum,
}

/// The multipliers of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Multipliers {
    /// In their order.
    pub list: Vec<Multiplier>,
    /// What they do together.
    pub mix: Mix,
}

/// Multipliers whose conditions have been read.
#[derive(Debug, Clone, PartialEq)]
pub struct CompiledMultipliers {
    list: Vec<(Condition, i32)>,
    mix: Mix,
}

const WHOLE: i32 = 10_000;

impl Mix {
    /// The contract's number, which is stored too.
    pub fn code(self) -> i16 {
        match self {
            Mix::Product => 1,
            Mix::Greatest => 2,
            Mix::Sum => 3,
        }
    }

    /// The mix of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Product, Self::Greatest, Self::Sum].into_iter().find(|mix| mix.code() == code)
    }
}

impl Multipliers {
    /// Reads the conditions against the names offered; all faults at once.
    pub fn compile(&self, names: &Names) -> Result<CompiledMultipliers, Vec<Fault>> {
        let (mut list, mut faults) = (Vec::with_capacity(self.list.len()), Vec::new());
        for (n, it) in self.list.iter().enumerate() {
            match it.condition.compile(names) {
                Ok(condition) => list.push((condition, it.factor_basis_points)),
                Err(fault) => {
                    faults.push(Fault { field: format!("multipliers[{n}].{}", fault.field), cause: fault.cause })
                }
            }
        }
        if faults.is_empty() { Ok(CompiledMultipliers { list, mix: self.mix }) } else { Err(faults) }
    }
}

impl CompiledMultipliers {
    /// Which of them hold; one whose condition has no value does not.
    pub fn hold(&self, values: &impl Values) -> Vec<bool> {
        self.list.iter().map(|(condition, _)| condition.holds(values)).collect()
    }

    /// The factor of those that hold: 1 where none does.
    pub fn factor(&self, hold: &[bool]) -> Result<Ratio, NoValue> {
        let holding = || self.list.iter().zip(hold).filter(|(_, holds)| **holds).map(|((_, factor), _)| *factor);
        let ratio = |factor: i64| Ratio::new(factor.into(), WHOLE.into());
        let factor = match self.mix {
            Mix::Product => holding().try_fold(Ratio::ONE, |product, it| product.times(ratio(it.into())?)),
            Mix::Greatest => ratio(holding().max().unwrap_or(WHOLE).into()),
            Mix::Sum => {
                let added: i64 = holding().map(|it| i64::from(it) - i64::from(WHOLE)).sum();
                ratio((added + i64::from(WHOLE)).max(0))
            }
        };
        factor.ok_or(NoValue::Overflow)
    }

    /// Whether a condition names this.
    pub fn names(&self, name: &str) -> bool {
        self.list.iter().filter_map(|(condition, _)| condition.expr()).any(|expr| expr.names(name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rules::{Type, Value};

    use super::*;

    fn factor(mix: Mix, list: &[(&str, i32)]) -> String {
        let multiplier = |(text, factor): &(&str, i32)| Multiplier {
            condition: if text.is_empty() { Written::Always } else { Written::Expression((*text).to_owned()) },
            factor_basis_points: *factor,
        };
        let multipliers = Multipliers { list: list.iter().map(multiplier).collect(), mix };
        let names = Names::new().with("level.rank", Type::Int).with("order.first", Type::Bool);
        let compiled = multipliers.compile(&names).unwrap();
        let values = HashMap::from([("level.rank", Value::Int(2))]);
        compiled.factor(&compiled.hold(&values)).unwrap().to_string()
    }

    #[test]
    fn those_that_hold_multiply_or_the_greatest_counts_or_what_they_add_is_added() {
        let list = [("level.rank >= 2", 15_000), ("level.rank >= 3", 90_000), ("", 20_000), ("order.first", 90_000)];
        assert_eq!(factor(Mix::Product, &list), "3", "without a value `order.first` does not hold");
        assert_eq!(factor(Mix::Greatest, &list), "2");
        assert_eq!(factor(Mix::Sum, &list), "5/2");
    }

    #[test]
    fn where_none_holds_nothing_changes_and_less_than_nothing_is_nothing() {
        for mix in [Mix::Product, Mix::Greatest, Mix::Sum] {
            assert_eq!(factor(mix, &[("level.rank == 0", 90_000)]), "1");
        }
        assert_eq!(factor(Mix::Greatest, &[("", 5_000)]), "1/2");
        assert_eq!(factor(Mix::Sum, &[("", 2_000), ("", 1_000)]), "0");
    }

    #[test]
    fn each_fault_names_its_multiplier() {
        let condition = Written::Expression("order.frist".to_owned());
        let list = vec![
            Multiplier { condition: Written::Always, factor_basis_points: 1 },
            Multiplier { condition, factor_basis_points: 1 },
        ];
        let faults = Multipliers { list, mix: Mix::Product }.compile(&Names::new()).unwrap_err();
        assert_eq!(faults[0].field, "multipliers[1].expression");
    }
}
