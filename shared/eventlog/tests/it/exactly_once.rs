//! Consumers that are killed anywhere, and effects that still happen once.

use std::collections::BTreeSet;
use std::time::Duration;

use proto::common::v1::Position;
use proto::events::v1::Cursor;
use sqlx::{Executor, Row};
use testkit::{eventually, eventually_within};

use eventlog::PullSource;

use crate::checker::{Faults, check};
use crate::stage::{Book, Direct, Stage, cursor, n_of, pull_all};

const USERS: usize = 12;
const LONG: Duration = Duration::from_secs(60);

/// Visits of all users over two tenants, `rounds` each, and what they are.
async fn visits(stage: &Stage, rounds: std::ops::Range<i32>) -> BTreeSet<(String, i32)> {
    let users: Vec<String> = (0..USERS).map(|index| format!("u{index}")).collect();
    for n in rounds.clone() {
        for (tenant, users) in [("shop", &users[..USERS / 2]), ("other", &users[USERS / 2..])] {
            let visits: Vec<(&str, i32)> = users.iter().map(|user| (user.as_str(), n)).collect();
            stage.visit(tenant, &visits).await;
        }
    }
    users.iter().flat_map(|user| rounds.clone().map(move |n| (user.clone(), n))).collect()
}

async fn seen(stage: &Stage) -> Vec<(String, i32)> {
    stage.applied().await.into_iter().map(|(_, user, _, n)| (user, n)).collect()
}

