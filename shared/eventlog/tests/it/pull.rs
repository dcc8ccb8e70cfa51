use std::time::Duration;

use eventlog::LogSettings;
use ids::{Partition, TenantId};
use proto::events::v1::{Cursor, PullRequest};
use sqlx::Executor;
use testkit::eventually;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::stage::{Direct, Stage, cursor, n_of, pull_all, twin, visit_in};

const LONG: Duration = Duration::from_secs(20);

fn partition_of(user: &str) -> i32 {
    Partition::of(&TenantId::new("shop").unwrap(), user).index().into()
}

fn everything() -> Vec<Cursor> {
    (0..32).map(|partition| cursor(partition, 0)).collect()
}

#[tokio::test]
async fn pages_come_in_the_order_of_the_cursors_with_head_floor_and_epoch() {
    let stage = Stage::new().await;
    stage.visit("shop", &[("u", 1), ("u", 2), ("u", 3)]).await;
    let source = Direct::new(&stage.profiles);
    let mut cursors = everything();
    cursors.reverse();
    let answer = source.pull_as(None, PullRequest { max_events: 2, ..pull_all(cursors, LONG) }).await.unwrap();
    let order: Vec<i32> = answer.pages.iter().map(|page| page.partition).collect();
    assert_eq!(order, (0..32).rev().collect::<Vec<_>>());
    let page = answer.pages.iter().find(|page| page.partition == partition_of("u")).unwrap();
    assert_eq!(page.events.iter().map(n_of).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((page.next_seq, page.head, page.floor), (2, 3, 0));
    assert!(page.epoch > 0);
}

#[tokio::test]
async fn events_of_unwanted_types_move_the_cursor_and_are_not_sent() {
    let stage = Stage::new().await;
    stage.visit("shop", &[("u", 1), ("u", 2)]).await;
    let source = Direct::new(&stage.profiles);
    let cursors = vec![cursor(partition_of("u"), 0)];
    let types = vec!["order.paid".to_owned()];
    let answer = source.pull_as(None, PullRequest { types, ..pull_all(cursors, LONG) }).await.unwrap();
    assert_eq!((answer.pages[0].events.len(), answer.pages[0].next_seq), (0, 2));
}

#[tokio::test]
async fn what_must_be_understood_passes_every_filter() {
    let stage = Stage::new().await;
    let tenant = TenantId::new("shop").unwrap();
    let db = stage.db.db("profiles").await;
    let mut tx = db.begin(&tenant).await.unwrap();
    let draft = crate::stage::visit("u", 7).must_understand();
    stage.profiles.append(&mut tx, &tenant, &[draft]).await.unwrap();
    tx.commit().await.unwrap();
    let request = pull_all(vec![cursor(partition_of("u"), 0)], LONG);
    let request = PullRequest { types: vec!["order.paid".to_owned()], ..request };
    let answer = Direct::new(&stage.profiles).pull_as(None, request).await.unwrap();
    assert_eq!(answer.pages[0].events.iter().map(n_of).collect::<Vec<_>>(), [7]);
}

#[tokio::test]
async fn a_tenant_sees_its_own_events_only_and_passes_those_of_others() {
    let stage = Stage::new().await;
    // a user of another tenant on the same partition
    let twin = twin("shop", "u", "other");
    stage.visit("other", &[(&twin, 1)]).await;
    stage.visit("shop", &[("u", 2)]).await;
    stage.visit("other", &[(&twin, 3)]).await;
    let source = Direct::new(&stage.profiles);
    let request = pull_all(vec![cursor(partition_of("u"), 0)], Duration::ZERO);
    let answer = source.pull_as(Some("shop"), request.clone()).await.unwrap();
    assert_eq!(answer.pages[0].events.iter().map(n_of).collect::<Vec<_>>(), [2]);
    assert_eq!((answer.pages[0].next_seq, answer.pages[0].head), (3, 3));
    assert_eq!(source.pull_as(Some("third"), request).await.unwrap().pages[0].events, []);
}

#[tokio::test]
async fn an_append_of_the_same_process_wakes_a_waiting_reader_at_once() {
    let stage = Stage::with(LogSettings { poll_every_ms: 60_000, ..LogSettings::default() }).await;
    let source = Direct::new(&stage.profiles);
    let begun = Instant::now();
    let waiting = tokio::spawn(async move { source.pull_as(None, pull_all(everything(), LONG)).await });
    tokio::time::sleep(Duration::from_millis(50)).await; // lets it begin to wait: earlier is right as well
    stage.visit("shop", &[("u", 1)]).await;
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.pages.iter().map(|page| page.events.len()).sum::<usize>(), 1);
    assert!(begun.elapsed() < LONG / 2);
}

