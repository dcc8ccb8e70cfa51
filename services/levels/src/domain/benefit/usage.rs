//! What a user has of benefits, and what uses do to it.

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;
use units::zone::Zone;

use super::{Benefit, BenefitKind, BenefitPeriod};
use crate::domain::balance::Holding;
use crate::domain::book::{AccountKey, Programme};
use crate::domain::refusal::Refusal;
use crate::domain::scheme::Scheme;

/// Some time: from its first instant to before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// When it begins.
    pub start: OffsetDateTime,
    /// When it ends; `None`: never.
    pub end: Option<OffsetDateTime>,
}

/// All time.
const EVER: Period = Period { start: OffsetDateTime::UNIX_EPOCH, end: None };

/// A user, as benefits see one.
#[derive(Debug)]
pub struct Holder<'a> {
    programme: &'a Programme,
    levels: Vec<Level<'a>>,
}

/// Where a user stands in a scheme.
#[derive(Debug)]
struct Level<'a> {
    scheme: &'a Scheme,
    rank: usize,
    counts: Vec<i64>,
    period: Period,
}

impl<'a> Holder<'a> {
    /// A user of a programme, by what is stored of the accounts that guard the schemes. Validities that ended since, unseen, are
    /// seen here.
    pub fn new(
        programme: &'a Programme,
        user: &UserId,
        mut holding: impl FnMut(&AccountKey) -> Holding,
        clock: OffsetDateTime,
    ) -> Self {
        let level = |scheme: &'a Scheme| {
            let key = (user.clone(), scheme.guard().clone());
            let (book, _) = holding(&key).at(programme, &key, clock);
            let (member, figures) = book.standing(user, scheme);
            let earned = member.map(|member| &member.earned);
            let bases = earned.map_or(&[][..], |earned| &earned.bases);
            let start = earned.and_then(|earned| earned.period_start).unwrap_or(EVER.start);
            Level {
                scheme,
                rank: member.map_or(0, |member| member.rank).min(scheme.highest()),
                counts: scheme.counts(&figures, bases),
                period: Period { start, end: earned.and_then(|earned| earned.valid_until) },
            }
        };
        Self { programme, levels: programme.schemes.values().map(level).collect() }
    }

    /// What a benefit's uses count within at a time; `None`: it has none to count.
    pub fn period(&self, benefit: &Benefit, at: OffsetDateTime) -> Option<Period> {
        let zone = zone(self.programme, benefit);
        let of = |start, end| Period { start, end: Some(end) };
        Some(match benefit.period? {
            BenefitPeriod::Ever => EVER,
            BenefitPeriod::Day => of(zone.day_start(at), zone.day_end(at)),
            BenefitPeriod::Week => of(zone.week_start(at), zone.week_end(at)),
            BenefitPeriod::Month => of(zone.month_start(at), zone.month_end(at)),
            BenefitPeriod::Year => of(zone.year_start(at), zone.year_end(at)),
            BenefitPeriod::Level => self.level_of(benefit).map_or(EVER, |level| level.period),
        })
    }

    /// What the user has of a benefit of which so much is used in its period.
    pub fn entitled<'b>(&self, benefit: &'b Benefit, used: i64, at: OffsetDateTime) -> Entitlement<'b> {
        let level = self.level_of(benefit);
        let rank = if benefit.scheme.is_none() { Some(0) } else { level.map(|level| level.rank) };
        let range = rank.and_then(|rank| benefit.at_rank(rank));
        let next = level.and_then(|level| {
            let (rank, range) = benefit.above(level.rank, level.scheme.highest())?;
            let missing = (level.scheme.threshold(rank, 0) - level.counts[0]).max(0);
            Some(Next { rank, quota: range.quota, missing })
        });
        Entitlement {
            benefit,
            held: range.is_some(),
            rank: level.map(|level| level.rank),
            quota: range.and_then(|range| range.quota).filter(|_| benefit.period.is_some()),
            used,
            period: self.period(benefit, at),
            next,
        }
    }

    fn level_of(&self, benefit: &Benefit) -> Option<&Level<'a>> {
        self.levels.iter().find(|level| benefit.scheme.as_ref() == Some(&level.scheme.id))
    }
}

/// The zone that decides a benefit's days.
pub fn zone(programme: &Programme, benefit: &Benefit) -> Zone {
    let of_scheme = || {
        let scheme = programme.schemes.get(benefit.scheme.as_ref()?)?;
        Some(programme.types.get(scheme.guard())?.zone.clone())
    };
    benefit.zone.clone().or_else(of_scheme).unwrap_or_else(Zone::utc)
}

