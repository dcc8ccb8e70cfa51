use std::collections::BTreeMap;

use ids::{Partition, TenantId};
use pg::{StoreError, Tx};
use proto::events::v1::{ConsumerProgress, Cursor, GetProgressResponse};

use crate::{Log, read};

/// One consumer of this service as its tables and this process know it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Standing {
    pub(crate) cursors: Vec<Cursor>,
    /// The newest event of each partition as last seen.
    pub(crate) heads: BTreeMap<i32, i64>,
    pub(crate) dead_letters: i64,
    pub(crate) stopped: String,
}

/// By consumer and source.
pub(crate) type Standings = BTreeMap<(String, String), Standing>;

impl Log {
    /// The heads of this log and the cursors of this service's consumers. A tenant sees its own dead letters counted.
    pub(crate) async fn progress(&self, tenant: Option<&TenantId>) -> Result<GetProgressResponse, StoreError> {
        let mut tx = self.begin(tenant).await?;
        let heads = self.heads_in(&mut tx).await?;
        let standings = self.standings(&mut tx).await?;
        tx.rollback().await?;
        let consumer = |((consumer, source), standing): (_, Standing)| ConsumerProgress {
            consumer,
            source,
            cursors: standing.cursors,
            dead_letters: standing.dead_letters,
            stopped: standing.stopped,
        };
        Ok(GetProgressResponse { heads, consumers: standings.into_iter().map(consumer).collect() })
    }

    /// The newest event of each partition of this log; empty partitions are absent.
    pub async fn heads(&self) -> Result<Vec<Cursor>, StoreError> {
        let mut tx = self.db.begin_plain().await?;
        let heads = self.heads_in(&mut tx).await?;
        tx.rollback().await?;
        Ok(heads)
    }

    async fn heads_in(&self, tx: &mut Tx) -> Result<Vec<Cursor>, StoreError> {
        let known = self.heads.known();
        let places = Partition::all().map(|p| (p, self.marks.since(p, known[usize::from(p.index())])));
        let heads = read::heads(tx, &places.collect::<Vec<_>>()).await?;
        let cursor = |head: read::HeadRow| Cursor {
            partition: head.partition.index().into(),
            after_seq: head.seq,
            epoch: head.epoch,
        };
        Ok(heads.into_iter().filter(|head| head.seq > 0).map(cursor).collect())
    }

    /// The consumers of this service, over all tenants.
    pub(crate) async fn all_standings(&self) -> Result<Standings, StoreError> {
        let mut tx = self.db.begin_system().await?;
        let standings = self.standings(&mut tx).await?;
        tx.rollback().await?;
        Ok(standings)
    }

    /// Every consumer that runs in this process or has left a cursor.
    pub(crate) async fn standings(&self, tx: &mut Tx) -> Result<Standings, StoreError> {
        let mut all = Standings::new();
        for consumer in self.hosted() {
            let standing = all.entry((consumer.name().to_owned(), consumer.source().to_owned())).or_default();
            standing.heads = consumer.heads();
        }
        let rows = sqlx::query!(
            r#"select consumer as "consumer!", source as "source!", partition as "partition?",
                   coalesce(c.epoch, 0) as "epoch!", coalesce(c.seq, 0) as "seq!", coalesce(c.head, 0) as "head!",
                   s.reason as "reason?", d.letters as "letters?"
               from consumer_cursor c
               full join consumer_state s using (consumer, source, partition)
               full join (select consumer, source, count(*) as letters from dead_letter group by consumer, source) d
                   using (consumer, source)
               order by consumer, source, partition"#
        );
        for row in rows.fetch_all(&mut **tx).await? {
            let standing = all.entry((row.consumer, row.source)).or_default();
            standing.dead_letters = row.letters.unwrap_or(0);
            if let Some(reason) = row.reason {
                let mark = if standing.stopped.is_empty() { "" } else { "; " };
                standing.stopped = format!("{}{mark}{reason}", standing.stopped);
            }
            let Some(partition) = row.partition.map(i32::from) else { continue };
            let head = standing.heads.entry(partition).or_default();
            *head = row.head.max(*head);
            if row.seq > 0 {
                standing.cursors.push(Cursor { partition, after_seq: row.seq, epoch: row.epoch });
            }
        }
        Ok(all)
    }
}

impl Standing {
    /// Events between the cursors and the heads last seen.
    pub(crate) fn lag(&self) -> i64 {
        let read: BTreeMap<i32, i64> = self.cursors.iter().map(|c| (c.partition, c.after_seq)).collect();
        let behind = |(partition, head): (&i32, &i64)| (head - read.get(partition).unwrap_or(&0)).max(0);
        self.heads.iter().map(behind).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_counts_the_events_between_cursors_and_heads() {
        let cursor = |partition, after_seq| Cursor { partition, after_seq, epoch: 1 };
        let heads = BTreeMap::from([(0, 7), (1, 4), (2, 5)]);
        let standing = Standing { cursors: vec![cursor(0, 3), cursor(1, 9)], heads, ..Standing::default() };
        assert_eq!(standing.lag(), 4 + 5);
    }
}
