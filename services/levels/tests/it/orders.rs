//! What orders earn, and what refunds take back.

use levels::domain::entry::Filter;
use levels::domain::expiry::Expiry;
use levels::domain::point_type::ReversalPolicy;
use proto::events::v1::{Event, EventMode};
use proto::levels::v1::EntryKind::{Earn, Reverse, Spend};
use proto::profiles::v1 as profiles;
use rules::Written;
use time::Duration;

use crate::stage::{Events, Stage, rule, stage};

/// A point per yuan, and growth likewise, on completion; levels at 0, 100 and 1,000 growth.
async fn shop() -> Stage {
    let stage = stage().await;
    stage.rule("points-per-yuan", "points", "order.completed", "order.total_minor / 100").await;
    stage.rule("growth-per-yuan", "growth", "order.completed", "order.total_minor / 100").await;
    stage.scheme(None).await;
    stage
}

#[tokio::test]
async fn a_completed_order_earns_by_each_rule_and_lifts_the_level() {
    let stage = shop().await;
    let mut events = Events::new();
    stage.apply(&[events.completed("u", "o", 12_399)]).await;
    assert_eq!(stage.balance("u", "points").await.available, 123);
    assert_eq!(stage.balance("u", "growth").await.growth, 123);
    assert_eq!(stage.rank("u").await, 1);
    stage.audit().await;
}

#[tokio::test]
async fn applied_twice_is_applied_once() {
    let stage = shop().await;
    let mut events = Events::new();
    let batch = [
        events.completed("u", "o", 20_000),
        events.refunded("u", "o", 5_000, 20_000),
        events.visited("u", "v", 10),
        events.cancelled("v", "p", 500),
    ];
    stage.apply(&batch).await;
    let once = (stage.statement("u", "points").await, stage.statement("u", "growth").await, stage.rank("u").await);
    assert_eq!(once.0, [(Earn, 200), (Reverse, -50)]);
    stage.apply(&batch).await;
    let twice = (stage.statement("u", "points").await, stage.statement("u", "growth").await, stage.rank("u").await);
    assert_eq!(once, twice);
    stage.audit().await;
}

/// Events of an order, in one order in which they may become known.
type Story = fn(&mut Events, &str) -> Vec<Event>;

#[tokio::test]
async fn refunds_take_back_their_share_whether_known_before_or_after_completion() {
    let stage = shop().await;
    let orders: [(&str, Story); 4] = [
        ("after", |e, u| {
            vec![e.completed(u, "o", 10_000), e.refunded(u, "o", 3_333, 10_000), e.refunded(u, "o", 7_777, 10_000)]
        }),
        ("before", |e, u| {
            vec![e.refunded(u, "o", 3_333, 10_000), e.refunded(u, "o", 7_777, 10_000), e.completed(u, "o", 10_000)]
        }),
        ("around", |e, u| {
            vec![e.refunded(u, "o", 3_333, 10_000), e.completed(u, "o", 10_000), e.refunded(u, "o", 7_777, 10_000)]
        }),
        ("swapped", |e, u| {
            vec![e.refunded(u, "o", 7_777, 10_000), e.completed(u, "o", 10_000), e.refunded(u, "o", 3_333, 10_000)]
        }),
    ];
    let mut events = Events::new();
    for (who, make) in orders {
        for event in make(&mut events, who) {
            stage.apply(&[event]).await;
        }
        let (points, growth) = (stage.balance(who, "points").await, stage.balance(who, "growth").await);
        assert_eq!((points.available, growth.growth), (23, 23), "{who}");
    }
    stage.audit().await;
}

