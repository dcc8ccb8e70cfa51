//! A suite with a Postgres of its own, both there to be killed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use backing::Private;
use rand::seq::IndexedRandom as _;
use suite::folder::Folder;
use suite::processes::serves;
use testkit::eventually_within;
use tokio::process::Child;
use tokio::sync::Mutex;

/// How long a start may take on a busy machine.
const START_MAX: Duration = Duration::from_secs(90);
/// How long the private servers outlive a test that was killed itself.
const IDLE_STOP: Duration = Duration::from_secs(15 * 60);

/// What is killed, without a chance to tidy up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// The process of all services.
    Suite,
    /// All of Postgres: the server's process, and with it all its connections.
    Postgres,
    /// One connection of levels, at which Postgres cuts all others and recovers as from a crash.
    Connection,
    /// Postgres and the suite at once.
    Both,
}

/// The suite and its servers.
pub(crate) struct Stand {
    folder: PathBuf,
    servers: Private,
    port: u16,
    suite: Mutex<Child>,
}

impl Stand {
    /// Starts all of it in a folder of its own. Commits are durable as in production.
    pub(crate) async fn start(name: &str) -> Self {
        let folder = testkit::data_dir().join("e2e").join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let servers = Private::new(&folder).idle_stop(IDLE_STOP);
        start_servers(&servers).await;
        Folder::new(Some(folder.clone())).issuer().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let suite = Mutex::new(spawn(&folder, port));
        let stand = Self { folder, servers, port, suite };
        stand.until_it_listens().await;
        stand
    }

    /// The port of the suite.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> Folder {
        Folder::new(Some(self.folder.clone()))
    }

    /// Kills, and starts again what does not come back by itself.
    pub(crate) async fn kill(&self, victim: Victim) {
        match victim {
            Victim::Suite => self.kill_suite().await,
            Victim::Connection => self.kill_connection(),
            Victim::Postgres | Victim::Both => {
                if victim == Victim::Both {
                    self.kill_suite().await;
                }
                kill(self.postgres().expect("Postgres runs"));
                start_servers(&self.servers).await;
            }
        }
        self.until_it_listens().await;
    }

    async fn kill_suite(&self) {
        self.suite.lock().await.kill().await.expect("the suite runs");
    }

    /// One in the middle of something, where there is one.
    fn kill_connection(&self) {
        let Some(postgres) = self.postgres() else { return };
        let connections: Vec<(u32, String)> =
            children(postgres).filter(|(_, title)| serves(title, "banyan_levels")).collect();
        let busy: Vec<u32> = connections.iter().filter(|(_, title)| !title.ends_with(" idle")).map(|it| it.0).collect();
        let any: Vec<u32> = connections.iter().map(|it| it.0).collect();
        let mut rng = rand::rng();
        if let Some(pid) = busy.choose(&mut rng).or_else(|| any.choose(&mut rng)) {
            kill(*pid);
        }
    }

    /// The process of the server, as its own file says.
    fn postgres(&self) -> Option<u32> {
        let home = self.servers.home().unwrap()?;
        let text = fs::read_to_string(home.join("postgres/postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    /// Waits until the suite takes calls; one that ended, by us or because it found no database, is started again.
    async fn until_it_listens(&self) {
        eventually_within(START_MAX, || async {
            let mut suite = self.suite.lock().await;
            if let Ok(Some(_)) = suite.try_wait() {
                *suite = spawn(&self.folder, self.port);
            }
            suite.id().is_some() && TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port))).is_ok()
        })
        .await;
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let _ = self.suite.get_mut().start_kill();
        let _ = self.servers.stop();
        if let Ok(Some(home)) = self.servers.home() {
            let _ = fs::remove_dir_all(home);
        }
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Starts Postgres and Redis, or finds them running.
async fn start_servers(servers: &Private) {
    let servers = servers.clone();
    tokio::task::spawn_blocking(move || servers.start()).await.unwrap().unwrap();
}

fn spawn(folder: &Path, port: u16) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("suite.log")).unwrap();
    tokio::process::Command::new(env!("CARGO_BIN_EXE_banyan-suite"))
        .args(["--keep-backing", "--port", &port.to_string(), "--data"])
        .arg(folder)
        .env_remove("DATABASE_URL")
        .env_remove("REDIS_URL")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn kill(pid: u32) {
    let _ = Command::new("sh").args(["-c", "kill -9 \"$1\"", "sh", &pid.to_string()]).status();
}

/// The processes that a process started, with their titles.
fn children(parent: u32) -> impl Iterator<Item = (u32, String)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids: BTreeSet<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.into_iter().filter_map(move |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let of: u32 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()?;
        let title = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        (of == parent).then(|| (pid, String::from_utf8_lossy(&title).trim_end_matches('\0').to_owned()))
    })
}
