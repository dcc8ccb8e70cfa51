//! Waits until every consumer has applied all that is in its source's log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use proto::events::v1::{GetProgressRequest, GetProgressResponse};

use super::calls::{Calls, told};
use super::progress::Bar;

/// The services of the suite.
pub const SERVICES: [&str; 4] = ["profiles", "levels", "incentives", "feedback"];

/// How long the cursors may stand still before the demo gives up.
const STUCK_MAX: Duration = Duration::from_secs(120);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Waits for quiet. Fails where a consumer has stopped or nothing moves any more.
pub(crate) async fn wait(calls: &Calls, words: &'static str) -> anyhow::Result<()> {
    let mut bar: Option<Bar> = None;
    let (mut left, mut moved) = (i64::MAX, Instant::now());
    loop {
        let progress = look(calls).await?;
        let now = lag(&progress)?;
        if now == 0 {
            return Ok(());
        }
        if now != left {
            (left, moved) = (now, Instant::now());
        }
        if moved.elapsed() > STUCK_MAX {
            bail!("{now} events have waited for {} s without being applied", STUCK_MAX.as_secs());
        }
        let bar = bar.get_or_insert_with(|| Bar::new(u64::try_from(now).unwrap_or(0), words));
        bar.left(u64::try_from(now).unwrap_or(0));
        tokio::time::sleep(PAUSE).await;
    }
}

/// Events set aside by any consumer.
pub(crate) async fn dead_letters(calls: &Calls) -> anyhow::Result<i64> {
    let progress = look(calls).await?;
    Ok(progress.values().flat_map(|service| &service.consumers).map(|consumer| consumer.dead_letters).sum())
}

async fn look(calls: &Calls) -> anyhow::Result<HashMap<&'static str, GetProgressResponse>> {
    let mut all = HashMap::new();
    for service in SERVICES {
        let get = || {
            let mut client = calls.logs();
            async move { client.get_progress(GetProgressRequest { service: service.to_owned() }).await }
        };
        all.insert(service, told(calls.patiently(get).await, "GetProgress")?);
    }
    Ok(all)
}

/// How many events are between the cursors and the heads, over all consumers of services that answered GetProgress.
pub fn lag(progress: &HashMap<&'static str, GetProgressResponse>) -> anyhow::Result<i64> {
    let mut lag = 0;
    for (service, answer) in progress {
        for consumer in &answer.consumers {
            if !consumer.stopped.is_empty() {
                bail!("the consumer {} of {service} has stopped: {}", consumer.consumer, consumer.stopped);
            }
            let Some(source) = progress.get(consumer.source.as_str()) else { continue };
            let cursors: HashMap<i32, i64> =
                consumer.cursors.iter().map(|cursor| (cursor.partition, cursor.after_seq)).collect();
            lag += source
                .heads
                .iter()
                .map(|head| (head.after_seq - cursors.get(&head.partition).copied().unwrap_or(0)).max(0))
                .sum::<i64>();
        }
    }
    Ok(lag)
}

#[cfg(test)]
mod tests {
    use proto::events::v1::{ConsumerProgress, Cursor};

    use super::*;

    fn cursor(partition: i32, after_seq: i64) -> Cursor {
        Cursor { partition, after_seq, epoch: 1 }
    }

    fn progress(cursors: Vec<Cursor>, stopped: &str) -> HashMap<&'static str, GetProgressResponse> {
        let consumer = ConsumerProgress {
            consumer: "earning".into(),
            source: "profiles".into(),
            cursors,
            dead_letters: 0,
            stopped: stopped.into(),
        };
        let profiles = GetProgressResponse { heads: vec![cursor(0, 5), cursor(3, 2)], consumers: vec![] };
        let levels = GetProgressResponse { heads: vec![cursor(0, 9)], consumers: vec![consumer] };
        [("profiles", profiles), ("levels", levels)].into()
    }

    #[test]
    fn a_partition_without_a_cursor_is_wholly_behind() {
        assert_eq!(lag(&progress(vec![cursor(0, 4)], "")).expect("a lag"), 3);
    }

    #[test]
    fn it_is_quiet_when_every_cursor_has_reached_its_head() {
        assert_eq!(lag(&progress(vec![cursor(0, 5), cursor(3, 2)], "")).expect("a lag"), 0);
    }

    #[test]
    fn a_stopped_consumer_is_an_error_with_its_reason() {
        let error = lag(&progress(vec![], "the epoch changed")).unwrap_err();
        assert!(error.to_string().contains("the epoch changed"), "{error}");
    }
}
