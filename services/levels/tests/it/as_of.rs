//! Balances as of past instants: what the account was then, whatever was booked since.

use levels::commands::HoldPoints;
use levels::domain::balance::Balance;
use levels::domain::expiry::{Expiry, Stretch};
use levels::domain::pending::Release;
use levels::domain::point_type::{Activation, PointType, ReversalPolicy, TransferLimits};
use levels::domain::scheme::policy::PeriodEnd;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use proto::incentives::v1 as incentives;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::holds::hold;
use crate::stage::{Events, Stage, define, earn, empty, key, months, point_type};

/// When the tests begin: noon in Shanghai.
pub(crate) const START: OffsetDateTime = datetime!(2026-03-01 12:00 +8);

pub(crate) async fn shop(points: PointType) -> Stage {
    let stage = empty().await;
    stage.at(START).await;
    define(&stage.levels, &stage.tenant, points).await;
    stage
}

fn thirty_days() -> PointType {
    PointType { expiry: Expiry::Days(30, None), reversal: ReversalPolicy::MayGoNegative, ..point_type("points") }
}

/// Events that happen, and are recorded, at a time.
fn events_at(at: OffsetDateTime) -> Events {
    let mut events = Events::new();
    (events.occurred_at, events.recorded_at) = (at, at);
    events
}

#[tokio::test]
async fn a_lapse_booked_late_counts_from_its_own_time_and_an_earning_from_when_it_was_reported() {
    let stage = shop(thirty_days()).await;
    stage.earn("u", 50, "1").await.unwrap();
    let lapse = datetime!(2026-04-01 0:00 +8);
    let look = async |at| stage.balance_at("u", "points", Some(at)).await.available;
    let days = |days| START + Duration::days(days);
    let all = async || {
        [
            look(START - Duration::SECOND).await,
            look(START).await,
            look(lapse - Duration::MICROSECOND).await,
            look(lapse).await,
        ]
    };
    stage.at(days(50)).await;
    let unbooked = all().await;
    assert_eq!(unbooked, [0, 50, 50, 0]);
    // reported late: it happened before the lapse, and its own date is over for long
    stage.earn_at("u", 7, "2", days(2)).await;
    stage.earn_at("u", 9, "3", days(49)).await;
    assert_eq!(all().await, unbooked, "what is reported later changes no past answer");
    assert_eq!(look(days(50)).await, 9);
    stage.at(days(60)).await;
    stage.spend("u", 1, "4").await.unwrap();
    assert_eq!((all().await, look(days(50)).await, look(days(60)).await), (unbooked, 9, 8));
    stage.audit().await;
}

#[tokio::test]
async fn a_lot_that_came_too_late_to_be_used_lapsed_when_it_came() {
    let stage = shop(thirty_days()).await;
    stage.earn("u", 5, "1").await.unwrap();
    let came = START + Duration::days(10);
    stage.at(came).await;
    stage.earn_at("u", 7, "2", START - Duration::days(40)).await;
    stage.at(came + Duration::days(1)).await;
    stage.levels.run_due(&stage.tenant).await.unwrap();
    let (account, every) = ((&crate::stage::user("u"), &key("points")), levels::domain::entry::Filter::default());
    let (page, _) = stage.levels.list_entries(&stage.tenant, account, &every, None, 1, &[]).await.unwrap();
    assert_eq!((page.rows[0].amount, page.rows[0].occurred_at), (-7, came));
    stage.audit().await;
}

#[tokio::test]
async fn a_hold_is_held_while_it_was_open_also_where_it_timed_out_unseen_or_was_captured_late() {
    let stage = shop(thirty_days()).await;
    stage.earn("u", 50, "1").await.unwrap();
    let minutes = |minutes| START + Duration::minutes(minutes);
    stage.at(minutes(10)).await;
    let id = stage.hold("u", 20, "h").await; // for an hour
    let look = async |at| {
        let it = stage.balance_at("u", "points", Some(minutes(at))).await;
        (it.available, it.held, it.expiring.iter().map(|(_, points)| *points).sum::<i64>())
    };
    let all = async || [look(5).await, look(10).await, look(69).await, look(70).await];
    let want = [(50, 0, 50), (30, 20, 30), (30, 20, 30), (50, 0, 50)];
    stage.at(minutes(100)).await;
    assert_eq!(all().await, want, "nobody has booked the time-out");
    stage.levels.run_due(&stage.tenant).await.unwrap();
    assert_eq!(all().await, want);
    stage.at(minutes(200)).await;
    let mut events = events_at(minutes(200));
    let checkout = incentives::CheckoutConfirmed { hold_id: id, points: 20, ..Default::default() };
    stage.carry_out(&[events.of("u", "late", &checkout)]).await;
    assert_eq!(all().await, want);
    assert_eq!((look(199).await, look(200).await), ((50, 0, 50), (30, 0, 30)));
    stage.audit().await;
}

