//! Bonuses, as definitions keep them.

use pg::StoreError;
use serde::{Deserialize, Serialize};
use service::rows;

use crate::domain::bonus::{Bonus, BonusBadge, BonusPoints};

/// A bonus as it is stored; the names never change.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct StoredBonus {
    points: Vec<(String, i64)>,
    badge: Option<(String, usize)>,
}

impl From<&Bonus> for StoredBonus {
    fn from(it: &Bonus) -> Self {
        let points = it.points.iter().map(|it| (it.point_type.to_string(), it.points)).collect();
        Self { points, badge: it.badge.as_ref().map(|it| (it.badge.to_string(), it.tier)) }
    }
}

impl TryFrom<StoredBonus> for Bonus {
    type Error = StoreError;

    fn try_from(it: StoredBonus) -> Result<Self, StoreError> {
        let points = |(id, points): (String, i64)| {
            Ok::<_, StoreError>(BonusPoints { point_type: rows::key(id, "bonus")?, points })
        };
        let badge =
            |(id, tier): (String, usize)| Ok::<_, StoreError>(BonusBadge { badge: rows::key(id, "bonus")?, tier });
        Ok(Self {
            points: it.points.into_iter().map(points).collect::<Result<_, _>>()?,
            badge: it.badge.map(badge).transpose()?,
        })
    }
}
