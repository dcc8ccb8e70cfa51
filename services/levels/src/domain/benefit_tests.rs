//! Benefits: who holds them, what is left of them, and what users are told.

use ids::{EventId, Key, UserId};
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::text::LocalizedText;
use units::zone::Zone;

use super::account::Account;
use super::balance::Holding;
use super::benefit::sentence::sentence;
use super::benefit::usage::{BenefitUse, Count, Entitlement, Holder, Period};
use super::benefit::{Benefit, BenefitKind, BenefitPeriod, BenefitRange};
use super::book::{AccountKey, Programme};
use super::member::Member;
use super::point_type::PointType;
use super::refusal::Refusal;
use super::scheme::Scheme;
use super::scheme::level::Level;
use super::scheme::policy::{PeriodEnd, Validity};

/// A Sunday, 10:00 in Shanghai.
const NOW: OffsetDateTime = datetime!(2026-03-15 02:00 UTC);

fn key(id: &str) -> Key {
    Key::new(id).unwrap()
}

fn text(zh: &str, en: &str) -> LocalizedText {
    LocalizedText {
        texts: [("zh".to_owned(), zh.to_owned()), ("en".to_owned(), en.to_owned())].into(),
        fallback: String::new(),
    }
}

fn range(first_rank: usize, last_rank: impl Into<Option<usize>>, quota: i64) -> BenefitRange {
    BenefitRange { first_rank, last_rank: last_rank.into(), quota: Some(quota).filter(|quota| *quota > 0) }
}

fn benefit(kind: BenefitKind, ranges: Vec<BenefitRange>) -> Benefit {
    Benefit {
        id: key("lounge"),
        display_name: text("贵宾厅", "lounge"),
        description: None,
        kind,
        scheme: Some(key("vip")),
        ranges,
        period: (kind == BenefitKind::Service).then_some(BenefitPeriod::Month),
        zone: None,
        valid_from: None,
        valid_until: None,
        paused: false,
        cost_minor: 0,
        version: 1,
        publish_time: datetime!(2026-01-01 0:00 UTC),
    }
}

/// Levels at 0, 100 and 1,000 growth, held for a year, then decided anew from what is left above the threshold.
fn programme() -> Programme {
    let level = |(zh, en, threshold)| Level { display_name: text(zh, en), threshold, ..Level::default() };
    let zone = Zone::new("Asia/Shanghai").unwrap();
    let growth = PointType { spendable: false, ..PointType::new(key("growth"), zone) };
    let levels = [("普通", "plain", 0), ("银卡", "silver", 100), ("金卡", "gold", 1_000)].map(level).into();
    let validity = Some(Validity { months: 12, rounding: None, end: PeriodEnd::SubtractThreshold });
    let scheme = Scheme { validity, ..Scheme::new(key("vip"), key("growth"), levels) };
    Programme {
        types: [(key("growth"), growth)].into(),
        schemes: [(key("vip"), scheme)].into(),
        ..Programme::default()
    }
}

/// A user of that growth on that level until a time, whose validity has ended before or has not.
fn holder<'a>(
    programme: &'a Programme,
    (growth, rank): (i64, usize),
    valid_until: Option<OffsetDateTime>,
    last_end: Option<OffsetDateTime>,
) -> Holder<'a> {
    let account = Account { growth, ..Account::default() };
    let user = UserId::new("u").unwrap();
    let scheme = &programme.schemes[&key("vip")];
    let mut member = Member::enrol(programme.terms(scheme).unwrap(), NOW);
    (member.rank, member.earned.rank) = (rank, rank);
    (member.earned.valid_until, member.earned.review_at) = (valid_until, valid_until);
    member.earned.period_start = last_end;
    let holding = |at: &AccountKey| Holding {
        accounts: [(at.clone(), account.clone())].into(),
        members: [((user.clone(), key("vip")), member.clone())].into(),
        ..Holding::default()
    };
    Holder::new(programme, &user, holding, NOW)
}

/// As [`holder`], of whom nothing more is to be known.
fn on_rank(programme: &Programme, rank: usize) -> Holder<'_> {
    holder(programme, ([20, 120, 1_200][rank], rank), None, None)
}

#[test]
fn a_range_holds_from_its_first_level_to_its_last_and_between_ranges_nobody_does() {
    let it = benefit(BenefitKind::Service, vec![range(1, 1, 2), range(3, None, 5)]);
    let quotas: Vec<_> = (0..6).map(|rank| it.at_rank(rank).map(|it| it.quota.unwrap())).collect();
    assert_eq!(quotas, [None, Some(2), None, Some(5), Some(5), Some(5)]);
    assert_eq!(it.highest_named(), 3);
}

