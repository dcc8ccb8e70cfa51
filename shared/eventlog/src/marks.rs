use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ids::{PARTITIONS, Partition};
use time::OffsetDateTime;

/// Places kept per partition. Readers near the head share the newest few.
const PER_PARTITION: usize = 64;

/// Places of the log whose time is known. `recorded_at` never falls within a partition, so what follows a place is not
/// older than it: a read that starts there need not look at earlier days.
pub(crate) struct Marks {
    known: [Mutex<BTreeMap<i64, OffsetDateTime>>; PARTITIONS as usize],
}

impl Default for Marks {
    fn default() -> Self {
        Self { known: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Marks {
    /// A time that everything after `after` is not older than.
    pub(crate) fn since(&self, partition: Partition, after: i64) -> OffsetDateTime {
        let known = self.of(partition);
        known.range(..=after).next_back().map_or(OffsetDateTime::UNIX_EPOCH, |(_, at)| *at)
    }

    /// Keeps the time of an event.
    pub(crate) fn keep(&self, partition: Partition, seq: i64, at: OffsetDateTime) {
        let mut known = self.of(partition);
        known.insert(seq, at);
        if known.len() > PER_PARTITION {
            known.pop_first();
        }
    }

    fn of(&self, partition: Partition) -> std::sync::MutexGuard<'_, BTreeMap<i64, OffsetDateTime>> {
        self.known[usize::from(partition.index())].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn a_read_starts_at_the_nearest_known_place_before_it() {
        let marks = Marks::default();
        let partition = Partition::new(3).unwrap();
        let at = |day: i64| OffsetDateTime::UNIX_EPOCH + Duration::days(day);
        marks.keep(partition, 10, at(1));
        marks.keep(partition, 20, at(2));
        let since = [9, 10, 19, 20, 99].map(|after| marks.since(partition, after));
        assert_eq!(since, [at(0), at(1), at(1), at(2), at(2)]);
        assert_eq!(marks.since(Partition::new(4).unwrap(), 99), at(0));
    }

    #[test]
    fn only_the_newest_places_are_kept() {
        let marks = Marks::default();
        let partition = Partition::new(0).unwrap();
        (1..=1000).for_each(|seq| marks.keep(partition, seq, OffsetDateTime::UNIX_EPOCH + Duration::seconds(seq)));
        assert_eq!(marks.of(partition).len(), PER_PARTITION);
        assert_eq!(marks.since(partition, 1000), OffsetDateTime::UNIX_EPOCH + Duration::seconds(1000));
    }
}