#[tokio::test]
async fn a_whole_refund_or_a_cancellation_takes_back_everything() {
    let stage = shop().await;
    let mut events = Events::new();
    let batch = [
        events.completed("a", "o", 99_999),
        events.refunded("a", "o", 33_333, 99_999),
        events.refunded("a", "o", 66_666, 99_999),
        events.refunded("a", "o", 99_999, 99_999),
        events.completed("b", "o", 99_999),
        events.cancelled("b", "o", 99_999),
        events.cancelled("c", "o", 99_999),
        events.completed("c", "o", 99_999),
    ];
    stage.apply(&batch).await;
    for who in ["a", "b", "c"] {
        assert_eq!(stage.balance(who, "points").await.available, 0, "{who}");
        assert_eq!(stage.balance(who, "growth").await.growth, 0, "{who}");
        assert_eq!(stage.rank(who).await, 0, "{who}");
    }
    stage.audit().await;
}

#[tokio::test]
async fn spent_points_that_are_taken_back_become_debt_that_later_earnings_fill() {
    let stage = shop().await;
    let mut events = Events::new();
    stage.apply(&[events.completed("u", "o", 10_000)]).await;
    stage.spend("u", 80, "out").await.unwrap();
    stage.apply(&[events.refunded("u", "o", 10_000, 10_000)]).await;
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.debt, balance.growth), (0, 80, 0));
    stage.apply(&[events.completed("u", "p", 9_000)]).await;
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.debt), (10, 0));
    assert_eq!(stage.statement("u", "points").await, [(Earn, 100), (Spend, -80), (Reverse, -100), (Earn, 90)]);
    stage.audit().await;
}

#[tokio::test]
async fn down_to_zero_takes_what_is_there_and_forgives_the_rest() {
    let stage = stage().await;
    stage.point_type("kind", true, Expiry::Never, ReversalPolicy::DownToZero).await;
    stage.rule("kind", "kind", "order.completed", "order.total_minor / 100").await;
    let mut events = Events::new();
    stage.apply(&[events.completed("u", "o", 10_000)]).await;
    let mut call = crate::stage::spend("u", 80, "out");
    call.point_type = crate::stage::key("kind");
    stage.levels.post(&stage.tenant, &[call]).await.unwrap().remove(0).unwrap();
    stage.apply(&[events.refunded("u", "o", 5_000, 10_000)]).await;
    stage.apply(&[events.refunded("u", "o", 10_000, 10_000)]).await;
    let account = (&crate::stage::user("u"), &crate::stage::key("kind"));
    let every = Filter::default();
    let (page, _) = stage.levels.list_entries(&stage.tenant, account, &every, None, 10, &[]).await.unwrap();
    let taken: Vec<_> = page.rows.iter().rev().map(|entry| (entry.amount, entry.shortfall)).collect();
    assert_eq!(taken, [(100, 0), (-80, 0), (-20, 30), (0, 50)]);
    stage.audit().await;
}

#[tokio::test]
async fn an_import_of_facts_earns_nothing_but_its_refunds_count() {
    let stage = shop().await;
    let mut events = Events::new();
    events.mode = EventMode::Facts;
    let (old, refund) = (events.completed("u", "old", 50_000), events.refunded("u", "new", 10_000, 20_000));
    stage.apply(&[old, refund]).await;
    assert_eq!(stage.statement("u", "points").await, []);
    events.mode = EventMode::FactsEarn;
    stage.apply(&[events.completed("u", "new", 20_000)]).await;
    assert_eq!(stage.statement("u", "points").await, [(Earn, 200), (Reverse, -100)]);
    events.mode = EventMode::Facts;
    stage.apply(&[events.refunded("u", "new", 20_000, 20_000)]).await;
    assert_eq!(stage.balance("u", "points").await.available, 0);
    stage.audit().await;
}

