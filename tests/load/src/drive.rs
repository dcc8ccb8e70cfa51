//! Drives calls against a suite.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use hdrhistogram::Histogram;

use crate::rig::Rig;
use crate::section::Section;

/// Calls are numbered over the whole process, so that no id comes twice.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// What a run saw.
#[derive(Debug)]
pub(crate) struct Run {
    /// Calls answered OK in a second.
    pub(crate) rate: f64,
    /// Latencies in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// Processor microseconds of the suite per call.
    pub(crate) suite_us: f64,
    /// The same of Postgres.
    pub(crate) postgres_us: f64,
    /// Whether the machine was idle before.
    pub(crate) calm: bool,
}

/// A closed loop: each of so many callers sends its next call when the last one was answered. Anything but OK ends the
/// benchmark: a rate of failures says nothing.
pub(crate) async fn closed(
    rig: &Rig,
    section: Section,
    callers: usize,
    users: u64,
    time: Duration,
) -> anyhow::Result<Run> {
    let before = rig.used();
    let begun = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let client = rig.client(caller);
            tokio::spawn(async move {
                let mut latency = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
                let mut failed: BTreeMap<String, u64> = BTreeMap::new();
                while begun.elapsed() < time {
                    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                    let sent = Instant::now();
                    match section.call(&client, number, users).await {
                        Ok(()) => latency.record(u64::try_from(sent.elapsed().as_micros())?.max(1))?,
                        Err(status) => {
                            let what = format!("{:?} {}", status.code(), status.message());
                            *failed.entry(what).or_default() += 1;
                        }
                    }
                }
                anyhow::Ok((latency, failed))
            })
        })
        .collect();
    let mut latency = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    let mut failed: BTreeMap<String, u64> = BTreeMap::new();
    for task in tasks {
        let (of_task, fails) = task.await??;
        latency.add(of_task)?;
        for (what, count) in fails {
            *failed.entry(what).or_default() += count;
        }
    }
    let took = begun.elapsed();
    if !failed.is_empty() {
        bail!("{section}, {callers} callers, {}: {failed:?}", rig.name());
    }
    let after = rig.used();
    let calls = latency.len().max(1) as f64;
    let per_call = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() * 1e6 / calls;
    Ok(Run {
        rate: latency.len() as f64 / took.as_secs_f64(),
        suite_us: per_call(after.0, before.0),
        postgres_us: per_call(after.1, before.1),
        latency,
        calm: true,
    })
}
