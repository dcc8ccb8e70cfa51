use std::time::Duration;

use ids::{Partition, TenantId};
use pg::StoreError;
use proto::events::v1::{Cursor, PartitionPage, PullRequest, PullResponse};
use tokio::time::Instant;

use crate::Log;
use crate::read::{self, Filter, Found, HeadRow, Window};

const EVENTS_DEFAULT: i64 = 256;
const EVENTS_MAX: i64 = 1_000;
const WAIT_MAX: Duration = Duration::from_secs(20);
/// What is left of a caller's time for the last look at the log and the answer's way.
const ANSWER_TIME: Duration = Duration::from_millis(500);
/// A window may be cut no shorter than this, however many share an answer.
const WINDOW_BYTES_MIN: usize = 64 << 10;
/// How often a read that found a gap is repeated: rows may be moving between tables.
const GAP_READS_MAX: u32 = 5;
/// Pause of a tenant's reader among events of other tenants.
const PASSING_PAUSE: Duration = Duration::from_millis(50);

/// Who reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A tenant's token: sees the tenant's events.
    Tenant(TenantId),
    /// A service identity, by name: sees all, and holds back the dropping of what it has not read.
    Service(String),
}

impl Reader {
    fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Tenant(tenant) => Some(tenant),
            Self::Service(_) => None,
        }
    }
}

