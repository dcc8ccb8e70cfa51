//! What the replay cost per event: processor time of the suite and, by service, processor time of Postgres and statements
//! sent to it. Times are read from `/proc`, so only on Linux and only for processes of this machine; statements where
//! Postgres counts them. What cannot be measured is left out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backing::Backing;
use serde::Serialize;
use tokio::task::JoinHandle;

use super::quiet::SERVICES;
use super::words::Lang;
use crate::folder::Folder;
use crate::processes::{self, Processes};

/// How often processes are looked at: one that lives shorter is missed.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What the whole suite counts under.
const SUITE: &str = "suite";

/// Cost of a replay. What could not be measured is absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Cost {
    /// Processor microseconds of the suite's process per event, all services together.
    pub suite_cpu_us_per_event: f64,
    /// Processor microseconds of Postgres per event, by the service whose connections it worked for.
    pub postgres_cpu_us_per_event: BTreeMap<&'static str, f64>,
    /// Statements sent to Postgres per event, by service; `BEGIN` and `COMMIT` count too.
    pub statements_per_event: BTreeMap<&'static str, f64>,
}

impl Cost {
    /// Names and values to print.
    #[must_use]
    pub(crate) fn lines(&self, lang: Lang) -> Vec<(String, String)> {
        let unit = lang.pick("µs/条", "µs/event");
        let mut lines = vec![(
            lang.pick("CPU：套件", "processor: suite").to_owned(),
            format!("{:.0} {unit}", self.suite_cpu_us_per_event),
        )];
        for (service, cost) in &self.postgres_cpu_us_per_event {
            let name = lang.pick("CPU：Postgres，服务", "processor: Postgres for");
            lines.push((format!("{name} {service}"), format!("{cost:.0} {unit}")));
        }
        let unit = lang.pick("条/条", "/event");
        for (service, count) in &self.statements_per_event {
            let name = lang.pick("SQL 语句：服务", "statements of");
            lines.push((format!("{name} {service}"), format!("{count:.2}{unit}")));
        }
        lines
    }
}

/// Looks at the processes until it is asked what they cost.
pub(crate) struct Meter {
    used: Arc<Mutex<Processes>>,
    task: JoinHandle<()>,
    counted: Option<BTreeMap<&'static str, i64>>,
}

impl Meter {
    /// Begins to look.
    pub(crate) async fn start(folder: &Folder) -> Self {
        let used = Arc::new(Mutex::new(Processes::default()));
        let (shared, pid_file) = (Arc::clone(&used), folder.pid_file());
        look(&used, &pid_file);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                look(&shared, &pid_file);
            }
        });
        Self { used, task, counted: counted(folder).await }
    }

    /// What was used since the start, shared among `events`.
    pub(crate) async fn stop(self, folder: &Folder, events: u64) -> Option<Cost> {
        self.task.abort();
        let (before, after) = (self.counted.unwrap_or_default(), counted(folder).await.unwrap_or_default());
        look(&self.used, &folder.pid_file());
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner).used();
        let events = events.max(1) as f64;
        let per_event = |name: &str| used.get(name).map(|used| used.as_secs_f64() * 1e6 / events);
        let suite_cpu_us_per_event = per_event(SUITE)?;
        let of_service = |service: &'static str| Some((service, per_event(service)?));
        let postgres_cpu_us_per_event = SERVICES.iter().copied().filter_map(of_service).collect();
        let sent = before.into_iter().filter_map(|(service, before)| Some((service, after.get(service)? - before)));
        let statements_per_event = sent.map(|(service, sent)| (service, sent as f64 / events)).collect();
        Some(Cost { suite_cpu_us_per_event, postgres_cpu_us_per_event, statements_per_event })
    }
}

/// Statements so far, by service; `None` for a Postgres that does not count them.
async fn counted(folder: &Folder) -> Option<BTreeMap<&'static str, i64>> {
    let data = folder.path().to_owned();
    // the suite runs, so its servers do and are only found
    let backing = tokio::task::spawn_blocking(move || Backing::from_env_or_start(&data)).await.ok()?.ok()?;
    pg::statements(&backing.database_url, &SERVICES).await.ok()
}

fn look(used: &Mutex<Processes>, pid_file: &PathBuf) {
    let suite = std::fs::read_to_string(pid_file).ok().and_then(|text| text.trim().parse().ok());
    let name = |pid: u32, command: &str| {
        if Some(pid) == suite {
            return Some(SUITE);
        }
        SERVICES.iter().copied().find(|service| processes::serves(command, &format!("banyan_{service}")))
    };
    used.lock().unwrap_or_else(PoisonError::into_inner).look(name);
}