#[tokio::test]
async fn an_append_of_another_process_is_found_without_redis() {
    let stage = Stage::new().await;
    let other = stage.other_profiles(None, 20).await;
    let run = tokio::spawn({
        let (log, never) = (stage.profiles.clone(), CancellationToken::new());
        async move { log.run(never).await }
    });
    let source = Direct::new(&stage.profiles);
    let waiting = tokio::spawn(async move { source.pull_as(None, pull_all(everything(), LONG)).await });
    visit_in(&other, &stage.db.db("profiles").await, "shop", &[("u", 1)]).await;
    let answer = tokio::time::timeout(LONG / 2, waiting).await.expect("woken by the poll").unwrap().unwrap();
    assert_eq!(answer.pages.iter().map(|page| page.events.len()).sum::<usize>(), 1);
    run.abort();
}

#[tokio::test]
async fn redis_carries_wake_ups_between_processes_and_may_go_away() {
    let stage = Stage::new().await;
    let own = tokio::task::spawn_blocking(testkit::OwnRedis::start).await.unwrap();
    let client = redis::Client::open(own.url()).unwrap();
    let reader = stage.other_profiles(Some(client.clone()), 60_000).await;
    let writer = stage.other_profiles(Some(client), 60_000).await;
    let never = CancellationToken::new();
    let runs = [reader.clone(), writer.clone()].map(|log| {
        let never = never.clone();
        tokio::spawn(async move { log.run(never).await })
    });
    let db = stage.db.db("profiles").await;
    let source = Direct::new(&reader);
    let mut cursors = vec![cursor(partition_of("u"), 0)];
    // the subscription may come up after the first events, so there are some until one is heard
    let mut n = 0;
    let heard = async {
        let waiting = source.pull_as(None, pull_all(cursors.clone(), Duration::ZERO)).await.unwrap();
        cursors = vec![Cursor {
            partition: partition_of("u"),
            after_seq: waiting.pages[0].next_seq,
            epoch: waiting.pages[0].epoch,
        }];
        loop {
            let wait = pull_all(cursors.clone(), Duration::from_secs(2));
            let source = source.clone();
            let waiting = tokio::spawn(async move { source.pull_as(None, wait).await.unwrap() });
            tokio::time::sleep(Duration::from_millis(50)).await;
            n += 1;
            visit_in(&writer, &db, "shop", &[("u", n)]).await;
            let begun = Instant::now();
            let answer = waiting.await.unwrap();
            cursors[0].after_seq = answer.pages[0].next_seq;
            if begun.elapsed() < Duration::from_secs(1) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), heard).await.expect("a wake-up came through Redis");
    tokio::task::spawn_blocking(move || own.stop()).await.unwrap();
    // appending goes on, and so does reading without waiting
    visit_in(&writer, &db, "shop", &[("u", 1_000)]).await;
    let seen = eventually(|| async {
        let answer = source.pull_as(None, pull_all(cursors.clone(), Duration::ZERO)).await.unwrap();
        answer.pages[0].events.last().map(n_of)
    });
    assert_eq!(seen.await, 1_000);
    runs.iter().for_each(|run| run.abort());
}