/// Why a log was not read.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The events after the cursor are gone.
    #[error("partition {partition} begins after {floor}, the cursor is at {after}")]
    Truncated {
        /// The partition.
        partition: Partition,
        /// The cursor.
        after: i64,
        /// Events up to it are gone.
        floor: i64,
        /// The log's epoch.
        epoch: i64,
    },
    /// The cursor was made before a restore.
    #[error("the cursor of partition {partition} is of epoch {given}, the log of {epoch}")]
    Epoch {
        /// The partition.
        partition: Partition,
        /// The cursor's epoch.
        given: i64,
        /// The log's.
        epoch: i64,
    },
    /// The cursor lies beyond the head: the log lost its tail.
    #[error("the cursor of partition {partition} is at {after}, beyond the head {head}")]
    BeyondHead {
        /// The partition.
        partition: Partition,
        /// The cursor.
        after: i64,
        /// The newest event.
        head: i64,
        /// The log's epoch.
        epoch: i64,
    },
    /// An event is missing.
    #[error("partition {partition} lacks the event {seq}")]
    Gap {
        /// The partition.
        partition: Partition,
        /// The missing event.
        seq: i64,
    },
    /// A partition that does not exist, or one that is named twice.
    #[error("the cursors name a partition outside 0 to 31, or one twice")]
    Cursors,
    /// Too many readers wait already.
    #[error("too many readers wait already")]
    TooMany,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Log {
    /// Reads events after the cursors, waiting for some where there are none. A service is answered as soon as its
    /// cursors move; a tenant's reader waits on while only events of others pass by.
    pub(crate) async fn pull(&self, reader: &Reader, mut request: PullRequest) -> Result<PullResponse, PullError> {
        let wait = request.wait.as_ref().map_or(Duration::ZERO, |wait| bounded_wait(wait, rt::remaining()));
        let deadline = Instant::now() + wait;
        check(&request.cursors)?;
        if let Reader::Service(name) = reader {
            self.readers.note(name, &request.cursors);
        }
        let mut place = None;
        loop {
            let before = self.heads.known();
            let pages = self.read_pages(reader, &request).await?;
            let found = pages.iter().any(|page| !page.events.is_empty());
            let moved = request.cursors.iter().zip(&pages).any(|(cursor, page)| page.next_seq > cursor.after_seq);
            let answer = found || (moved && reader.tenant().is_none());
            if answer || Instant::now() >= deadline || self.ended.is_cancelled() {
                return Ok(PullResponse { pages });
            }
            if place.is_none() {
                place = Some(self.waiting.try_acquire().map_err(|_| PullError::TooMany)?);
            }
            for (cursor, page) in request.cursors.iter_mut().zip(&pages) {
                *cursor = Cursor { partition: page.partition, after_seq: page.next_seq, epoch: page.epoch };
            }
            let risen = async {
                match moved {
                    true => tokio::time::sleep(PASSING_PAUSE).await,
                    false => self.heads.risen(&request.cursors, &before).await,
                }
            };
            tokio::select! {
                () = risen => {}
                () = tokio::time::sleep_until(deadline) => {}
                () = self.ended.cancelled() => {}
            }
        }
    }

    /// One look at the log: a page per cursor, in their order.
    async fn read_pages(&self, reader: &Reader, request: &PullRequest) -> Result<Vec<PartitionPage>, PullError> {
        for _ in 1..GAP_READS_MAX {
            match self.read_pages_once(reader, request).await {
                Err(PullError::Gap { partition, seq }) => {
                    tracing::debug!(source = self.source(), %partition, seq, "rows of the log are moving, reading again");
                }
                outcome => return outcome,
            }
        }
        let outcome = self.read_pages_once(reader, request).await;
        if let Err(PullError::Gap { partition, seq }) = &outcome {
            tracing::error!(source = self.source(), %partition, seq, "the event log lacks an event");
        }
        outcome
    }

    async fn read_pages_once(&self, reader: &Reader, request: &PullRequest) -> Result<Vec<PartitionPage>, PullError> {
        let tenant = reader.tenant();
        let mut tx = self.begin(tenant).await?;
        let places: Vec<_> = request.cursors.iter().map(|cursor| self.place(cursor)).collect::<Result<_, _>>()?;
        let heads = read::heads(&mut tx, &places).await?;
        let mut windows = Vec::new();
        for ((cursor, head), (partition, since)) in request.cursors.iter().zip(&heads).zip(&places) {
            check_cursor(cursor, head)?;
            let until = head.seq.min(cursor.after_seq.saturating_add(events_max(request.max_events)));
            windows.push(Window { partition: *partition, after: cursor.after_seq, until, since: *since });
        }
        let unread: Vec<Window> = windows.iter().filter(|window| window.after < window.until).copied().collect();
        let found = match unread.is_empty() {
            true => Vec::new(),
            false => {
                let share = (self.settings.page_bytes_max / windows.len().max(1)).max(WINDOW_BYTES_MIN);
                let share = i64::try_from(share).unwrap_or(i64::MAX);
                let filter = Filter { tenant, types: &request.types, window_bytes_max: share };
                let found = read::windows(&mut tx, &unread, &filter).await?;
                if tenant.is_some() {
                    self.check_floors(&mut tx, &windows).await?;
                }
                self.cut(&mut windows, found, share, tenant.is_none())?
            }
        };
        tx.rollback().await?;
        for row in &found {
            self.marks.keep(row.partition, row.seq, row.recorded_at);
        }
        Ok(pages(&windows, &heads, found))
    }

    fn place(&self, cursor: &Cursor) -> Result<(Partition, time::OffsetDateTime), PullError> {
        let partition = Partition::new(cursor.partition.into()).ok_or(PullError::Cursors)?;
        Ok((partition, self.marks.since(partition, cursor.after_seq)))
    }

    /// A day may be dropped between the look at the heads and the read. A service's reader sees the gap; in a tenant's
    /// view gaps are common.
    async fn check_floors(&self, tx: &mut pg::Tx, windows: &[Window]) -> Result<(), PullError> {
        let places: Vec<_> = windows.iter().map(|window| (window.partition, window.since)).collect();
        for (window, head) in windows.iter().zip(read::heads(tx, &places).await?) {
            let Window { partition, after, .. } = *window;
            if after < head.floor {
                return Err(PullError::Truncated { partition, after, floor: head.floor, epoch: head.epoch });
            }
        }
        Ok(())
    }

    /// Ends each window where its rows were cut or the answer is full, and drops the rows past it. Where every row must
    /// be there, a missing one is an error: a cursor never moves past it.
    fn cut(
        &self,
        windows: &mut [Window],
        found: Vec<Found>,
        share: i64,
        gapless: bool,
    ) -> Result<Vec<Found>, PullError> {
        let mut kept: Vec<Found> = Vec::new();
        let mut found = found.into_iter().peekable();
        let mut room = i64::try_from(self.settings.page_bytes_max).unwrap_or(i64::MAX);
        for window in windows.iter_mut().filter(|window| window.after < window.until) {
            let mut last = window.after;
            let mut weight = 0;
            let mut full = room <= 0;
            while let Some(row) = found.next_if(|row| row.partition == window.partition) {
                if gapless && !full && row.seq != last + 1 {
                    return Err(PullError::Gap { partition: window.partition, seq: last + 1 });
                }
                if !full {
                    (last, weight) = (row.seq, row.weight_to_here);
                    full = weight >= share.min(room);
                    kept.push(row);
                }
            }
            if gapless && !full && last < window.until {
                return Err(PullError::Gap { partition: window.partition, seq: last + 1 });
            }
            if full {
                window.until = last;
            }
            room -= weight;
        }
        Ok(kept)
    }
}

