//! What a job was said to move, beside what its entries moved.

use std::collections::BTreeMap;

use ids::Key;

use super::Control;

/// What the entries of a job's lines moved of a point type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The point type.
    pub point_type: Key,
    /// How many lines are about it.
    pub lines: i64,
    /// How many have an entry.
    pub done: i64,
    /// The sum of the amounts of the entries.
    pub points: i64,
    /// The sum of their growth.
    pub growth: i64,
}

/// Both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// What the entries moved.
    pub stored: Stored,
    /// What was said; `None`: nothing.
    pub expected: Option<Control>,
}

impl Reconciled {
    /// Whether all lines that were said to be there were carried out, and moved what was said.
    pub fn matches(&self) -> bool {
        let Stored { done, points, growth, .. } = self.stored;
        self.expected.as_ref().is_some_and(|it| (it.lines, it.points, it.growth) == (done, points, growth))
    }
}

/// By point type: of those that lines are about, and of those that control totals name.
pub fn reconcile(controls: &[Control], stored: Vec<Stored>) -> Vec<Reconciled> {
    let mut all: BTreeMap<Key, Reconciled> =
        stored.into_iter().map(|it| (it.point_type.clone(), Reconciled { stored: it, expected: None })).collect();
    for control in controls {
        let nothing = || {
            let stored = Stored { point_type: control.point_type.clone(), lines: 0, done: 0, points: 0, growth: 0 };
            Reconciled { stored, expected: None }
        };
        all.entry(control.point_type.clone()).or_insert_with(nothing).expected = Some(control.clone());
    }
    all.into_values().collect()
}
