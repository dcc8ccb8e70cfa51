//! A backtest tells what rules would have given for what profiles' log holds, and changes nothing.

use eventlog::Draft;
use proto::events::v1::EventMode;
use proto::levels::v1 as pb;
use proto::profiles::v1 as profiles;
use status::violations_of;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::api::{point_type, rule, scheme};
use crate::consumer::{Server, server};
use crate::stage::{money, order};

fn completed(who: &str, order_id: &str, total_minor: i64, at: OffsetDateTime) -> Draft {
    let payload = profiles::OrderCompleted { order: order(order_id, total_minor), first_order: false };
    Draft::new(who, ids::EventId::new(format!("{who}/{order_id}")).unwrap(), &payload, at)
}

/// By day and rule: version, events, times, asked, given.
async fn days(server: &Server, asked: pb::BacktestEarningRequest) -> Vec<(String, String, i32, [i64; 4])> {
    let answer = server.rules().backtest_earning(asked).await.unwrap().into_inner();
    assert!(!answer.truncated);
    let row = |it: pb::BacktestDay| (it.day, it.rule_id, it.version, [it.events, it.times, it.asked, it.given]);
    answer.days.into_iter().map(row).collect()
}

fn asked() -> pb::BacktestEarningRequest {
    pb::BacktestEarningRequest { event_type: "order.completed".into(), ..Default::default() }
}

fn row(day: &str, rule: &str, version: i32, sums: [i64; 4]) -> (String, String, i32, [i64; 4]) {
    (day.to_owned(), rule.to_owned(), version, sums)
}

const MARCH: OffsetDateTime = datetime!(2026-03-31 23:59 +8);
const APRIL: OffsetDateTime = datetime!(2026-04-01 0:00 +8);

#[tokio::test]
async fn rules_and_drafts_are_tried_on_the_log_by_day_of_the_point_types_zone() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    let mut told: Vec<Draft> = (0..40).map(|n| completed(&format!("u{n}"), "o", 1_000, MARCH)).collect();
    told.push(completed("u1", "p", 5_000, APRIL));
    told.push(completed("u1", "q", 2_000, APRIL));
    told.push(completed("u2", "r", 9_000, APRIL).mode(EventMode::Facts));
    let again = completed("u1", "o", 1_000, MARCH);
    told.push(Draft { event_id: ids::EventId::new("again").unwrap(), ..again });
    server.tell(&told).await;
    server.rules().publish_earning_rule(rule("r", "points", "order.total_minor / 100")).await.unwrap();
    let (march, april) = ("2026-03-31", "2026-04-01");
    let published = days(&server, asked()).await;
    let want = [row(march, "r", 1, [41, 40, 400, 400]), row(april, "r", 1, [2, 2, 70, 70])];
    assert_eq!(
        published, want,
        "published after the events, it is tried on them, once per order; imports of facts earn nothing"
    );

    let mut draft = rule("r", "points", "order.total_minor / 10").rule.unwrap();
    let cap = |scope: pb::CapScope, points_max| pb::Cap {
        scope: scope.into(),
        period: pb::CapPeriod::Month.into(),
        points_max,
        times_max: 0,
    };
    draft.caps = vec![cap(pb::CapScope::User, 600), cap(pb::CapScope::AllUsers, 3_050)];
    let draft = pb::BacktestEarningRequest { draft: Some(draft), ..asked() };
    let want = [row(march, "r", 0, [41, 31, 4_000, 3_050]), row(april, "r", 0, [2, 2, 700, 600])];
    assert_eq!(days(&server, draft.clone()).await, want);
    let only_april = pb::BacktestEarningRequest { from: Some(units::time::to_proto(APRIL)), ..draft };
    assert_eq!(days(&server, only_april).await, [row(april, "r", 0, [2, 2, 700, 600])]);

    let sample = days(&server, pb::BacktestEarningRequest { partitions: 16, ..asked() }).await;
    let events: i64 = sample.iter().map(|it| it.3[0]).sum();
    assert!((1..43).contains(&events), "{events} events of a half of the users");
    let ledger = server.points().verify_ledger(pb::VerifyLedgerRequest::default()).await.unwrap().into_inner();
    assert_eq!(ledger.entries, 0, "nothing was given");

    let mut bad = rule("r", "points", "1 +").rule.unwrap();
    bad.event_type = "order.paid".into();
    let status =
        server.rules().backtest_earning(pb::BacktestEarningRequest { draft: Some(bad), ..asked() }).await.unwrap_err();
    let fields: Vec<_> = violations_of(&status).iter().map(|it| it.0.clone()).collect();
    assert_eq!(fields, ["draft.event_type", "draft.formula"]);
    server.end().await;
}

