//! Refunds take back exactly their share of what was given after multipliers, groups and caps, however they interleave with
//! the orders.

use std::collections::BTreeMap;
use std::sync::Arc;

use ids::{EventId, Key, UserId};
use proptest::prelude::*;
use rules::Written;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::book::{Book, Programme};
use super::cap::{Cap, Period, Scope};
use super::claim::{Rule, prospects};
use super::consume::{Incoming, Orders, Says};
use super::earning::{EarningRule, Happening};
use super::entry::Payer;
use super::group::{Choice, Place};
use super::multiplier::{Mix, Multiplier, Multipliers};
use super::order::{Earning, OrderCourse, Refund};
use super::point_type::tests::point_type;
use super::point_type::{PointType, ReversalPolicy, Rounding};
use super::scheme::Scheme;
use super::scheme::level::Level;

const START: OffsetDateTime = datetime!(2026-03-30 12:00 +8);

/// An order: whose, on which day, for how much, and its refunds one by one.
#[derive(Debug, Clone)]
struct Bought {
    user: usize,
    day: i64,
    total: i64,
    refunds: Vec<i64>,
    cancelled: bool,
}

fn any_bought() -> impl Strategy<Value = Bought> {
    let parts = prop::collection::vec(1i64..3_000, 0..4);
    (0usize..3, 0i64..3, parts, 0i64..9_000, prop::bool::weighted(0.1)).prop_map(
        |(user, day, refunds, kept, cancelled)| {
            let total = (refunds.iter().sum::<i64>() + kept).max(1);
            Bought { user, day, total, refunds, cancelled }
        },
    )
}

fn key(id: &str) -> Key {
    Key::new(id).unwrap()
}

fn user(n: usize) -> UserId {
    UserId::new(format!("u{n}")).unwrap()
}

fn programme() -> Programme {
    let point_type = |id: &str, rounding| {
        let reversal = ReversalPolicy::MayGoNegative;
        (key(id), PointType { id: key(id), rounding, reversal, ..point_type() })
    };
    let level = |threshold| Level { threshold, ..Level::default() };
    let scheme = Scheme::new(key("vip"), key("growth"), [0, 40, 90].map(level).into());
    let types = [point_type("points", Rounding::HalfUp), point_type("growth", Rounding::Up)].into();
    Programme { types, schemes: [(key("vip"), scheme)].into(), ..Programme::default() }
}

fn rules(limits: (i64, i64)) -> Vec<Rule> {
    let rule = |id: &str, point_type: &str, formula: &str| EarningRule {
        id: key(id),
        version: 1,
        point_type: key(point_type),
        event_type: "order.completed".to_owned(),
        condition: Written::Always,
        formula: formula.to_owned(),
        exact: true,
        line_rates: Vec::new(),
        multipliers: Multipliers::default(),
        place: Place::default(),
        valid_from: None,
        valid_until: None,
        caps: Vec::new(),
        payer: Payer::default(),
        paused: false,
        publish_time: START - Duration::days(1),
    };
    let cap = |scope, period, points| Cap { scope, period, points: Some(points), times: None };
    let mut growth = rule("growth", "growth", "order.total_minor / 300");
    growth.caps = vec![cap(Scope::User, Period::Day, limits.0)];
    let mut points = rule("points", "points", "order.total_minor / 70");
    points.caps = vec![cap(Scope::User, Period::Week, limits.0), cap(Scope::AllUsers, Period::Day, limits.1)];
    let condition = Written::Expression("level.rank >= 1".to_owned());
    points.multipliers =
        Multipliers { list: vec![Multiplier { condition, factor_basis_points: 13_000 }], mix: Mix::Product };
    points.place = Place { group: Some(key("g")), priority: 1, choice: Choice::Most };
    let mut other = rule("other", "points", "25");
    other.place = Place { group: Some(key("g")), ..Place::default() };
    let compiled = |rule: EarningRule| Rule { compiled: Arc::new(rule.compile().unwrap()), rule: Arc::new(rule) };
    [growth, other, points].map(compiled).into()
}

fn events(orders: &[Bought]) -> (Vec<Incoming>, Vec<Incoming>) {
    let incoming = |n: usize, it: &Bought, what: String, says: Says| Incoming {
        user: user(it.user),
        event_id: EventId::new(format!("{n}/{what}")).unwrap(),
        event_type: format!("order.{}", what.split('/').next().unwrap()),
        seq: 0,
        occurred_at: START + Duration::days(it.day),
        recorded_at: START + Duration::days(9),
        earns: true,
        says,
    };
    let (mut completed, mut taken_back) = (Vec::new(), Vec::new());
    for (n, it) in orders.iter().enumerate() {
        let order_id = || format!("o{n}");
        let mut happening = Happening::default();
        happening.set("order.total_minor", it.total);
        let says = Says::Counts { order_id: order_id(), happening };
        completed.push(incoming(n, it, "completed".to_owned(), says));
        let mut sum = 0;
        for part in &it.refunds {
            sum += part;
            let refund =
                Refund { refund_id: sum.to_string(), refunded_minor: sum, total_minor: it.total, ..Refund::default() };
            let says = Says::Refunded { order_id: order_id(), refund };
            taken_back.push(incoming(n, it, format!("refunded/{sum}"), says));
        }
        if it.cancelled {
            taken_back.push(incoming(n, it, "cancelled".to_owned(), Says::Cancelled { order_id: order_id() }));
        }
    }
    (completed, taken_back)
}

