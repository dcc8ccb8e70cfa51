//! Badges, and the grounds on which users hold them.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use units::text::LocalizedText;

/// Badges that a tenant may have: all of them are kept in memory.
pub const BADGES_MAX: usize = 500;
/// Tiers that a badge may have.
pub const TIERS_MAX: usize = 10;

/// A tier of a badge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadgeTier {
    /// What users call it.
    pub display_name: LocalizedText,
    /// A picture; empty: that of the badge.
    pub icon_url: String,
}

/// One version of a badge, as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// Its id.
    pub id: Key,
    /// What users call it.
    pub display_name: LocalizedText,
    /// What it is awarded for.
    pub description: Option<LocalizedText>,
    /// A picture; empty: none.
    pub icon_url: String,
    /// Its tiers, lowest first; none: it has one that is called as it is.
    pub tiers: Vec<BadgeTier>,
    /// Users learn of it when they earn it.
    pub hidden: bool,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
}

impl Badge {
    /// How many tiers it has.
    pub fn tiers(&self) -> usize {
        self.tiers.len().max(1)
    }
}

/// A user's badge.
pub type BadgeKey = (UserId, Key);

/// A badge as it stands for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBadge {
    /// How many grounds of each tier stand, lowest tier first.
    pub grounds: Vec<i32>,
    /// The tier held, from 1; 0: none.
    pub tier: usize,
    /// What for.
    pub reason: String,
    /// When that tier was reached.
    pub awarded_at: OffsetDateTime,
}

/// What a badge is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// The tier that it gives.
    pub tier: usize,
    /// False: it was taken back.
    pub stands: bool,
}

/// The tier that a user holds changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadgeMove {
    /// Whose.
    pub user: UserId,
    /// Of which badge.
    pub badge: Key,
    /// The tier now; 0: none.
    pub tier: usize,
    /// The tier before.
    pub tier_before: usize,
    /// Why.
    pub reason: String,
    /// The ground that did it.
    pub ground: String,
    /// When.
    pub at: OffsetDateTime,
}

/// The badges that one transaction is about.
#[derive(Debug, Default)]
pub struct BadgeBook {
    held: BTreeMap<BadgeKey, HeldBadge>,
    grounds: BTreeMap<(BadgeKey, String), Ground>,
    held_changed: BTreeSet<BadgeKey>,
    grounds_changed: BTreeSet<(BadgeKey, String)>,
    holders: BTreeMap<BadgeKey, i64>,
}

impl BadgeBook {
    /// On what was loaded.
    pub fn new(
        held: impl IntoIterator<Item = (BadgeKey, HeldBadge)>,
        grounds: impl IntoIterator<Item = ((BadgeKey, String), Ground)>,
    ) -> Self {
        Self { held: held.into_iter().collect(), grounds: grounds.into_iter().collect(), ..Self::default() }
    }

    /// A user's badge.
    pub fn held(&self, key: &BadgeKey) -> Option<&HeldBadge> {
        self.held.get(key)
    }

    /// Adds a ground; one that stands already changes nothing. `None`: the tier held stays.
    pub fn award(
        &mut self,
        key: &BadgeKey,
        (ground, tier): (&str, usize),
        reason: &str,
        at: OffsetDateTime,
    ) -> Option<BadgeMove> {
        let tier = tier.clamp(1, TIERS_MAX);
        let id = (key.clone(), ground.to_owned());
        if self.grounds.get(&id).is_some_and(|it| it.stands) {
            return None;
        }
        self.grounds.insert(id.clone(), Ground { tier, stands: true });
        self.grounds_changed.insert(id);
        self.change(key, (ground, tier, 1), reason, at)
    }

