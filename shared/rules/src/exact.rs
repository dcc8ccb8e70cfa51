//! A formula's value without the rounding of each division: a fraction that is rounded once, by whoever uses it.

use crate::eval::{NoValue, truth};
use crate::expr::{Arithmetic, Expr, Kind};
use crate::{Value, Values};

/// A fraction of two whole numbers, in lowest terms. Sorts by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    numerator: i128,
    /// Above 0.
    denominator: i128,
}

impl Ratio {
    /// One.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// The fraction in lowest terms; `None` where the denominator is 0 or it does not fit.
    pub fn new(numerator: i128, denominator: i128) -> Option<Self> {
        let divisor = i128::try_from(gcd(numerator.unsigned_abs(), denominator.unsigned_abs())).ok()?;
        if denominator == 0 {
            return None;
        }
        let (numerator, denominator) = (numerator / divisor, denominator / divisor);
        match denominator > 0 {
            true => Some(Self { numerator, denominator }),
            false => Some(Self { numerator: numerator.checked_neg()?, denominator: denominator.checked_neg()? }),
        }
    }

    /// The sum; `None` where it does not fit.
    pub fn plus(self, other: Self) -> Option<Self> {
        let (left, right) = self.over_one_denominator(other)?;
        Self::new(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?)
    }

    /// The difference; `None` where it does not fit.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negated()?)
    }

    /// The product; `None` where it does not fit.
    pub fn times(self, other: Self) -> Option<Self> {
        // crosswise first: what is in lowest terms then stays small
        let (left, right) =
            (Self::new(self.numerator, other.denominator)?, Self::new(other.numerator, self.denominator)?);
        let numerator = left.numerator.checked_mul(right.numerator)?;
        Some(Self { numerator, denominator: left.denominator.checked_mul(right.denominator)? })
    }

    /// The quotient; `None` where the other is 0 or it does not fit.
    pub fn over(self, other: Self) -> Option<Self> {
        self.times(Self::new(other.denominator, other.numerator)?)
    }

    /// Numerator and denominator in lowest terms; the latter is above 0.
    pub fn parts(self) -> (i128, i128) {
        (self.numerator, self.denominator)
    }

    /// The greatest whole number that is not above it.
    pub fn floor(self) -> i128 {
        self.numerator.div_euclid(self.denominator)
    }

    /// The smallest whole number that is not below it.
    pub fn ceil(self) -> i128 {
        self.floor() + i128::from(self.numerator.rem_euclid(self.denominator) > 0)
    }

    /// The nearest whole number; of two that are equally near the greater.
    pub fn half_up(self) -> i128 {
        let over = self.numerator.rem_euclid(self.denominator);
        self.floor() + i128::from(over >= self.denominator - over)
    }

    fn negated(self) -> Option<Self> {
        Some(Self { numerator: self.numerator.checked_neg()?, ..self })
    }

    /// What is left of it after as many of the other as it holds, towards 0; its sign is that of the dividend.
    fn remainder(self, other: Self) -> Option<Self> {
        let quotient = self.over(other)?;
        let whole = if quotient.numerator < 0 { quotient.ceil() } else { quotient.floor() };
        self.minus(other.times(Self::new(whole, 1)?)?)
    }

    fn over_one_denominator(self, other: Self) -> Option<(i128, i128)> {
        Some((self.numerator.checked_mul(other.denominator)?, other.numerator.checked_mul(self.denominator)?))
    }
}

impl From<i64> for Ratio {
    fn from(value: i64) -> Self {
        Self { numerator: value.into(), denominator: 1 }
    }
}

/// As a whole number, or as a fraction such as `7/3`.
impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.numerator.fmt(f)?;
        match self.denominator {
            1 => Ok(()),
            denominator => write!(f, "/{denominator}"),
        }
    }
}

