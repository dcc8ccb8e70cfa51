use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use ids::TenantId;
use pg::{StoreError, Tx};
use proto::events::v1::Event;
use sqlx::Executor;
use tracing::Instrument;

use super::cursor::{Applied, Step};
use super::park::{Letter, UserKey};
use super::{ApplyError, Consume, Consumer, PullSource};
use crate::{Draft, Position};

/// An event and its tenant.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) tenant: TenantId,
    pub(super) event: Event,
}

impl Item {
    pub(super) fn user(&self) -> UserKey {
        (self.tenant.clone(), self.event.user_id.clone())
    }
}

/// Events of one partition, and the step of the cursor past them.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) step: Step,
    pub(super) items: Vec<Item>,
}

/// Why a batch was not applied.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The cursor stands elsewhere: another replica has the partition, or a commit of ours took effect after all.
    #[error("the cursor stands elsewhere")]
    Moved,
    /// Something that may pass.
    #[error(transparent)]
    Passing(#[from] StoreError),
    /// It was not tried: the store did not answer for another batch.
    #[error("the store did not answer for another batch")]
    Untried,
    /// Too many events would be set aside.
    #[error("{0} events would be set aside")]
    TooMany(i64),
}

impl Failure {
    /// Whether another batch would fail just so.
    pub(super) fn is_common(&self) -> bool {
        matches!(self, Self::Passing(StoreError::Unavailable(_)))
    }
}

