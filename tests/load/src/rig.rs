//! A suite on private servers of its own, and clients of it.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use backing::Private;
use ids::TenantId;
use sqlx::{Connection as _, PgConnection};
use suite::demo::SERVICES;
use suite::folder::Folder;
use suite::processes::{Processes, serves};
use tonic::transport::{Channel, Endpoint};

use crate::client::{Client, DEADLINE};

/// Connections of a suite's clients.
pub(crate) const CONNECTIONS: usize = 4;
/// The services whose writes may share transactions.
const LANES: [&str; 4] = ["profiles", "levels", "incentives", "feedback"];
/// Lines of its log that are told where it fails.
const COMPLAINTS: usize = 5;
const START_MAX: Duration = Duration::from_secs(180);
/// Longer than any benchmark.
const AGE_MAX: Duration = Duration::from_secs(86_400);

/// A suite that runs for the benchmark.
pub(crate) struct Rig {
    name: &'static str,
    suite: Suite,
    database_url: String,
    clients: Vec<Client>,
    operator: Client,
    approver: Client,
}

impl Rig {
    /// Starts a suite in a folder of its own, with an empty database.
    pub(crate) async fn start(name: &'static str, together: bool) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("banyan-bench-{}-{together}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut suite = Suite { child: spawn(&folder, port, together)?, private: Private::new(&folder), folder };
        let channels = suite.connect(port).await?;
        let private = suite.private.clone(); // runs: the suite has started it
        let database_url = tokio::task::spawn_blocking(move || private.start()).await??.database_url;
        let keys = Folder::new(Some(suite.folder.clone()));
        let token = keys.tenant_token(&tenant()?)?;
        let clients: Vec<_> =
            channels.into_iter().map(|channel| Client::new(channel, &token)).collect::<Result<_, _>>()?;
        let first = clients.first().context("no connection")?;
        let operator = first.with_token(&keys.operator_token()?)?;
        let approver = first.with_token(&keys.approver_token(&tenant()?)?)?;
        Ok(Self { name, suite, database_url, clients, operator, approver })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// A client of the tenant; callers share the connections.
    pub(crate) fn client(&self, caller: usize) -> Client {
        self.clients[caller % self.clients.len()].clone()
    }

    /// A client across tenants.
    pub(crate) fn operator(&self) -> &Client {
        &self.operator
    }

    /// A client of a second person in the tenant.
    pub(crate) fn approver(&self) -> &Client {
        &self.approver
    }

    /// The superuser's address of its Postgres.
    pub(crate) fn database_url(&self) -> &str {
        &self.database_url
    }

    /// A superuser's connection to its Postgres.
    pub(crate) async fn database(&self) -> anyhow::Result<PgConnection> {
        Ok(PgConnection::connect(&self.database_url).await?)
    }

    /// The folder on whose disk its Postgres writes.
    pub(crate) fn disk(&self) -> anyhow::Result<PathBuf> {
        Ok(self.suite.private.home()?.unwrap_or_else(|| self.suite.folder.clone()))
    }

    /// Has its Postgres wait so long before each flush of its log, as on a slow disk; commits that come meanwhile share it.
    pub(crate) async fn slow_flush(&self, flush: Duration) -> anyhow::Result<()> {
        let mut database = self.database().await?;
        for setting in [format!("commit_delay = {}", flush.as_micros()), "commit_siblings = 0".to_owned()] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("alter system set {setting}"))).execute(&mut database).await?;
        }
        sqlx::raw_sql("select pg_reload_conf()").execute(&mut database).await?;
        Ok(database.close().await?)
    }

    /// The last of what its log complains of.
    pub(crate) fn complaints(&self) -> String {
        let log = fs::read_to_string(self.suite.folder.join("suite.log")).unwrap_or_default();
        let bad: Vec<&str> = log.lines().filter(|line| line.contains(" WARN ") || line.contains("ERROR ")).collect();
        bad[bad.len().saturating_sub(COMPLAINTS)..].join("\n")
    }

    /// Looks at the processor time of the suite, and of all connections of Postgres that work for one.
    pub(crate) fn look(&self, processes: &mut Processes) {
        let pid = self.suite.child.id();
        processes.look(|other, command| match other == pid {
            true => Some("suite"),
            false => SERVICES.iter().any(|name| serves(command, &format!("banyan_{name}"))).then_some("postgres"),
        });
    }
}

/// A suite's process and what it leaves on disk. It ends where this is dropped: at the end, after an error, or because the
/// command was interrupted.
struct Suite {
    child: Child,
    private: Private,
    folder: PathBuf,
}

impl Suite {
    async fn connect(&mut self, port: u16) -> anyhow::Result<Vec<Channel>> {
        let begun = Instant::now();
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?.tcp_nodelay(true);
        while endpoint.connect().await.is_err() {
            if self.child.try_wait()?.is_some() || begun.elapsed() > START_MAX {
                bail!("the suite did not start: {}", fs::read_to_string(self.folder.join("suite.log"))?);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            channels.push(endpoint.connect().await?);
        }
        Ok(channels)
    }
}

impl Drop for Suite {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &pid]).stderr(Stdio::null()).status();
        if asked.is_ok_and(|status| status.success()) {
            let _ = self.child.wait(); // it drains, and ends its servers
        }
        let home = self.private.home().ok().flatten();
        let _ = self.private.stop(); // where the suite could not
        for folder in home.iter().chain([&self.folder]) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn spawn(folder: &Path, port: u16, together: bool) -> anyhow::Result<Child> {
    let program = std::env::current_exe()?.with_file_name("banyan-suite");
    let log = fs::File::create(folder.join("suite.log"))?;
    let mut command = Command::new(&program);
    command.args(["--port", &port.to_string(), "--data"]).arg(folder);
    for service in LANES {
        command.env(format!("BANYAN__SERVICE__{}__LANES__ON", service.to_uppercase()), together.to_string());
    }
    // what waits for a connection, a lock, a statement or the rest of a call is to be measured, not refused
    for limit in ["PG__ACQUIRE_TIMEOUT_MS", "PG__LOCK_TIMEOUT_MS", "PG__STATEMENT_TIMEOUT_MS", "SERVER__CALL_MS_MAX"] {
        command.env(format!("BANYAN__{limit}"), DEADLINE.as_millis().to_string());
    }
    // a connection that is asked to end takes calls with it that were not sent yet
    command.env("BANYAN__SERVER__CONNECTION_AGE_MS_MAX", AGE_MAX.as_millis().to_string());
    command.env_remove("DATABASE_URL").env_remove("REDIS_URL").env("NO_COLOR", "1");
    command.process_group(0); // Ctrl-C is for the benchmark, which ends its suites itself
    let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
    child.with_context(|| format!("starting {}", program.display()))
}

/// The tenant that is called for.
pub(crate) fn tenant() -> anyhow::Result<TenantId> {
    TenantId::new("bench").context("a tenant id")
}