    /// Takes a ground away; one that does not stand changes nothing. `None`: the tier held stays.
    pub fn lift(&mut self, key: &BadgeKey, ground: &str, reason: &str, at: OffsetDateTime) -> Option<BadgeMove> {
        let id = (key.clone(), ground.to_owned());
        let it = self.grounds.get_mut(&id).filter(|it| it.stands)?;
        it.stands = false;
        let tier = it.tier;
        self.grounds_changed.insert(id);
        self.change(key, (ground, tier, -1), reason, at)
    }

    /// Takes all grounds away; those that are not loaded are the store's business. `None`: the badge is not held.
    pub fn revoke(&mut self, key: &BadgeKey, ground: &str, reason: &str, at: OffsetDateTime) -> Option<BadgeMove> {
        let it = self.held.get_mut(key).filter(|it| it.tier > 0)?;
        it.grounds.fill(0);
        self.change(key, (ground, 1, 0), reason, at)
    }

    fn change(
        &mut self,
        key: &BadgeKey,
        (ground, tier, by): (&str, usize, i32),
        reason: &str,
        at: OffsetDateTime,
    ) -> Option<BadgeMove> {
        let empty = || HeldBadge { grounds: Vec::new(), tier: 0, reason: String::new(), awarded_at: at };
        let it = self.held.entry(key.clone()).or_insert_with(empty);
        if it.grounds.len() < tier {
            it.grounds.resize(tier, 0);
        }
        it.grounds[tier - 1] += by;
        self.held_changed.insert(key.clone());
        let before = it.tier;
        it.tier = it.grounds.iter().rposition(|count| *count > 0).map_or(0, |place| place + 1);
        if it.tier == before {
            return None;
        }
        if it.tier > before {
            (it.reason, it.awarded_at) = (reason.to_owned(), at);
        }
        *self.holders.entry(key.clone()).or_default() += i64::from(it.tier > 0) - i64::from(before > 0);
        let (user, badge) = key.clone();
        let (reason, ground) = (reason.to_owned(), ground.to_owned());
        Some(BadgeMove { user, badge, tier: it.tier, tier_before: before, reason, ground, at })
    }

    /// What changed of users' badges.
    pub fn held_to_write(&self) -> Vec<(&BadgeKey, &HeldBadge)> {
        self.held_changed.iter().filter_map(|key| self.held.get_key_value(key)).collect()
    }

    /// What changed of their grounds.
    pub fn grounds_to_write(&self) -> Vec<(&(BadgeKey, String), &Ground)> {
        self.grounds_changed.iter().filter_map(|id| self.grounds.get_key_value(id)).collect()
    }

    /// Who began or ceased to hold a badge.
    pub fn holders_changed(&self) -> impl Iterator<Item = (&BadgeKey, i64)> {
        self.holders.iter().filter(|(_, by)| **by != 0).map(|(key, by)| (key, *by))
    }
}

/// The share of members who hold a badge, in basis points, rounded down.
pub fn share_bp(holders: i64, members: i64) -> i32 {
    if members <= 0 {
        return 0;
    }
    i32::try_from((i128::from(holders.max(0)) * 10_000 / i128::from(members)).min(10_000)).unwrap_or(10_000)
}

