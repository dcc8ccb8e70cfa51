//! What caps leave of what rules give.

use futures::future::join_all;
use levels::domain::cap::{Cap, Period, Scope};
use levels::domain::point_type::PointType;
use levels::domain::refusal::Refusal;
use levels::error::LevelsError;
use prost::Message;
use proto::events::v1::Event;
use proto::levels::v1 as pb;
use proto::levels::v1::EntryKind::{Earn, Reverse};
use time::macros::datetime;

use crate::stage::{Events, Stage, define, earn, empty, point_type, rule, stage};

/// A point per yuan of growth, which never lapses, under these caps.
async fn shop(caps: &[Cap]) -> Stage {
    let stage = stage().await;
    publish(&stage, caps).await;
    stage
}

async fn publish(stage: &Stage, caps: &[Cap]) {
    let mut capped = rule("r", "growth", "order.completed", "order.total_minor / 100");
    capped.caps = caps.to_vec();
    stage.publish(capped).await;
}

fn cap(scope: Scope, period: Period, points: i64) -> Cap {
    Cap { scope, period, points: Some(points), times: None }
}

/// Events at noon of 31 March in Shanghai.
fn at_noon() -> Events {
    let mut events = Events::new();
    events.occurred_at = datetime!(2026-03-31 12:00 +8);
    events
}

/// What was told of caps: what was asked for, what was given, and when there is room again.
async fn cuts(stage: &Stage, events: &[Event]) -> Vec<(i64, i64, i64)> {
    let told = stage.apply_told(events).await;
    let capped = told.iter().filter(|it| it.kind == "earning.capped");
    let read = capped.map(|it| pb::EarningCapped::decode(it.payload.as_slice()).unwrap());
    read.map(|it| (it.asked, it.given, it.frees_at.map_or(0, |at| at.seconds))).collect()
}

const MIDNIGHT: i64 = datetime!(2026-04-01 0:00 +8).unix_timestamp();

#[tokio::test]
async fn what_exceeds_a_cap_is_cut_and_the_log_tells_by_which_and_until_when() {
    let stage = shop(&[cap(Scope::User, Period::Day, 100)]).await;
    let mut events = at_noon();
    let batch =
        [events.completed("u", "o", 7_000), events.completed("u", "p", 7_000), events.completed("v", "q", 9_900)];
    assert_eq!(cuts(&stage, &batch).await, [(70, 30, MIDNIGHT)], "within one batch");
    assert_eq!(cuts(&stage, &[events.completed("u", "r", 500)]).await, [(5, 0, MIDNIGHT)], "and in the next");
    assert_eq!(stage.statement("u", "growth").await, [(Earn, 70), (Earn, 30)]);
    assert_eq!(stage.statement("v", "growth").await, [(Earn, 99)]);
    events.occurred_at = datetime!(2026-04-01 0:00 +8);
    assert_eq!(cuts(&stage, &[events.completed("u", "s", 500)]).await, []);
    events.occurred_at = datetime!(2026-03-31 23:59:59 +8);
    let late = cuts(&stage, &[events.completed("u", "t", 500)]).await;
    assert_eq!(late, [(5, 0, MIDNIGHT)], "what becomes known late counts for the day on which it happened");
    assert_eq!(stage.balance("u", "growth").await.growth, 105);
    stage.audit().await;
}

#[tokio::test]
async fn applied_twice_a_capped_event_counts_once() {
    let stage = shop(&[cap(Scope::User, Period::Ever, 100), cap(Scope::AllUsers, Period::Day, 120)]).await;
    let mut events = at_noon();
    let batch =
        [events.completed("u", "o", 7_000), events.completed("u", "p", 7_000), events.completed("u", "q", 7_000)];
    stage.apply(&batch).await;
    publish(&stage, &[cap(Scope::User, Period::Ever, 1_000), cap(Scope::AllUsers, Period::Day, 120)]).await;
    stage.apply(&batch).await;
    assert_eq!(stage.statement("u", "growth").await, [(Earn, 70), (Earn, 30)]);
    stage.apply(&[events.completed("v", "o", 7_000)]).await;
    assert_eq!(stage.statement("v", "growth").await, [(Earn, 20)], "all users together had 100");
}

#[tokio::test]
async fn a_refund_takes_back_its_share_of_what_was_given_and_gives_no_room_back() {
    let stage = shop(&[cap(Scope::User, Period::Day, 100)]).await;
    let mut events = at_noon();
    stage.apply(&[events.completed("u", "o", 20_000), events.refunded("u", "o", 5_000, 20_000)]).await;
    assert_eq!(stage.statement("u", "growth").await, [(Earn, 100), (Reverse, -25)]);
    let batch = [
        events.refunded("u", "o", 20_000, 20_000),
        events.completed("u", "p", 5_000),
        events.refunded("u", "p", 5_000, 5_000),
    ];
    assert_eq!(cuts(&stage, &batch).await, [(50, 0, MIDNIGHT)]);
    assert_eq!(stage.statement("u", "growth").await, [(Earn, 100), (Reverse, -25), (Reverse, -75)]);
    stage.audit().await;
}

