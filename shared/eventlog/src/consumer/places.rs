use std::collections::BTreeMap;
use std::time::Duration;

use ids::Partition;
use pg::StoreError;
use proto::events::v1::{Cursor, PullRequest};
use tokio::time::Instant;

use super::cursor::{Applied, Step};
use super::{Consume, Consumer, PullSource};

/// A leased partition.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// As stored.
    pub(super) applied: Applied,
    /// How far it was read: ahead of `applied` by events that nobody wanted.
    pub(super) epoch: i64,
    pub(super) read: i64,
    pub(super) head: i64,
    pub(super) failures: u32,
    /// Not read before this.
    pub(super) not_before: Option<Instant>,
    pub(super) paused: bool,
}

impl Place {
    pub(super) fn at(applied: Applied) -> Self {
        let Applied { epoch, seq, .. } = applied;
        Self { applied, epoch, read: seq, head: 0, failures: 0, not_before: None, paused: false }
    }

    pub(super) fn step_to(&self, seq: i64) -> Step {
        Step { from: self.applied, epoch: self.epoch, seq, head: self.head.max(seq) }
    }

    pub(super) fn is_behind(&self) -> bool {
        self.read > self.applied.seq
    }
}

pub(super) type Places = BTreeMap<Partition, Place>;

impl<H: Consume, S: PullSource> Consumer<H, S> {
    /// Loads the cursors of partitions that are new or that stand elsewhere than believed, forgets those given up.
    pub(super) async fn hold(&self, places: &mut Places, held: &[Partition]) -> Result<(), StoreError> {
        places.retain(|partition, _| held.contains(partition));
        let new: Vec<Partition> = held.iter().filter(|partition| !places.contains_key(partition)).copied().collect();
        if !new.is_empty() {
            self.forget_pauses(&new).await?;
            let loaded = self.load(&new).await?;
            places.extend(loaded.into_iter().map(|applied| (applied.partition, Place::at(applied))));
        }
        Ok(())
    }

    /// When to look again at the latest.
    pub(super) fn next_look(&self, places: &Places, store_at: Option<Instant>) -> Instant {
        let now = Instant::now();
        let longest = now + Duration::from_secs(self.settings.wait_s);
        let retries = places.values().filter_map(|place| place.not_before).filter(|at| *at > now);
        retries.chain(store_at).fold(longest, Instant::min)
    }

    /// Reads every partition that is not resting.
    pub(super) fn request(&self, places: &Places, until: Instant) -> PullRequest {
        let now = Instant::now();
        let ready = places.iter().filter(|(_, place)| place.not_before.is_none_or(|at| at <= now));
        let mut cursors: Vec<Cursor> = ready
            .map(|(partition, place)| Cursor {
                partition: partition.index().into(),
                after_seq: place.read,
                epoch: place.epoch,
            })
            .collect();
        // an answer has a largest size and fills up from the front
        let first = rand::random_range(0..cursors.len().max(1));
        cursors.rotate_left(first);
        let wait = until.saturating_duration_since(now);
        PullRequest {
            service: self.handler.source().to_owned(),
            consumer: format!("{}.{}", self.log.source(), self.handler.name()),
            cursors,
            max_events: self.settings.batch_max,
            wait: prost_types::Duration::try_from(wait).ok(),
            types: self.handler.types().iter().map(|kind| (*kind).to_owned()).collect(),
        }
    }

    /// Stores how far partitions were read past events that nobody wanted, all in one statement.
    pub(super) async fn store_read(&self, places: &mut Places) {
        let steps: Vec<Step> =
            places.values().filter(|place| place.is_behind()).map(|place| place.step_to(place.read)).collect();
        if steps.is_empty() {
            return;
        }
        match self.store_steps(&steps).await {
            Ok(moved) => {
                for step in steps {
                    let partition = step.from.partition;
                    match places.get_mut(&partition) {
                        Some(place) if moved.contains(&partition) => place.applied = step.done(),
                        _ => drop(places.remove(&partition)),
                    }
                }
                self.log.applied.send_modify(|batches| *batches += 1);
            }
            Err(error) => tracing::debug!(consumer = self.handler.name(), ?error, "could not store cursors"),
        }
    }

    async fn store_steps(&self, steps: &[Step]) -> Result<Vec<Partition>, StoreError> {
        let mut tx = self.log.db.begin_plain().await?;
        let moved = self.step(&mut tx, steps).await?;
        tx.commit().await?;
        Ok(moved)
    }
}
