//! Runs of the demo, each with a suite of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use testkit::TestDb;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A database and a data folder for runs of the demo.
pub(crate) struct Site {
    db: TestDb,
    redis: String,
    folder: PathBuf,
}

/// A demo under way.
pub(crate) struct Running {
    /// The port of its suite.
    pub(crate) port: u16,
    demo: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>,
    told: Vec<String>,
    report: PathBuf,
    measurements: PathBuf,
    folder: PathBuf,
}

/// What a run of the demo wrote.
pub(crate) struct Written {
    /// The report, byte for byte.
    pub(crate) text: String,
    /// The report.
    pub(crate) report: Value,
    /// What differs from run to run.
    pub(crate) measured: Value,
}

impl Site {
    /// A new site, with Redis at this address.
    pub(crate) async fn new(name: &str, redis: &str) -> Self {
        let db = testkit::database(&[&profiles::migrations(), &levels::migrations()]).await;
        let folder = testkit::data_dir().join("e2e").join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self { db, redis: redis.to_owned(), folder }
    }

    /// A file in the data folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Starts the demo.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let report = self.folder.join(format!("report-{port}.json"));
        let measurements = self.folder.join(format!("measurements-{port}.json"));
        let mut demo = Command::new(env!("CARGO_BIN_EXE_banyan-demo"))
            .args(["--lang", "en", "--port", &port.to_string(), "--data"])
            .arg(&self.folder)
            .arg("--report")
            .arg(&report)
            .arg("--measurements")
            .arg(&measurements)
            .args(arguments)
            .env("DATABASE_URL", &self.db.admin_url)
            .env("REDIS_URL", &self.redis)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(demo.stderr.take().unwrap()).lines();
        Running { port, demo, lines, told: Vec::new(), report, measurements, folder: self.folder.clone() }
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs the demo to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Written {
        self.start(arguments).end().await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        kill_suite(&self.folder); // one that a run was asked to leave running
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Running {
    /// Waits until the demo says that so many tenths are done.
    pub(crate) async fn until_done(&mut self, tenths: u64) {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            let sent = tenths_of(&line);
            self.told.push(line);
            if sent >= Some(tenths) {
                return;
            }
        }
        panic!("the demo ended early: {:?}", self.told);
    }

    /// Kills the suite that serves this run, without a chance to tidy up.
    pub(crate) fn kill_suite(&self) {
        assert!(kill_suite(&self.folder), "there is no suite");
    }

    /// Waits for the end and reads what was written.
    pub(crate) async fn end(mut self) -> Written {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.told.push(line);
        }
        let status = self.demo.wait().await.unwrap();
        let log = std::fs::read_to_string(self.folder.join("suite.log")).unwrap_or_default();
        let log_end = &log[log.floor_char_boundary(log.len().saturating_sub(3000))..];
        assert!(status.success(), "{:#?}\nthe suite's log ends with: {log_end}", self.told);
        let text = std::fs::read_to_string(&self.report).unwrap();
        let report = serde_json::from_str(&text).unwrap();
        let measured = serde_json::from_str(&std::fs::read_to_string(&self.measurements).unwrap()).unwrap();
        Written { text, report, measured }
    }
}

/// Kills the suite of a folder; false where none runs.
fn kill_suite(folder: &Path) -> bool {
    let Ok(pid) = std::fs::read_to_string(folder.join("suite.pid")) else { return false };
    let title = std::fs::read(Path::new("/proc").join(pid.trim()).join("cmdline")).unwrap_or_default();
    let title = String::from_utf8_lossy(&title);
    if !title.contains("banyan-suite") || !title.contains(&*folder.to_string_lossy()) {
        return false;
    }
    std::process::Command::new("sh")
        .args(["-c", "kill -9 \"$1\"", "sh", pid.trim()])
        .status()
        .is_ok_and(|status| status.success())
}

/// Of a line such as `replaying 314/3139 403/s`.
fn tenths_of(line: &str) -> Option<u64> {
    let (done, length) = line.strip_prefix("replaying ")?.split(' ').next()?.split_once('/')?;
    Some(done.parse::<u64>().ok()? * 10 / length.parse::<u64>().ok()?.max(1))
}