/// How rare a badge is, for users in Chinese and English.
pub fn rarity_sentence(holders: i64, members: i64) -> LocalizedText {
    let bp = share_bp(holders, members);
    let (zh, en) = if members <= 0 {
        (format!("{holders} 人拥有"), format!("held by {holders}"))
    } else if holders > 0 && bp < 10 {
        ("不到 0.1% 的会员拥有".to_owned(), "held by less than 0.1% of members".to_owned())
    } else {
        let share = format!("{}.{}%", bp / 100, bp % 100 / 10);
        (format!("{share} 的会员拥有"), format!("held by {share} of members"))
    };
    LocalizedText { texts: [("zh".to_owned(), zh), ("en".to_owned(), en)].into(), fallback: "zh".to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const AT: OffsetDateTime = datetime!(2026-11-28 08:00 UTC);

    fn key() -> BadgeKey {
        (UserId::new("小林").unwrap(), Key::new("runner").unwrap())
    }

    fn tier(book: &BadgeBook) -> usize {
        book.held(&key()).map_or(0, |held| held.tier)
    }

    #[test]
    fn a_badge_is_held_as_long_as_one_ground_stands_in_the_highest_tier_that_one_gives() {
        let mut book = BadgeBook::default();
        let won = book.award(&key(), ("quest/a", 1), "quest/a", AT).unwrap();
        assert_eq!((won.tier, won.tier_before), (1, 0));
        assert_eq!(book.award(&key(), ("call/1", 1), "hand", AT), None, "held already");
        let gold = book.award(&key(), ("streak/s", 3), "streak/s", AT).unwrap();
        assert_eq!((gold.tier, gold.tier_before), (3, 1));
        assert_eq!(book.award(&key(), ("streak/s", 3), "streak/s", AT), None, "the same ground");
        let fall = book.lift(&key(), "streak/s", "streak/s", AT).unwrap();
        assert_eq!((fall.tier, fall.tier_before), (1, 3));
        assert_eq!(book.lift(&key(), "streak/s", "streak/s", AT), None, "it does not stand any more");
        assert_eq!(book.lift(&key(), "quest/a", "quest/a", AT), None, "the call still stands");
        assert_eq!(book.lift(&key(), "call/1", "hand", AT).unwrap().tier, 0);
        assert_eq!(book.holders_changed().count(), 0, "gained and lost in one transaction");
    }

    #[test]
    fn a_revoked_badge_is_gone_whatever_it_was_held_for_and_can_be_earned_again() {
        let mut book = BadgeBook::default();
        assert_eq!(book.revoke(&key(), "call/r", "abuse", AT), None);
        book.award(&key(), ("quest/a", 2), "quest/a", AT);
        book.award(&key(), ("quest/b", 1), "quest/b", AT);
        assert_eq!(book.revoke(&key(), "call/r", "abuse", AT).unwrap().tier_before, 2);
        assert_eq!(tier(&book), 0);
        assert_eq!(book.award(&key(), ("quest/c", 1), "quest/c", AT).unwrap().tier, 1);
    }

    #[test]
    fn rarity_is_said_in_both_languages_and_never_rounded_up() {
        let said = |holders, members| {
            let text = rarity_sentence(holders, members);
            (text.texts["zh"].clone(), text.texts["en"].clone())
        };
        assert_eq!(said(32, 1_000).0, "3.2% 的会员拥有");
        assert_eq!(said(32, 1_000).1, "held by 3.2% of members");
        assert_eq!(said(3_299, 100_000).0, "3.2% 的会员拥有");
        assert_eq!(said(1, 100_000).0, "不到 0.1% 的会员拥有");
        assert_eq!(said(2, 0).0, "2 人拥有", "before members were counted");
        assert_eq!(share_bp(5, 3), 10_000, "holders are those of now, members those of then");
    }

    proptest! {
        #[test]
        fn the_tier_is_what_the_standing_grounds_say_whatever_came_before(
            steps in proptest::collection::vec((0_u8..5, 1_usize..4, any::<bool>()), 0..40)
        ) {
            let mut book = BadgeBook::default();
            let mut standing: BTreeMap<u8, usize> = BTreeMap::new();
            for (ground, tier, adds) in steps {
                let name = format!("quest/{ground}");
                if adds {
                    standing.entry(ground).or_insert(tier);
                    book.award(&key(), (&name, tier), "r", AT);
                } else {
                    standing.remove(&ground);
                    book.lift(&key(), &name, "r", AT);
                }
                prop_assert_eq!(book.held(&key()).map_or(0, |held| held.tier), standing.values().copied().max().unwrap_or(0));
                let holds = i64::from(!standing.is_empty());
                prop_assert_eq!(book.holders.values().sum::<i64>(), holds);
            }
        }
    }
}