#[tokio::test]
async fn a_waiting_reader_is_answered_when_the_log_ends() {
    let stage = Stage::new().await;
    let shutdown = CancellationToken::new();
    let (log, token) = (stage.profiles.clone(), shutdown.clone());
    let run = tokio::spawn(async move { log.run(token).await });
    let source = Direct::new(&stage.profiles);
    let begun = Instant::now();
    let waiting = tokio::spawn(async move { source.pull_as(None, pull_all(everything(), LONG)).await });
    shutdown.cancel();
    let answer = waiting.await.unwrap().unwrap();
    run.await.unwrap();
    assert!(answer.pages.iter().all(|page| page.events.is_empty()));
    assert!(begun.elapsed() < LONG / 2);
}

#[tokio::test]
async fn an_answer_stays_below_its_largest_size_and_always_moves_on() {
    let stage = Stage::with(LogSettings { page_bytes_max: 100_000, ..LogSettings::default() }).await;
    let tenant = TenantId::new("shop").unwrap();
    let db = stage.db.db("profiles").await;
    let mut drafts: Vec<_> = (0..60).map(|n| crate::stage::visit(&format!("u{n}"), n)).collect();
    drafts.iter_mut().for_each(|draft| draft.payload = vec![0; 30_000]);
    let mut tx = db.begin(&tenant).await.unwrap();
    stage.profiles.append(&mut tx, &tenant, &drafts).await.unwrap();
    tx.commit().await.unwrap();
    let source = Direct::new(&stage.profiles);
    let (mut cursors, mut seen) = (everything(), 0);
    for answers in 1.. {
        let answer = source.pull_as(None, pull_all(cursors.clone(), Duration::ZERO)).await.unwrap();
        let bytes: usize = answer.pages.iter().flat_map(|page| &page.events).map(|event| event.payload.len()).sum();
        assert!(bytes < 100_000 + 35_000, "{bytes}");
        let events: usize = answer.pages.iter().map(|page| page.events.len()).sum();
        seen += events;
        for (cursor, page) in cursors.iter_mut().zip(&answer.pages) {
            assert_eq!(page.next_seq - cursor.after_seq, page.events.len() as i64);
            *cursor = Cursor { partition: page.partition, after_seq: page.next_seq, epoch: page.epoch };
        }
        if seen == 60 {
            assert!(answers >= 15, "{answers} answers");
            break;
        }
        assert!(events > 0);
    }
}

#[tokio::test]
async fn a_log_with_a_hole_is_not_read_past_it() {
    let stage = Stage::new().await;
    stage.visit("shop", &[("u", 1), ("u", 2), ("u", 3)]).await;
    stage.db.admin("profiles").await.execute("delete from event where seq = 2").await.unwrap();
    let request = pull_all(vec![cursor(partition_of("u"), 0)], Duration::ZERO);
    let refused = Direct::new(&stage.profiles).pull_as(None, request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
}

#[tokio::test]
async fn cursors_that_make_no_sense_are_refused() {
    let stage = Stage::new().await;
    let source = Direct::new(&stage.profiles);
    for cursors in [vec![cursor(1, 0), cursor(1, 0)], vec![cursor(32, 0)], vec![cursor(-1, 0)]] {
        let refused = source.pull_as(None, pull_all(cursors, Duration::ZERO)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    let elsewhere = PullRequest { service: "feedback".to_owned(), ..pull_all(everything(), Duration::ZERO) };
    let refused = source.pull_as(None, elsewhere).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(status::reason_of(&refused).as_deref(), Some("LOG_NOT_HOSTED"));
}

#[tokio::test]
async fn more_readers_than_there_is_room_for_are_told_to_come_back() {
    let stage = Stage::with(LogSettings { waiting_max: 1, ..LogSettings::default() }).await;
    let source = Direct::new(&stage.profiles);
    let wait = || Box::pin(source.pull_as(None, pull_all(everything(), LONG)));
    // whichever comes second is told so while the other goes on waiting
    let (refused, waiting) = futures::future::select(wait(), wait()).await.factor_first();
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(status::reason_of(&refused).as_deref(), Some("OVERLOADED"));
    stage.visit("shop", &[("u", 1)]).await;
    assert_eq!(waiting.await.unwrap().pages.len(), 32);
}