fn gcd(left: u128, right: u128) -> u128 {
    let (mut left, mut right) = (left, right);
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

/// Evaluates a number without rounding divisions. Conditions inside it mean what conditions mean everywhere: their
/// divisions round.
pub(crate) fn exact(expr: &Expr, values: &impl Values) -> Result<Ratio, NoValue> {
    let all = |parts: &[Expr]| parts.iter().map(|part| exact(part, values)).collect::<Result<Vec<_>, _>>();
    match &expr.kind {
        Kind::Negate(inner) => exact(inner, values)?.negated().ok_or(NoValue::Overflow),
        Kind::Arithmetic(how, left, right) => combine(*how, exact(left, values)?, exact(right, values)?),
        Kind::If(condition, then, otherwise) => exact(if truth(condition, values)? { then } else { otherwise }, values),
        Kind::Least(parts) => extreme(all(parts)?, true),
        Kind::Greatest(parts) => extreme(all(parts)?, false),
        _ => match crate::eval::eval(expr, values)? {
            Value::Int(value) => Ok(value.into()),
            other => unreachable!("lowering gave a number the type {}", other.ty()),
        },
    }
}

fn combine(how: Arithmetic, left: Ratio, right: Ratio) -> Result<Ratio, NoValue> {
    let by_zero = matches!(how, Arithmetic::Divide | Arithmetic::Remainder) && right.numerator == 0;
    if by_zero {
        return Err(NoValue::DivisionByZero);
    }
    let result = match how {
        Arithmetic::Add => left.plus(right),
        Arithmetic::Subtract => left.minus(right),
        Arithmetic::Multiply => left.times(right),
        Arithmetic::Divide => left.over(right),
        Arithmetic::Remainder => left.remainder(right),
    };
    result.ok_or(NoValue::Overflow)
}

fn extreme(parts: Vec<Ratio>, least: bool) -> Result<Ratio, NoValue> {
    let mut best: Option<Ratio> = None;
    for part in parts {
        let better = match best {
            None => true,
            Some(best) => {
                let (mine, its) = part.over_one_denominator(best).ok_or(NoValue::Overflow)?;
                if least { mine < its } else { mine > its }
            }
        };
        if better {
            best = Some(part);
        }
    }
    best.ok_or(NoValue::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(numerator: i128, denominator: i128) -> Ratio {
        Ratio::new(numerator, denominator).unwrap()
    }

    #[test]
    fn a_fraction_is_rounded_down_half_up_or_up() {
        for (numerator, denominator, down, half_up, up) in [
            (7, 2, 3, 4, 4),
            (10, 3, 3, 3, 4),
            (11, 3, 3, 4, 4),
            (6, 2, 3, 3, 3),
            (-7, 2, -4, -3, -3),
            (-10, 3, -4, -3, -3),
        ] {
            let it = ratio(numerator, denominator);
            assert_eq!((it.floor(), it.half_up(), it.ceil()), (down, half_up, up), "{it}");
        }
    }

    #[test]
    fn fractions_are_in_lowest_terms_with_the_sign_above() {
        assert_eq!(ratio(6, -4), ratio(-3, 2));
        assert_eq!(ratio(6, -4).to_string(), "-3/2");
        assert_eq!(ratio(0, -4).to_string(), "0");
        assert_eq!(Ratio::new(1, 0), None);
        assert_eq!(ratio(2, 3).times(ratio(3, 4)), Some(ratio(1, 2)));
        assert_eq!(ratio(2, 3).minus(ratio(1, 6)), Some(ratio(1, 2)));
        assert_eq!(ratio(7, 2).remainder(ratio(1, 1)), Some(ratio(1, 2)));
        assert_eq!(ratio(-7, 2).remainder(ratio(2, 1)), Some(ratio(-3, 2)));
    }

    #[test]
    fn what_does_not_fit_has_no_value() {
        let huge = ratio(i128::MAX, 1);
        assert_eq!(huge.plus(Ratio::ONE), None);
        assert_eq!(huge.times(ratio(2, 1)), None);
        assert_eq!(huge.times(ratio(1, 2)).unwrap().floor(), i128::MAX / 2);
        assert_eq!(ratio(i128::MIN, 1).negated(), None);
        assert_eq!(Ratio::new(i128::MIN, i128::MIN), None, "its divisor does not fit");
    }
}