#[tokio::test]
async fn a_cap_over_all_users_is_met_exactly_however_many_earn_at_once() {
    let stage = shop(&[
        cap(Scope::AllUsers, Period::Ever, 500),
        Cap { scope: Scope::AllUsers, period: Period::Month, points: None, times: Some(70) },
    ])
    .await;
    let mut events = at_noon();
    let batches: Vec<[Event; 3]> = (0..40)
        .map(|n| [0, 1, 2].map(|part| events.completed(&format!("u{}", n * 3 + part), "o", 700 + 100 * part)))
        .collect();
    let told = join_all(batches.iter().map(|batch| cuts(&stage, batch))).await;
    let given: i64 = {
        let mut admin = stage.db.admin(levels::NAME).await;
        sqlx::query_scalar("select sum(amount)::bigint from entry where kind = 1").fetch_one(&mut admin).await.unwrap()
    };
    assert_eq!(given, 500);
    let last: Vec<_> = told.concat().into_iter().filter(|(_, given, _)| *given > 0).collect();
    assert!(last.len() <= 1, "at most one got a part: {last:?}");
    stage.audit().await;
}

#[tokio::test]
async fn what_is_used_up_is_seen_without_waiting_for_others() {
    let stage = shop(&[cap(Scope::AllUsers, Period::Ever, 50)]).await;
    let mut events = at_noon();
    stage.apply(&[events.completed("u", "o", 5_000)]).await;
    let mut admin = stage.db.admin(levels::NAME).await;
    sqlx::query("begin").execute(&mut admin).await.unwrap();
    sqlx::query("select from cap_use for update").execute(&mut admin).await.unwrap();
    assert_eq!(cuts(&stage, &[events.completed("v", "p", 700)]).await, [(7, 0, 0)]);
}

/// Points of which a user earns so many a day.
async fn with_daily(points: i64) -> Stage {
    let stage = empty().await;
    stage.at(datetime!(2026-03-31 12:00 +8)).await;
    let caps = vec![cap(Scope::User, Period::Day, points)];
    define(&stage.levels, &stage.tenant, PointType { caps, ..point_type("points") }).await;
    stage
}

#[tokio::test]
async fn caps_of_a_type_count_what_rules_and_calls_give_together_and_an_answer_tells_what_was_cut() {
    let stage = with_daily(100).await;
    stage.publish(rule("r", "points", "order.completed", "order.total_minor / 100")).await;
    let mut events = at_noon();
    events.recorded_at = events.occurred_at;
    stage.apply(&[events.completed("u", "o", 7_000)]).await;
    let cut = stage.earn("u", 50, "1").await.unwrap();
    assert_eq!((cut.entry.unwrap().amount, cut.cut_amount), (30, 20));
    let refused = stage.earn("u", 1, "2").await;
    let midnight = datetime!(2026-04-01 0:00 +8);
    assert!(
        matches!(&refused, Err(LevelsError::Refused { refusal: Refusal::EarningCapped { frees_at, .. }, .. })
            if *frees_at == Some(midnight)),
        "{refused:?}"
    );
    assert_eq!(cuts(&stage, &[events.completed("u", "p", 500)]).await, [(5, 0, MIDNIGHT)]);
    stage.earn("v", 60, "3").await.unwrap();
    stage.at(midnight).await;
    assert_eq!(stage.earn("u", 99, "4").await.unwrap().cut_amount, 0);
    assert!(stage.earn("u", 1, "2").await.is_err(), "what was refused stays so");
    stage.audit().await;
}

#[tokio::test]
async fn fifty_callers_earn_no_more_than_a_type_gives_in_a_day() {
    let stage = with_daily(100).await;
    let calls = (0..50).map(|n| {
        let stage = &stage;
        async move { stage.earn("u", 7, &format!("e{n}")).await }
    });
    let given: i64 = join_all(calls).await.into_iter().flatten().map(|it| it.entry.unwrap().amount).sum();
    assert_eq!((given, stage.balance("u", "points").await.available), (100, 100));
    let together: Vec<_> = (0..20).map(|n| earn("v", "points", 7, &format!("b{n}"), None)).collect();
    let given = stage.levels.post(&stage.tenant, &together).await.unwrap().into_iter().flatten();
    assert_eq!(given.map(|it| it.value.entry.unwrap().amount).sum::<i64>(), 100, "and so within one batch");
    stage.audit().await;
}
