use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use ids::Partition;
use pg::StoreError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::places::{Place, Places};
use super::take::Stop;
use super::{Consume, Consumer, PullSource};

/// A consumer whatever its handler and its source: it runs by itself, or is moved step by step.
pub trait Consuming: Send + Sync {
    /// Its name within its service.
    fn name(&self) -> &'static str;

    /// The service whose log it reads.
    fn source(&self) -> &'static str;

    /// Reads and applies until `shutdown`, which takes effect between batches.
    fn run(self: Arc<Self>, shutdown: CancellationToken) -> BoxFuture<'static, ()>;

    /// Reads and applies at most so many events of one partition, in one transaction. A step remembers nothing but the
    /// stored cursor, as if the process had been started for it. Nobody else may move the partition meanwhile.
    fn step(&self, partition: Partition, events_max: i32) -> BoxFuture<'_, Result<Step, StepError>>;
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Events that the cursor moved over.
    pub read: i64,
    /// Events that the source had beyond them.
    pub left: i64,
}

/// Why a step was not made.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The cursor could not be loaded.
    #[error("the cursor cannot be loaded")]
    Store(#[from] StoreError),
    /// The source did not answer.
    #[error("the source cannot be read")]
    Source(#[from] Status),
    /// The consumer would raise the alarm and stop.
    #[error("the consumer stops: {0}")]
    Stopped(String),
    /// The batch failed for a passing reason, or somebody else moved the cursor: the step may be made again.
    #[error("the batch was not applied")]
    NotApplied,
}

impl<H: Consume, S: PullSource> Consuming for Consumer<H, S> {
    fn name(&self) -> &'static str {
        self.handler.name()
    }

    fn source(&self) -> &'static str {
        self.handler.source()
    }

    fn run(self: Arc<Self>, shutdown: CancellationToken) -> BoxFuture<'static, ()> {
        Consumer::run(self, shutdown).boxed()
    }

    fn step(&self, partition: Partition, events_max: i32) -> BoxFuture<'_, Result<Step, StepError>> {
        self.step_by_hand(partition, events_max).boxed()
    }
}

impl<H: Consume, S: PullSource> Consumer<H, S> {
    async fn step_by_hand(&self, partition: Partition, events_max: i32) -> Result<Step, StepError> {
        let loaded = self.load(&[partition]).await?;
        let mut places: Places = loaded.into_iter().map(|applied| (applied.partition, Place::at(applied))).collect();
        let before = places.get(&partition).map_or(0, |place| place.read);
        let mut request = self.request(&places, Instant::now());
        request.max_events = events_max;
        let answer = self.source.pull(request).await?;
        self.take(&mut places, answer).await.map_err(|Stop(reason)| StepError::Stopped(reason))?;
        self.store_read(&mut places).await;
        match places.get(&partition) {
            Some(place) if place.paused => Err(StepError::Stopped("the partition is paused".to_owned())),
            Some(place) if place.failures == 0 && !place.is_behind() => {
                Ok(Step { read: place.read - before, left: (place.head - place.read).max(0) })
            }
            _ => Err(StepError::NotApplied),
        }
    }
}
