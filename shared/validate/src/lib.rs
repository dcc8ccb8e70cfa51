//! The validation rules of the contracts, enforced.
//!
//! Rules are `buf.validate` options in the `.proto` files. [`Validator::new`] reads them from the descriptors once;
//! [`Validator::check`] reports every violation of a message at once, with the path of the field and the limit it broke.
//! Beside the rules of the contracts two hold for every message: no string has a NUL character, which Postgres cannot
//! store, and no enum has a number that the contracts don't define, since we could not tell what is meant.
//!
//! Supported are the rules that can be decided from the value alone, without the expression language: `required`,
//! `ignore = IGNORE_IF_ZERO_VALUE`, and those of strings, bytes, integers, enums, repeated fields, maps, timestamps and
//! durations listed in the modules below, and `required` on a oneof. Any other rule stops construction, so that none is ever
//! silently skipped. Meaning and edge cases follow protovalidate, so that clients can check the same before they send.
//!
//! It is our own and not protovalidate's published crate because that one runs protoc when it is built; the workspace
//! builds on a machine that has only Rust.

mod bounds;
mod choice;
mod moment;
mod path;
mod plan;
mod size;
mod source;
mod text;
mod walk;

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, DynamicMessage};
use status::Violations;

/// How deep messages may be nested in each other.
pub const DEPTH_MAX: usize = 32;

/// A rule of the contracts that cannot be enforced here, or makes no sense. Such a server does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rule {rule} of {element} {problem}")]
pub struct UnsupportedRule {
    /// Full name of the field, oneof or message.
    pub element: String,
    /// The rule, such as `string.email`.
    pub rule: String,
    /// What is wrong.
    pub problem: String,
}

/// The rules of all messages of a pool.
pub struct Validator {
    plans: Vec<plan::Plan>,
    by_name: HashMap<String, usize>,
}

impl Validator {
    /// Reads the rules of every message.
    pub fn new(pool: &DescriptorPool) -> Result<Self, UnsupportedRule> {
        let messages: Vec<_> = pool.all_messages().filter(|message| !message.is_map_entry()).collect();
        let names = messages.iter().enumerate();
        let by_name: HashMap<_, _> = names.map(|(index, message)| (message.full_name().to_owned(), index)).collect();
        let compiler = plan::Compiler::new(pool, &by_name);
        let plans = messages.iter().map(|message| compiler.message(message)).collect::<Result<_, _>>()?;
        Ok(Self { plans, by_name })
    }

    /// Every violation in the message.
    pub fn check(&self, message: &DynamicMessage) -> Violations {
        use prost_reflect::ReflectMessage;
        let mut violations = Violations::new();
        match self.by_name.get(message.descriptor().full_name()) {
            Some(&plan) => walk::message(&self.plans, plan, message, &mut violations),
            None => violations.add("", "is not a message of the contracts"),
        }
        violations
    }
}