#[tokio::test]
async fn what_is_appended_is_applied_once_and_in_order() {
    let stage = Stage::new().await;
    let running = stage.consume(&Book::default());
    let committed = visits(&stage, 1..20).await;
    eventually(|| stage.quiet()).await;
    running.end().await;
    assert_eq!(check(&committed, &seen(&stage).await), Faults::NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_aborted_at_random_applies_everything_once() {
    let stage = Stage::new().await;
    let mut committed = BTreeSet::new();
    let mut kills_in_work = 0;
    for round in 0..40 {
        committed.extend(visits(&stage, round * 5 + 1..round * 5 + 6).await);
        let running = stage.consume(&Book::default());
        tokio::time::sleep(Duration::from_micros(rand::random_range(500..40_000))).await;
        running.kill().await;
        kills_in_work += usize::from(!stage.quiet().await);
    }
    assert!(kills_in_work >= 10, "only {kills_in_work} kills hit a consumer at work");
    let running = stage.consume(&Book::default());
    eventually_within(LONG, || stage.quiet()).await;
    running.end().await;
    assert_eq!(check(&committed, &seen(&stage).await), Faults::NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_whose_connections_are_cut_at_random_applies_everything_once() {
    let stage = Stage::new().await;
    let running = stage.consume(&Book::default());
    let mut admin = stage.db.admin("levels").await;
    let mut cuts = 0;
    let mut committed = BTreeSet::new();
    for round in 0..200 {
        if round >= 30 && cuts >= 10 {
            break;
        }
        committed.extend(visits(&stage, round * 5 + 1..round * 5 + 6).await);
        tokio::time::sleep(Duration::from_micros(rand::random_range(0..15_000))).await;
        let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and usename = 'banyan_levels' and state <> 'idle'";
        cuts += sqlx::query_scalar::<_, i64>(cut).fetch_one(&mut admin).await.unwrap();
    }
    assert!(cuts >= 10, "only {cuts} connections were cut at work");
    eventually_within(LONG, || stage.quiet()).await;
    running.end().await;
    assert_eq!(check(&committed, &seen(&stage).await), Faults::NONE);
    assert_eq!(stage.count("select count(*) from dead_letter").await, 0);
}

/// A consumer as it would be without the step of the cursor inside the transaction: applies, then remembers. It is killed
/// after so many statements.
async fn consume_carelessly(stage: &Stage, mut statements: u32) {
    let source = Direct::new(&stage.profiles);
    let mut admin = stage.db.admin("levels").await;
    let known = admin.fetch_all("select partition, seq from careless").await.unwrap();
    let mut cursors: Vec<Cursor> = (0..32).map(|partition| cursor(partition, 0)).collect();
    for row in known {
        cursors[row.get::<i32, _>(0) as usize].after_seq = row.get(1);
    }
    let epoch = source.pull(pull_all(vec![cursor(0, 0)], Duration::ZERO)).await.unwrap().pages[0].epoch;
    cursors.iter_mut().for_each(|cursor| cursor.epoch = epoch);
    let answer = source.pull(pull_all(cursors, Duration::ZERO)).await.unwrap();
    for event in answer.pages.iter().flat_map(|page| &page.events) {
        let insert = sqlx::query("insert into applied (tenant_id, user_id, seq, n) values ('', $1, 0, $2)");
        insert.bind(&event.user_id).bind(n_of(event)).execute(&mut admin).await.unwrap();
        statements -= 1;
        if statements == 0 {
            return;
        }
        let step = sqlx::query("insert into careless values ($1, $2) on conflict (partition) do update set seq = $2");
        step.bind(event.partition).bind(event.seq).execute(&mut admin).await.unwrap();
        statements -= 1;
        if statements == 0 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_kills_double_effects_when_the_cursor_moves_after_them() {
    let stage = Stage::new().await;
    stage
        .db
        .admin("levels")
        .await
        .execute("create table careless (partition int primary key, seq bigint)")
        .await
        .unwrap();
    let committed = visits(&stage, 1..10).await;
    for _ in 0..20 {
        consume_carelessly(&stage, rand::random_range(1..20)).await;
    }
    consume_carelessly(&stage, u32::MAX).await;
    let faults = check(&committed, &seen(&stage).await);
    assert!(faults.doubled > 0, "the checks above prove nothing: {faults:?}");
}

#[tokio::test]
async fn a_busy_log_of_unwanted_events_moves_cursors_with_few_statements() {
    let stage = Stage::new().await;
    let book = Book { types: &["order.paid"], ..Book::default() };
    let running = stage.consume(&book);
    visits(&stage, 1..30).await;
    eventually(|| stage.quiet()).await;
    running.end().await;
    assert_eq!(*book.handed.lock().unwrap(), 0);
    let updates = stage
        .count("select coalesce(sum(n_tup_upd), 0)::bigint from pg_stat_user_tables where relname = 'consumer_cursor'");
    // 29 rounds over 2 tenants, each of several partitions: without gathering it would be hundreds
    assert!(updates.await < 400);
}

#[tokio::test]
async fn waiting_for_a_position_ends_when_it_is_applied() {
    let stage = Stage::new().await;
    let late = |seq| Position { source: "profiles".to_owned(), partition: 0, seq };
    let book = Book::default();
    let running = stage.consume(&book);
    let positions = stage.visit("shop", &[("u", 1)]).await;
    let wanted: Vec<Position> = positions.into_iter().map(Position::from).collect();
    stage.levels.wait_for(&wanted, LONG).await.unwrap();
    assert_eq!(stage.applied().await.len(), 1);
    let refused = stage.levels.wait_for(&[late(99)], Duration::from_millis(10)).await;
    assert!(refused.is_err());
    // one's own log is there at once, and a log that nobody consumes has no effects here
    stage.profiles.wait_for(&[late(99)], Duration::ZERO).await.unwrap();
    stage.profiles.wait_for(&[Position { source: "levels".to_owned(), ..late(9) }], Duration::ZERO).await.unwrap();
    running.end().await;
}

#[tokio::test]
async fn a_read_waits_for_a_consumer_that_has_not_begun() {
    let stage = Stage::new().await;
    let positions = stage.visit("shop", &[("u", 1)]).await;
    let wanted: Vec<Position> = positions.into_iter().map(Position::from).collect();
    let source = Direct::new(&stage.profiles);
    let _consumer = eventlog::Consumer::new(stage.levels.clone(), Book::default(), source);
    assert!(stage.levels.wait_for(&wanted, Duration::ZERO).await.is_err());
}