/// How one try ended without being applied.
#[derive(Debug)]
enum Miss {
    /// An event is at fault.
    Fault,
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for Miss {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

impl<H: Consume, S: PullSource> Consumer<H, S> {
    /// Applies a batch in one transaction that begins with the step of the cursor. Where an event is at fault, the batch
    /// is tried again event by event, and that event and the later ones of its user are set aside.
    pub(super) async fn apply(&self, batch: &Batch) -> Result<Applied, Failure> {
        let (consumer, source) = (self.handler.name(), self.handler.source());
        let partition = batch.step.from.partition.index();
        let span = tracing::info_span!("consume", consumer, source, partition, events = batch.items.len());
        if let [item] = batch.items.as_slice() {
            telemetry::adopt(&span, &item.event.traceparent);
        }
        let work = async {
            match Box::pin(self.apply_whole(&[batch])).await {
                Ok(positions) => Ok(positions),
                Err(Miss::Fault) => Box::pin(self.apply_singly(batch)).await,
                Err(Miss::Failure(failure)) => Err(failure),
            }
        };
        let positions = work.instrument(span).await?;
        self.log.wake(&positions);
        metrics::counter!("eventlog_events_applied_total", &self.labels()).increment(batch.items.len() as u64);
        Ok(batch.step.done())
    }

    /// Applies batches of several partitions in one transaction, or none of them.
    pub(super) async fn apply_together(&self, batches: &[&Batch]) -> Option<Vec<Applied>> {
        let (consumer, source) = (self.handler.name(), self.handler.source());
        let events: usize = batches.iter().map(|batch| batch.items.len()).sum();
        let span = tracing::info_span!("consume", consumer, source, partitions = batches.len(), events);
        let positions = match Box::pin(self.apply_whole(batches)).instrument(span).await {
            Ok(positions) => positions,
            Err(miss) => {
                tracing::debug!(consumer, ?miss, "batches are applied one by one");
                return None;
            }
        };
        self.log.wake(&positions);
        metrics::counter!("eventlog_events_applied_total", &self.labels()).increment(events as u64);
        Some(batches.iter().map(|batch| batch.step.done()).collect())
    }

    async fn apply_whole(&self, batches: &[&Batch]) -> Result<Vec<Position>, Miss> {
        let steps: Vec<Step> = batches.iter().map(|batch| batch.step).collect();
        let mut tx = self.begin_steps(&steps).await?;
        let items = || batches.iter().flat_map(|batch| &batch.items);
        let parked = self.parked(&mut tx, items()).await?;
        let (held, flowing): (Vec<&Item>, Vec<&Item>) =
            items().partition(|item| !parked.is_empty() && parked.contains(&item.user()));
        let mut told = Vec::new();
        for (tenant, events) in by_tenant(&flowing) {
            tx.enter(tenant).await?;
            match self.hand_over(&mut tx, tenant, &events).await {
                Ok(drafts) => told.push((tenant, drafts)),
                Err(error) => return Err(self.miss(error)),
            }
        }
        let letters: Vec<Letter> = held.into_iter().map(Letter::behind).collect();
        self.park(&mut tx, &letters).await?;
        // last: whoever holds the log waits for nothing but the commit
        let appended = self.log.append_all(&mut tx, &told).await;
        let positions = appended.map_err(|error| self.miss(error.into()))?;
        tx.commit().await?;
        Ok(positions)
    }

    async fn apply_singly(&self, batch: &Batch) -> Result<Vec<Position>, Failure> {
        let mut tx = self.begin_steps(&[batch.step]).await?;
        let mut parked = self.parked(&mut tx, batch.items.iter()).await?;
        let mut failed = self.failed(&mut tx).await?;
        let mut letters = Vec::new();
        let mut positions = Vec::new();
        for item in &batch.items {
            if parked.contains(&item.user()) {
                letters.push(Letter::behind(item));
                continue;
            }
            match self.apply_one(&mut tx, item).await? {
                Ok(made) => positions.extend(made),
                Err(reason) => {
                    let (consumer, seq) = (self.handler.name(), item.event.seq);
                    tracing::warn!(consumer, seq, reason, "an event is set aside");
                    parked.insert(item.user());
                    letters.push(Letter::failed(item, reason));
                    failed += 1;
                }
            }
        }
        if failed > self.settings.dead_letters_max {
            return Err(Failure::TooMany(failed));
        }
        self.park(&mut tx, &letters).await?;
        tx.commit().await?;
        Ok(positions)
    }

    /// Applies one event between savepoints: the transaction goes on without it where it is at fault, and why. What it tells
    /// the log is appended at once, so that this may be its fault too. Among the events of a batch a deadlock with a writer
    /// of another tenant is possible in turn; it passes, and the batch is tried again.
    pub(super) async fn apply_one(
        &self,
        tx: &mut Tx,
        item: &Item,
    ) -> Result<Result<Vec<Position>, String>, StoreError> {
        tx.enter(&item.tenant).await?;
        tx.execute("savepoint item").await?;
        let applied = match self.hand_over(tx, &item.tenant, std::slice::from_ref(&item.event)).await {
            Ok(drafts) => self.log.append(tx, &item.tenant, &drafts).await.map_err(ApplyError::from),
            Err(error) => Err(error),
        };
        match applied {
            Ok(positions) => {
                tx.execute("release savepoint item").await?;
                Ok(Ok(positions))
            }
            Err(error) => match (error.fault(), error) {
                (Some(reason), _) => {
                    tx.execute("rollback to savepoint item").await?;
                    Ok(Err(reason))
                }
                (None, ApplyError::Store(error)) => Err(error),
                (None, ApplyError::Event { reason, .. }) => Ok(Err(reason)),
            },
        }
    }

    async fn begin_steps(&self, steps: &[Step]) -> Result<Tx, Failure> {
        let mut tx = self.log.db.begin_system().await?;
        match self.step(&mut tx, steps).await?.len() == steps.len() {
            true => Ok(tx),
            false => Err(Failure::Moved),
        }
    }

    /// Calls the handler. One that panics over an event would do so for ever, so it counts as the event's fault.
    async fn hand_over(&self, tx: &mut Tx, tenant: &TenantId, events: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        let applied = AssertUnwindSafe(self.handler.apply(tx, tenant, events)).catch_unwind().await;
        applied.unwrap_or_else(|_| Err(ApplyError::Event { index: 0, reason: "the handler panicked".to_owned() }))
    }

    fn miss(&self, error: ApplyError) -> Miss {
        match (error.fault(), error) {
            (None, ApplyError::Store(error)) => Miss::Failure(Failure::Passing(error)),
            _ => Miss::Fault,
        }
    }
}

/// Tenants in the order in which they first occur, each with its events in their order.
fn by_tenant<'a>(items: &[&'a Item]) -> Vec<(&'a TenantId, Vec<Event>)> {
    let mut groups: Vec<(&TenantId, Vec<Event>)> = Vec::new();
    let mut index = std::collections::HashMap::new();
    for item in items {
        let at = *index.entry(&item.tenant).or_insert_with(|| {
            groups.push((&item.tenant, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(item.event.clone());
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_grouped_by_tenant_without_changing_their_order() {
        let item = |(tenant, seq): (&str, i64)| Item {
            tenant: TenantId::new(tenant).unwrap(),
            event: Event { seq, ..Event::default() },
        };
        let items: Vec<Item> = [("b", 1), ("a", 2), ("b", 3), ("a", 4), ("c", 5)].map(item).into();
        let groups = by_tenant(&items.iter().collect::<Vec<_>>());
        let seqs = |events: Vec<Event>| events.iter().map(|event| event.seq).collect::<Vec<_>>();
        let got: Vec<_> = groups.into_iter().map(|(tenant, events)| (tenant.as_str(), seqs(events))).collect();
        assert_eq!(got, [("b", vec![1, 3]), ("a", vec![2, 4]), ("c", vec![5])]);
    }
}
