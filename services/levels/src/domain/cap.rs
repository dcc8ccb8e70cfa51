//! Caps: the most that is given in a period, and what is used of it.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use units::zone::Zone;

/// Whose use a cap counts. The names are stored and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// That of each user by itself.
    User,
    /// That of all users together.
    AllUsers,
}

/// After what time a cap begins anew. The names are stored and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// With each day.
    Day,
    /// With each Monday.
    Week,
    /// With each month of the calendar.
    Month,
    /// With each year of the calendar.
    Year,
    /// Never.
    Ever,
}

/// The most that is given in a period. At least one limit is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// Whose use it counts.
    pub scope: Scope,
    /// When it begins anew.
    pub period: Period,
    /// The most points.
    pub points: Option<i64>,
    /// How often something is given.
    pub times: Option<i64>,
}

/// What has caps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An earning rule, in all its versions.
    EarningRule(Key),
    /// A point type.
    PointType(Key),
}

/// What a cap counts: the use of a subject in one period. In the order in which rows are locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CapKey {
    /// By whom; `None`: by all users.
    pub user: Option<UserId>,
    /// Of what.
    pub subject: Subject,
    /// The kind of period.
    pub period: Period,
    /// The period's first instant; of [`Period::Ever`] the year 1970.
    pub starts_at: OffsetDateTime,
}

/// What was given in a period. It only grows: what is taken back gives no room back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Points.
    pub points: i64,
    /// How often.
    pub times: i64,
}

/// Something with its caps, and the zone of their days.
#[derive(Debug, Clone)]
pub struct Capped<'a> {
    /// What.
    pub subject: Subject,
    /// Its caps.
    pub caps: &'a [Cap],
    /// The zone that decides periods.
    pub zone: &'a Zone,
}

/// What caps leave of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// What was asked for.
    pub asked: i64,
    /// What can be given; 0: nothing.
    pub given: i64,
    /// The cap that left the least, where that is less than was asked for; of several the one that lasts longest.
    pub cut: Option<Cut>,
}

/// A cap that leaves less than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The cap.
    pub cap: Cap,
    /// When it begins anew; `None`: never.
    pub frees_at: Option<OffsetDateTime>,
}

impl Scope {
    /// The contract's number.
    pub fn code(self) -> i32 {
        match self {
            Scope::User => 1,
            Scope::AllUsers => 2,
        }
    }

    /// The scope of a number.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::User, Self::AllUsers].into_iter().find(|scope| scope.code() == code)
    }
}

impl Period {
    const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Year, Self::Ever];

    /// The contract's number, which is stored too.
    pub fn code(self) -> i16 {
        match self {
            Period::Day => 1,
            Period::Week => 2,
            Period::Month => 3,
            Period::Year => 4,
            Period::Ever => 5,
        }
    }

    /// The period of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.code() == code)
    }

    /// When the period began in which `at` lies.
    pub fn start(self, zone: &Zone, at: OffsetDateTime) -> OffsetDateTime {
        match self {
            Period::Day => zone.day_start(at),
            Period::Week => zone.week_start(at),
            Period::Month => zone.month_start(at),
            Period::Year => zone.year_start(at),
            Period::Ever => OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// When the period ends in which `at` lies; `None`: never.
    pub fn end(self, zone: &Zone, at: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Period::Day => Some(zone.day_end(at)),
            Period::Week => Some(zone.week_end(at)),
            Period::Month => Some(zone.month_end(at)),
            Period::Year => Some(zone.year_end(at)),
            Period::Ever => None,
        }
    }
}

impl Cap {
    /// How much of what is asked for there is room for.
    pub fn room(&self, used: Used, asked: i64) -> i64 {
        if self.times.is_some_and(|times| used.times >= times) {
            return 0;
        }
        self.points.map_or(asked, |points| asked.min(points - used.points).max(0))
    }

    /// What it counts of what a user does at a time.
    pub fn key(&self, subject: &Subject, zone: &Zone, user: &UserId, at: OffsetDateTime) -> CapKey {
        CapKey {
            user: (self.scope == Scope::User).then(|| user.clone()),
            subject: subject.clone(),
            period: self.period,
            starts_at: self.period.start(zone, at),
        }
    }
}

impl Subject {
    /// The number of its kind, which is stored, and its id.
    pub fn code(&self) -> (i16, &str) {
        match self {
            Subject::EarningRule(id) => (1, id.as_str()),
            Subject::PointType(id) => (2, id.as_str()),
        }
    }
}

impl Capped<'_> {
    /// What the caps count of what a user does at a time.
    pub fn keys(&self, user: &UserId, at: OffsetDateTime) -> impl Iterator<Item = (CapKey, Cap)> {
        self.caps.iter().map(move |cap| (cap.key(&self.subject, self.zone, user, at), *cap))
    }
}