#[test]
fn the_next_level_is_the_lowest_above_that_gives_it_or_more_of_it() {
    let it = benefit(BenefitKind::Service, vec![range(1, 1, 2), range(3, 3, 2), range(4, None, 5)]);
    let next: Vec<_> = (0..6).map(|rank| it.above(rank, 9).map(|(rank, _)| rank)).collect();
    assert_eq!(next, [Some(1), Some(4), Some(3), Some(4), None, None]);
    assert_eq!(it.above(3, 3), None, "there is no level above the highest");
    let endless = benefit(BenefitKind::Service, vec![range(1, 1, 2), range(2, 2, 0), range(3, None, 9)]);
    assert_eq!(endless.above(1, 9).map(|(rank, _)| rank), Some(2));
    assert_eq!(endless.above(2, 9), None, "more than no limit there is not");
    let cosmetic = benefit(BenefitKind::Cosmetic, vec![range(1, None, 0)]);
    assert_eq!((cosmetic.above(0, 9).map(|(rank, _)| rank), cosmetic.above(1, 9)), (Some(1), None));
}

#[test]
fn it_is_in_force_from_its_first_instant_to_before_its_end_unless_paused() {
    let (from, until) = (datetime!(2026-02-01 0:00 +8), datetime!(2026-03-01 0:00 +8));
    let it = benefit(BenefitKind::Cosmetic, vec![range(0, None, 0)]);
    let it = Benefit { valid_from: Some(from), valid_until: Some(until), ..it };
    let tick = Duration::MICROSECOND;
    let seen = [from - tick, from, until - tick, until].map(|at| it.in_force(at));
    assert_eq!(seen, [false, true, true, false]);
    assert!(!Benefit { paused: true, ..it }.in_force(from));
}

#[test]
fn a_period_is_of_the_benefits_zone_else_of_its_schemes_points() {
    let programme = programme();
    let holder = on_rank(&programme, 1);
    let of = |period, zone: Option<&str>| {
        let it = benefit(BenefitKind::Service, vec![range(0, None, 1)]);
        let zone = zone.map(|name| Zone::new(name).unwrap());
        holder.period(&Benefit { period: Some(period), zone, ..it }, NOW).unwrap()
    };
    let between = |start, end| Period { start, end: Some(end) };
    let day = between(datetime!(2026-03-15 0:00 +8), datetime!(2026-03-16 0:00 +8));
    assert_eq!(of(BenefitPeriod::Day, None), day);
    let day = between(datetime!(2026-03-14 0:00 -4), datetime!(2026-03-15 0:00 -4));
    assert_eq!(of(BenefitPeriod::Day, Some("America/New_York")), day);
    let week = between(datetime!(2026-03-09 0:00 +8), datetime!(2026-03-16 0:00 +8));
    assert_eq!(of(BenefitPeriod::Week, None), week);
    let month = between(datetime!(2026-03-01 0:00 +8), datetime!(2026-04-01 0:00 +8));
    assert_eq!(of(BenefitPeriod::Month, None), month);
    let year = between(datetime!(2026-01-01 0:00 +8), datetime!(2027-01-01 0:00 +8));
    assert_eq!(of(BenefitPeriod::Year, None), year);
    assert_eq!(of(BenefitPeriod::Ever, None), Period { start: OffsetDateTime::UNIX_EPOCH, end: None });
    assert_eq!(holder.period(&benefit(BenefitKind::Cosmetic, vec![range(0, None, 0)]), NOW), None);
}

#[test]
fn a_level_period_begins_with_the_last_end_of_a_validity_also_where_nobody_has_booked_it() {
    let programme = programme();
    let it = benefit(BenefitKind::Service, vec![range(0, None, 1)]);
    let it = Benefit { period: Some(BenefitPeriod::Level), ..it };
    let (before, end) = (datetime!(2025-03-01 0:00 +8), datetime!(2026-03-01 0:00 +8));
    let later = datetime!(2027-03-01 0:00 +8);
    let first = holder(&programme, (150, 1), Some(later), None);
    assert_eq!(first.period(&it, NOW).unwrap(), Period { start: OffsetDateTime::UNIX_EPOCH, end: Some(later) });
    let booked = holder(&programme, (150, 1), Some(later), Some(end));
    assert_eq!(booked.period(&it, NOW).unwrap(), Period { start: end, end: Some(later) });
    let unseen = holder(&programme, (150, 1), Some(end), Some(before));
    assert_eq!(unseen.period(&it, NOW).unwrap(), Period { start: end, end: Some(later) });
    assert_eq!(unseen.entitled(&it, 0, NOW).rank, Some(0), "of 150 growth the threshold of 100 was taken off");
}

