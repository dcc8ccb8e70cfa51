//! What is to be done to get from what is in force to what is wanted.

use std::collections::BTreeSet;

use super::kind::Unwanted;
use super::{Difference, FieldChange, Key, Path, Programme, Value, diff};

/// What happens to a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It comes into force.
    Add,
    /// It is in force with other values.
    Change,
    /// It is no longer wanted, and is paused.
    Pause,
    /// It is no longer wanted, and stays: there is no way to take it back.
    Keep,
}

/// What happens to one definition, and what differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which one.
    pub key: Key,
    /// What happens.
    pub act: Act,
    /// The values that differ, by path; a definition that comes or goes is one change with an empty path.
    pub fields: Vec<FieldChange>,
}

/// The changes from what is in force to what is wanted, in the order in which they are carried out. What is idle, such as
/// a paused rule, and not wanted is as good as none.
pub fn course(in_force: &Programme, idle: &BTreeSet<Key>, wanted: &Programme) -> Vec<Change> {
    let mut present = in_force.clone();
    present.retain(|key, _| wanted.contains_key(key) || !idle.contains(key));
    let Difference { added, changed, removed } = diff(&present, wanted);
    let whole = |before, after| vec![FieldChange { path: Path::default(), before, after }];
    let add = |(key, value): (Key, Value)| Change { key, act: Act::Add, fields: whole(None, Some(value)) };
    let leave = |(key, value): (Key, Value)| {
        let act = match key.kind.shape().unwanted {
            Unwanted::PausedByField | Unwanted::Turned(..) => Act::Pause,
            Unwanted::Kept | Unwanted::Default => Act::Keep,
        };
        Change { key, act, fields: whole(Some(value), None) }
    };
    let mut changes: Vec<Change> = added.into_iter().map(add).chain(removed.into_iter().map(leave)).collect();
    changes.extend(changed.into_iter().map(|(key, fields)| Change { key, act: Act::Change, fields }));
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    fn whole(kind: Kind, id: &str) -> (Key, Value) {
        (Key { kind, id: id.to_owned() }, Value::Record([("zone".to_owned(), Value::Text("UTC".into()))].into()))
    }

    fn acts(in_force: &Programme, idle: &[&Key], wanted: &Programme) -> Vec<(Kind, Act)> {
        let idle = idle.iter().map(|key| (*key).clone()).collect();
        course(in_force, &idle, wanted).into_iter().map(|change| (change.key.kind, change.act)).collect()
    }

    #[test]
    fn what_is_no_longer_wanted_is_paused_where_that_is_possible_and_else_kept() {
        let all =
            [Kind::PointType, Kind::EarningRule, Kind::Scheme, Kind::CouponTemplate, Kind::Campaign, Kind::Action];
        let in_force = all.map(|kind| whole(kind, "a")).into();
        let expected = [
            (Kind::PointType, Act::Keep),
            (Kind::EarningRule, Act::Pause),
            (Kind::Scheme, Act::Keep),
            (Kind::CouponTemplate, Act::Pause),
            (Kind::Campaign, Act::Pause),
            (Kind::Action, Act::Keep),
        ];
        assert_eq!(acts(&in_force, &[], &Programme::new()), expected);
    }

    #[test]
    fn an_idle_definition_that_nobody_wants_is_no_change_and_one_that_is_wanted_is_compared() {
        let (key, value) = whole(Kind::EarningRule, "a");
        let other = Value::Record([("zone".to_owned(), Value::Text("CET".into()))].into());
        let in_force: Programme = [(key.clone(), value)].into();
        assert_eq!(acts(&in_force, &[&key], &Programme::new()), []);
        assert_eq!(acts(&in_force, &[&key], &[(key.clone(), other)].into()), [(Kind::EarningRule, Act::Change)]);
        assert_eq!(acts(&in_force, &[&key], &in_force), []);
    }

    #[test]
    fn what_is_named_comes_before_what_names_it() {
        let wanted = [Kind::Campaign, Kind::Scheme, Kind::CouponTemplate, Kind::PointType].map(|kind| whole(kind, "a"));
        let order: Vec<Kind> = acts(&Programme::new(), &[], &wanted.into()).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(order, [Kind::PointType, Kind::Scheme, Kind::CouponTemplate, Kind::Campaign]);
    }
}