/// What is used of the caps that one transaction may meet, and what it uses of them.
#[derive(Debug, Default)]
pub struct CapBook {
    used: BTreeMap<CapKey, Used>,
    changed: BTreeSet<CapKey>,
}

impl CapBook {
    /// As loaded; of what is not there nothing is used.
    pub fn new(used: BTreeMap<CapKey, Used>) -> Self {
        Self { used, changed: BTreeSet::new() }
    }

    /// What was given so far.
    pub fn used(&self, key: &CapKey) -> Used {
        self.used.get(key).copied().unwrap_or_default()
    }

    /// How much all these caps together leave of what a user is to get for what happened at `at`.
    pub fn room(&self, capped: &[Capped<'_>], user: &UserId, at: OffsetDateTime, asked: i64) -> Allowed {
        let mut allowed = Allowed { asked, given: asked, cut: None };
        for it in capped {
            for (key, cap) in it.keys(user, at) {
                let room = cap.room(self.used(&key), asked);
                let frees_at = cap.period.end(it.zone, at);
                let lasts = |cut: &Cut| cut.frees_at.is_some_and(|before| frees_at.is_none_or(|it| it > before));
                if room < allowed.given
                    || (room < asked && room == allowed.given && allowed.cut.is_some_and(|c| lasts(&c)))
                {
                    allowed.given = room;
                    allowed.cut = Some(Cut { cap, frees_at });
                }
            }
        }
        allowed
    }

    /// As [`CapBook::room`]; what is given counts from then on.
    pub fn take(&mut self, capped: &[Capped<'_>], user: &UserId, at: OffsetDateTime, asked: i64) -> Allowed {
        let allowed = self.room(capped, user, at, asked);
        if allowed.given > 0 {
            // a subject may have several caps of one period, which count the same
            let keys: BTreeSet<CapKey> = capped.iter().flat_map(|it| it.keys(user, at)).map(|(key, _)| key).collect();
            for key in keys {
                let used = self.used.entry(key.clone()).or_default();
                used.points = used.points.saturating_add(allowed.given);
                used.times += 1;
                self.changed.insert(key);
            }
        }
        allowed
    }

    /// What is used more of than was loaded.
    pub fn into_changed(self) -> Vec<(CapKey, Used)> {
        let Self { mut used, changed } = self;
        changed.into_iter().filter_map(|key| used.remove_entry(&key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    fn cap(scope: Scope, period: Period, points: i64, times: i64) -> Cap {
        let limit = |max: i64| (max > 0).then_some(max);
        Cap { scope, period, points: limit(points), times: limit(times) }
    }

    fn user(id: &str) -> UserId {
        UserId::new(id).unwrap()
    }

    struct Shop {
        subject: Subject,
        zone: Zone,
        book: CapBook,
    }

    fn shop() -> Shop {
        let subject = Subject::EarningRule(Key::new("r").unwrap());
        Shop { subject, zone: Zone::new("Asia/Shanghai").unwrap(), book: CapBook::default() }
    }

    impl Shop {
        fn take(&mut self, caps: &[Cap], who: &str, at: OffsetDateTime, asked: i64) -> Allowed {
            let capped = Capped { subject: self.subject.clone(), caps, zone: &self.zone };
            self.book.take(&[capped], &user(who), at, asked)
        }
    }

    const NOON: OffsetDateTime = datetime!(2026-03-31 12:00 +8);

    #[test]
    fn what_exceeds_a_cap_is_cut_and_the_cap_tells_when_it_frees_again() {
        let mut shop = shop();
        let daily = cap(Scope::User, Period::Day, 100, 0);
        assert_eq!(shop.take(&[daily], "u", NOON, 70), Allowed { asked: 70, given: 70, cut: None });
        let cut = Some(Cut { cap: daily, frees_at: Some(datetime!(2026-04-01 0:00 +8)) });
        assert_eq!(shop.take(&[daily], "u", NOON, 70), Allowed { asked: 70, given: 30, cut });
        assert_eq!(shop.take(&[daily], "u", NOON, 70), Allowed { asked: 70, given: 0, cut });
        assert_eq!(shop.take(&[daily], "v", NOON, 70).given, 70, "another user has room of their own");
        assert_eq!(shop.take(&[daily], "u", NOON + Duration::days(1), 70).given, 70, "another day");
    }

    #[test]
    fn periods_are_those_of_the_zone_and_of_what_happened_in_them() {
        let sunday = datetime!(2026-03-29 23:59 +8);
        for (period, other) in [
            (Period::Day, datetime!(2026-03-30 0:00 +8)),
            (Period::Week, datetime!(2026-03-30 0:00 +8)),
            (Period::Month, datetime!(2026-04-01 0:00 +8)),
            (Period::Year, datetime!(2027-01-01 0:00 +8)),
        ] {
            let (mut shop, once) = (shop(), cap(Scope::User, period, 0, 1));
            assert_eq!(shop.take(&[once], "u", sunday, 5).given, 5);
            let last = other - Duration::nanoseconds(1);
            let within = shop.take(&[once], "u", last, 5);
            assert_eq!((within.given, within.cut.unwrap().frees_at), (0, Some(other)), "{period:?}");
            assert_eq!(shop.take(&[once], "u", other, 5).given, 5, "{period:?}");
            assert_eq!(shop.take(&[once], "u", sunday, 5).given, 0, "{period:?}: known late, it counts for its own");
        }
        let (mut shop, once) = (shop(), cap(Scope::User, Period::Ever, 0, 1));
        assert_eq!(shop.take(&[once], "u", sunday, 5).given, 5);
        let later = shop.take(&[once], "u", sunday + Duration::days(9_000), 5);
        assert_eq!((later.given, later.cut.unwrap().frees_at), (0, None));
    }

    #[test]
    fn of_several_caps_the_least_room_counts_and_of_equals_the_one_that_lasts_longest_is_told() {
        let mut shop = shop();
        let caps = [
            cap(Scope::User, Period::Day, 50, 0),
            cap(Scope::User, Period::Month, 80, 0),
            cap(Scope::AllUsers, Period::Ever, 100, 0),
        ];
        assert_eq!(shop.take(&caps, "u", NOON, 60).cut.unwrap().cap, caps[0]);
        assert_eq!(shop.take(&caps, "v", NOON, 60).given, 50);
        let both = shop.take(&caps, "u", NOON, 60);
        assert_eq!((both.given, both.cut.unwrap()), (0, Cut { cap: caps[2], frees_at: None }));
        assert_eq!(shop.take(&caps, "w", NOON, 60).given, 0, "all users together have had it");
    }

    #[test]
    fn what_one_cap_leaves_is_what_the_others_count() {
        let mut shop = shop();
        let (tight, wide) = (cap(Scope::User, Period::Day, 10, 0), cap(Scope::User, Period::Month, 100, 0));
        shop.take(&[tight, wide], "u", NOON, 60);
        let key = wide.key(&shop.subject, &shop.zone, &user("u"), NOON);
        assert_eq!(shop.book.used(&key), Used { points: 10, times: 1 });
        shop.take(&[tight, wide], "u", NOON, 60);
        assert_eq!(shop.book.used(&key), Used { points: 10, times: 1 }, "where nothing is given nothing is used");
    }

    proptest! {
        #[test]
        fn no_cap_is_ever_exceeded_and_none_cuts_without_need(
            asked in prop::collection::vec((0usize..3, 0i64..40, 1i64..60), 1..40),
            limits in (0i64..150, 0i64..5, 0i64..300, 0i64..12),
        ) {
            let caps: Vec<Cap> = [
                cap(Scope::User, Period::Week, limits.0, limits.1),
                cap(Scope::AllUsers, Period::Month, limits.2, limits.3),
            ].into_iter().filter(|it| it.points.is_some() || it.times.is_some()).collect();
            let mut shop = shop();
            let mut given: Vec<(usize, OffsetDateTime, i64)> = Vec::new();
            for (who, day, asked) in asked {
                let at = NOON + Duration::days(day);
                let of = |cap: &Cap, given: &[(usize, OffsetDateTime, i64)]| {
                    let start = |at| cap.period.start(&Zone::new("Asia/Shanghai").unwrap(), at);
                    let same = given.iter().filter(|it| start(it.1) == start(at))
                        .filter(|it| cap.scope == Scope::AllUsers || it.0 == who);
                    let (points, times) = same.fold((0, 0), |sum, it| (sum.0 + it.2, sum.1 + 1));
                    Used { points, times }
                };
                let want = caps.iter().map(|cap| cap.room(of(cap, &given), asked)).min().unwrap_or(asked);
                let allowed = shop.take(&caps, &format!("u{who}"), at, asked);
                prop_assert_eq!(allowed.given, want);
                prop_assert_eq!(allowed.cut.is_some(), want < asked);
                if want > 0 {
                    given.push((who, at, want));
                }
                for cap in &caps {
                    let used = of(cap, &given);
                    prop_assert!(cap.points.is_none_or(|max| used.points <= max));
                    prop_assert!(cap.times.is_none_or(|max| used.times <= max));
                }
            }
        }
    }
}