#[test]
fn a_rise_in_a_period_gives_the_higher_quota_and_a_fall_takes_nothing_back() {
    let programme = programme();
    let it = benefit(BenefitKind::Service, vec![range(1, 1, 2), range(2, None, 5)]);
    let left = |rank, used| on_rank(&programme, rank).entitled(&it, used, NOW).left();
    assert_eq!((left(1, 2), left(2, 2)), (Some(0), Some(3)));
    assert_eq!(left(1, 4), Some(0), "more was used than the level below has");
    let fallen = on_rank(&programme, 0).entitled(&it, 4, NOW);
    assert_eq!((fallen.held, fallen.left(), fallen.used), (false, None, 4));
    let next = fallen.next.unwrap();
    assert_eq!((next.rank, next.quota, next.missing), (1, Some(2), 80));
}

#[test]
fn who_is_on_no_level_holds_what_is_everybodys_and_what_the_lowest_level_has() {
    let (programme, none) = (programme(), Programme::default());
    let everybodys = Benefit { scheme: None, ..benefit(BenefitKind::Service, vec![range(0, None, 1)]) };
    let lowest = benefit(BenefitKind::Service, vec![range(0, 0, 1)]);
    let user = UserId::new("u").unwrap();
    let nothing = |_: &AccountKey| Holding::default();
    let nobody = Holder::new(&none, &user, nothing, NOW);
    assert!(nobody.entitled(&everybodys, 0, NOW).held && !nobody.entitled(&lowest, 0, NOW).held);
    let unseen = Holder::new(&programme, &user, nothing, NOW);
    assert!(unseen.entitled(&everybodys, 0, NOW).held && unseen.entitled(&lowest, 0, NOW).held);
    assert_eq!(unseen.entitled(&everybodys, 0, NOW).rank, None);
}

#[test]
fn a_restriction_keeps_those_below_from_it_and_nobody_while_it_is_not_in_force() {
    let programme = programme();
    let it = benefit(BenefitKind::Restriction, vec![range(1, None, 0)]);
    let check = |it: &Benefit, rank| on_rank(&programme, rank).entitled(it, 0, NOW).check(1, NOW);
    let below = Refusal::BenefitNotHeld { benefit_id: "lounge".into(), needed_rank: Some(1) };
    assert_eq!((check(&it, 0), check(&it, 1)), (Err(below), Ok(())));
    let paused = Benefit { paused: true, ..it };
    assert_eq!(check(&paused, 0), Ok(()));
    let service = Benefit { paused: true, ..benefit(BenefitKind::Service, vec![range(0, None, 0)]) };
    assert_eq!(check(&service, 0), Err(Refusal::BenefitNotInForce { benefit_id: "lounge".into() }));
}

#[test]
fn only_a_service_is_used_up() {
    let programme = programme();
    let it = benefit(BenefitKind::Cosmetic, vec![range(0, None, 0)]);
    let used = on_rank(&programme, 0).entitled(&it, 0, NOW).use_up(1, NOW);
    assert_eq!(used, Err(Refusal::BenefitNotCounted { benefit_id: "lounge".into() }));
}

#[test]
fn what_comes_back_goes_to_the_period_in_which_it_was_used() {
    let count = Count { period_start: datetime!(2026-03-01 0:00 +8), used: 3, last_decided_at: NOW };
    let in_it = count.clone().given_back(datetime!(2026-03-01 0:00 +8), 2, NOW);
    assert_eq!((in_it.used, in_it.last_decided_at), (1, NOW));
    let before = count.given_back(datetime!(2026-02-28 23:59:59.999999 +8), 2, NOW + Duration::SECOND);
    assert_eq!((before.used, before.last_decided_at), (3, NOW + Duration::SECOND));
}

