//! What is wrong with a programme as a whole: what each definition says of itself its owner checks.

use std::collections::BTreeSet;

use super::course::{Act, Change};
use super::kind::{KINDS, Shape, Unwanted};
use super::{Key, Kind, Path, Programme, Step, Value};

/// Something that is wrong with a programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, by its path from the request.
    pub field: String,
    /// What is wrong.
    pub why: String,
}

/// A definition as it was written, with its place among those of its kind: ids may stand twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its kind and id.
    pub key: Key,
    /// From 0.
    pub place: usize,
    /// What it says.
    pub value: Value,
}

impl Written {
    /// Its path from the request.
    pub fn path(&self) -> String {
        path(self.key.kind.shape(), self.place)
    }
}

/// The path from the request of the definition of a kind at a place.
pub fn path(shape: &Shape, place: usize) -> String {
    if shape.is_list() { format!("bundle.{}[{place}]", shape.field) } else { format!("bundle.{}", shape.field) }
}

/// All that is wrong, by kind. `over` are definitions that were ended for good.
pub fn violations(
    written: &[Written],
    in_force: &Programme,
    over: &BTreeSet<Key>,
    changes: &[Change],
) -> Vec<Violation> {
    let mut found = Vec::new();
    for shape in &KINDS {
        let own: Vec<&Written> = written.iter().filter(|it| it.key.kind == shape.kind).collect();
        found.extend(repeated(shape, &own));
        for it in &own {
            found.extend(it.lacks(shape, written, in_force));
            found.extend(it.clashes(shape, in_force, over));
        }
        for change in changes.iter().filter(|it| it.key.kind == shape.kind && it.act == Act::Change) {
            let place = own.iter().position(|it| it.key == change.key).unwrap_or_default();
            let fixed =
                |path: &Path| matches!(path.0.first(), Some(Step::Field(name)) if shape.fixed.contains(&name.as_str()));
            found.extend(change.fields.iter().filter(|field| fixed(&field.path)).map(|field| Violation {
                field: format!("{}.{}", path(shape, place), field.path),
                why: format!("differs from what is in force: this of a {} cannot be changed", label(shape)),
            }));
        }
    }
    found
}

fn label(shape: &Shape) -> String {
    shape.name.replace('_', " ")
}

/// Ids that stood before.
fn repeated(shape: &Shape, own: &[&Written]) -> Vec<Violation> {
    let before = |(place, it): (usize, &&Written)| {
        let first = own[..place].iter().find(|other| other.key == it.key)?;
        let (field, why) =
            (format!("{}.{}", it.path(), shape.id), format!("is that of {}[{}]", shape.field, first.place));
        Some(Violation { field, why })
    };
    own.iter().enumerate().filter_map(before).collect()
}

impl Written {
    /// What it names and is not there. What would be paused by this very programme does not count as there.
    fn lacks(&self, shape: &Shape, written: &[Written], in_force: &Programme) -> Vec<Violation> {
        let mut found = Vec::new();
        for (pattern, kind) in shape.names {
            for (at, id) in texts(&self.value, pattern) {
                let stays = matches!(kind.shape().unwanted, Unwanted::Kept);
                let key = Key { kind: *kind, id: id.to_owned() };
                if id.is_empty() || written.iter().any(|it| it.key == key) || (stays && in_force.contains_key(&key)) {
                    continue;
                }
                let where_else = if stays {
                    ", which is neither in the bundle nor in force"
                } else {
                    ", which is not in the bundle"
                };
                let why = format!("names the {} `{id}`{where_else}", label(kind.shape()));
                found.push(Violation { field: format!("{}.{at}", self.path()), why });
            }
        }
        found
    }

    /// What of its kind is in the way.
    fn clashes(&self, shape: &Shape, in_force: &Programme, over: &BTreeSet<Key>) -> Option<Violation> {
        let why = if over.contains(&self.key) {
            format!("is that of a {} that was ended for good: it needs another", label(shape))
        } else {
            let other = in_force.keys().find(|key| key.kind == Kind::Scheme && **key != self.key);
            let other = other.filter(|_| shape.kind == Kind::Scheme)?;
            format!("must be `{}`: the tenant's only {} has this id", other.id, label(shape))
        };
        Some(Violation { field: format!("{}.{}", self.path(), shape.id), why })
    }
}

