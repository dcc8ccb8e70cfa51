//! What a user can show to others.

use std::collections::BTreeMap;

use ids::Key;
use time::{Date, Month, OffsetDateTime};
use units::text::LocalizedText;
use units::zone::{Day, Zone};

/// Thousandths in which the growth of a point type's users is counted.
pub const QUANTILES: usize = 999;

/// A year, or a month, in a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardPeriod {
    /// As it is written: `2026` or `2026-11`.
    pub name: String,
    /// Its first day.
    pub first_day: Date,
    /// The day after its last.
    pub end_day: Date,
    /// When it begins.
    pub start: OffsetDateTime,
    /// When it ends.
    pub end: OffsetDateTime,
}

impl CardPeriod {
    /// Reads `2026` or `2026-11`; `None` where there is no such period.
    pub fn read(text: &str, zone: &Zone) -> Option<Self> {
        let (year, month) = match text.split_once('-') {
            Some((year, month)) => (year.parse().ok()?, Some(Month::try_from(month.parse::<u8>().ok()?).ok()?)),
            None => (text.parse().ok()?, None),
        };
        let first = |year: i32, month: Month| Date::from_calendar_date(year, month, 1).ok();
        let first_day = first(year, month.unwrap_or(Month::January))?;
        let end_day = match month {
            Some(Month::December) | None => first(year + 1, Month::January)?,
            Some(month) => first(year, month.next())?,
        };
        let begins = |day: Date| Some(zone.minute_of(Day::parse(&day.to_string())?, 0));
        Some(Self { name: text.to_owned(), first_day, end_day, start: begins(first_day)?, end: begins(end_day)? })
    }
}

/// What a user has come to in a period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// Earned and used, by point type.
    pub points: BTreeMap<Key, (i64, i64)>,
    /// The highest rank held; `None`: there is no scheme.
    pub highest_rank: Option<usize>,
    /// How often the level rose.
    pub rises: i32,
    /// Quests completed.
    pub quests: i32,
    /// Days with a check-in.
    pub check_ins: i32,
    /// The longest run of days that reaches into the period.
    pub longest_run: i32,
    /// The point type whose growth is compared, and the growth.
    pub growth: Option<(Key, i64)>,
    /// The share of users who have less growth in basis points, and when that was counted.
    pub better_than: Option<(i32, OffsetDateTime)>,
}

/// The share of users who have less growth, in basis points, by the growth that each thousandth of them does not exceed. Never
/// more than it is, and less by at most a thousandth.
pub fn better_than_bp(growth: i64, quantiles: &[i64]) -> i32 {
    i32::try_from(quantiles.partition_point(|it| *it < growth) * 10).unwrap_or(0)
}

/// What the card says, in Chinese and English. `spendable` is the first point type that can be used, as users call it.
pub fn sentence(period: &CardPeriod, card: &Card, first: Option<(&Key, &LocalizedText)>) -> LocalizedText {
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    if let Some((id, name)) = first {
        let earned = card.points.get(id).map_or(0, |(earned, _)| *earned);
        zh.push(format!("获得 {earned} {}", name.closest("zh")));
        en.push(format!("{earned} {} earned", name.closest("en")));
    }
    if card.quests > 0 {
        zh.push(format!("完成 {} 个任务", card.quests));
        en.push(format!("{} quests completed", card.quests));
    }
    if card.longest_run > 0 {
        zh.push(format!("最长连续签到 {} 天", card.longest_run));
        en.push(format!("{} days in a row", card.longest_run));
    }
    if let Some((bp, _)) = card.better_than.filter(|(bp, _)| *bp >= 100) {
        zh.push(format!("超过了 {}% 的用户", bp / 100));
        en.push(format!("better than {}% of users", bp / 100));
    }
    let name = &period.name;
    let (zh, en) = match zh.is_empty() {
        true => (format!("{name}：还没有记录"), format!("{name}: nothing yet")),
        false => (format!("{name}：{}", zh.join("，")), format!("{name}: {}", en.join(", "))),
    };
    LocalizedText { texts: [("zh".to_owned(), zh), ("en".to_owned(), en)].into(), fallback: "zh".to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn a_period_is_a_year_or_a_month_of_its_zone() {
        let zone = Zone::new("Asia/Shanghai").unwrap();
        let year = CardPeriod::read("2026", &zone).unwrap();
        assert_eq!((year.start, year.end), (datetime!(2025-12-31 16:00 UTC), datetime!(2026-12-31 16:00 UTC)));
        let month = CardPeriod::read("2026-12", &zone).unwrap();
        assert_eq!((month.first_day, month.end_day), (date!(2026 - 12 - 01), date!(2027 - 01 - 01)));
        assert_eq!(CardPeriod::read("2026-13", &zone), None);
        assert_eq!(CardPeriod::read("", &zone), None);
    }

    #[test]
    fn a_card_says_what_there_is_to_say_in_both_languages() {
        let zone = Zone::utc();
        let period = CardPeriod::read("2026", &zone).unwrap();
        let points = Key::new("points").unwrap();
        let name = LocalizedText { texts: [("zh".into(), "积分".into())].into(), fallback: "zh".into() };
        let card = Card { points: [(points.clone(), (1_280, 30))].into(), quests: 6, ..Card::default() };
        let card = Card { better_than: Some((9_340, datetime!(2026-12-31 16:00 UTC))), longest_run: 9, ..card };
        let said = sentence(&period, &card, Some((&points, &name)));
        assert_eq!(said.texts["zh"], "2026：获得 1280 积分，完成 6 个任务，最长连续签到 9 天，超过了 93% 的用户");
        assert_eq!(
            said.texts["en"],
            "2026: 1280 积分 earned, 6 quests completed, 9 days in a row, better than 93% of users"
        );
        assert_eq!(sentence(&period, &Card::default(), None).texts["zh"], "2026：还没有记录");
    }

    proptest! {
        #[test]
        fn the_share_is_never_more_than_it_is_and_less_by_a_thousandth_at_most(
            mut growths in proptest::collection::vec(0_i64..500, 1..300), own in 0_i64..500
        ) {
            growths.sort_unstable();
            let users = growths.len();
            // percentile_disc: the first value whose share of values up to it is at least that
            let quantile = |n: usize| growths[(n * users).div_ceil(1_000).max(1) - 1];
            let quantiles: Vec<i64> = (1..=QUANTILES).map(quantile).collect();
            let less = growths.partition_point(|it| *it < own);
            let share = i64::from(better_than_bp(own, &quantiles)) * users as i64;
            let exact = less as i64 * 10_000;
            prop_assert!(share <= exact, "{share} of {exact}");
            prop_assert!(exact - share <= 10 * users as i64, "{share} of {exact}");
        }
    }
}
