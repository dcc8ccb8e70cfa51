//! A programme as a document: what differs between two of them, and the step from one to the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub mod course;
pub mod kind;
#[cfg(test)]
mod tests;
pub mod version;
pub mod violation;

pub use kind::Kind;

/// A value of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text, a name of an enum, a time.
    Text(String),
    /// Values in order.
    List(Vec<Value>),
    /// Values by field.
    Record(BTreeMap<String, Value>),
}

/// Which definition: its kind and its id; empty where there is one of a kind and it has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What it is.
    pub kind: Kind,
    /// Which of them.
    pub id: String,
}

/// A programme: its definitions by key.
pub type Programme = BTreeMap<Key, Value>;

/// A step on the way from a definition to a value in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A field of a record.
    Field(String),
    /// A place in a list, from 0.
    Place(usize),
}

/// The way to a value, written as `levels[2].threshold`; empty for the definition itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<Step>);

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if index == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Place(place) => write!(f, "[{place}]")?,
            }
        }
        Ok(())
    }
}

/// One value that differs; at least one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Where.
    pub path: Path,
    /// What was there; `None` where nothing was.
    pub before: Option<Value>,
    /// What is there; `None` where nothing is.
    pub after: Option<Value>,
}

/// What differs between two programmes. Definitions in order of key, fields in order of path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Definitions that only the second has.
    pub added: BTreeMap<Key, Value>,
    /// Definitions that both have, with what differs in them; never without a difference.
    pub changed: BTreeMap<Key, Vec<FieldChange>>,
    /// Definitions that only the first has.
    pub removed: BTreeMap<Key, Value>,
}

impl Difference {
    /// Whether the programmes are equal.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// The step back.
    #[must_use]
    pub fn reversed(self) -> Self {
        let back = |mut changes: Vec<FieldChange>| {
            changes.iter_mut().for_each(|change| std::mem::swap(&mut change.before, &mut change.after));
            changes
        };
        Self {
            added: self.removed,
            changed: self.changed.into_iter().map(|(key, changes)| (key, back(changes))).collect(),
            removed: self.added,
        }
    }
}

/// Why a difference cannot be applied: the programme is not the one that it starts from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the programme has changed at `{path}` of {key:?}")]
pub struct Conflict {
    /// The definition.
    pub key: Key,
    /// The first place found that is not as expected.
    pub path: Path,
}

/// What differs between two programmes. List items are compared place by place: they have no names to be told by.
pub fn diff(before: &Programme, after: &Programme) -> Difference {
    let mut difference = Difference::default();
    for (key, there) in before {
        match after.get(key) {
            None => drop(difference.removed.insert(key.clone(), there.clone())),
            Some(here) => {
                let mut changes = Vec::new();
                compare(&mut Path::default(), Some(there), Some(here), &mut changes);
                if !changes.is_empty() {
                    difference.changed.insert(key.clone(), changes);
                }
            }
        }
    }
    let added = after.iter().filter(|(key, _)| !before.contains_key(*key));
    difference.added = added.map(|(key, value)| (key.clone(), value.clone())).collect();
    difference
}

/// Appends what differs at a path and below it.
fn compare(path: &mut Path, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (before, after) {
        (Some(Value::Record(there)), Some(Value::Record(here))) => {
            let names: BTreeSet<_> = there.keys().chain(here.keys()).collect();
            for name in names {
                path.0.push(Step::Field(name.clone()));
                compare(path, there.get(name), here.get(name), changes);
                path.0.pop();
            }
        }
        (Some(Value::List(there)), Some(Value::List(here))) => {
            for place in 0..there.len().max(here.len()) {
                path.0.push(Step::Place(place));
                compare(path, there.get(place), here.get(place), changes);
                path.0.pop();
            }
        }
        _ if before == after => {}
        _ => changes.push(FieldChange { path: path.clone(), before: before.cloned(), after: after.cloned() }),
    }
}

/// Takes a programme one step on, all or nothing. It must be as the step expects wherever the step touches it; the rest may
/// have changed meanwhile.
pub fn apply(programme: &Programme, difference: &Difference) -> Result<Programme, Conflict> {
    let mut result = programme.clone();
    let conflict = |key: &Key, path: &Path| Conflict { key: key.clone(), path: path.clone() };
    for (key, value) in &difference.removed {
        if result.remove(key).as_ref() != Some(value) {
            return Err(conflict(key, &Path::default()));
        }
    }
    for (key, changes) in &difference.changed {
        let definition = result.get_mut(key).ok_or_else(|| conflict(key, &Path::default()))?;
        // back to front: what is taken off the end of a list is taken off last place first
        let (taken, others): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.after.is_none());
        for change in taken.into_iter().rev().chain(others) {
            set(definition, &change.path.0, change).ok_or_else(|| conflict(key, &change.path))?;
        }
    }
    for (key, value) in &difference.added {
        if result.insert(key.clone(), value.clone()).is_some() {
            return Err(conflict(key, &Path::default()));
        }
    }
    Ok(result)
}

/// Carries a change out below a value; `None` where what is there is not what was.
fn set(value: &mut Value, path: &[Step], change: &FieldChange) -> Option<()> {
    match (path, value) {
        ([], value) => {
            (Some(&*value) == change.before.as_ref()).then_some(())?;
            *value = change.after.clone()?;
        }
        ([Step::Field(name)], Value::Record(fields)) => {
            (fields.get(name) == change.before.as_ref()).then_some(())?;
            match &change.after {
                Some(after) => drop(fields.insert(name.clone(), after.clone())),
                None => drop(fields.remove(name)),
            }
        }
        ([Step::Place(place)], Value::List(items)) => {
            (items.get(*place) == change.before.as_ref()).then_some(())?;
            let count = items.len();
            match &change.after {
                Some(after) if *place < count => items[*place] = after.clone(),
                // only the place after the last can be new, only the last can go
                Some(after) if *place == count => items.push(after.clone()),
                None if place + 1 == count => drop(items.pop()),
                _ => return None,
            }
        }
        ([Step::Field(name), below @ ..], Value::Record(fields)) => set(fields.get_mut(name)?, below, change)?,
        ([Step::Place(place), below @ ..], Value::List(items)) => set(items.get_mut(*place)?, below, change)?,
        _ => return None,
    }
    Some(())
}
