//! What is to be done to get from what is in force to what is wanted, and what stands in the way.

use super::{Difference, FieldChange, Key, Kind, Path, Programme, Value, diff};

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

/// Something that is wrong with a programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, by its path in the bundle.
    pub field: String,
    /// What is wrong.
    pub why: String,
}

/// The names in a programme as it was written, where definitions still have places and may stand twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// Ids of point types.
    pub point_types: Vec<String>,
    /// Ids of rules with the point types that they name.
    pub rules: Vec<(String, String)>,
    /// The scheme's id with the point type that it names.
    pub scheme: Option<(String, String)>,
}

/// The changes from what is in force to what is wanted, in the order in which they are carried out. A paused rule that
/// is not wanted is as good as none.
pub fn course(in_force: &Programme, wanted: &Programme) -> Vec<Change> {
    let mut present = in_force.clone();
    present.retain(|key, value| wanted.contains_key(key) || !is_paused(value));
    let Difference { added, changed, removed } = diff(&present, wanted);
    let whole = |before, after| vec![FieldChange { path: Path::default(), before, after }];
    let mut changes: Vec<Change> = Vec::new();
    changes.extend(added.into_iter().map(|(key, value)| Change {
        key,
        act: Act::Add,
        fields: whole(None, Some(value)),
    }));
    changes.extend(changed.into_iter().map(|(key, fields)| Change { key, act: Act::Change, fields }));
    changes.extend(removed.into_iter().map(|(key, value)| {
        let act = if key.kind == Kind::EarningRule { Act::Pause } else { Act::Keep };
        Change { key, act, fields: whole(Some(value), None) }
    }));
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

fn is_paused(definition: &Value) -> bool {
    matches!(definition, Value::Record(fields) if fields.get("paused") == Some(&Value::Flag(true)))
}

/// What is wrong with a programme as a whole, all at once: what each definition says of itself its owner checks.
pub fn violations(outline: &Outline, in_force: &Programme, changes: &[Change]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut refuse = |field: String, why: String| found.push(Violation { field, why });
    let types: Vec<&str> = outline.point_types.iter().map(String::as_str).collect();
    let rules: Vec<&str> = outline.rules.iter().map(|(id, _)| id.as_str()).collect();
    for (place, first) in repeated(&types) {
        refuse(format!("bundle.point_types[{place}].point_type_id"), format!("is that of point_types[{first}]"));
    }
    for (place, first) in repeated(&rules) {
        refuse(format!("bundle.earning_rules[{place}].rule_id"), format!("is that of earning_rules[{first}]"));
    }
    let is_there = |kind, id: &str| in_force.contains_key(&Key { kind, id: id.to_owned() });
    let lacks = |id: &str| !types.contains(&id) && !is_there(Kind::PointType, id);
    let unknown = |id: &str| format!("names the point type `{id}`, which is neither in the bundle nor in force");
    for (place, (_, point_type)) in outline.rules.iter().enumerate().filter(|(_, (_, id))| lacks(id)) {
        refuse(format!("bundle.earning_rules[{place}].point_type_id"), unknown(point_type));
    }
    if let Some((scheme, point_type)) = &outline.scheme {
        if lacks(point_type) {
            refuse("bundle.scheme.point_type_id".to_owned(), unknown(point_type));
        }
        let other = in_force.keys().find(|key| key.kind == Kind::Scheme && key.id != *scheme);
        if let Some(other) = other {
            let why = format!("must be `{}`: the tenant's only scheme has this id", other.id);
            refuse("bundle.scheme.scheme_id".to_owned(), why);
        }
    }
    let fixed = changes.iter().filter(|change| change.key.kind == Kind::PointType && change.act == Act::Change);
    for change in fixed {
        let place = types.iter().position(|id| *id == change.key.id).unwrap_or_default();
        for field in &change.fields {
            let why = "differs from what is in force: a point type cannot be changed".to_owned();
            refuse(format!("bundle.point_types[{place}].{}", field.path), why);
        }
    }
    found
}

/// The places of ids that stood before, each with the first place.
fn repeated<'a>(ids: &'a [&'a str]) -> impl Iterator<Item = (usize, usize)> + 'a {
    ids.iter().enumerate().filter_map(|(place, id)| {
        let first = ids.iter().position(|other| other == id)?;
        (first < place).then_some((place, first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: Kind, id: &str) -> Key {
        Key { kind, id: id.to_owned() }
    }

    fn rule(id: &str, paused: bool) -> (Key, Value) {
        (key(Kind::EarningRule, id), Value::Record([("paused".to_owned(), Value::Flag(paused))].into()))
    }

    fn whole(kind: Kind, id: &str) -> (Key, Value) {
        (key(kind, id), Value::Record([("zone".to_owned(), Value::Text("UTC".into()))].into()))
    }

    fn acts(in_force: &Programme, wanted: &Programme) -> Vec<(Key, Act)> {
        course(in_force, wanted).into_iter().map(|change| (change.key, change.act)).collect()
    }

    #[test]
    fn what_is_no_longer_wanted_is_paused_where_that_is_possible_and_else_kept() {
        let in_force = [whole(Kind::PointType, "p"), rule("a", false), whole(Kind::Scheme, "s")].into();
        let expected = [
            (key(Kind::PointType, "p"), Act::Keep),
            (key(Kind::EarningRule, "a"), Act::Pause),
            (key(Kind::Scheme, "s"), Act::Keep),
        ];
        assert_eq!(acts(&in_force, &Programme::new()), expected);
    }

    #[test]
    fn a_paused_rule_that_nobody_wants_is_no_change_and_one_that_is_wanted_runs_again() {
        let in_force = [rule("a", true)].into();
        assert_eq!(acts(&in_force, &Programme::new()), []);
        assert_eq!(acts(&in_force, &[rule("a", false)].into()), [(key(Kind::EarningRule, "a"), Act::Change)]);
        assert_eq!(acts(&in_force, &[rule("a", true)].into()), []);
    }

    #[test]
    fn what_is_named_comes_before_what_names_it() {
        let wanted = [whole(Kind::Scheme, "a"), rule("b", false), whole(Kind::PointType, "z")].into();
        let order: Vec<Kind> = acts(&Programme::new(), &wanted).into_iter().map(|(key, _)| key.kind).collect();
        assert_eq!(order, [Kind::PointType, Kind::EarningRule, Kind::Scheme]);
    }

    #[test]
    fn every_violation_is_found_at_once_and_a_point_type_in_force_may_be_named() {
        let in_force: Programme = [whole(Kind::PointType, "p"), whole(Kind::Scheme, "s")].into();
        let outline = |types: &[&str], scheme: &str| Outline {
            point_types: types.iter().map(|id| (*id).to_owned()).collect(),
            rules: vec![("a".into(), "p".into()), ("a".into(), "q".into())],
            scheme: Some((scheme.to_owned(), "q".into())),
        };
        let fields = |outline: &Outline| -> Vec<String> {
            violations(outline, &in_force, &[]).into_iter().map(|found| found.field).collect()
        };
        let all = [
            "bundle.point_types[2].point_type_id",
            "bundle.earning_rules[1].rule_id",
            "bundle.earning_rules[1].point_type_id",
            "bundle.scheme.point_type_id",
            "bundle.scheme.scheme_id",
        ];
        assert_eq!(fields(&outline(&["x", "y", "x"], "other")), all);
        assert_eq!(fields(&outline(&["q"], "s")), ["bundle.earning_rules[1].rule_id"]);
    }
}
