use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pg::StoreError;
use proto::events::v1::Cursor;

use crate::Log;

/// How far the stored cursors lie behind. They hold back dropping days, where seconds do not matter.
const STORE_EVERY: Duration = Duration::from_secs(10);
/// More names than this in one process are not the suite's own services.
const READERS_MAX: usize = 256;

/// How far service identities have read, by name and partition, since it was last stored.
#[derive(Default)]
pub(crate) struct Readers {
    read: Mutex<HashMap<String, HashMap<i32, i64>>>,
}

impl Readers {
    pub(crate) fn note(&self, reader: &str, cursors: &[Cursor]) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if !read.contains_key(reader) && read.len() >= READERS_MAX {
            return;
        }
        let known = read.entry(reader.to_owned()).or_default();
        known.extend(cursors.iter().map(|cursor| (cursor.partition, cursor.after_seq)));
    }

    fn take(&self) -> HashMap<String, HashMap<i32, i64>> {
        std::mem::take(&mut *self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Log {
    pub(crate) async fn keep_readers(&self) {
        loop {
            tokio::time::sleep(STORE_EVERY).await;
            self.flush_readers().await;
        }
    }

    /// Stores how far the readers are. What cannot be stored is noted again by their next reads.
    pub(crate) async fn flush_readers(&self) {
        if let Err(error) = self.store_readers().await {
            tracing::warn!(source = self.source(), ?error, "could not store how far the log's readers are");
        }
    }

    async fn store_readers(&self) -> Result<(), StoreError> {
        let (mut names, mut partitions, mut seqs) = (Vec::new(), Vec::new(), Vec::new());
        for (name, cursors) in self.readers.take() {
            for (partition, seq) in cursors {
                names.push(name.clone());
                partitions.push(i16::try_from(partition).unwrap_or(0));
                seqs.push(seq);
            }
        }
        if names.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin_plain().await?;
        sqlx::query!(
            "insert into reader_cursor (reader, partition, seq, seen_at)
             select r.reader, r.partition, r.seq, clock_timestamp()
             from unnest($1::text[], $2::smallint[], $3::bigint[]) r(reader, partition, seq)
             order by r.reader, r.partition
             on conflict (reader, partition) do update set seq = excluded.seq, seen_at = excluded.seen_at",
            &names,
            &partitions,
            &seqs,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }
}
