//! What completions of quests give, and how it is taken back.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, UserId};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Quest;
use super::progress::{RoundKey, Turn};
use crate::domain::badge::{BadgeBook, BadgeMove};
use crate::domain::bonus::{self, Bonus, BonusFor, BonusPoints, Landed};
use crate::domain::book::{AccountKey, Book};
use crate::domain::consume::Incoming;
use crate::domain::entry::Payer;
use crate::domain::refusal::Refusal;

/// Points of a completion: the period, the round in it, and the point type.
pub type GivenKey = (RoundKey, i32, Key);

/// Points that a completion gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// How many.
    pub points: i64,
    /// Where they went; `None`: the account had no room.
    pub landed: Option<Landed>,
    /// False: they were taken back, or never given.
    pub given: bool,
    /// Who pays for them.
    pub payer: Payer,
}

/// What came of a turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// What was given, as far as there was room.
    pub bonus: Bonus,
    /// What it did to badges.
    pub badges: Vec<BadgeMove>,
}

/// The points that completions gave which a transaction is about.
#[derive(Debug, Default)]
pub struct QuestBonuses {
    given: BTreeMap<GivenKey, Given>,
    changed: BTreeSet<GivenKey>,
}

/// The ground on which a completion gives a badge, and the id of what else it gives.
pub fn ground(turn: &Turn) -> String {
    let (_, quest, start) = &turn.key;
    let start = start.format(&Rfc3339).unwrap_or_default();
    format!("quest/{quest}/{start}/{}", turn.round)
}

/// What users are told of why they hold a badge.
pub fn reason(quest: &Key) -> String {
    format!("quest/{quest}")
}

impl QuestBonuses {
    /// As loaded.
    pub fn new(given: impl IntoIterator<Item = (GivenKey, Given)>) -> Self {
        Self { given: given.into_iter().collect(), changed: BTreeSet::new() }
    }

    /// The accounts that a turn is about.
    pub fn accounts<'a>(&'a self, quest: &'a Quest, turn: &'a Turn) -> impl Iterator<Item = AccountKey> + 'a {
        let user: &UserId = &turn.key.0;
        let gives = quest.bonus.points.iter().filter(|_| turn.completed).map(|it| &it.point_type);
        let gave = self
            .given
            .iter()
            .filter(|((key, round, _), it)| !turn.completed && it.given && *key == turn.key && *round == turn.round);
        let gave = gave.map(|((_, _, point_type), _)| point_type);
        gives.chain(gave).map(|point_type| (user.clone(), point_type.clone()))
    }

    /// Gives what a completion gives, once, or takes it back.
    pub fn carry_out(
        &mut self,
        (book, badges): (&mut Book<'_>, &mut BadgeBook),
        quest: &Quest,
        turn: &Turn,
        incoming: &Incoming,
    ) -> Result<Carried, Refusal> {
        let id = ground(turn);
        let name = quest.id.to_string();
        let mut carried = Carried::default();
        let (occurred_at, decided_at) = (incoming.occurred_at, incoming.recorded_at);
        let what = |payer| BonusFor { id: &id, reason: &name, payer, occurred_at, decided_at };
        let user = &turn.key.0;
        if turn.completed {
            for it in &quest.bonus.points {
                let key = (turn.key.clone(), turn.round, it.point_type.clone());
                if self.given.get(&key).is_some_and(|it| it.given) {
                    continue;
                }
                let landed = bonus::give(book, user, it, &what(&quest.payer));
                carried.bonus.points.extend(landed.is_some().then(|| it.clone()));
                let given = landed.is_some();
                let row = Given { points: it.points, landed, given, payer: quest.payer.clone() };
                self.given.insert(key.clone(), row);
                self.changed.insert(key);
            }
        } else {
            let of_turn = self.given.iter_mut().filter(|((key, round, _), _)| *key == turn.key && *round == turn.round);
            for (key, it) in of_turn.filter(|(_, it)| it.given) {
                if let Some(landed) = &it.landed {
                    let points = BonusPoints { point_type: key.2.clone(), points: it.points };
                    bonus::take_back(book, user, &points, &landed.landing, &what(&it.payer))?;
                }
                it.given = false;
                self.changed.insert(key.clone());
            }
        }
        carried.badges.extend(badge(badges, quest, turn, (&id, occurred_at)));
        carried.bonus.badge = quest.bonus.badge.clone().filter(|_| turn.completed);
        book.decide_level(user, decided_at);
        Ok(carried)
    }

    /// Points that were given or taken back.
    pub fn to_write(&self) -> Vec<(&GivenKey, &Given)> {
        self.changed.iter().filter_map(|key| self.given.get_key_value(key)).collect()
    }
}

fn badge(badges: &mut BadgeBook, quest: &Quest, turn: &Turn, (id, at): (&str, OffsetDateTime)) -> Option<BadgeMove> {
    let it = quest.bonus.badge.as_ref()?;
    let (key, reason) = ((turn.key.0.clone(), it.badge.clone()), reason(&quest.id));
    match turn.completed {
        true => badges.award(&key, (id, it.tier), &reason, at),
        false => badges.lift(&key, id, &reason, at),
    }
}
