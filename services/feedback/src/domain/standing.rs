//! What is known of a user, and what the user is therefore worth to the desk.

use serde::{Deserialize, Serialize};

/// What is known of a user from other services' events; a user never heard of has the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Net spend in minor units of the tenant's currency.
    pub net_spend_minor: i64,
    /// Lifecycle stage, such as `repeat`; empty: unknown.
    pub stage: String,
    /// Rank of the level held.
    pub rank: i16,
}

/// What makes a user worth 2 or 3 instead of 1. Thresholds of 0 do not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserValueScale {
    /// Net spend from which a user is worth 2.
    pub middle_spend_minor: i64,
    /// Net spend from which a user is worth 3.
    pub high_spend_minor: i64,
    /// Rank from which a user is worth 2.
    pub middle_rank: i16,
    /// Rank from which a user is worth 3.
    pub high_rank: i16,
    /// Stages whose users are worth 2.
    pub middle_stages: Vec<String>,
    /// Stages whose users are worth 3.
    pub high_stages: Vec<String>,
}

impl Default for UserValueScale {
    fn default() -> Self {
        Self {
            middle_spend_minor: 0,
            high_spend_minor: 0,
            middle_rank: 1,
            high_rank: 3,
            middle_stages: vec!["repeat".to_owned()],
            high_stages: vec!["loyal".to_owned()],
        }
    }
}

impl UserValueScale {
    /// 1 to 3: the highest that applies.
    pub fn value(&self, user: &Standing) -> i16 {
        let reaches = |spend: i64, rank: i16, stages: &[String]| {
            (spend > 0 && user.net_spend_minor >= spend)
                || (rank > 0 && user.rank >= rank)
                || stages.contains(&user.stage)
        };
        if reaches(self.high_spend_minor, self.high_rank, &self.high_stages) {
            3
        } else if reaches(self.middle_spend_minor, self.middle_rank, &self.middle_stages) {
            2
        } else {
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(net_spend_minor: i64, stage: &str, rank: i16) -> Standing {
        Standing { net_spend_minor, stage: stage.to_owned(), rank }
    }

    #[test]
    fn the_highest_of_spend_rank_and_stage_counts() {
        let scale = UserValueScale { middle_spend_minor: 10_000, high_spend_minor: 50_000, ..Default::default() };
        let cases = [
            ("never heard of", user(0, "", 0), 1),
            ("below every threshold", user(9_999, "first_order", 0), 1),
            ("spend met exactly", user(10_000, "new", 0), 2),
            ("much spend", user(50_000, "lost", 0), 3),
            ("rank", user(0, "", 1), 2),
            ("high rank", user(0, "", 3), 3),
            ("stage", user(0, "loyal", 1), 3),
        ];
        for (name, user, want) in cases {
            assert_eq!(scale.value(&user), want, "{name}");
        }
    }

    #[test]
    fn a_threshold_of_0_does_not_count() {
        let scale = UserValueScale { middle_rank: 0, high_rank: 0, ..Default::default() };
        assert_eq!(scale.value(&user(1_000_000, "new", 9)), 1);
    }
}
