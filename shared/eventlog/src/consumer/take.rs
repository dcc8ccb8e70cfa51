use std::sync::PoisonError;
use std::time::Duration;

use futures::StreamExt;
use ids::{Partition, TenantId};
use proto::events::v1::{PartitionPage, PullResponse};
use tokio::time::Instant;

use super::apply::{Batch, Failure, Item};
use super::cursor::Applied;
use super::places::{Place, Places};
use super::{Consume, Consumer, PullSource};

/// Pause after an answer without a wanted event, so that a busy log of other types is read in large pages.
const PASSING_PAUSE: Duration = Duration::from_millis(10);

/// Why the consumer as a whole stops.
pub(super) struct Stop(pub(super) String);

/// A batch to apply, and what keeps its partition from going on after it.
struct Task {
    batch: Batch,
    unknown: Option<String>,
}

impl<H: Consume, S: PullSource> Consumer<H, S> {
    /// Applies an answer, a few partitions at a time.
    pub(super) async fn take(&self, places: &mut Places, answer: PullResponse) -> Result<(), Stop> {
        let mut work = Vec::new();
        let mut moved = false;
        for page in answer.pages {
            let Some(partition) = Partition::new(page.partition.into()) else { continue };
            let Some(place) = places.get_mut(&partition) else { continue };
            self.saw_head(partition, page.head);
            place.epoch = page.epoch;
            place.head = page.head;
            moved |= page.next_seq > place.read;
            if let Some(task) = self.prepare(place, page)? {
                work.push(task);
            }
        }
        if work.is_empty() && moved {
            tokio::time::sleep(PASSING_PAUSE).await;
        }
        let groups = self.grouped(places, work).into_iter().map(|group| self.apply_group(group));
        let mut done = futures::stream::iter(groups).buffer_unordered(self.settings.concurrent.max(1));
        let mut stop = Ok(());
        while let Some(outcomes) = done.next().await {
            for (task, applied) in outcomes {
                // the others are let finish: their effects are committed or not, never half
                if let Err(reason) = self.settle(places, task, applied).await {
                    stop = Err(reason);
                }
            }
        }
        let lag: i64 = places.values().map(|place| (place.head - place.read).max(0)).sum();
        metrics::gauge!("eventlog_consumer_lag_events", &self.labels()).set(lag as f64);
        self.log.applied.send_modify(|batches| *batches += 1);
        stop
    }

    /// Tasks that share a transaction, which takes as many events as one partition's batch may have at most. What failed
    /// before is tried by itself.
    fn grouped(&self, places: &Places, work: Vec<Task>) -> Vec<Vec<Task>> {
        let most = usize::try_from(self.settings.batch_max).unwrap_or(1);
        let mut groups: Vec<Vec<Task>> = Vec::new();
        let mut open: Option<(usize, usize)> = None; // a group that has room, and its events
        for task in work {
            let events = task.batch.items.len();
            let sound = places.get(&task.batch.step.from.partition).is_some_and(|place| place.failures == 0);
            match open {
                Some((group, filled)) if sound && filled + events <= most => {
                    groups[group].push(task);
                    open = Some((group, filled + events));
                }
                _ => {
                    groups.push(vec![task]);
                    if sound {
                        open = Some((groups.len() - 1, events));
                    }
                }
            }
        }
        groups
    }

    /// Applies a group in one transaction, or its tasks one by one where that does not go through: one that is at fault
    /// keeps no other from being applied.
    async fn apply_group(&self, tasks: Vec<Task>) -> Vec<(Task, Option<Result<Applied, Failure>>)> {
        let batches: Vec<&Batch> =
            tasks.iter().map(|task| &task.batch).filter(|batch| !batch.items.is_empty()).collect();
        if batches.len() > 1
            && let Some(applied) = self.apply_together(&batches).await
        {
            let mut applied = applied.into_iter();
            let outcome = |task: Task| match task.batch.items.is_empty() {
                true => (task, None),
                false => (task, applied.next().map(Ok)),
            };
            return tasks.into_iter().map(outcome).collect();
        }
        let mut outcomes = Vec::with_capacity(tasks.len());
        let mut over = false;
        for task in tasks {
            let applied = match (task.batch.items.is_empty(), over) {
                (true, _) => None,
                (false, true) => Some(Err(Failure::Untried)),
                (false, false) => Some(self.apply(&task.batch).await),
            };
            over |= matches!(&applied, Some(Err(failure)) if failure.is_common());
            outcomes.push((task, applied));
        }
        outcomes
    }

