//! Sends all events: several streams at once, each user in one of them, in order.

use std::time::Instant;

use futures::future::try_join_all;
use xxhash_rust::xxh3::xxh3_64;

use super::calls::Calls;
use super::deed::Deed;
use super::figures::{Refused, Replay};
use super::progress::Bar;
use super::stream::Lane;

/// Sends all events and returns the figures of sending, with what was refused.
pub(crate) async fn send(
    calls: &Calls,
    deeds: &[Deed],
    currency: &str,
    streams: usize,
    words: &'static str,
) -> anyhow::Result<(Replay, Vec<Refused>)> {
    let begun = Instant::now();
    let bar = Bar::new(deeds.len() as u64, words);
    let lanes = split(deeds, streams);
    let tallies = try_join_all(lanes.iter().map(|lane| Lane::new(calls, currency, &bar, lane).run())).await?;
    let mut replay =
        Replay { events: deeds.len() as u64, sending_seconds: begun.elapsed().as_secs_f64(), ..Replay::default() };
    let mut refused = Vec::new();
    for tally in tallies {
        replay.taken += tally.taken;
        replay.replayed += tally.replayed;
        replay.refused += tally.refused.len() as u64;
        replay.reconnects += tally.reconnects;
        refused.extend(tally.refused);
    }
    refused.sort_by(|a, b| (a.line, &a.event_id).cmp(&(b.line, &b.event_id)));
    Ok((replay, refused))
}

/// One part per stream: a user's events are in one part, in order.
fn split(deeds: &[Deed], streams: usize) -> Vec<Vec<&Deed>> {
    let mut lanes: Vec<Vec<&Deed>> = vec![Vec::new(); streams.max(1)];
    let count = lanes.len() as u64;
    for deed in deeds {
        let lane = usize::try_from(xxh3_64(deed.user_id.as_bytes()) % count).unwrap_or(0);
        lanes[lane].push(deed);
    }
    lanes
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::deed::Act;
    use super::*;

    #[test]
    fn a_users_events_stay_in_one_part_and_in_order() {
        let deed = |n: i64| Deed {
            event_id: n.to_string(),
            user_id: format!("u{}", n % 7),
            at: time::OffsetDateTime::from_unix_timestamp(n).expect("a time"),
            line: None,
            act: Act::Visited { seconds: 1 },
        };
        let deeds: Vec<Deed> = (0..100).map(deed).collect();
        let lanes = split(&deeds, 4);
        assert_eq!(lanes.iter().map(Vec::len).sum::<usize>(), 100);
        let mut home = HashMap::new();
        for (index, lane) in lanes.iter().enumerate() {
            assert!(lane.windows(2).all(|pair| pair[0].at < pair[1].at));
            for deed in lane {
                assert_eq!(*home.entry(&deed.user_id).or_insert(index), index, "{}", deed.user_id);
            }
        }
    }
}
