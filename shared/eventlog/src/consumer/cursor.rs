use ids::Partition;
use pg::{StoreError, Tx};

use super::{Consume, Consumer, PullSource};

/// How far a partition of the source is applied: a row of `consumer_cursor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) partition: Partition,
    /// 0 until something was read.
    pub(super) epoch: i64,
    pub(super) seq: i64,
}

/// A step of a cursor: taken only if it still stands where we believe it to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) from: Applied,
    pub(super) epoch: i64,
    pub(super) seq: i64,
    pub(super) head: i64,
}

impl Step {
    pub(super) fn done(&self) -> Applied {
        Applied { partition: self.from.partition, epoch: self.epoch, seq: self.seq }
    }
}

impl<H: Consume, S: PullSource> Consumer<H, S> {
    /// The cursors of partitions, made where they are missing.
    pub(super) async fn load(&self, partitions: &[Partition]) -> Result<Vec<Applied>, StoreError> {
        let wanted: Vec<i16> = partitions.iter().map(|partition| partition.index().into()).collect();
        let mut tx = self.log.db.begin_plain().await?;
        sqlx::query!(
            "insert into consumer_cursor (consumer, source, partition)
             select $1, $2, p from unnest($3::smallint[]) p order by p
             on conflict (consumer, source, partition) do nothing",
            self.handler.name(),
            self.handler.source(),
            &wanted,
        )
        .execute(&mut *tx)
        .await?;
        let rows = sqlx::query!(
            "select partition, epoch, seq from consumer_cursor
             where consumer = $1 and source = $2 and partition = any($3)",
            self.handler.name(),
            self.handler.source(),
            &wanted,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let applied = |partition, epoch, seq| Some(Applied { partition: Partition::new(partition)?, epoch, seq });
        Ok(rows.into_iter().filter_map(|row| applied(row.partition.into(), row.epoch, row.seq)).collect())
    }

    /// Moves cursors as a compare-and-set, and answers the partitions that moved. Those absent stand elsewhere: another
    /// replica moved them.
    pub(super) async fn step(&self, tx: &mut Tx, steps: &[Step]) -> Result<Vec<Partition>, StoreError> {
        let partitions: Vec<i16> = steps.iter().map(|step| step.from.partition.index().into()).collect();
        let from_epochs: Vec<i64> = steps.iter().map(|step| step.from.epoch).collect();
        let from_seqs: Vec<i64> = steps.iter().map(|step| step.from.seq).collect();
        let epochs: Vec<i64> = steps.iter().map(|step| step.epoch).collect();
        let seqs: Vec<i64> = steps.iter().map(|step| step.seq).collect();
        let heads: Vec<i64> = steps.iter().map(|step| step.head).collect();
        let moved = sqlx::query_scalar!(
            "update consumer_cursor c set epoch = s.epoch, seq = s.seq, head = s.head
             from unnest($3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
                 s(partition, from_epoch, from_seq, epoch, seq, head)
             where c.consumer = $1 and c.source = $2 and c.partition = s.partition
                 and c.epoch = s.from_epoch and c.seq = s.from_seq
             returning c.partition",
            self.handler.name(),
            self.handler.source(),
            &partitions,
            &from_epochs,
            &from_seqs,
            &epochs,
            &seqs,
            &heads,
        )
        .fetch_all(&mut **tx)
        .await?;
        Ok(moved.into_iter().filter_map(|partition| Partition::new(partition.into())).collect())
    }
}
