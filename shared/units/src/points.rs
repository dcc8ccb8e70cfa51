use std::fmt;

/// A number of points, or a change of one: whole, between -(2^53 - 1) and 2^53 - 1, so that clients which read JSON
/// numbers as doubles see it exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Points(i64);

/// A number, or the result of a calculation, that does not fit into [`Points`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("points must lie between -{max} and {max}", max = Points::MAX.0)]
pub struct PointsOutOfRange;

impl Points {
    /// None.
    pub const ZERO: Self = Self(0);
    /// The most.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// Checks a number.
    pub fn new(value: i64) -> Result<Self, PointsOutOfRange> {
        if (-Self::MAX.0..=Self::MAX.0).contains(&value) { Ok(Self(value)) } else { Err(PointsOutOfRange) }
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }

    /// The sum, where it fits.
    pub fn checked_add(self, other: Self) -> Result<Self, PointsOutOfRange> {
        // both are far inside i64, so the plain sum cannot overflow
        Self::new(self.0 + other.0)
    }

    /// The difference, where it fits.
    pub fn checked_sub(self, other: Self) -> Result<Self, PointsOutOfRange> {
        Self::new(self.0 - other.0)
    }
}

impl TryFrom<i64> for Points {
    type Error = PointsOutOfRange;

    fn try_from(value: i64) -> Result<Self, PointsOutOfRange> {
        Self::new(value)
    }
}

impl From<Points> for i64 {
    fn from(points: Points) -> Self {
        points.0
    }
}

impl std::ops::Neg for Points {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_end_where_doubles_stop_being_exact() {
        assert_eq!(Points::new(9_007_199_254_740_991), Ok(Points::MAX));
        assert_eq!(Points::new(9_007_199_254_740_992), Err(PointsOutOfRange));
        assert_eq!(Points::new(-9_007_199_254_740_991), Ok(-Points::MAX));
        assert_eq!(Points::new(i64::MIN), Err(PointsOutOfRange));
    }

    #[test]
    fn a_sum_or_difference_beyond_the_limits_is_refused() {
        let one = Points::new(1).unwrap();
        assert_eq!(Points::MAX.checked_add(one), Err(PointsOutOfRange));
        assert_eq!((-Points::MAX).checked_sub(one), Err(PointsOutOfRange));
        assert_eq!(Points::MAX.checked_sub(Points::MAX), Ok(Points::ZERO));
    }
}
