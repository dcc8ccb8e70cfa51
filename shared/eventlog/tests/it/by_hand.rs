//! A consumer that is moved step by step.

use eventlog::{Consumer, Consuming, Step, StepError};
use ids::{Partition, TenantId};

use crate::stage::{Book, Direct, Stage, settings};

#[tokio::test]
async fn a_step_applies_so_many_events_of_one_partition_and_the_next_goes_on_from_there() {
    let stage = Stage::new().await;
    let consumer =
        Consumer::with_settings(stage.levels.clone(), Book::default(), Direct::new(&stage.profiles), settings());
    let partition = Partition::of(&TenantId::new("shop").unwrap(), "u");
    assert_eq!(consumer.step(partition, 2).await.unwrap(), Step { read: 0, left: 0 });
    stage.visit("shop", &[("u", 1), ("u", 2), ("u", 3)]).await;
    assert_eq!(consumer.step(partition, 2).await.unwrap(), Step { read: 2, left: 1 });
    assert_eq!(stage.applied().await.len(), 2);
    assert_eq!(consumer.step(partition, 2).await.unwrap(), Step { read: 1, left: 0 });
    assert_eq!(consumer.step(partition, 2).await.unwrap(), Step { read: 0, left: 0 });
    let numbers: Vec<i32> = stage.applied().await.into_iter().map(|(.., n)| n).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[tokio::test]
async fn a_step_that_would_stop_the_consumer_says_so_and_moves_nothing() {
    let stage = Stage::new().await;
    let settings = eventlog::ConsumerSettings { dead_letters_max: 0, ..settings() };
    let consumer =
        Consumer::with_settings(stage.levels.clone(), Book::failing_at(1), Direct::new(&stage.profiles), settings);
    stage.visit("shop", &[("u", 1)]).await;
    let partition = Partition::of(&TenantId::new("shop").unwrap(), "u");
    let stopped = consumer.step(partition, 10).await;
    assert!(matches!(stopped, Err(StepError::Stopped(_))), "{stopped:?}");
    assert_eq!(stage.applied().await.len(), 0);
}