#[tokio::test]
async fn pending_points_are_pending_until_their_time_and_those_of_an_order_until_its_completion_was_known() {
    let stage = shop(PointType { activation: Activation::Days(7), ..thirty_days() }).await;
    let order = PointType { activation: Activation::OrderCompleted, ..point_type("by-order") };
    define(&stage.levels, &stage.tenant, order).await;
    stage.earn("u", 50, "1").await.unwrap();
    let mut call = earn("u", "by-order", 5, "2", None);
    "o".clone_into(&mut call.occasion.origin.order_id);
    stage.levels.post(&stage.tenant, &[call]).await.unwrap().remove(0).unwrap();
    let active_from = datetime!(2026-03-09 0:00 +8);
    let known = START + Duration::days(20);
    stage.at(known).await;
    // completed three days after it was bought, which is told much later
    let mut events = events_at(known);
    events.occurred_at = START + Duration::days(3);
    stage.apply(&[events.completed("u", "o", 1_000)]).await;
    stage.spend("u", 1, "3").await.unwrap();
    let look = async |of, at| {
        let it = stage.balance_at("u", of, Some(at)).await;
        (it.available, it.pending, it.growth, it.activating)
    };
    let waits = |release, points| (0, points, 0, vec![(release, points)]);
    assert_eq!(look("points", active_from - Duration::MICROSECOND).await, waits(Release::At(active_from), 50));
    assert_eq!(look("points", active_from).await, (50, 0, 50, vec![]));
    assert_eq!(look("by-order", known - Duration::SECOND).await, waits(Release::Order("o".to_owned()), 5));
    assert_eq!(look("by-order", known).await, (5, 0, 5, vec![]));
    stage.audit().await;
}

#[tokio::test]
async fn growth_ends_with_the_level_at_the_end_of_its_period_whenever_that_is_booked() {
    let stage = shop(PointType { spendable: false, ..point_type("growth") }).await;
    stage.scheme(months(1, PeriodEnd::SubtractThreshold)).await;
    stage.grow("u", 150, "1").await;
    let end = datetime!(2026-04-02 0:00 +8);
    stage.at(end + Duration::days(3)).await;
    let look = async || {
        let before = stage.balance_at("u", "growth", Some(end - Duration::MICROSECOND)).await;
        (before.growth, before.available, stage.balance_at("u", "growth", Some(end)).await.growth)
    };
    assert_eq!(look().await, (150, 150, 50), "true before it is booked");
    stage.levels.run_due(&stage.tenant).await.unwrap();
    assert_eq!(look().await, (150, 150, 50));
    stage.audit().await;
}

