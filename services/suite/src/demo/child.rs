//! The suite as a process: found running, or started beside the demo and started again when it dies.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::folder::Folder;

/// How long a suite may take to open its port: the first start makes a database.
const START_MAX: Duration = Duration::from_secs(180);
/// How long a suite may take to end.
const STOP_MAX: Duration = Duration::from_secs(30);

/// A suite on this machine.
#[derive(Clone)]
pub(crate) struct Suite {
    port: u16,
    folder: Folder,
    /// Set where the demo started it.
    child: Arc<Mutex<Option<Child>>>,
}

impl Suite {
    /// The suite on `port`: the one that runs, or a new one on `folder`.
    pub(crate) async fn find_or_start(port: u16, folder: &Folder) -> anyhow::Result<Self> {
        let suite = Self { port, folder: folder.clone(), child: Arc::default() };
        if suite.listens() {
            return Ok(suite);
        }
        let child = suite.start()?;
        *suite.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        suite.wait_until_it_listens().await?;
        Ok(suite)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether the demo started it.
    pub(crate) fn is_ours(&self) -> bool {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Starts a suite of ours again if it has died and nobody else has done so. Failing to is no error here: whoever
    /// calls it is trying again anyway.
    pub(crate) fn revive(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = child.as_mut() else { return };
        let died = matches!(running.try_wait(), Ok(Some(_)));
        if died
            && !self.listens()
            && let Ok(new) = self.start()
        {
            *child = Some(new);
        }
    }

    /// Ends a suite of ours: it drains and stops its private servers.
    pub(crate) async fn stop(&self) {
        let Some(mut child) = self.child.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh"]).arg(child.id().to_string()).status();
        let begun = Instant::now();
        while asked.is_ok() && begun.elapsed() < STOP_MAX {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let _ = child.kill();
        let _ = child.wait();
    }

    fn listens(&self) -> bool {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
    }

    fn start(&self) -> anyhow::Result<Child> {
        let program = std::env::current_exe().context("the demo's own path")?.with_file_name("banyan-suite");
        std::fs::create_dir_all(self.folder.path()).with_context(|| self.folder.path().display().to_string())?;
        let log_file = self.folder.log_file();
        let log = File::options().create(true).append(true).open(&log_file);
        let log = log.with_context(|| log_file.display().to_string())?;
        Command::new(&program)
            .args(["--port", &self.port.to_string(), "--data"])
            .arg(self.folder.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))
    }

    async fn wait_until_it_listens(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.listens() {
            let ended = self.child.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(Child::try_wait);
            if let Some(Ok(Some(status))) = ended {
                bail!("the suite ended at once ({status}); {}", self.log_end());
            }
            if begun.elapsed() > START_MAX {
                bail!("the suite does not open port {}; {}", self.port, self.log_end());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    fn log_end(&self) -> String {
        let path = self.folder.log_file();
        let text = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        format!("{} ends with:\n{}", path.display(), lines[lines.len().saturating_sub(20)..].join("\n"))
    }
}