fn pages(windows: &[Window], heads: &[HeadRow], found: Vec<Found>) -> Vec<PartitionPage> {
    let mut found = found.into_iter().peekable();
    let mut page = |(window, head): (&Window, &HeadRow)| {
        let mut events = Vec::new();
        while let Some(row) = found.next_if(|row| row.partition == window.partition) {
            events.extend(row.event.map(|event| event.into_event(head.epoch)));
        }
        PartitionPage {
            partition: window.partition.index().into(),
            events,
            next_seq: window.until.max(window.after),
            head: head.seq,
            floor: head.floor,
            epoch: head.epoch,
        }
    };
    windows.iter().zip(heads).map(&mut page).collect()
}

fn check(cursors: &[Cursor]) -> Result<(), PullError> {
    let mut seen = std::collections::BTreeSet::new();
    match cursors.iter().all(|c| Partition::new(c.partition.into()).is_some_and(|p| seen.insert(p))) {
        true => Ok(()),
        false => Err(PullError::Cursors),
    }
}

fn check_cursor(cursor: &Cursor, head: &HeadRow) -> Result<(), PullError> {
    let HeadRow { partition, seq, floor, epoch, .. } = *head;
    let after = cursor.after_seq;
    match cursor.epoch {
        0 if after == 0 => {}
        given if given != epoch => return Err(PullError::Epoch { partition, given, epoch }),
        _ if after > seq => return Err(PullError::BeyondHead { partition, after, head: seq, epoch }),
        _ => {}
    }
    if after < floor { Err(PullError::Truncated { partition, after, floor, epoch }) } else { Ok(()) }
}

fn events_max(requested: i32) -> i64 {
    if requested <= 0 { EVENTS_DEFAULT } else { i64::from(requested).min(EVENTS_MAX) }
}

/// No longer than the caller waits for the answer: a call that is repeated has less time left than it had at first.
fn bounded_wait(wait: &prost_types::Duration, left: Option<Duration>) -> Duration {
    let longest = left.map_or(WAIT_MAX, |left| left.saturating_sub(ANSWER_TIME).min(WAIT_MAX));
    Duration::try_from(*wait).unwrap_or_default().min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_waits_are_bounded() {
        assert_eq!([0, 1, 1_000, 1_001, -5].map(events_max), [256, 1, 1_000, 1_000, 256]);
        let wait = |seconds, left| bounded_wait(&prost_types::Duration { seconds, nanos: 0 }, left);
        assert_eq!([1, 21, -1].map(|seconds| wait(seconds, None)), [1, 20, 0].map(Duration::from_secs));
        let left = |millis| Some(Duration::from_millis(millis));
        assert_eq!([10_500, 4_500, 400].map(|millis| wait(10, left(millis))), [10, 4, 0].map(Duration::from_secs));
    }
}
