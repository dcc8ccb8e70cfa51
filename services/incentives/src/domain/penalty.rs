//! Penalties: what users may not do, and until when.

use std::collections::BTreeSet;

use ids::{Key, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What a penalty is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A warning; restricts nothing.
    Warn,
    /// Some actions are not allowed.
    Mute,
}

impl Kind {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            Self::Warn => 1,
            Self::Mute => 2,
        }
    }

    /// Of the contract's number.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Warn, Self::Mute].into_iter().find(|it| i32::from(it.code()) == code)
    }
}

/// A penalty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Penalty {
    /// The user.
    pub user: UserId,
    /// Unique within the user.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// What the user may not do.
    pub restrictions: Vec<String>,
    /// The harmful action.
    pub action: Option<Key>,
    /// Number of the offence; 0 without an action.
    pub offence: i32,
    /// When it was imposed.
    pub imposed_at: OffsetDateTime,
    /// By the subject of a token.
    pub imposed_by: String,
    /// The first instant at which it is over; `None`: never.
    pub until: Option<OffsetDateTime>,
    /// Why, for staff only.
    pub reason: String,
    /// What is published; empty: nothing.
    pub notice: String,
    /// The user's name, masked by the caller.
    pub masked_name: String,
    /// When, by whom and why it was lifted.
    pub lifted: Option<Lifted>,
}

/// That a penalty was lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifted {
    /// When.
    pub at: OffsetDateTime,
    /// By the subject of a token.
    pub by: String,
    /// Why, for staff only.
    pub reason: String,
}

impl Penalty {
    /// Whether it holds at a time: from the instant it was imposed to the one before it is over.
    pub fn holds(&self, at: OffsetDateTime) -> bool {
        self.lifted.is_none() && self.until.is_none_or(|until| at < until)
    }
}

/// Whether something is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// What it is.
    pub name: String,
    /// The penalty that lasts longest of those that forbid it; `None`: it is allowed.
    pub forbidden: Option<Penalty>,
}

/// Whether each of these is allowed at a time, by the penalties of a user; without names all that is not allowed, in byte
/// order, up to a number.
pub fn restrictions(names: &[String], penalties: &[Penalty], at: OffsetDateTime, most: usize) -> Vec<Restriction> {
    let lasts = |it: &&Penalty| it.until.map_or((1, OffsetDateTime::UNIX_EPOCH), |until| (0, until));
    let status = |name: &String| {
        let forbids = penalties.iter().filter(|it| it.holds(at) && it.restrictions.contains(name));
        Restriction { name: name.clone(), forbidden: forbids.max_by_key(lasts).cloned() }
    };
    if !names.is_empty() {
        return names.iter().map(status).collect();
    }
    let holding = penalties.iter().filter(|it| it.holds(at));
    let all: BTreeSet<&String> = holding.flat_map(|it| &it.restrictions).collect();
    all.into_iter().take(most).map(status).collect()
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const AT: OffsetDateTime = datetime!(2026-03-08 12:00 UTC);

    fn mute(id: &str, of: &[&str], until: Option<OffsetDateTime>) -> Penalty {
        Penalty {
            user: UserId::new("u").unwrap(),
            id: id.to_owned(),
            kind: Kind::Mute,
            restrictions: of.iter().map(|it| (*it).to_owned()).collect(),
            action: None,
            offence: 0,
            imposed_at: AT,
            imposed_by: "staff".to_owned(),
            until,
            reason: "spam".to_owned(),
            notice: String::new(),
            masked_name: String::new(),
            lifted: None,
        }
    }

    fn status(penalties: &[Penalty], at: OffsetDateTime) -> Vec<Option<(String, Option<OffsetDateTime>)>> {
        let names = ["post".to_owned(), "comment".to_owned()];
        let found = restrictions(&names, penalties, at, 0).into_iter();
        found.map(|it| it.forbidden.map(|penalty| (penalty.id, penalty.until))).collect()
    }

    #[test]
    fn a_restriction_ends_at_the_instant_that_the_penalty_names() {
        let until = AT + Duration::hours(1);
        let penalties = [mute("a", &["post"], Some(until))];
        assert_eq!(status(&penalties, until - Duration::microseconds(1)), [Some(("a".to_owned(), Some(until))), None]);
        assert_eq!(status(&penalties, until), [None, None]);
    }

    #[test]
    fn the_penalty_that_lasts_longest_is_named_and_a_lifted_one_forbids_nothing() {
        let (short, long) = (AT + Duration::hours(1), AT + Duration::hours(2));
        let mut penalties = vec![
            mute("short", &["post", "comment"], Some(short)),
            mute("long", &["post"], Some(long)),
            mute("ever", &["comment"], None),
        ];
        let ever = Some(("ever".to_owned(), None));
        assert_eq!(status(&penalties, AT), [Some(("long".to_owned(), Some(long))), ever.clone()]);
        penalties[1].lifted = Some(Lifted { at: AT, by: "staff".to_owned(), reason: "a mistake".to_owned() });
        assert_eq!(status(&penalties, AT), [Some(("short".to_owned(), Some(short))), ever]);
    }

    #[test]
    fn without_names_all_that_holds_is_named_in_order_up_to_a_number() {
        let mut penalties = [mute("a", &["post", "comment"], None), mute("b", &["comment", "vote"], Some(AT))];
        penalties[1].until = Some(AT + Duration::hours(1));
        let names = |at, most| -> Vec<(String, String)> {
            let found = restrictions(&[], &penalties, at, most).into_iter();
            found.map(|it| (it.name, it.forbidden.unwrap().id)).collect()
        };
        let pair = |name: &str, id: &str| (name.to_owned(), id.to_owned());
        assert_eq!(names(AT, 9), [pair("comment", "a"), pair("post", "a"), pair("vote", "b")]);
        assert_eq!(names(AT + Duration::hours(1), 9), [pair("comment", "a"), pair("post", "a")]);
        assert_eq!(names(AT, 1), [pair("comment", "a")]);
    }
}
