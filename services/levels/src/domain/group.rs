//! Groups of rules that exclude each other.

use ids::Key;

/// Which rule of a group counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// The one with the highest priority.
    #[default]
    Priority,
    /// The one that gives most.
    Most,
}

/// A rule's place among others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Its group; `None`: it counts beside all others.
    pub group: Option<Key>,
    /// The higher counts first.
    pub priority: i32,
    /// What it says about its group where it is the first.
    pub choice: Choice,
}

/// A rule that would give something.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The rule.
    pub rule_id: &'a Key,
    /// What it gives.
    pub point_type: &'a Key,
    /// Its place.
    pub place: &'a Place,
    /// How much, before caps.
    pub points: i64,
}

impl Choice {
    /// The contract's number, which is stored too.
    pub fn code(self) -> i16 {
        match self {
            Choice::Priority => 1,
            Choice::Most => 2,
        }
    }

    /// The choice of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Priority, Self::Most].into_iter().find(|choice| choice.code() == code)
    }
}

/// For each candidate the one that counts in its place: itself, where it counts. Those of one point type and group exclude
/// each other: the first by priority, then by id, decides whether it counts itself or the one that gives most.
pub fn counting(candidates: &[Candidate<'_>]) -> Vec<usize> {
    let counts = |n: usize| {
        let it = &candidates[n];
        if it.place.group.is_none() {
            return n;
        }
        let same = |other: &Candidate<'_>| other.place.group == it.place.group && other.point_type == it.point_type;
        let group = || (0..candidates.len()).filter(|other| same(&candidates[*other]));
        let order = |n: usize| (-i64::from(candidates[n].place.priority), candidates[n].rule_id);
        let Some(first) = group().min_by_key(|n| order(*n)) else { return n };
        match candidates[first].place.choice {
            Choice::Priority => first,
            Choice::Most => group().min_by_key(|n| (-candidates[*n].points, order(*n))).unwrap_or(first),
        }
    };
    (0..candidates.len()).map(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> Key {
        Key::new(id).unwrap()
    }

    /// Ids of those that count, of (id, group, priority, choice, points).
    fn who(rules: &[(&str, &str, i32, Choice, i64)]) -> Vec<String> {
        let place = |(_, group, priority, choice, _): &(&str, &str, i32, Choice, i64)| Place {
            group: (!group.is_empty()).then(|| key(group)),
            priority: *priority,
            choice: *choice,
        };
        let owned: Vec<(Key, Key, Place)> = rules.iter().map(|it| (key(it.0), key("points"), place(it))).collect();
        let candidates: Vec<Candidate<'_>> = owned
            .iter()
            .zip(rules)
            .map(|((rule_id, point_type, place), it)| Candidate { rule_id, point_type, place, points: it.4 })
            .collect();
        let counting = counting(&candidates);
        let itself = (0..rules.len()).filter(|n| counting[*n] == *n);
        itself.map(|n| rules[n].0.to_owned()).collect()
    }

    use Choice::{Most, Priority};

    #[test]
    fn of_a_group_the_highest_priority_counts_and_rules_without_one_count_beside_it() {
        let rules = [
            ("a", "", 0, Priority, 1),
            ("b", "g", 1, Priority, 9),
            ("c", "g", 2, Priority, 1),
            ("d", "h", 0, Priority, 1),
        ];
        assert_eq!(who(&rules), ["a", "c", "d"]);
        assert_eq!(who(&[("b", "g", 1, Priority, 1), ("a", "g", 1, Priority, 1)]), ["a"], "of equals the smaller id");
    }

    #[test]
    fn the_first_of_a_group_may_say_that_the_one_counts_which_gives_most() {
        let rules = |first| [("a", "g", 5, first, 10), ("b", "g", 1, Priority, 30), ("c", "g", 2, Priority, 30)];
        assert_eq!(who(&rules(Most)), ["c"], "of equals that of higher priority");
        assert_eq!(who(&rules(Priority)), ["a"]);
    }

    #[test]
    fn rules_that_give_different_things_do_not_exclude_each_other() {
        let place = Place { group: Some(key("g")), ..Place::default() };
        let (a, b, points, growth) = (key("a"), key("b"), key("points"), key("growth"));
        let of = |rule_id, point_type| Candidate { rule_id, point_type, place: &place, points: 1 };
        assert_eq!(counting(&[of(&a, &points), of(&b, &growth)]), [0, 1]);
    }
}