/// What a user has of a benefit.
#[derive(Debug, Clone, PartialEq)]
pub struct Entitlement<'b> {
    /// The benefit.
    pub benefit: &'b Benefit,
    /// Whether the user's level holds it.
    pub held: bool,
    /// That level; `None`: the benefit asks for none.
    pub rank: Option<usize>,
    /// Uses per period; `None`: no limit, or nothing to count.
    pub quota: Option<i64>,
    /// Used in the period.
    pub used: i64,
    /// What is counted within; `None`: nothing is.
    pub period: Option<Period>,
    /// The next level that has it, or more of it.
    pub next: Option<Next>,
}

/// What a level above has of a benefit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The level.
    pub rank: usize,
    /// Its quota; `None`: no limit.
    pub quota: Option<i64>,
    /// Growth missing to it.
    pub missing: i64,
}

impl Entitlement<'_> {
    /// What is left of the quota; `None`: no limit, or nothing to count. After a fall more may be used than there is.
    pub fn left(&self) -> Option<i64> {
        self.quota.map(|quota| (quota - self.used).max(0))
    }

    /// When a new period begins.
    pub fn renews_at(&self) -> Option<OffsetDateTime> {
        self.period.and_then(|period| period.end)
    }

    /// Whether so many uses are allowed; of what is not counted, whether it is.
    pub fn check(&self, count: i64, at: OffsetDateTime) -> Result<(), Refusal> {
        let benefit_id = || self.benefit.id.to_string();
        if !self.benefit.in_force(at) {
            return match self.benefit.kind {
                BenefitKind::Restriction => Ok(()), // it keeps nobody from anything
                BenefitKind::Service | BenefitKind::Cosmetic => {
                    Err(Refusal::BenefitNotInForce { benefit_id: benefit_id() })
                }
            };
        }
        if !self.held {
            let needed_rank = self.next.as_ref().map(|next| next.rank);
            return Err(Refusal::BenefitNotHeld { benefit_id: benefit_id(), needed_rank });
        }
        match self.left() {
            Some(left) if left < count => {
                Err(Refusal::BenefitQuotaShort { benefit_id: benefit_id(), left, count, renew_time: self.renews_at() })
            }
            _ => Ok(()),
        }
    }

    /// Uses so many, if they are allowed; answers what is to be stored of it.
    pub fn use_up(&mut self, count: i64, at: OffsetDateTime) -> Result<Count, Refusal> {
        let not_counted = || Refusal::BenefitNotCounted { benefit_id: self.benefit.id.to_string() };
        let period = self.period.ok_or_else(not_counted)?;
        self.check(count, at)?;
        self.used += count;
        Ok(Count { period_start: period.start, used: self.used, last_decided_at: at })
    }
}

/// What was used in the period that was the current one at the last use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// When that period began.
    pub period_start: OffsetDateTime,
    /// What was used since and not given back.
    pub used: i64,
    /// The last decision's time: later ones never come before it.
    pub last_decided_at: OffsetDateTime,
}

/// A use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenefitUse {
    /// Its id.
    pub id: EventId,
    /// What was used.
    pub benefit: Key,
    /// In which version.
    pub benefit_version: i32,
    /// At which level; `None`: the benefit asks for none.
    pub rank: Option<usize>,
    /// How many times.
    pub count: i64,
    /// How many of them were given back.
    pub given_back: i64,
    /// What each costs.
    pub cost_minor: i64,
    /// For which order; may be empty.
    pub order_id: String,
    /// Why; may be empty.
    pub reason: String,
    /// When.
    pub used_at: OffsetDateTime,
}

impl BenefitUse {
    /// Gives so many back in all, 0: all of them. Answers how many came back now.
    pub fn give_back(&mut self, total: i64) -> Result<i64, Refusal> {
        let total = if total == 0 { self.count } else { total };
        if total > self.count {
            return Err(Refusal::BenefitGiveBackExceeded { used: self.count, count: total });
        }
        let came_back = (total - self.given_back).max(0);
        self.given_back += came_back;
        Ok(came_back)
    }
}

impl Count {
    /// After something of a use came back: it goes to the period in which it was used.
    #[must_use]
    pub fn given_back(self, used_at: OffsetDateTime, came_back: i64, at: OffsetDateTime) -> Self {
        let used = if used_at >= self.period_start { self.used - came_back } else { self.used };
        Self { used, last_decided_at: at.max(self.last_decided_at), ..self }
    }
}
