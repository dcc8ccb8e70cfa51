//! One level of a scheme.

use serde::{Deserialize, Serialize};
use units::text::LocalizedText;

/// One level of a scheme. Its rank is its place in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// What users call it.
    pub display_name: LocalizedText,
    /// The first measure's count from which it is reached.
    pub threshold: i64,
    /// The other measures' counts from which it is reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_thresholds: Vec<i64>,
    /// It is given and never earned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_invitation: bool,
    /// The contract's number of what the company wants of it; 0: not said.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub purpose: i32,
    /// What it is judged by; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_metric: String,
    /// How to get there, for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<LocalizedText>,
    /// What to do to get there, for users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<LevelTask>,
}

/// Something that a user is advised to do to reach a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelTask {
    /// Its id, unique within the level.
    pub task_id: String,
    /// What users call it.
    pub title: LocalizedText,
    /// Where the app takes them; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
}

impl Level {
    /// The count of a measure from which it is reached.
    pub fn threshold(&self, measure: usize) -> i64 {
        match measure {
            0 => self.threshold,
            _ => self.further_thresholds.get(measure - 1).copied().unwrap_or(0),
        }
    }

    /// Whether counts reach it, all of them or any.
    pub fn reached_by(&self, counts: &[i64], any: bool) -> bool {
        let mut reached = counts.iter().enumerate().map(|(n, count)| *count >= self.threshold(n));
        if any { reached.any(|it| it) } else { reached.all(|it| it) }
    }
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}
