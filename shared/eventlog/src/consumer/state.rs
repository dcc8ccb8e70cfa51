use ids::Partition;
use pg::StoreError;

use super::{Consume, Consumer, PullSource};

/// The row of `consumer_state` that concerns the consumer as a whole.
const WHOLE: i16 = -1;

impl<H: Consume, S: PullSource> Consumer<H, S> {
    /// Raises the alarm: the consumer, or one partition of it, stands still until an operator has removed the reason.
    pub(super) async fn alarm(&self, partition: Option<Partition>, reason: &str) {
        let (consumer, source) = (self.handler.name(), self.handler.source());
        let number = partition.map(|partition| partition.index());
        tracing::error!(consumer, source, partition = number, reason, "a consumer stopped");
        metrics::counter!("eventlog_consumer_stops_total", &self.labels()).increment(1);
        metrics::gauge!("eventlog_consumer_stopped", &self.labels()).set(1.0);
        if let Err(error) = self.store_alarm(partition, reason).await {
            tracing::warn!(consumer, source, ?error, "could not store why the consumer stopped");
        }
    }

    async fn store_alarm(&self, partition: Option<Partition>, reason: &str) -> Result<(), StoreError> {
        let mut tx = self.log.db.begin_plain().await?;
        sqlx::query!(
            "insert into consumer_state (consumer, source, partition, reason, since)
             values ($1, $2, $3, $4, clock_timestamp())
             on conflict (consumer, source, partition) do update
             set reason = excluded.reason, since = excluded.since
             where consumer_state.reason <> excluded.reason",
            self.handler.name(),
            self.handler.source(),
            partition.map_or(WHOLE, |partition| partition.index().into()),
            reason,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// Forgets what paused partitions under whoever held them before: what still does pauses them again.
    pub(super) async fn forget_pauses(&self, partitions: &[Partition]) -> Result<(), StoreError> {
        let partitions: Vec<i16> = partitions.iter().map(|partition| partition.index().into()).collect();
        let mut tx = self.log.db.begin_plain().await?;
        sqlx::query!(
            "delete from consumer_state where consumer = $1 and source = $2 and partition = any($3)",
            self.handler.name(),
            self.handler.source(),
            &partitions,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// Ends an alarm.
    pub(super) async fn all_clear(&self, partition: Option<Partition>) -> Result<(), StoreError> {
        let mut tx = self.log.db.begin_plain().await?;
        sqlx::query!(
            "delete from consumer_state where consumer = $1 and source = $2 and partition = $3",
            self.handler.name(),
            self.handler.source(),
            partition.map_or(WHOLE, |partition| partition.index().into()),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        metrics::gauge!("eventlog_consumer_stopped", &self.labels()).set(0.0);
        Ok(())
    }
}