/// D2: how long points are there, by each way to expire; the last usable day is the programme's, and the end is not in it.
#[tokio::test]
async fn points_are_there_up_to_their_last_instant_by_every_policy_booked_or_not() {
    let stage = empty().await;
    let cases = [
        (
            "OL, month mode: earned on 22 January, gone at 1 February 00:00",
            Expiry::EndOf(Stretch::Month),
            datetime!(2026-01-22 10:00 +8),
            Some(datetime!(2026-02-01 0:00 +8)),
        ),
        (
            "OL, year mode: gone at 1 January 00:00",
            Expiry::EndOf(Stretch::Year),
            datetime!(2026-03-05 10:00 +8),
            Some(datetime!(2027-01-01 0:00 +8)),
        ),
        (
            "VF, months with clamp: 31 January and a month is the end of 28 February",
            Expiry::Months(1, None),
            datetime!(2026-01-31 10:00 +8),
            Some(datetime!(2026-03-01 0:00 +8)),
        ),
        (
            "days after earning",
            Expiry::Days(10, None),
            datetime!(2026-01-22 10:00 +8),
            Some(datetime!(2026-02-02 0:00 +8)),
        ),
        (
            "the zone decides: half an hour after midnight in Shanghai it is January elsewhere",
            Expiry::EndOf(Stretch::Month),
            datetime!(2026-02-01 0:30 +8),
            Some(datetime!(2026-03-01 0:00 +8)),
        ),
        ("never", Expiry::Never, datetime!(2026-01-22 10:00 +8), None),
    ];
    for (n, (_, expiry, earned, _)) in cases.iter().enumerate() {
        let id = format!("type-{n}");
        stage.at(*earned).await;
        define(&stage.levels, &stage.tenant, PointType { expiry: *expiry, ..point_type(&id) }).await;
        stage.levels.post(&stage.tenant, &[earn("u", &id, 5, &id, None)]).await.unwrap().remove(0).unwrap();
    }
    stage.at(datetime!(2028-01-01 0:00 +8)).await;
    for _ in ["unbooked", "booked"] {
        for (n, (name, _, earned, end)) in cases.iter().enumerate() {
            let id = format!("type-{n}");
            let look = async |at| stage.balance_at("u", &id, Some(at)).await;
            assert_eq!(look(*earned - Duration::MICROSECOND).await, Balance::default(), "{name}");
            assert_eq!(look(*earned).await.available, 5, "{name}");
            let last = look(end.unwrap_or(datetime!(2027-12-31 0:00 +8)) - Duration::MICROSECOND).await;
            let expiring: Vec<_> = end.iter().map(|end| (*end, 5)).collect();
            assert_eq!((last.available, last.expiring), (5, expiring), "{name}");
            if let Some(end) = end {
                let gone = look(*end).await;
                assert_eq!((gone.available, gone.expiring), (0, vec![]), "{name}");
            }
        }
        while stage.levels.run_due(&stage.tenant).await.unwrap() > 0 {}
    }
}

/// D1: pending, then active, then spent or expired, with a part blocked on the way: of all that was earned each point is in
/// one of them at every instant.
#[tokio::test]
async fn at_every_instant_what_was_earned_is_pending_active_held_used_or_expired() {
    let stage =
        shop(PointType { activation: Activation::Days(2), expiry: Expiry::Days(10, None), ..point_type("points") })
            .await;
    let days = |days| START + Duration::days(days);
    stage.earn("u", 100, "1").await.unwrap(); // active from 4 March, until the end of the 14th
    stage.at(days(4)).await;
    let id = stage.hold("u", 30, "h").await; // for an hour
    stage.at(days(4) + Duration::minutes(30)).await;
    stage.capture("u", &id, 10, "c").await.unwrap();
    stage.at(days(6)).await;
    stage.spend("u", 25, "s").await.unwrap();
    stage.at(days(7)).await;
    stage.give_back("u", &id, 4, "g").await.unwrap();
    stage.at(days(40)).await;
    let (active, gone) = (datetime!(2026-03-04 0:00 +8), datetime!(2026-03-15 0:00 +8));
    // available, pending, held; what is missing of 100 was used or has expired
    let table = [
        ("not earned", START - Duration::SECOND, (0, 0, 0)),
        ("pending", START, (0, 100, 0)),
        ("pending to the last", active - Duration::MICROSECOND, (0, 100, 0)),
        ("active", active, (100, 0, 0)),
        ("a part is blocked", days(4), (70, 0, 30)),
        ("a part of that is used, the rest comes free", days(5), (90, 0, 0)),
        ("spent", days(6), (65, 0, 0)),
        ("a spend is undone: back to the lot with its own date", days(7), (69, 0, 0)),
        ("active to the last", gone - Duration::MICROSECOND, (69, 0, 0)),
        ("expired", gone, (0, 0, 0)),
    ];
    for _ in ["unbooked", "booked"] {
        for (name, at, want) in table {
            let it = stage.balance_at("u", "points", Some(at)).await;
            assert_eq!((it.available, it.pending, it.held), want, "{name}");
        }
        while stage.levels.run_due(&stage.tenant).await.unwrap() > 0 {}
    }
    stage.audit().await;
}