#[test]
fn users_are_told_why_in_both_languages() {
    let programme = programme();
    let service = benefit(BenefitKind::Service, vec![range(1, 1, 3), range(2, None, 0)]);
    let of = |it: &Benefit, kind| Benefit { kind, period: None, ..it.clone() };
    let told = |it: &Benefit, (rank, used, count)| {
        let entitlement: Entitlement<'_> = on_rank(&programme, rank).entitled(it, used, NOW);
        let checked = entitlement.check(count, NOW);
        let said = sentence(&programme, &entitlement, checked.as_ref(), NOW);
        [said.closest("zh-CN").to_owned(), said.closest("en").to_owned()]
    };
    let cases = [
        (service.clone(), (1, 1, 1), ["可以使用，本月还剩 2 次", "Yes: 2 left this month"]),
        (service.clone(), (2, 9, 1), ["可以使用，不限次数", "Yes, without limit"]),
        (
            service.clone(),
            (1, 3, 1),
            ["本月已用 3/3 次，2026-04-01 恢复", "3 of 3 used this month; renewed on 2026-04-01"],
        ),
        (
            Benefit { period: Some(BenefitPeriod::Ever), ..service.clone() },
            (1, 2, 2),
            ["累计已用 2/3 次，不足 2 次", "2 of 3 used in all, 2 asked for"],
        ),
        (
            service.clone(),
            (0, 0, 1),
            ["「贵宾厅」从「银卡」起享有，还差 80 成长值", "“lounge” comes with the level “silver”: 80 growth to go"],
        ),
        (
            benefit(BenefitKind::Service, vec![range(0, 0, 1)]),
            (2, 0, 1),
            ["当前等级不享有「贵宾厅」", "“lounge” does not come with this level"],
        ),
        (
            Benefit { valid_from: Some(datetime!(2026-05-01 0:00 +8)), ..service.clone() },
            (1, 0, 1),
            ["「贵宾厅」自 2026-05-01 起生效", "“lounge” begins on 2026-05-01"],
        ),
        (
            Benefit { valid_until: Some(datetime!(2026-03-01 0:00 +8)), ..service.clone() },
            (1, 0, 1),
            ["「贵宾厅」已于 2026-03-01 结束", "“lounge” ended on 2026-03-01"],
        ),
        (Benefit { paused: true, ..service.clone() }, (1, 0, 1), ["「贵宾厅」已暂停", "“lounge” is paused"]),
        (of(&service, BenefitKind::Restriction), (1, 0, 1), ["不受限制", "Yes, nothing forbids it"]),
        (of(&service, BenefitKind::Cosmetic), (1, 0, 1), ["可以展示", "Yes, it can be shown"]),
    ];
    for (it, asked, want) in cases {
        assert_eq!(told(&it, asked), want);
    }
}

fn a_use(n: usize, count: i64, at: OffsetDateTime) -> BenefitUse {
    BenefitUse {
        id: EventId::new(format!("use-{n}")).unwrap(),
        benefit: key("lounge"),
        benefit_version: 1,
        rank: Some(1),
        count,
        given_back: 0,
        cost_minor: 0,
        order_id: String::new(),
        reason: String::new(),
        used_at: at,
    }
}

proptest! {
    /// Days pass, levels change, uses are made and given back, whole or in part: what is used in a period is what its uses
    /// say, and nobody ever has more of a period than the highest level held in it allows.
    #[test]
    fn the_count_is_what_the_uses_of_the_period_say_and_never_more_than_a_level_allowed(
        steps in prop::collection::vec((0_i64..20, 0_usize..3, 0_usize..3, 1_i64..4), 1..60),
    ) {
        let programme = programme();
        let quotas = [1, 3, 6];
        let it = benefit(BenefitKind::Service, vec![range(0, 0, 1), range(1, 1, 3), range(2, None, 6)]);
        let (mut now, mut uses, mut count) = (NOW, Vec::<BenefitUse>::new(), None::<Count>);
        for (n, (days, rank, act, amount)) in steps.into_iter().enumerate() {
            now += Duration::days(days) + Duration::SECOND;
            let holder = on_rank(&programme, rank);
            let start = holder.period(&it, now).unwrap().start;
            let sum = |uses: &[BenefitUse]| -> i64 {
                uses.iter().filter(|it| it.used_at >= start).map(|it| it.count - it.given_back).sum()
            };
            let known = count.as_ref().filter(|count| count.period_start == start).map(|count| count.used);
            prop_assert!(known.is_none_or(|known| known == sum(&uses)));
            let used = known.unwrap_or_else(|| sum(&uses));
            if act == 0 && !uses.is_empty() {
                let place = n % uses.len();
                let before = uses[place].given_back;
                let came_back = uses[place].give_back(amount).unwrap_or(0);
                prop_assert!(uses[place].given_back == before + came_back && uses[place].given_back <= uses[place].count);
                count = count.map(|count| count.given_back(uses[place].used_at, came_back, now));
            } else if let Ok(stored) = holder.entitled(&it, used, now).use_up(amount, now) {
                uses.push(a_use(n, amount, now));
                prop_assert!(stored.used <= quotas[rank]);
                prop_assert_eq!(stored.used, sum(&uses));
                count = Some(stored);
            } else {
                prop_assert!(used + amount > quotas[rank]);
            }
        }
    }
}
