//! Reports against a plain count over the same orders.

use std::collections::{BTreeMap, BTreeSet};

use profiles::domain::insight::{Cohort, Month, Sales, cohorts};
use profiles::domain::lifecycle::{Stage, StageModel, Standing, day, stage};
use profiles::domain::rfm::{Cell, Cuts, Method, Purchases, cell, score};
use time::{Date, Duration, OffsetDateTime};
use units::zone::Zone;

use super::support::*;

struct Bought {
    user: String,
    at: OffsetDateTime,
    total: i64,
    refund: i64,
    cancelled: bool,
}

/// A year and a half of orders of 120 users, some given back: always the same ones.
fn bought() -> Vec<Bought> {
    let mut state = 42_u64;
    let mut next = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let order = |_| {
        let user = next(120) * next(120) / 120; // most orders are of few users
        let at = testkit::at("2025-01-01T00:00:00+08:00") + Duration::minutes(next(540 * 24 * 60) as i64);
        let total = [0, 990, 5_000, 12_345, 80_000][next(5) as usize];
        let refund = if next(8) == 0 { [total / 3, total][next(2) as usize] } else { 0 };
        Bought { user: format!("u{user}"), at, total, refund, cancelled: next(15) == 0 }
    };
    (0..600).map(order).collect()
}

fn end() -> OffsetDateTime {
    testkit::at("2026-06-20T23:59:59+08:00")
}

async fn filled() -> (World, Vec<Bought>) {
    let world = world().await;
    let bought = bought();
    let mut events = Vec::new();
    for (n, order) in bought.iter().enumerate() {
        let (id, user) = (format!("o{n}"), order.user.as_str());
        events.push(event_at(user, &format!("p{n}"), order.at, paid(&id, order.total)));
        if order.refund > 0 {
            events.push(event_at(user, &format!("r{n}"), order.at, refunded(&id, "r", order.refund)));
        }
        if order.cancelled {
            events.push(event_at(user, &format!("c{n}"), order.at, cancelled(&id)));
        }
    }
    for batch in events.chunks(256) {
        world.accept(batch).await;
    }
    (world, bought)
}

fn month(at: OffsetDateTime) -> Month {
    Month::parse(&Zone::new("Asia/Shanghai").unwrap().month_of(at)).unwrap()
}

fn local_day(at: OffsetDateTime) -> Date {
    day(&Zone::new("Asia/Shanghai").unwrap(), at)
}

impl Bought {
    fn counts(&self) -> bool {
        !self.cancelled && (self.total == 0 || self.refund < self.total)
    }
}

#[tokio::test]
async fn cohorts_follow_the_first_paid_order() {
    let (world, bought) = filled().await;
    let mut months: BTreeMap<&str, BTreeSet<Month>> = BTreeMap::new();
    for order in &bought {
        months.entry(&order.user).or_default().insert(month(order.at));
    }
    let last = bought.iter().map(|order| month(order.at)).max().unwrap();
    let mut want: BTreeMap<Month, Cohort> = BTreeMap::new();
    for active in months.values() {
        let first = *active.first().unwrap();
        let returned = vec![0; (last.index() - first.index()) as usize];
        let cohort = want.entry(first).or_insert(Cohort { month: first, users: 0, returned });
        cohort.users += 1;
        for month in active.iter().skip(1) {
            cohort.returned[(month.index() - first.index() - 1) as usize] += 1;
        }
    }
    let range = (Month::parse("2025-01").unwrap(), Month::parse("2026-12").unwrap());
    let got = world.profiles.cohort_retention(&world.shop, range, &[]).await.unwrap();
    assert_eq!(got, want.values().cloned().collect::<Vec<_>>());
    let one = (Month::parse("2025-02").unwrap(), Month::parse("2025-02").unwrap());
    let got = world.profiles.cohort_retention(&world.shop, one, &[]).await.unwrap();
    assert_eq!(got, want.get(&one.0).cloned().into_iter().collect::<Vec<_>>());
    assert!(cohorts(&[], None).is_empty());
}

