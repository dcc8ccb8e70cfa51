//! Drives calls against a suite.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use hdrhistogram::Histogram;
use rand_distr::{Distribution as _, Exp};
use suite::processes::Processes;
use tokio::sync::Semaphore;
use tonic::{Code, Status};

use crate::rig::Rig;
use crate::section::{Done, Scene, Section};

/// Calls are numbered over the whole process, so that no id comes twice.
static NUMBER: AtomicU64 = AtomicU64::new(1);
/// Calls of an open loop under way at most; a call beyond that waits, and its latency counts from when it was due.
const UNDER_WAY_MAX: u32 = 2_048;

/// The next number.
pub(crate) fn number() -> u64 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// How calls come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Each of so many sends its next call when the last one was answered.
    Callers(usize),
    /// So many are due in a second, at random, whatever becomes of those before.
    PerSecond(u32),
    /// Over so many streams at once.
    Streams(usize),
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Callers(callers) => write!(f, "{callers}"),
            Self::PerSecond(rate) => write!(f, "{rate}/s due"),
            Self::Streams(streams) => write!(f, "{streams} streams"),
        }
    }
}

/// What a run saw.
#[derive(Debug)]
pub(crate) struct Run {
    /// Things done, or answered otherwise as the section allows, in a second.
    pub(crate) rate: f64,
    /// Latencies in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// Things done.
    pub(crate) units: u64,
    /// Other answers: those that the section allows, and in an open loop also refusals, by code.
    pub(crate) other: BTreeMap<String, u64>,
    /// Calls of which it is not known whether they had their effect.
    pub(crate) unknown: u64,
    /// Processor microseconds of the suite for each thing.
    pub(crate) suite_us: f64,
    /// The same of Postgres.
    pub(crate) postgres_us: f64,
    /// Whether the machine was idle before.
    pub(crate) calm: bool,
}

/// What is counted meanwhile.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) latency: Histogram<u64>,
    pub(crate) units: u64,
    others: u64,
    other: BTreeMap<String, u64>,
    unknown: u64,
    failure: Option<Status>,
}

impl Tally {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let latency = Histogram::new_with_bounds(1, 600_000_000, 3)?;
        Ok(Self { latency, units: 0, others: 0, other: BTreeMap::new(), unknown: 0, failure: None })
    }

    fn note(&mut self, took: Duration, answer: Result<Done, Status>) {
        match answer {
            Ok(done) => {
                self.latency.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
                match done {
                    Done::All(units) => self.units += units,
                    Done::But(what) => {
                        self.others += 1;
                        *self.other.entry(what.to_owned()).or_default() += 1;
                    }
                }
            }
            Err(status) => {
                *self.other.entry(format!("{:?}", status.code())).or_default() += 1;
                self.unknown += u64::from(status.code() != Code::ResourceExhausted);
                self.failure = Some(status);
            }
        }
    }

    fn add(&mut self, other: Self) -> anyhow::Result<()> {
        self.latency.add(&other.latency)?;
        self.units += other.units;
        self.others += other.others;
        self.unknown += other.unknown;
        for (what, count) in other.other {
            *self.other.entry(what).or_default() += count;
        }
        self.failure = self.failure.take().or(other.failure);
        Ok(())
    }
}

/// Processor time and time since a run began.
pub(crate) struct Meter<'a> {
    rig: &'a Rig,
    begun: Instant,
    processes: Processes,
}

impl<'a> Meter<'a> {
    pub(crate) fn start(rig: &'a Rig) -> Self {
        let mut processes = Processes::default();
        rig.look(&mut processes);
        Self { rig, processes, begun: Instant::now() }
    }

    /// The run, which ends now.
    pub(crate) fn stop(mut self, tally: Tally) -> Run {
        let took = self.begun.elapsed().as_secs_f64();
        self.rig.look(&mut self.processes);
        let used = self.processes.used();
        let done = (tally.units + tally.others) as f64;
        let each = |name: &str| used.get(name).map_or(0.0, |time| time.as_secs_f64() * 1e6 / done.max(1.0));
        Run {
            rate: done / took,
            suite_us: each("suite"),
            postgres_us: each("postgres"),
            latency: tally.latency,
            units: tally.units,
            other: tally.other,
            unknown: tally.unknown,
            calm: true,
        }
    }
}

/// A closed loop: each of so many callers sends its next call when the last one was answered. Anything but what the section
/// allows ends the benchmark: a rate of failures says nothing.
pub(crate) async fn closed(
    rig: &Rig,
    section: Section,
    scene: Scene,
    callers: usize,
    time: Duration,
) -> anyhow::Result<Run> {
    let meter = Meter::start(rig);
    let begun = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let client = rig.client(caller);
            tokio::spawn(async move {
                let mut tally = Tally::new()?;
                while begun.elapsed() < time && tally.failure.is_none() {
                    let sent = Instant::now();
                    let answer = section.call(&client, &scene, number()).await;
                    tally.note(sent.elapsed(), answer);
                }
                anyhow::Ok(tally)
            })
        })
        .collect();
    let mut all = Tally::new()?;
    for task in tasks {
        all.add(task.await??)?;
    }
    if let Some(status) = &all.failure {
        let (code, message, log) = (status.code(), status.message(), rig.complaints());
        bail!("{section}, {callers} callers, {}: {code:?}: {message}\n{log}", rig.name());
    }
    Ok(meter.stop(all))
}

/// An open loop: calls are due at random times, so many in a second, whatever became of those before. Latency counts from
/// when a call was due. Refusals are counted by their code, and so are calls that were still waiting at the end.
pub(crate) async fn open(rig: &Rig, section: Section, scene: Scene, rate: u32, time: Duration) -> anyhow::Result<Run> {
    let all = Arc::new(Mutex::new(Tally::new()?));
    let room = Arc::new(Semaphore::new(UNDER_WAY_MAX as usize));
    let gaps = Exp::new(f64::from(rate.max(1)))?;
    let meter = Meter::start(rig);
    let begun = Instant::now();
    let mut due = Duration::ZERO;
    let mut unsent = 0_u64;
    for caller in 0_usize.. {
        due += Duration::from_secs_f64(gaps.sample(&mut rand::rng()));
        if due > time {
            break;
        }
        tokio::time::sleep_until((begun + due).into()).await;
        if begun.elapsed() > time {
            unsent += 1; // room came too late
            continue;
        }
        let permit = Arc::clone(&room).acquire_owned().await?;
        let (client, all) = (rig.client(caller), Arc::clone(&all));
        tokio::spawn(async move {
            let answer = section.call(&client, &scene, number()).await;
            let took = begun.elapsed().saturating_sub(due);
            all.lock().unwrap_or_else(PoisonError::into_inner).note(took, answer);
            drop(permit);
        });
    }
    let _all_answered = room.acquire_many(UNDER_WAY_MAX).await?;
    let mut tally = std::mem::replace(&mut *all.lock().unwrap_or_else(PoisonError::into_inner), Tally::new()?);
    if unsent > 0 {
        tally.other.insert("not sent in time".to_owned(), unsent);
    }
    if tally.units + tally.others == 0
        && let Some(status) = tally.failure
    {
        bail!("{section}, {rate}/s, {}: nothing but {:?}: {}", rig.name(), status.code(), status.message());
    }
    Ok(meter.stop(tally))
}
