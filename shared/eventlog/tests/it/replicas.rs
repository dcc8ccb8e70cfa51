use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use eventlog::{Consumer, Log, LogSettings, PullSource};
use proto::events::v1::{PullRequest, PullResponse};
use sqlx::{Executor, Row};
use testkit::eventually;

use crate::checker::{Faults, check};
use crate::stage::{Book, Direct, Running, Stage, settings};

/// Another process of `levels` with a consumer of the same name.
async fn replica(stage: &Stage, book: &Book) -> Running {
    let log: Arc<Log> = Log::new(stage.db.db("levels").await, None, LogSettings::default());
    let source = Direct::new(&stage.profiles);
    Running::start(Consumer::with_settings(log, book.clone(), source, settings()))
}

/// Partitions that each living replica holds.
async fn shares(stage: &Stage) -> Vec<i64> {
    let query = "select count(*) from consumer_lease where until > clock_timestamp() group by replica order by replica";
    stage.db.admin("levels").await.fetch_all(query).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_the_partitions_and_take_over_from_one_that_dies() {
    let stage = Stage::new().await;
    let (first, second) = (Book::default(), Book::default());
    let one = replica(&stage, &first).await;
    eventually(|| async { shares(&stage).await == [32] }).await;
    let two = replica(&stage, &second).await;
    eventually(|| async { shares(&stage).await == [16, 16] }).await;
    let users: Vec<String> = (0..200).map(|index| format!("u{index}")).collect();
    let visits = |n| users.iter().map(|user| (user.as_str(), n)).collect::<Vec<_>>();
    stage.visit("shop", &visits(1)).await;
    eventually(|| stage.quiet()).await;
    assert!(*first.handed.lock().unwrap() > 0 && *second.handed.lock().unwrap() > 0);
    two.kill().await;
    stage.visit("shop", &visits(2)).await;
    eventually(|| stage.quiet()).await;
    eventually(|| async { shares(&stage).await == [32] }).await;
    one.end().await;
    assert_eq!(shares(&stage).await, Vec::<i64>::new());
    let committed = users.iter().flat_map(|user| [1, 2].map(|n| (user.clone(), n))).collect();
    let seen: Vec<_> = stage.applied().await.into_iter().map(|(_, user, _, n)| (user, n)).collect();
    assert_eq!(check(&committed, &seen), Faults::NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_that_both_believe_to_own_a_partition_apply_it_once() {
    let stage = Stage::new().await;
    let (one, two) = (replica(&stage, &Book::default()).await, replica(&stage, &Book::default()).await);
    let mut admin = stage.db.admin("levels").await;
    let users: Vec<String> = (0..20).map(|index| format!("u{index}")).collect();
    let mut committed = std::collections::BTreeSet::new();
    for n in 1..60 {
        let visits: Vec<(&str, i32)> = users.iter().map(|user| (user.as_str(), n)).collect();
        stage.visit("shop", &visits).await;
        committed.extend(users.iter().map(|user| (user.clone(), n)));
        // every lease is up for grabs all the time, while both go on with what they read
        admin.execute("update consumer_lease set until = to_timestamp(0)").await.unwrap();
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..10))).await;
    }
    eventually(|| stage.quiet()).await;
    one.end().await;
    two.end().await;
    let seen: Vec<_> = stage.applied().await.into_iter().map(|(_, user, _, n)| (user, n)).collect();
    assert_eq!(check(&committed, &seen), Faults::NONE);
}

/// A source that is away for its first calls, and counts all.
struct Flaky {
    source: Direct,
    calls: Arc<AtomicU32>,
}

impl PullSource for Flaky {
    async fn pull(&self, request: PullRequest) -> Result<PullResponse, tonic::Status> {
        match self.calls.fetch_add(1, Ordering::Relaxed) {
            0..3 => Err(tonic::Status::unavailable("away")),
            _ => self.source.pull(request).await,
        }
    }
}

#[tokio::test]
async fn a_consumer_whose_source_was_away_goes_on_and_then_rests() {
    let stage = Stage::new().await;
    stage.visit("shop", &[("u", 1)]).await;
    let calls = Arc::new(AtomicU32::new(0));
    let source = Flaky { source: Direct::new(&stage.profiles), calls: calls.clone() };
    let consumer = Consumer::with_settings(stage.levels.clone(), Book::default(), source, settings());
    let running = Running::start(consumer);
    eventually(|| stage.quiet()).await;
    let before = calls.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(300)).await; // a consumer that does not rest makes hundreds of calls
    let made = calls.load(Ordering::Relaxed) - before;
    assert!(made <= 5, "{made} calls with nothing to read");
    running.end().await;
}
