//! Checking one message against its plan.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{DynamicMessage, MapKey, Value};
use status::Violations;

use crate::{
    DEPTH_MAX,
    path::Path,
    plan::{Check, Field, Plan, Shape},
};

/// Adds every violation in the message, in the order of its fields.
pub(crate) fn message(plans: &[Plan], plan: usize, message: &DynamicMessage, violations: &mut Violations) {
    Walk { plans, violations, depth: 0 }.message(plan, message, Path::Root);
}

struct Walk<'a> {
    plans: &'a [Plan],
    violations: &'a mut Violations,
    depth: usize,
}

impl Walk<'_> {
    fn message(&mut self, plan: usize, message: &DynamicMessage, path: Path<'_>) {
        if self.depth == DEPTH_MAX {
            self.report(path, format!("must not be nested deeper than {DEPTH_MAX} messages"));
            return;
        }
        self.depth += 1;
        let plan = &self.plans[plan];
        for field in &plan.fields {
            self.field(field, message, Path::Field(&path, field.descriptor.name()));
        }
        for oneof in &plan.oneofs {
            if !oneof.fields().any(|member| message.has_field(&member)) {
                let names: Vec<_> = oneof.fields().map(|member| member.name().to_owned()).collect();
                self.report(Path::Field(&path, oneof.name()), format!("one of {} must be set", names.join(", ")));
            }
        }
        self.depth -= 1;
    }

    fn field(&mut self, field: &Field, message: &DynamicMessage, path: Path<'_>) {
        if !message.has_field(&field.descriptor) {
            if field.required {
                self.report(path, "is required".to_owned());
                return;
            }
            if field.skip_unset {
                return;
            }
        }
        match (&field.shape, &*message.get_field(&field.descriptor)) {
            (Shape::One(check), value) => self.value(check, value, path),
            (Shape::List { size, unique, items }, Value::List(list)) => {
                size.check(list.len(), |violation| self.report(path, violation));
                if *unique {
                    self.unique(list, path);
                }
                for (index, item) in list.iter().enumerate() {
                    self.value(items, item, Path::Item(&path, index));
                }
            }
            (Shape::Map { size, keys, values }, Value::Map(map)) => {
                size.check(map.len(), |violation| self.report(path, violation));
                // In the order of keys, so that one message has one list of violations.
                for (key, value) in map.iter().collect::<BTreeMap<_, _>>() {
                    let path = Path::Key(&path, key);
                    self.key(keys, key, path);
                    self.value(values, value, path);
                }
            }
            // A pool gives lists and maps the values of lists and maps.
            (Shape::List { .. } | Shape::Map { .. }, _) => {}
        }
    }

    fn value(&mut self, check: &Check, value: &Value, path: Path<'_>) {
        match (check, value) {
            (Check::Text(rules), Value::String(text)) => rules.check(text, |violation| self.report(path, violation)),
            (Check::Bytes(size), Value::Bytes(bytes)) => {
                size.check(bytes.len(), |violation| self.report(path, violation));
            }
            (Check::Number(rules), number) => rules.check(number, |violation| self.report(path, violation)),
            (Check::Choice(rules), Value::EnumNumber(number)) => {
                rules.check(*number, |violation| self.report(path, violation));
            }
            (Check::Moment(rules), Value::Message(moment)) => {
                rules.check(moment, |violation| self.report(path, violation));
            }
            (Check::Message(plan), Value::Message(part)) => self.message(*plan, part, path),
            _ => {}
        }
    }

    fn key(&mut self, check: &Check, key: &MapKey, path: Path<'_>) {
        match (check, key) {
            (Check::Text(rules), MapKey::String(text)) => {
                rules.check(text, |violation| self.report(path, format!("the key {violation}")));
            }
            (Check::Number(rules), key) => {
                rules.check(&key.clone().into(), |violation| self.report(path, format!("the key {violation}")));
            }
            _ => {}
        }
    }

    fn unique(&mut self, list: &[Value], path: Path<'_>) {
        let mut seen = BTreeSet::new();
        for (index, item) in list.iter().enumerate() {
            let Some(key) = comparable(item) else { continue };
            if !seen.insert(key) {
                self.report(Path::Item(&path, index), "must not repeat an earlier item".to_owned());
            }
        }
    }

    fn report(&mut self, path: Path<'_>, description: String) {
        self.violations.add(path.to_string(), description);
    }
}

fn comparable(value: &Value) -> Option<(i128, &[u8])> {
    match value {
        Value::String(text) => Some((0, text.as_bytes())),
        Value::Bytes(bytes) => Some((0, bytes)),
        Value::Bool(flag) => Some((i128::from(*flag), &[])),
        number => crate::source::integer(number).map(|number| (number, &[][..])),
    }
}