#[tokio::test]
async fn what_a_refund_took_of_pending_points_waited_for_its_own_day_until_then() {
    let stage = shop(PointType { activation: Activation::Days(7), ..thirty_days() }).await;
    stage.rule("per-yuan", "points", "order.paid", "order.total_minor / 100").await;
    stage.apply(&[events_at(START).paid("u", "early", 5_000)]).await;
    let days = |days| START + Duration::days(days);
    stage.apply(&[events_at(days(2)).paid("u", "late", 3_000)]).await;
    stage.apply(&[events_at(days(3)).refunded("u", "early", 2_000, 5_000)]).await;
    stage.at(days(30)).await;
    let (first, second) = (Release::At(datetime!(2026-03-09 0:00 +8)), Release::At(datetime!(2026-03-11 0:00 +8)));
    let table = [
        ("bought once", START, vec![(first.clone(), 50)]),
        ("bought twice", days(2), vec![(first.clone(), 50), (second.clone(), 30)]),
        ("refunded in part", days(3), vec![(first, 30), (second, 30)]),
    ];
    for _ in ["unbooked", "booked"] {
        for (name, at, want) in &table {
            assert_eq!(stage.balance_at("u", "points", Some(*at)).await.activating, *want, "{name}");
        }
        while stage.levels.run_due(&stage.tenant).await.unwrap() > 0 {}
    }
}

