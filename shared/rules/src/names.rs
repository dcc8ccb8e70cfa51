use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::{Type, Value};

/// The names that a rule may use, with their types.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeMap<Arc<str>, Type>);

impl Names {
    /// No names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a name, such as `order.total_minor`.
    #[must_use]
    pub fn with(mut self, name: &str, ty: Type) -> Self {
        self.0.insert(name.into(), ty);
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<(Arc<str>, Type)> {
        self.0.get_key_value(name).map(|(name, ty)| (name.clone(), *ty))
    }

    /// All names in byte order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Type)> {
        self.0.iter().map(|(name, ty)| (&**name, *ty))
    }

    /// The offered names as an error message lists them in place of one that is not: those that begin as it does, so that
    /// the list stays short enough to be told in full; all where none does.
    pub(crate) fn listed(&self, unknown: &str) -> String {
        let root = unknown.split('.').next().unwrap_or_default();
        let alike = self.0.keys().filter(|name| name.split('.').next() == Some(root));
        let alike: Vec<&str> = alike.map(|name| &**name).collect();
        let all = || self.0.keys().map(|name| &**name).collect();
        if alike.is_empty() { all() } else { alike }.join(", ")
    }
}

/// Where the evaluator finds the values of names.
pub trait Values {
    /// The value, or `None` where there is none. A value of another type than declared counts as none.
    fn value(&self, name: &str) -> Option<Value>;
}

impl Values for HashMap<&str, Value> {
    fn value(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }
}

impl Values for BTreeMap<&str, Value> {
    fn value(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }
}