#[tokio::test]
async fn what_refunds_and_cancellations_take_back_stands_on_the_day_on_which_it_was_given() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    server.rules().publish_earning_rule(rule("r", "points", "order.total_minor / 100")).await.unwrap();
    let refunded = |who: &str, order_id: &str, so_far: i64, total: i64| {
        let refund = profiles::Refund {
            refund_id: so_far.to_string(),
            order_id: order_id.to_owned(),
            amount: money(so_far),
            ..Default::default()
        };
        let (refunded_total, order_total) = (money(so_far), money(total));
        let payload = profiles::OrderRefunded { refund: Some(refund), refunded_total, order_total };
        let id = ids::EventId::new(format!("{who}/{order_id}/back/{so_far}")).unwrap();
        Draft::new(who, id, &payload, APRIL)
    };
    let cancelled = |who: &str, order_id: &str| {
        let payload = profiles::OrderCancelled { order: order(order_id, 1), released: money(1) };
        Draft::new(who, ids::EventId::new(format!("{who}/{order_id}/cancelled")).unwrap(), &payload, APRIL)
    };
    let told = [
        refunded("甲", "o", 1_999, 10_000), // known first
        completed("甲", "o", 10_000, MARCH),
        completed("乙", "p", 3_000, MARCH),
        cancelled("乙", "p").mode(EventMode::Facts),
        completed("乙", "q", 500, APRIL),
        refunded("丙", "nothing", 100, 100), // of what earned nothing
        refunded("甲", "o", 5_000, 10_000),
    ];
    server.tell(&told).await;
    let answer = server.rules().backtest_earning(asked()).await.unwrap().into_inner();
    assert_eq!((answer.events, answer.refunds), (3, 4));
    let sums: Vec<_> = answer.days.iter().map(|it| (it.day.as_str(), it.given, it.taken_back, it.net)).collect();
    assert_eq!(sums, [("2026-03-31", 130, 50 + 30, 50), ("2026-04-01", 5, 0, 5)]);
    let from = Some(units::time::to_proto(APRIL));
    let answer = server.rules().backtest_earning(pb::BacktestEarningRequest { from, ..asked() }).await.unwrap();
    let days = answer.into_inner().days;
    assert_eq!((days.len(), days[0].net), (1, 5), "what was given before counts no more, nor what came back of it");
    server.end().await;
}

#[tokio::test]
async fn events_of_the_very_same_time_see_the_level_that_those_before_them_led_to() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    server.points().create_point_type(point_type("growth", false)).await.unwrap();
    server.levels().publish_scheme(scheme("vip", &[0, 100])).await.unwrap();
    server.rules().publish_earning_rule(rule("growth", "growth", "order.total_minor / 100")).await.unwrap();
    // what is recorded in one transaction has one time, as all has under a clock that stands still
    let now = OffsetDateTime::now_utc();
    let told = [("o", 5_000), ("p", 5_000), ("q", 500)].map(|(id, total)| completed("u", id, total, now));
    let position = server.tell(&told).await;
    let seen = pb::GetMemberRequest { user_id: "u".into(), scheme_id: "vip".into(), at_least: vec![position] };
    server.levels().get_member(seen).await.unwrap();
    let draft = rule("bonus", "points", "level.rank == 1 ? 10 : 1").rule;
    let told = days(&server, pb::BacktestEarningRequest { draft, ..asked() }).await;
    assert_eq!(told[0].3, [3, 3, 12, 12], "the second reached the level, which the third had");
    server.end().await;
}

#[tokio::test]
async fn a_rule_that_asks_for_the_level_sees_what_was_held_before_each_event() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    server.points().create_point_type(point_type("growth", false)).await.unwrap();
    server.levels().publish_scheme(scheme("vip", &[0, 100])).await.unwrap();
    server.rules().publish_earning_rule(rule("growth", "growth", "order.total_minor / 100")).await.unwrap();
    let now = OffsetDateTime::now_utc();
    for (order_id, total) in [("o", 10_000), ("p", 500), ("q", 500)] {
        let position = server.tell(&[completed("u", order_id, total, now)]).await;
        let seen = pb::GetMemberRequest { user_id: "u".into(), scheme_id: "vip".into(), at_least: vec![position] };
        server.levels().get_member(seen).await.unwrap();
    }
    let draft = rule("bonus", "points", "level.rank == 1 ? 10 : 1").rule;
    let told = days(&server, pb::BacktestEarningRequest { draft, ..asked() }).await;
    assert_eq!(told[0].1, "bonus");
    assert_eq!(told[0].3, [3, 3, 21, 21], "at its first order the user held no level yet");
    assert_eq!(told[1].3, [3, 3, 110, 110]);
    server.end().await;
}

#[tokio::test]
async fn a_log_that_has_lost_its_beginning_is_read_from_where_it_begins() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    let position = server.tell(&[completed("u", "o", 1_000, MARCH), completed("u", "p", 2_000, MARCH)]).await;
    server.rules().publish_earning_rule(rule("r", "points", "order.total_minor / 100")).await.unwrap();
    let mut admin = server.db.admin("profiles").await;
    let dropped = "insert into event_floor (partition, floor) values ($1, $2)";
    let partition = i16::try_from(position.partition).unwrap();
    sqlx::query(dropped).bind(partition).bind(position.seq - 1).execute(&mut admin).await.unwrap();
    assert_eq!(days(&server, asked()).await, [row("2026-03-31", "r", 1, [1, 1, 20, 20])]);
    server.end().await;
}
