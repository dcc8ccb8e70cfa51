//! A source that comes back from a backup.

use std::time::Duration;

use proto::events::v1::{ConsumerProgress, Cursor};
use sqlx::Executor;
use testkit::eventually;
use tonic::Code;

use crate::stage::{Book, Direct, Stage, pull_all};

async fn stopped(stage: &Stage) -> ConsumerProgress {
    eventually(|| async {
        let consumers = stage.progress().await.consumers;
        consumers.into_iter().find(|consumer| !consumer.stopped.is_empty())
    })
    .await
}

#[tokio::test]
async fn a_consumer_beyond_the_head_of_a_log_that_lost_its_tail_stops_with_an_alarm() {
    let stage = Stage::new().await;
    let running = stage.consume(&Book::default());
    stage.visit("shop", &[("a", 1), ("a", 2), ("a", 3)]).await;
    eventually(|| stage.quiet()).await;
    stage.db.admin("profiles").await.execute("delete from event where seq > 1").await.unwrap();
    assert!(stopped(&stage).await.stopped.contains("restored"));
    // what is written now takes numbers that were given out before: it is not applied as if it were new
    stage.visit("shop", &[("a", 4), ("a", 5), ("a", 6)]).await;
    running.end().await;
    assert_eq!(stage.applied().await.len(), 3);
}

#[tokio::test]
async fn a_new_epoch_stops_consumers_even_when_no_event_is_missing() {
    let stage = Stage::new().await;
    let running = stage.consume(&Book::default());
    stage.visit("shop", &[("a", 1)]).await;
    eventually(|| stage.quiet()).await;
    stage.db.admin("profiles").await.execute("select log_begin_epoch()").await.unwrap();
    stage.visit("shop", &[("a", 2)]).await;
    assert!(stopped(&stage).await.stopped.contains("restored"));
    assert_eq!(stage.applied().await.len(), 1);
    // an operator who has compared both sides sets the cursors
    let set = "update consumer_cursor set epoch = (select epoch from profiles.log_epoch) where epoch > 0";
    stage.db.admin("levels").await.execute(set).await.unwrap();
    eventually(|| stage.quiet()).await;
    eventually(|| async { stage.progress().await.consumers[0].stopped.is_empty() }).await;
    running.end().await;
    assert_eq!(stage.applied().await.len(), 2);
}

#[tokio::test]
async fn a_reader_learns_why_its_cursor_is_refused() {
    let stage = Stage::new().await;
    let position = stage.visit("shop", &[("a", 1)]).await[0];
    let partition = position.partition.index().into();
    let source = Direct::new(&stage.profiles);
    let pull = |after_seq, epoch| {
        let request = pull_all(vec![Cursor { partition, after_seq, epoch }], Duration::ZERO);
        let source = source.clone();
        async move { source.pull_as(Some("shop"), request).await }
    };
    let epoch = pull(0, 0).await.unwrap().pages[0].epoch;
    for (after_seq, given) in [(1, epoch + 1), (0, epoch - 1), (2, epoch), (1, 0)] {
        let refused = pull(after_seq, given).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(status::reason_of(&refused).as_deref(), Some("EPOCH_MISMATCH"));
    }
    assert_eq!(pull(1, epoch).await.unwrap().pages[0].next_seq, 1);
}
