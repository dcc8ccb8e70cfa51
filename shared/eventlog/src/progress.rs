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
        let known = self.heads.known();
        let places = Partition::all().map(|p| (p, self.marks.since(p, known[usize::from(p.index())])));
        let mut tx = self.begin(tenant).await?;
        let heads = read::heads(&mut tx, &places.collect::<Vec<_>>()).await?;
        let standings = self.standings(&mut tx).await?;
        tx.rollback().await?;
        let cursor = |head: read::HeadRow| Cursor {
            partition: head.partition.index().into(),
            after_seq: head.seq,
            epoch: head.epoch,
        };
        let consumer = |((consumer, source), standing): (_, Standing)| ConsumerProgress {
            consumer,
            source,
            cursors: standing.cursors,
            dead_letters: standing.dead_letters,
            stopped: standing.stopped,
        };
        Ok(GetProgressResponse {
            heads: heads.into_iter().filter(|head| head.seq > 0).map(cursor).collect(),
            consumers: standings.into_iter().map(consumer).collect(),
        })
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
            "select consumer, source, partition, epoch, seq, head from consumer_cursor
             order by consumer, source, partition"
        );
        for row in rows.fetch_all(&mut **tx).await? {
            let standing = all.entry((row.consumer, row.source)).or_default();
            let head = standing.heads.entry(row.partition.into()).or_default();
            *head = row.head.max(*head);
            if row.seq > 0 {
                let cursor = Cursor { partition: row.partition.into(), after_seq: row.seq, epoch: row.epoch };
                standing.cursors.push(cursor);
            }
        }
        let rows = sqlx::query!(
            r#"select consumer, source, count(*) as "letters!" from dead_letter group by consumer, source"#
        );
        for row in rows.fetch_all(&mut **tx).await? {
            all.entry((row.consumer, row.source)).or_default().dead_letters = row.letters;
        }
        let rows = sqlx::query!("select consumer, source, reason from consumer_state order by partition");
        for row in rows.fetch_all(&mut **tx).await? {
            let stopped = &mut all.entry((row.consumer, row.source)).or_default().stopped;
            *stopped = if stopped.is_empty() { row.reason } else { format!("{stopped}; {}", row.reason) };
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
