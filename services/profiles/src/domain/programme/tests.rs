//! Differences are complete, minimal where it shows, and can be taken forth and back.

use proptest::prelude::*;

use super::*;

fn record(fields: &[(&str, Value)]) -> Value {
    Value::Record(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn key(kind: Kind, id: &str) -> Key {
    Key { kind, id: id.to_owned() }
}

fn scheme(thresholds: &[i64]) -> Programme {
    let level = |threshold: &i64| record(&[("threshold", Value::Number(*threshold))]);
    let levels = Value::List(thresholds.iter().map(level).collect());
    [(key(Kind::Scheme, "members"), record(&[("levels", levels), ("validity_months", Value::Number(12))]))].into()
}

fn told(difference: &Difference) -> Vec<(String, Option<Value>, Option<Value>)> {
    let told = |change: &FieldChange| (change.path.to_string(), change.before.clone(), change.after.clone());
    difference.changed.values().flatten().map(told).collect()
}

#[test]
fn a_changed_threshold_is_told_with_its_path() {
    let got = diff(&scheme(&[0, 100, 300]), &scheme(&[0, 120, 300]));
    assert_eq!(told(&got), [("levels[1].threshold".into(), Some(Value::Number(100)), Some(Value::Number(120)))]);
    assert_eq!((got.added.len(), got.removed.len()), (0, 0));
}

#[test]
fn levels_are_added_and_taken_off_at_the_end() {
    let (short, long) = (scheme(&[0]), scheme(&[0, 100, 300]));
    let paths: Vec<_> = told(&diff(&short, &long)).into_iter().map(|(path, before, _)| (path, before)).collect();
    assert_eq!(paths, [("levels[1]".into(), None), ("levels[2]".into(), None)]);
    assert_eq!(apply(&long, &diff(&long, &short)), Ok(short));
}

#[test]
fn definitions_are_added_and_removed_whole() {
    let rule = |id| (key(Kind::EarningRule, id), record(&[("formula", Value::Text("order.total_minor / 100".into()))]));
    let (before, after): (Programme, Programme) = ([rule("a"), rule("b")].into(), [rule("b"), rule("c")].into());
    let got = diff(&before, &after);
    assert_eq!(got.added, [rule("c")].into());
    assert_eq!(got.removed, [rule("a")].into());
    assert!(got.changed.is_empty());
}

#[test]
fn a_step_is_refused_where_somebody_else_was_first() {
    let step = diff(&scheme(&[0, 100]), &scheme(&[0, 120]));
    let conflict = apply(&scheme(&[0, 110]), &step).unwrap_err();
    assert_eq!((conflict.key, conflict.path.to_string()), (key(Kind::Scheme, "members"), "levels[1].threshold".into()));
    // what the step does not touch may have changed
    assert_eq!(apply(&scheme(&[0, 100, 500]), &step), Ok(scheme(&[0, 120, 500])));
    assert!(apply(&Programme::new(), &step).is_err());
}

#[test]
fn whole_items_and_definitions_are_compared_before_they_are_replaced() {
    let list = |value: i64| -> Programme { [(key(Kind::Scheme, "a"), Value::List(vec![Value::Number(value)]))].into() };
    let plain = |value: i64| -> Programme { [(key(Kind::Scheme, "a"), Value::Number(value))].into() };
    assert!(apply(&list(3), &diff(&list(1), &list(2))).is_err());
    assert!(apply(&plain(3), &diff(&plain(1), &plain(2))).is_err());
    assert!(apply(&plain(3), &diff(&plain(1), &Programme::new())).is_err());
    assert!(apply(&plain(3), &diff(&Programme::new(), &plain(1))).is_err());
}

#[test]
fn programmes_are_applied_in_the_order_of_what_names_what() {
    assert!(Kind::PointType < Kind::EarningRule && Kind::EarningRule < Kind::Scheme);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Flag),
        (0..4_i64).prop_map(Value::Number),
        "[ab]{0,2}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(Value::Record),
        ]
    })
}

fn programme() -> impl Strategy<Value = Programme> {
    let kind =
        prop_oneof![Just(Kind::PointType), Just(Kind::EarningRule), Just(Kind::Scheme), Just(Kind::LifecycleModels)];
    prop::collection::btree_map((kind, "[ab]").prop_map(|(kind, id)| Key { kind, id }), value(), 0..5)
}

proptest! {
    #[test]
    fn a_programme_does_not_differ_from_itself(programme in programme()) {
        let none = diff(&programme, &programme);
        prop_assert!(none.is_empty(), "{:?}", none);
        prop_assert_eq!(apply(&programme, &none), Ok(programme));
    }

    #[test]
    fn the_difference_leads_from_one_to_the_other_and_back(before in programme(), after in programme()) {
        let difference = diff(&before, &after);
        prop_assert_eq!(difference.is_empty(), before == after);
        prop_assert_eq!(apply(&before, &difference), Ok(after.clone()));
        prop_assert_eq!(difference.clone().reversed(), diff(&after, &before));
        prop_assert_eq!(apply(&after, &difference.reversed()), Ok(before));
    }

    #[test]
    fn a_step_taken_from_elsewhere_leads_back_there(
        before in programme(), after in programme(), elsewhere in programme(),
    ) {
        let difference = diff(&before, &after);
        if let Ok(there) = apply(&elsewhere, &difference) {
            prop_assert_eq!(apply(&there, &difference.reversed()), Ok(elsewhere));
        }
    }

    #[test]
    fn every_change_names_two_different_values(before in programme(), after in programme()) {
        for change in diff(&before, &after).changed.values().flatten() {
            prop_assert!(change.before != change.after);
        }
    }
}