/// What came of events in an order: the earnings by order and rule, and the balance and growth of each account.
type End = (BTreeMap<(String, Key), Earning>, BTreeMap<(UserId, Key), (i64, i64)>);

/// Applies them, in batches that end after every few events; what is known between two is what is stored.
fn run(limits: (i64, i64), incoming: &[Incoming], batch: usize) -> End {
    let (programme, rules) = (programme(), rules(limits));
    let (mut accounts, mut members, mut caps) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut earnings: BTreeMap<(UserId, EventId, Key), Earning> = BTreeMap::new();
    let mut courses: BTreeMap<(UserId, String), OrderCourse> = BTreeMap::new();
    for events in incoming.chunks(batch) {
        let stored = earnings.iter().map(|((user, ..), it)| (user.clone(), it.clone())).collect::<Vec<_>>();
        let mut orders = Orders::new(stored, courses.clone());
        let mut book = Book::new(&programme, accounts.clone(), members.clone())
            .with_completed(orders.completed())
            .with_caps(super::cap::CapBook::new(caps.clone()));
        for event in events {
            orders.apply(&mut book, event, &prospects(&programme, &rules, event)).unwrap();
        }
        for (user, it) in orders.earnings_to_write() {
            earnings.insert((user.clone(), it.source_event.clone(), it.rule_id.clone()), it.clone());
        }
        courses.extend(orders.courses_to_write().into_iter().map(|(key, course)| (key.clone(), course.clone())));
        let written = book.close();
        accounts.extend(written.accounts);
        members.extend(written.members);
        caps.extend(written.caps);
    }
    for ((user, order_id), course) in &courses {
        for it in earnings.iter().filter(|((owner, ..), it)| owner == user && it.order_id == *order_id) {
            assert_eq!(
                it.1.taken_back,
                course.due(it.1.earned, it.1.parts.as_ref()),
                "exactly its share of what was given"
            );
        }
    }
    let by_order = earnings.into_values().map(|it| ((it.order_id.clone(), it.rule_id.clone()), it)).collect();
    let sums = accounts.into_iter().map(|(key, account)| (key, (account.balance(), account.growth))).collect();
    (by_order, sums)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn refunds_take_back_exactly_what_was_given_after_multipliers_groups_and_caps(
        orders in prop::collection::vec(any_bought(), 1..12),
        limits in (1i64..120, 1i64..300),
        swaps in any::<u64>(),
        batch in 1usize..6,
    ) {
        let (completed, taken_back) = events(&orders);
        // the refunds of an order keep no order among them, and none to the completions, which keep theirs
        let mut mixed: Vec<Incoming> = completed.clone();
        let mut seed = swaps;
        for event in taken_back.clone() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = (seed >> 33) as usize % (mixed.len() + 1);
            mixed.insert(place, event);
        }
        let (earned, sums) = run(limits, &mixed, batch);
        let mut nets: BTreeMap<(UserId, Key), i64> = BTreeMap::new();
        for (n, it) in orders.iter().enumerate() {
            for rule in ["growth", "points", "other"] {
                let Some(earning) = earned.get(&(format!("o{n}"), key(rule))) else { continue };
                prop_assert!(earning.earned <= earning.asked);
                let refunded = it.refunds.iter().sum::<i64>();
                let share = i128::from(earning.earned) * i128::from(refunded) / i128::from(it.total);
                let due = if it.cancelled { earning.earned } else { share as i64 };
                prop_assert_eq!(earning.taken_back, due);
                *nets.entry((user(it.user), earning.point_type.clone())).or_default() += earning.earned - due;
            }
        }
        for (account, net) in &nets {
            prop_assert_eq!(sums.get(account).copied().unwrap_or_default(), (*net, *net), "{:?}", account);
        }
        let day_of = |n: usize| orders[n].day;
        let given = |rule: &str, of: &dyn Fn(usize) -> bool| -> i64 {
            let of_rule = (0..orders.len()).filter(|n| of(*n)).filter_map(|n| earned.get(&(format!("o{n}"), key(rule))));
            of_rule.map(|it| it.earned).sum()
        };
        for who in 0..3 {
            prop_assert!(given("points", &|n| orders[n].user == who) <= limits.0, "in the week");
            for day in 0..3 {
                prop_assert!(given("growth", &|n| orders[n].user == who && day_of(n) == day) <= limits.0);
                prop_assert!(given("points", &|n| day_of(n) == day) <= limits.1);
            }
        }
        prop_assert_eq!(run(limits, &mixed, mixed.len()), (earned, sums), "in one batch as in many");
    }
}
