use ids::{Partition, TenantId};
use pg::StoreError;
use time::OffsetDateTime;

use crate::Log;

/// A place in the list of a consumer's dead letters; the default lies before the first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Place {
    source: String,
    partition: i16,
    seq: i64,
}

impl Place {
    pub(crate) fn from_key(key: &[String]) -> Option<Self> {
        let [source, partition, seq] = key else { return None };
        Some(Self { source: source.clone(), partition: partition.parse().ok()?, seq: seq.parse().ok()? })
    }
}

/// A dead letter as listed.
pub(crate) struct Row {
    source: String,
    partition: i16,
    seq: i64,
    pub(crate) event: Vec<u8>,
    pub(crate) reason: String,
    pub(crate) attempts: i32,
    pub(crate) parked_at: OffsetDateTime,
}

impl Row {
    pub(crate) fn key(&self) -> [String; 3] {
        [self.source.clone(), self.partition.to_string(), self.seq.to_string()]
    }
}

impl Log {
    /// A consumer's dead letters over all tenants, by source, partition and number.
    pub(crate) async fn dead_letters(&self, consumer: &str, after: &Place, limit: i64) -> Result<Vec<Row>, StoreError> {
        let mut tx = self.db.begin_system().await?;
        let rows = sqlx::query_as!(
            Row,
            "select source, partition, seq, event, reason, attempts, parked_at from dead_letter
             where consumer = $1 and (source, partition, seq) > ($2, $3, $4)
             order by source, partition, seq limit $5",
            consumer,
            after.source,
            after.partition,
            after.seq,
            limit,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.rollback().await?;
        Ok(rows)
    }

    /// Gives up one dead letter. One that is gone already is no error: the call may be a repetition.
    pub(crate) async fn discard(
        &self,
        consumer: &str,
        source: &str,
        partition: Partition,
        seq: i64,
    ) -> Result<(), StoreError> {
        let partition = i16::from(partition.index());
        let mut tx = self.db.begin_system().await?;
        let tenant = sqlx::query_scalar!(
            "select tenant_id from dead_letter where consumer = $1 and source = $2 and partition = $3 and seq = $4",
            consumer,
            source,
            partition,
            seq,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(tenant) = tenant.and_then(|tenant| TenantId::new(tenant).ok()) else { return Ok(()) };
        tx.enter(&tenant).await?;
        sqlx::query!(
            "delete from dead_letter
             where consumer = $1 and source = $2 and partition = $3 and seq = $4 and tenant_id = $5",
            consumer,
            source,
            partition,
            seq,
            tenant.as_str(),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        tracing::info!(consumer, source, partition, seq, "a dead letter was discarded");
        Ok(())
    }
}
