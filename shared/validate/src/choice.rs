//! Rules of enums: `const`, `in`, `not_in` and `defined_only`, which holds for every enum here, asked for or not.

use prost_reflect::EnumDescriptor;

use crate::{UnsupportedRule, bounds::listed, source::Rules};

/// The rules of an enum.
#[derive(Debug)]
pub(crate) struct Choice {
    descriptor: EnumDescriptor,
    constant: Option<i32>,
    among: Vec<i32>,
    barred: Vec<i32>,
}

impl Choice {
    pub(crate) fn read(descriptor: EnumDescriptor, mut rules: Rules) -> Result<Self, UnsupportedRule> {
        rules.flag("defined_only");
        let number = |number: i128| i32::try_from(number).ok();
        let numbers = |listed: Vec<i128>| listed.into_iter().filter_map(number).collect();
        let constant = rules.integer("const").and_then(number);
        let (among, barred) = (numbers(rules.integers("in")), numbers(rules.integers("not_in")));
        rules.finish()?;
        Ok(Self { descriptor, constant, among, barred })
    }

    pub(crate) fn check(&self, number: i32, mut report: impl FnMut(String)) {
        if self.descriptor.get_value(number).is_none() {
            report(format!("must be a value of {}, is {number}", self.descriptor.name()));
            return;
        }
        if let Some(constant) = self.constant.filter(|constant| *constant != number) {
            report(format!("must be {}, is {}", self.name(constant), self.name(number)));
        }
        if !self.among.is_empty() && !self.among.contains(&number) {
            let names: Vec<_> = self.among.iter().map(|allowed| self.name(*allowed)).collect();
            report(format!("must be one of {}, is {}", listed(&names), self.name(number)));
        }
        if self.barred.contains(&number) {
            report(format!("must not be {}", self.name(number)));
        }
    }

    fn name(&self, number: i32) -> String {
        self.descriptor.get_value(number).map_or_else(|| number.to_string(), |value| value.name().to_owned())
    }
}
