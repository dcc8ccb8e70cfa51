use std::sync::atomic::{AtomicUsize, Ordering};

use ids::{PARTITIONS, Partition};
use pg::StoreError;
use proto::events::v1::Cursor;
use tokio::sync::{Notify, watch};

use crate::read::HeadRow;
use crate::{Log, Position};

/// The newest event of each partition.
pub(crate) type Seqs = [i64; PARTITIONS as usize];

/// What this process knows of the heads. Every waiting reader hangs on it, and one task feeds it.
pub(crate) struct Heads {
    seqs: watch::Sender<Seqs>,
    waiting: AtomicUsize,
    asked: Notify,
}

impl Default for Heads {
    fn default() -> Self {
        let seqs = watch::Sender::new([0; PARTITIONS as usize]);
        Self { seqs, waiting: AtomicUsize::default(), asked: Notify::default() }
    }
}

/// Counts a waiting reader for as long as it lives.
struct Waiting<'a>(&'a Heads);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Heads {
    pub(crate) fn known(&self) -> Seqs {
        *self.seqs.borrow()
    }

    /// Heads that are at least so far.
    pub(crate) fn raise(&self, places: impl IntoIterator<Item = (Partition, i64)>) {
        self.seqs.send_if_modified(|seqs| {
            places.into_iter().fold(false, |raised, (partition, seq)| {
                let known = &mut seqs[usize::from(partition.index())];
                let higher = seq > *known;
                *known = seq.max(*known);
                raised || higher
            })
        });
    }

    /// Waits until the head of one of the cursors' partitions has risen above both its cursor and `before`.
    pub(crate) async fn risen(&self, cursors: &[Cursor], before: &Seqs) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(self);
        self.asked.notify_one();
        let above = |seqs: &Seqs, cursor: &Cursor| {
            let index = usize::try_from(cursor.partition).unwrap_or(usize::MAX);
            matches!((seqs.get(index), before.get(index)), (Some(seq), Some(old)) if seq > old && *seq > cursor.after_seq)
        };
        let risen = |seqs: &Seqs| cursors.iter().any(|cursor| above(seqs, cursor));
        // fails only when the sender is gone, and we hold it
        let _ = self.seqs.subscribe().wait_for(risen).await;
    }

    /// Exactly these heads: lower ones too, so that a restored log is not waited for in vain.
    fn replace(&self, heads: &[HeadRow], before: &Seqs) {
        self.seqs.send_if_modified(|seqs| {
            let mut changed = false;
            for head in heads {
                let index = usize::from(head.partition.index());
                // what was raised since the look-up began is newer than it
                let seq = if seqs[index] == before[index] { head.seq } else { head.seq.max(seqs[index]) };
                changed |= seq != seqs[index];
                seqs[index] = seq;
            }
            changed
        });
    }

    /// Waits until somebody waits.
    async fn wanted(&self) {
        while self.waiting.load(Ordering::Relaxed) == 0 {
            self.asked.notified().await;
        }
    }
}

impl Log {
    /// Wakes readers, after the commit that made these positions.
    pub fn wake(&self, positions: &[Position]) {
        let own = positions.iter().filter(|position| position.source == self.source());
        self.heads.raise(own.clone().map(|position| (position.partition, position.seq)));
        self.wakes.send(own.map(|position| (position.partition, position.seq)));
    }

    /// Looks for events of other processes, at most once per interval and only while somebody waits.
    pub(crate) async fn watch_heads(&self) {
        loop {
            self.heads.wanted().await;
            if let Err(error) = self.look_up_heads().await {
                tracing::debug!(source = self.source(), ?error, "could not look up the heads of the log");
            }
            tokio::time::sleep(self.settings.poll_every()).await;
        }
    }

    async fn look_up_heads(&self) -> Result<(), StoreError> {
        let before = self.heads.known();
        let places = Partition::all().map(|p| (p, self.marks.since(p, before[usize::from(p.index())])));
        let mut tx = self.db.begin_plain().await?;
        let heads = crate::read::heads(&mut tx, &places.collect::<Vec<_>>()).await?;
        tx.rollback().await?;
        for head in &heads {
            if let Some(at) = head.recorded_at {
                self.marks.keep(head.partition, head.seq, at);
            }
        }
        self.heads.replace(&heads, &before);
        Ok(())
    }
}
