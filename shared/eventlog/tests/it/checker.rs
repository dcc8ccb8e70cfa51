//! What must hold of events read or applied, however they were written and whatever was killed.

use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with the events that a reader saw.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Events that were committed and never seen.
    pub(crate) missed: usize,
    /// Events that were seen more than once.
    pub(crate) doubled: usize,
    /// Events seen after a later one of the same user.
    pub(crate) disordered: usize,
}

impl Faults {
    pub(crate) const NONE: Self = Self { missed: 0, doubled: 0, disordered: 0 };
}

/// Compares what was seen, in order, with what was committed: pairs of a user and the number of the user's event.
pub(crate) fn check(committed: &BTreeSet<(String, i32)>, seen: &[(String, i32)]) -> Faults {
    let mut faults = Faults::default();
    let mut last: BTreeMap<&str, i32> = BTreeMap::new();
    let mut distinct = BTreeSet::new();
    for (user, n) in seen {
        if !distinct.insert((user.clone(), *n)) {
            faults.doubled += 1;
            continue;
        }
        let before = last.insert(user, *n).unwrap_or(0);
        faults.disordered += usize::from(before > *n);
    }
    faults.missed = committed.difference(&distinct).count();
    faults
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let event = |user: &str, n| (user.to_owned(), n);
    let committed = BTreeSet::from([event("a", 1), event("a", 2), event("b", 1)]);
    assert_eq!(check(&committed, &[event("a", 1), event("b", 1), event("a", 2)]), Faults::NONE);
    let seen = [event("a", 2), event("a", 1), event("a", 1)];
    assert_eq!(check(&committed, &seen), Faults { missed: 1, doubled: 1, disordered: 1 });
}
