//! Events of many partitions that are applied in one transaction.

use std::sync::atomic::Ordering;

use eventlog::ConsumerSettings;
use testkit::eventually;

use crate::stage::{Book, Stage, settings};

/// A visit of each of 64 users, who are in most of the partitions.
async fn visits(stage: &Stage) -> Vec<String> {
    let users: Vec<String> = (0..64).map(|n| format!("u{n}")).collect();
    let visits: Vec<(&str, i32)> = users.iter().map(|user| (user.as_str(), 1)).collect();
    stage.visit("shop", &visits).await;
    users
}

#[tokio::test]
async fn what_came_in_many_partitions_shares_a_transaction() {
    let stage = Stage::new().await;
    visits(&stage).await;
    let book = Book::default();
    let running = stage.consume(&book);
    eventually(|| stage.quiet()).await;
    running.end().await;
    assert_eq!(book.largest.load(Ordering::Relaxed), 64);
    assert_eq!(stage.applied().await.len(), 64);
}

#[tokio::test]
async fn a_transaction_takes_no_more_than_it_may() {
    let stage = Stage::new().await;
    visits(&stage).await;
    let book = Book::default();
    let running = stage.consume_with(&book, ConsumerSettings { batch_max: 10, ..settings() });
    eventually(|| stage.quiet()).await;
    running.end().await;
    let largest = book.largest.load(Ordering::Relaxed);
    assert!((2..=10).contains(&largest), "{largest}");
    assert_eq!(stage.applied().await.len(), 64);
}

#[tokio::test]
async fn an_event_at_fault_keeps_no_other_user_waiting_in_whichever_partition() {
    let stage = Stage::new().await;
    let users = visits(&stage).await;
    let book = Book { fails_of: Some("u7".to_owned()), ..Book::default() };
    let running = stage.consume(&book);
    eventually(|| stage.quiet()).await;
    running.end().await;
    let mut applied: Vec<String> = stage.applied().await.into_iter().map(|(_, user, ..)| user).collect();
    applied.sort();
    let mut expected: Vec<String> = users.into_iter().filter(|user| user != "u7").collect();
    expected.sort();
    assert_eq!(applied, expected, "each once");
    assert_eq!(stage.count("select count(*) from dead_letter").await, 1);
}