    /// What of a page is applied now: events up to the first that must be understood and is not.
    fn prepare(&self, place: &mut Place, page: PartitionPage) -> Result<Option<Task>, Stop> {
        if page.next_seq < place.read {
            return Err(Stop(format!("the source went back from {} to {}", place.read, page.next_seq)));
        }
        let mut next = page.next_seq;
        let mut unknown = None;
        let mut items = Vec::new();
        // after failures smaller batches: a batch may fail for being large
        let most = usize::try_from(self.settings.batch_max >> place.failures.min(16)).unwrap_or(1).max(1);
        for event in page.events {
            let kind = event.r#type.as_str();
            if self.handler.types().contains(&kind) {
                if items.len() == most {
                    next = event.seq - 1;
                    break;
                }
                let tenant = TenantId::new(event.tenant_id.as_str());
                let tenant = tenant.map_err(|_| Stop(format!("event {} names no tenant", event.seq)))?;
                items.push(Item { tenant, event });
            } else if event.must_understand && !self.handler.ignores().contains(&kind) {
                next = event.seq - 1;
                unknown = Some(format!("event {} has the unknown type {kind}, which must be understood", event.seq));
                break;
            }
        }
        if items.is_empty() && unknown.is_none() {
            place.read = next;
            place.failures = 0;
            return Ok(None);
        }
        Ok(Some(Task { batch: Batch { step: place.step_to(next), items }, unknown }))
    }

    /// Takes note of how a batch ended.
    async fn settle(
        &self,
        places: &mut Places,
        task: Task,
        applied: Option<Result<Applied, Failure>>,
    ) -> Result<(), Stop> {
        let partition = task.batch.step.from.partition;
        let Some(place) = places.get_mut(&partition) else { return Ok(()) };
        match applied {
            None => place.read = task.batch.step.seq,
            Some(Ok(applied)) => {
                (place.applied, place.read, place.failures) = (applied, applied.seq, 0);
                place.not_before = None;
                if place.paused {
                    place.paused = self.all_clear(Some(partition)).await.is_err();
                }
            }
            Some(Err(Failure::Moved)) => {
                places.remove(&partition);
                return Ok(());
            }
            Some(Err(Failure::Untried)) => {
                place.failures += 1;
                place.not_before = Some(Instant::now() + self.settings.pause(place.failures));
                return Ok(());
            }
            Some(Err(Failure::Passing(error))) => {
                let failures = place.failures + 1;
                let pause = self.settings.pause(failures);
                let (consumer, number) = (self.handler.name(), partition.index());
                tracing::warn!(consumer, partition = number, failures, ?error, "a batch is tried again later");
                // a commit may have taken effect although its answer was lost: the cursor is read anew
                place.failures = failures;
                place.not_before = Some(Instant::now() + pause);
                self.reload(place).await;
                return Ok(());
            }
            Some(Err(Failure::TooMany(count))) => {
                return Err(Stop(format!("{count} events would be set aside")));
            }
        }
        if let Some(reason) = task.unknown {
            place.paused = true;
            place.not_before = Some(Instant::now() + self.settings.stopped());
            self.alarm(Some(partition), &reason).await;
        }
        Ok(())
    }

    async fn reload(&self, place: &mut Place) {
        if let Ok(loaded) = self.load(&[place.applied.partition]).await
            && let [applied] = loaded.as_slice()
        {
            (place.applied, place.epoch, place.read) = (*applied, applied.epoch, applied.seq);
        }
    }

    fn saw_head(&self, partition: Partition, head: i64) {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.insert(partition.index().into(), head);
    }
}