/// The texts of a value at the places that a pattern such as `rules[].case_type_id` means.
fn texts<'a>(value: &'a Value, pattern: &str) -> Vec<(Path, &'a str)> {
    let mut reached = vec![(Path::default(), value)];
    for part in pattern.split('.') {
        let name = part.trim_end_matches("[]");
        let below = |(mut at, value): (Path, &'a Value)| {
            let Value::Record(fields) = value else { return Vec::new() };
            at.0.push(Step::Field(name.to_owned()));
            match fields.get(name) {
                Some(Value::List(items)) if name != part => {
                    let item = |(place, item)| (Path([at.0.clone(), vec![Step::Place(place)]].concat()), item);
                    items.iter().enumerate().map(item).collect()
                }
                Some(found) => vec![(at, found)],
                None => Vec::new(),
            }
        };
        reached = reached.into_iter().flat_map(below).collect();
    }
    let text = |(at, value): (Path, &'a Value)| match value {
        Value::Text(text) => Some((at, text.as_str())),
        _ => None,
    };
    reached.into_iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &[(&str, Value)]) -> Value {
        Value::Record(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn key(kind: Kind, id: &str) -> Key {
        Key { kind, id: id.to_owned() }
    }

    fn written(all: &[(Kind, &str, Value)]) -> Vec<Written> {
        let place = |n: usize| all[..n].iter().filter(|(kind, ..)| *kind == all[n].0).count();
        let one = |(n, (kind, id, value)): (usize, &(Kind, &str, Value))| Written {
            key: key(*kind, id),
            place: place(n),
            value: value.clone(),
        };
        all.iter().enumerate().map(one).collect()
    }

    fn fields(all: &[(Kind, &str, Value)], in_force: &[Key], over: &[Key]) -> Vec<String> {
        let in_force = in_force.iter().map(|key| (key.clone(), record(&[]))).collect();
        let over = over.iter().cloned().collect();
        violations(&written(all), &in_force, &over, &[]).into_iter().map(|found| found.field).collect()
    }

    #[test]
    fn every_violation_is_found_at_once_and_what_is_in_force_and_stays_may_be_named() {
        let of = |id: &str| record(&[("point_type_id", text(id))]);
        let in_force = [key(Kind::PointType, "p"), key(Kind::Scheme, "s")];
        let rules = [(Kind::EarningRule, "a", of("p")), (Kind::EarningRule, "a", of("q"))];
        let types = ["x", "y", "x"].map(|id| (Kind::PointType, id, record(&[])));
        let bad = [types.as_slice(), &rules, &[(Kind::Scheme, "other", of("q"))]].concat();
        let all = [
            "bundle.point_types[2].point_type_id",
            "bundle.earning_rules[1].rule_id",
            "bundle.earning_rules[1].point_type_id",
            "bundle.scheme.point_type_id",
            "bundle.scheme.scheme_id",
        ];
        assert_eq!(fields(&bad, &in_force, &[]), all);
        let good =
            [(Kind::PointType, "q", record(&[])), (Kind::EarningRule, "a", of("q")), (Kind::Scheme, "s", of("p"))];
        assert_eq!(fields(&good, &in_force, &[]), [""; 0]);
    }

    #[test]
    fn names_deep_in_a_definition_are_found_where_they_stand() {
        let rule = |id: &str| record(&[("case_type_id", text(id))]);
        let rules = Value::List(vec![rule("late"), rule(""), rule("lost")]);
        let classification = (Kind::Classification, "", record(&[("rules", rules)]));
        let coupon = record(&[("coupon", record(&[("template_id", text("welcome"))]))]);
        let bad = [(Kind::Campaign, "c", coupon.clone()), classification];
        let in_force = [key(Kind::CaseType, "late"), key(Kind::CouponTemplate, "welcome")];
        // a template that is not in the bundle is about to be paused, though it is in force
        let all = ["bundle.campaigns[0].coupon.template_id", "bundle.classification.rules[2].case_type_id"];
        assert_eq!(fields(&bad, &in_force, &[]), all);
        let good = [(Kind::CouponTemplate, "welcome", record(&[])), (Kind::Campaign, "c", coupon)];
        assert_eq!(fields(&good, &[], &[]), [""; 0]);
        assert_eq!(fields(&good, &[], &[key(Kind::Campaign, "c")]), ["bundle.campaigns[0].campaign_id"]);
    }
}