#[tokio::test]
async fn the_version_of_an_events_time_decides_and_a_rule_earns_once_per_order() {
    let stage = stage().await;
    stage.rule("r", "points", "order.paid", "1").await;
    let mut events = Events::new();
    let before_second = events.recorded_at;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(stage.rule("r", "points", "order.completed", "order.total_minor").await, 2);
    events.recorded_at = before_second;
    stage.apply(&[events.paid("u", "o", 500), events.completed("u", "o", 500)]).await;
    assert_eq!(stage.statement("u", "points").await, [(Earn, 1)], "the second version was not published yet");
    events.recorded_at = before_second + Duration::seconds(60);
    stage.apply(&[events.completed("u", "o", 500), events.completed("u", "p", 500), events.paid("u", "q", 500)]).await;
    assert_eq!(stage.statement("u", "points").await, [(Earn, 1), (Earn, 500)]);
    stage.audit().await;
}

#[tokio::test]
async fn conditions_windows_and_pauses_decide_what_counts() {
    let stage = stage().await;
    let mut events = Events::new();
    let now = events.occurred_at;
    let mut big = rule("big", "points", "order.completed", "10");
    big.condition = Written::Expression("order.total_minor >= 1000 && user.stage == 'repeat' && !order.first".into());
    stage.publish(big).await;
    let mut over = rule("over", "points", "order.completed", "100");
    over.valid_until = Some(now);
    stage.publish(over).await;
    let mut visits = rule("visits", "points", "user.visited", "visit.duration_seconds");
    visits.condition = Written::Expression("visit.duration_seconds <= 60".into());
    stage.publish(visits.clone()).await;
    events.recorded_at += Duration::seconds(30);
    let batch = [
        events.completed("u", "small", 999),
        events.completed("u", "large", 1_000),
        events.visited("u", "v1", 60),
        events.visited("u", "v2", 61),
    ];
    stage.apply(&batch).await;
    assert_eq!(stage.statement("u", "points").await, [(Earn, 10), (Earn, 60)]);
    visits.paused = true;
    stage.publish(visits).await;
    stage.apply(&[events.visited("u", "v3", 5)]).await;
    assert_eq!(stage.statement("u", "points").await.len(), 2);
}

#[tokio::test]
async fn an_alias_means_its_user_in_every_call_from_then_on() {
    let stage = shop().await;
    stage.earn("u", 5, "before").await.unwrap();
    let mut events = Events::new();
    let linked = events.of("u", "linked", &profiles::ProfileAliasLinked { alias: "open-id".to_owned() });
    stage.apply(&[linked, events.completed("open-id", "o", 10_000)]).await;
    stage.earn("open-id", 7, "after").await.unwrap();
    stage.spend("open-id", 2, "out").await.unwrap();
    assert_eq!(stage.balance("u", "points").await.available, 110);
    assert_eq!(stage.balance("open-id", "points").await, stage.balance("u", "points").await);
    assert_eq!(stage.rank("open-id").await, 1);
    let moved = events.of("w", "moved", &profiles::ProfileAliasLinked { alias: "u".to_owned() });
    stage.apply(&[moved]).await;
    stage.earn("open-id", 1, "later").await.unwrap();
    assert_eq!(stage.balance("w", "points").await.available, 1, "an alias of an alias means the same user");
}

#[tokio::test]
async fn a_batch_of_many_users_does_what_single_events_do() {
    let (together, apart) = (shop().await, shop().await);
    let mut events = Events::new();
    let mut batch = Vec::new();
    for n in 0..40 {
        let who = format!("u{}", n % 7);
        batch.push(events.completed(&who, &format!("o{n}"), 1_000 * n + 990));
        if n % 3 == 0 {
            batch.push(events.refunded(&who, &format!("o{n}"), 500, 1_000 * n + 990));
        }
    }
    together.apply(&batch).await;
    for event in &batch {
        apart.apply(std::slice::from_ref(event)).await;
    }
    for n in 0..7 {
        let who = format!("u{n}");
        for point_type in ["points", "growth"] {
            assert_eq!(together.statement(&who, point_type).await, apart.statement(&who, point_type).await);
        }
        assert_eq!(together.rank(&who).await, apart.rank(&who).await);
    }
    together.audit().await;
    apart.audit().await;
}