#[tokio::test]
async fn sales_are_counted_by_month_and_in_all() {
    let (world, bought) = filled().await;
    let count = |orders: &[&Bought]| {
        let mut by_user: BTreeMap<&str, i64> = BTreeMap::new();
        orders.iter().for_each(|order| *by_user.entry(&order.user).or_default() += 1);
        Sales {
            orders: orders.len() as i64,
            buyers: by_user.len() as i64,
            repeat_buyers: by_user.values().filter(|count| **count > 1).count() as i64,
            revenue: orders.iter().map(|order| order.total).sum(),
            refunded: orders.iter().map(|order| if order.cancelled { order.total } else { order.refund }).sum(),
            pieces: 0,
        }
    };
    let spans = [
        (None, None),
        (Some(testkit::at("2025-03-10T00:00:00+08:00")), Some(testkit::at("2025-09-01T00:00:00+08:00"))),
        (Some(testkit::at("2030-01-01T00:00:00Z")), None),
    ];
    for (from, to) in spans {
        let inside = |order: &&Bought| from.is_none_or(|from| order.at >= from) && to.is_none_or(|to| order.at < to);
        let chosen: Vec<&Bought> = bought.iter().filter(inside).collect();
        let mut months: BTreeMap<Month, Vec<&Bought>> = BTreeMap::new();
        chosen.iter().for_each(|order| months.entry(month(order.at)).or_default().push(order));
        let (report, _) = world.profiles.sales(&world.shop, (from, to), &[]).await.unwrap();
        assert_eq!(report.total, count(&chosen));
        let want: Vec<(Month, Sales)> = months.iter().map(|(month, orders)| (*month, count(orders))).collect();
        assert_eq!(report.months, want);
    }
}

#[tokio::test]
async fn every_user_is_counted_in_the_stage_that_a_single_look_gives() {
    let (world, bought) = filled().await;
    let users: BTreeSet<&str> = bought.iter().map(|order| order.user.as_str()).collect();
    for at in [end(), testkit::at("2025-06-30T12:00:00+08:00"), testkit::at("2027-01-01T00:00:00+08:00")] {
        let mut want: BTreeMap<Stage, i64> = BTreeMap::new();
        for user in &users {
            let orders: Vec<&Bought> = bought.iter().filter(|o| o.user == *user && o.at <= at).collect();
            let standing = Standing {
                registered: false,
                orders: orders.iter().filter(|order| order.counts()).count() as i64,
                last_active: orders.iter().map(|order| local_day(order.at)).max(),
            };
            let stage = stage(&StageModel::default(), &standing, local_day(at));
            let (alone, _) = world.profiles.get_standing(&world.shop, user, Some(at), &[]).await.unwrap();
            assert_eq!(alone, stage, "{user}");
            *want.entry(stage).or_default() += 1;
        }
        let got = world.profiles.count_stages(&world.shop, Some(at), &[]).await.unwrap();
        let want = Stage::ALL.map(|stage| (stage, want.get(&stage).copied().unwrap_or(0)));
        assert_eq!(got, want);
    }
}

#[tokio::test]
async fn payers_are_counted_in_the_cells_of_both_methods() {
    let (world, bought) = filled().await;
    let today = local_day(end());
    let mut payers: BTreeMap<&str, Purchases> = BTreeMap::new();
    let in_window =
        |order: &&Bought| order.counts() && order.at <= end() && (today - local_day(order.at)).whole_days() < 365;
    for order in bought.iter().filter(in_window) {
        let days = (today - local_day(order.at)).whole_days() as i32;
        let payer = payers.entry(&order.user).or_insert(Purchases { days, orders: 0, net: 0 });
        payer.days = payer.days.min(days);
        payer.orders += 1;
        payer.net += order.total - order.refund;
    }
    for method in [Method::Thresholds, Method::Quintiles] {
        let cuts = match method {
            Method::Thresholds => Cuts::default(),
            Method::Quintiles => quintiles(payers.values()),
        };
        let mut want: BTreeMap<Cell, (i64, i64)> = BTreeMap::new();
        for payer in payers.values() {
            let count = want.entry(cell(&score(&cuts, payer))).or_default();
            *count = (count.0 + 1, count.1 + payer.net);
        }
        let (report, _) = world.profiles.count_rfm_cells(&world.shop, Some(end()), Some(method), &[]).await.unwrap();
        assert_eq!(report.cuts, cuts);
        let want = Cell::ALL.map(|cell| {
            let (users, net) = want.get(&cell).copied().unwrap_or_default();
            (cell, users, net)
        });
        assert_eq!(report.cells, want);
    }
}

/// By definition: the smallest value that at least this share of the payers does not exceed.
fn quintiles<'a>(payers: impl Iterator<Item = &'a Purchases> + Clone) -> Cuts {
    fn at<T: Ord + Copy>(values: impl Iterator<Item = T>) -> [T; 4] {
        let mut sorted: Vec<T> = values.collect();
        sorted.sort_unstable();
        [1, 2, 3, 4].map(|fifth| sorted[(sorted.len() * fifth).div_ceil(5) - 1])
    }
    Cuts::quintiles(
        at(payers.clone().map(|payer| payer.days)),
        at(payers.clone().map(|payer| payer.orders as i32)),
        at(payers.map(|payer| payer.net)),
    )
}