impl Stage {
    /// Does what an operation says, if it can be done.
    pub(crate) async fn perform(&self, n: usize, op: &Op, now: OffsetDateTime, opened: &mut Vec<String>) {
        let id = format!("{n}");
        let mut events = events_at(now);
        match op {
            Op::Earn { points, days_ago, order } => {
                let mut call = earn("u", "points", *points, &id, Some(now - Duration::days(*days_ago)));
                call.occasion.origin.order_id = order.map(|order| format!("o{order}")).unwrap_or_default();
                call.occasion.origin.cost_centre = ["", "shop", "web"][*points as usize % 3].to_owned();
                call.occasion.origin.funder = *points as i32 % 4;
                self.levels.post(&self.tenant, &[call]).await.unwrap().remove(0).unwrap();
            }
            Op::Spend { points } => drop(self.spend("u", *points, &id).await),
            Op::Buy { order, minor } => self.apply(&[events.paid("u", &format!("o{order}"), *minor)]).await,
            Op::Refund { order, part } => {
                let (order, total) = (format!("o{order}"), 10_000);
                self.apply(&[events.refunded("u", &order, part * 1_000, total)]).await;
            }
            Op::Complete { order } => self.apply(&[events.completed("u", &format!("o{order}"), 10_000)]).await,
            Op::Hold { points, hours } => {
                let call = HoldPoints { ttl: Duration::hours(*hours), ..hold("u", *points, &id) };
                let outcome = self.levels.post(&self.tenant, &[call]).await.unwrap().remove(0);
                opened.extend(outcome.ok().map(|answer| answer.value.hold.unwrap().hold_id));
            }
            Op::Resolve { nth, points, how } if !opened.is_empty() => {
                let id_of = opened[nth % opened.len()].clone();
                match how {
                    How::Capture => drop(self.capture("u", &id_of, *points, &id).await),
                    How::Release => drop(self.release("u", &id_of, &id).await),
                    How::Confirm => {
                        let points = *points;
                        let told = incentives::CheckoutConfirmed { hold_id: id_of, points, ..Default::default() };
                        self.carry_out(&[events.of("u", &id, &told)]).await;
                    }
                    How::Return => {
                        let points = *points;
                        let told = incentives::CheckoutReturned {
                            hold_id: id_of,
                            points_returned: points,
                            ..Default::default()
                        };
                        self.carry_out(&[events.of("u", &id, &told)]).await;
                    }
                }
            }
            Op::Resolve { .. } => {}
            Op::Reverse { seq, points } => drop(self.reverse("u", *seq, *points, &id).await),
            Op::Adjust { points } => drop(self.adjust("u", *points, "ann", &id).await),
            Op::Send { points } => drop(self.transfer("u", "v", *points, &id).await),
            Op::Review => drop(self.levels.run_due(&self.tenant).await.unwrap()),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum How {
    Capture,
    Release,
    Confirm,
    Return,
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Earn { points: i64, days_ago: i64, order: Option<u8> },
    Spend { points: i64 },
    Buy { order: u8, minor: i64 },
    Refund { order: u8, part: i64 },
    Complete { order: u8 },
    Hold { points: i64, hours: i64 },
    Resolve { nth: usize, points: i64, how: How },
    Reverse { seq: i64, points: i64 },
    Adjust { points: i64 },
    Send { points: i64 },
    Review,
}

pub(crate) fn any_op() -> impl Strategy<Value = Op> {
    let how = prop::sample::select(vec![How::Capture, How::Release, How::Confirm, How::Return]);
    let order = || 0u8..4;
    prop_oneof![
        4 => (1i64..100, 0i64..40, prop::option::of(order()))
            .prop_map(|(points, days_ago, order)| Op::Earn { points, days_ago, order }),
        2 => (1i64..80).prop_map(|points| Op::Spend { points }),
        2 => order().prop_map(|order| Op::Buy { order, minor: 10_000 }),
        2 => (order(), 1i64..10).prop_map(|(order, part)| Op::Refund { order, part }),
        1 => order().prop_map(|order| Op::Complete { order }),
        3 => (1i64..60, 1i64..600).prop_map(|(points, hours)| Op::Hold { points, hours }),
        4 => (any::<usize>(), 0i64..60, how).prop_map(|(nth, points, how)| Op::Resolve { nth, points, how }),
        2 => (1i64..40, 0i64..60).prop_map(|(seq, points)| Op::Reverse { seq, points }),
        1 => prop_oneof![-40i64..0, 1i64..40].prop_map(|points| Op::Adjust { points }),
        1 => (1i64..40).prop_map(|points| Op::Send { points }),
        1 => Just(Op::Review),
    ]
}

/// What was answered at each instant, before anything else was done, is what is answered for it at the end.
#[tokio::test]
async fn whatever_happens_later_an_instant_is_answered_as_it_was_then() {
    let policies = [ReversalPolicy::MayGoNegative, ReversalPolicy::DownToZero, ReversalPolicy::PendingOnly];
    let activations = [Activation::AtOnce, Activation::Days(7), Activation::OrderCompleted];
    let expiries = [Expiry::Days(20, None), Expiry::EndOf(Stretch::Month), Expiry::Never, Expiry::Inactivity(9)];
    let mut runner = TestRunner::deterministic();
    let steps = prop::collection::vec((any_op(), prop_oneof![1i64..30, 1i64..150]), 40);
    for n in 0..9 {
        let points = PointType {
            activation: activations[n % 3],
            reversal: policies[n / 3 % 3],
            expiry: expiries[(n + n / 3) % 4],
            overdraft: [0, 30][n % 2],
            adjustment_limit: 1_000,
            transfers: Some(TransferLimits { max_amount: 1_000, max_per_day: 10_000 }),
            ..point_type("points")
        };
        let stage = shop(points.clone()).await;
        stage.rule("per-yuan", "points", "order.paid", "order.total_minor / 100").await;
        let steps = steps.new_tree(&mut runner).unwrap().current();
        let (mut now, mut opened) = (START, Vec::new());
        let mut model: Vec<(OffsetDateTime, Balance)> = Vec::new();
        for (n, (op, hours)) in steps.iter().enumerate() {
            for _ in 0..2 {
                now += Duration::minutes(hours * 30);
                stage.at(now).await;
                model.push((now, stage.balance("u", "points").await));
            }
            now += Duration::SECOND;
            stage.at(now).await;
            stage.perform(n, op, now, &mut opened).await;
        }
        let look = async || {
            for (at, then) in &model {
                let got = stage.balance_at("u", "points", Some(*at)).await;
                assert_eq!(got, *then, "as of {at} in run {n} of {points:?}: {steps:?}");
            }
        };
        look().await;
        stage.at(now + Duration::days(60)).await;
        look().await;
        while stage.levels.run_due(&stage.tenant).await.unwrap() > 0 {}
        look().await;
        stage.audit().await;
    }
}
