//! Rules as they stand in the options. Whoever understands a rule takes it out; what is left at the end is unsupported.

use std::fmt::Display;

use prost_reflect::{DynamicMessage, Value};

use crate::UnsupportedRule;

/// The rules of one element of the contracts, or one family of them.
pub(crate) struct Rules {
    element: String,
    /// Such as `repeated.items.string.`; empty at the top.
    prefix: String,
    set: Vec<(String, Value)>,
}

impl Rules {
    /// No rules.
    pub(crate) fn none(element: &str) -> Self {
        Self { element: element.to_owned(), prefix: String::new(), set: Vec::new() }
    }

    pub(crate) fn new(element: &str, rules: &DynamicMessage) -> Result<Self, UnsupportedRule> {
        Self::nested(element, String::new(), rules)
    }

    fn nested(element: &str, prefix: String, rules: &DynamicMessage) -> Result<Self, UnsupportedRule> {
        let set = rules.fields().map(|(field, value)| (field.name().to_owned(), value.clone())).collect();
        let rules_of = Self { element: element.to_owned(), prefix, set };
        if rules.extensions().next().is_some() || rules.unknown_fields().next().is_some() {
            return Err(rules_of.error("(extension)", "is not supported"));
        }
        Ok(rules_of)
    }

    /// Takes one family, such as `string`; empty where no rule of it is set.
    pub(crate) fn family(&mut self, name: &str) -> Result<Self, UnsupportedRule> {
        let prefix = format!("{}{name}.", self.prefix);
        match self.take(name) {
            Some(Value::Message(rules)) => {
                let mut family = Self::nested(&self.element, prefix, &rules)?;
                // Examples are documentation.
                family.take("example");
                Ok(family)
            }
            _ => Ok(Self { element: self.element.clone(), prefix, set: Vec::new() }),
        }
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let index = self.set.iter().position(|(set, _)| set == name)?;
        Some(self.set.swap_remove(index).1)
    }

    pub(crate) fn flag(&mut self, name: &str) -> bool {
        self.take(name).and_then(|value| value.as_bool()).unwrap_or_default()
    }

    pub(crate) fn integer(&mut self, name: &str) -> Option<i128> {
        self.take(name).as_ref().and_then(integer)
    }

    /// A count: of characters, bytes, items.
    pub(crate) fn count(&mut self, name: &str) -> Option<usize> {
        self.integer(name).and_then(|count| usize::try_from(count).ok())
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.take(name).and_then(|value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        self.list(name, |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn integers(&mut self, name: &str) -> Vec<i128> {
        self.list(name, integer)
    }

    fn list<T>(&mut self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
        let value = self.take(name);
        value.as_ref().and_then(Value::as_list).unwrap_or_default().iter().filter_map(read).collect()
    }

    /// Fails where a rule was not taken.
    pub(crate) fn finish(self) -> Result<(), UnsupportedRule> {
        match self.set.first() {
            Some((rule, _)) => Err(self.error(rule, "is not supported")),
            None => Ok(()),
        }
    }

    pub(crate) fn error(&self, rule: &str, problem: impl Display) -> UnsupportedRule {
        let (element, rule) = (self.element.clone(), format!("{}{rule}", self.prefix));
        UnsupportedRule { element, rule, problem: problem.to_string() }
    }
}

/// The number of an integer or enum of any width.
pub(crate) fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::I32(number) | Value::EnumNumber(number) => Some(i128::from(*number)),
        Value::I64(number) => Some(i128::from(*number)),
        Value::U32(number) => Some(i128::from(*number)),
        Value::U64(number) => Some(i128::from(*number)),
        _ => None,
    }
}
