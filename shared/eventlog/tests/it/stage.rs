//! Two services on one database: `profiles` has a log, `levels` consumes it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventlog::grpc::{Consumers, Logs};
use eventlog::{ApplyError, Consume, Consumer, ConsumerSettings, Draft, Log, LogSettings, Position, PullSource};
use ids::{EventId, Partition, TenantId};
use pg::{Migrations, Tx};
use prost::Message;
use proto::events::v1::event_log_service_server::EventLogService;
use proto::events::v1::{Cursor, Event, GetProgressRequest, GetProgressResponse, PullRequest, PullResponse};
use proto::profiles::v1::UserVisited;
use sqlx::{Executor, Row};
use testkit::TestDb;
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

pub(crate) struct Stage {
    pub(crate) db: TestDb,
    pub(crate) profiles: Arc<Log>,
    pub(crate) levels: Arc<Log>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(LogSettings { poll_every_ms: 20, ..LogSettings::default() }).await
    }

    pub(crate) async fn with(settings: LogSettings) -> Self {
        let migrations = |schema| Migrations::new(schema, [&eventlog::MIGRATOR]);
        let db = testkit::database(&[&migrations("profiles"), &migrations("levels")]).await;
        let mut admin = db.admin("levels").await;
        // no unique key: a doubled effect must show, not fail
        let applied = "create table applied (id bigint generated always as identity, tenant_id text, user_id text,
             partition int, seq bigint, n int);
             grant all on applied to banyan_levels";
        admin.execute(applied).await.unwrap();
        let profiles = Log::new(db.db("profiles").await, None, settings.clone());
        let levels = Log::new(db.db("levels").await, None, settings);
        Self { db, profiles, levels }
    }

    /// Another process of `profiles`.
    pub(crate) async fn other_profiles(&self, redis: Option<redis::Client>, poll_every_ms: u64) -> Arc<Log> {
        Log::new(self.db.db("profiles").await, redis, LogSettings { poll_every_ms, ..LogSettings::default() })
    }

    /// Appends visits of users, numbered, in one transaction.
    pub(crate) async fn visit(&self, tenant: &str, visits: &[(&str, i32)]) -> Vec<Position> {
        visit_in(&self.profiles, &self.db.db("profiles").await, tenant, visits).await
    }

    /// A consumer that runs until it is told to end.
    pub(crate) fn consume(&self, book: &Book) -> Running {
        self.consume_with(book, settings())
    }

    pub(crate) fn consume_with(&self, book: &Book, settings: ConsumerSettings) -> Running {
        let source = Direct::new(&self.profiles);
        Running::start(Consumer::with_settings(self.levels.clone(), book.clone(), source, settings))
    }

    /// What `levels` applied, in the order in which it did: (tenant, user, seq, n).
    pub(crate) async fn applied(&self) -> Vec<(String, String, i64, i32)> {
        let mut admin = self.db.admin("levels").await;
        let rows = admin.fetch_all("select tenant_id, user_id, seq, n from applied order by id").await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
    }

    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        let mut admin = self.db.admin("levels").await;
        sqlx::query_scalar(query).fetch_one(&mut admin).await.unwrap()
    }

    pub(crate) async fn progress(&self) -> GetProgressResponse {
        let logs = Logs::new(vec![self.levels.clone()]);
        let request = GetProgressRequest { service: "levels".to_owned() };
        logs.get_progress(call(None, request)).await.unwrap().into_inner()
    }

    /// Whether every cursor of `levels` stands at its head.
    pub(crate) async fn quiet(&self) -> bool {
        let logs = Logs::new(vec![self.profiles.clone()]);
        let request = GetProgressRequest { service: "profiles".to_owned() };
        let heads = logs.get_progress(call(None, request)).await.unwrap().into_inner().heads;
        let consumers = self.progress().await.consumers;
        let cursors: BTreeSet<(i32, i64)> =
            consumers.iter().flat_map(|c| &c.cursors).map(|c| (c.partition, c.after_seq)).collect();
        heads.iter().all(|head| cursors.contains(&(head.partition, head.after_seq)))
    }

    pub(crate) fn admin(&self) -> Consumers {
        Consumers::new(vec![self.levels.clone()], page::Tokens::new("a secret for tests"))
    }
}

pub(crate) async fn visit_in(log: &Log, db: &pg::Db, tenant: &str, visits: &[(&str, i32)]) -> Vec<Position> {
    let tenant = TenantId::new(tenant).unwrap();
    let drafts: Vec<Draft> = visits.iter().map(|(user, n)| visit(user, *n)).collect();
    let mut tx = db.begin(&tenant).await.unwrap();
    let positions = log.append(&mut tx, &tenant, &drafts).await.unwrap();
    tx.commit().await.unwrap();
    log.wake(&positions);
    positions
}

/// A user of `other` whose events share a partition with those of a user of `tenant`.
pub(crate) fn twin(tenant: &str, user: &str, other: &str) -> String {
    let (tenant, other) = (TenantId::new(tenant).unwrap(), TenantId::new(other).unwrap());
    let shared = Partition::of(&tenant, user);
    (0..).map(|n| format!("twin{n}")).find(|twin| Partition::of(&other, twin) == shared).unwrap()
}

pub(crate) fn visit(user: &str, n: i32) -> Draft {
    let id = EventId::new(format!("{user}-{n}")).unwrap();
    Draft::new(user, id, &UserVisited { duration_seconds: n }, OffsetDateTime::UNIX_EPOCH)
}

pub(crate) fn n_of(event: &Event) -> i32 {
    UserVisited::decode(event.payload.as_slice()).unwrap().duration_seconds
}

pub(crate) fn settings() -> ConsumerSettings {
    ConsumerSettings {
        wait_s: 1,
        lease_ms: 400,
        retry_first_ms: 2,
        retry_max_ms: 20,
        store_every_ms: 5,
        stopped_ms: 20,
        ..ConsumerSettings::default()
    }
}

/// A call as the authentication layer passes it on: of a tenant, or of a service.
pub(crate) fn call<T>(tenant: Option<&str>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(authn::Caller {
        tenant: tenant.map(|id| TenantId::new(id).unwrap()),
        subject: "levels".to_owned(),
        user: None,
        scopes: BTreeSet::new(),
        cross_tenant: tenant.is_none(),
    });
    request
}

pub(crate) fn cursor(partition: i32, after_seq: i64) -> Cursor {
    Cursor { partition, after_seq, epoch: 0 }
}

pub(crate) fn pull_all(cursors: Vec<Cursor>, wait: Duration) -> PullRequest {
    PullRequest {
        service: "profiles".to_owned(),
        consumer: "test".to_owned(),
        cursors,
        max_events: 0,
        wait: prost_types::Duration::try_from(wait).ok(),
        types: Vec::new(),
    }
}

/// Reads a log of the same process, past the network.
#[derive(Clone)]
pub(crate) struct Direct(Arc<Logs>);

impl Direct {
    pub(crate) fn new(log: &Arc<Log>) -> Self {
        Self(Arc::new(Logs::new(vec![log.clone()])))
    }

    pub(crate) async fn pull_as(&self, tenant: Option<&str>, request: PullRequest) -> Result<PullResponse, Status> {
        Ok(self.0.pull(call(tenant, request)).await?.into_inner())
    }
}

impl PullSource for Direct {
    async fn pull(&self, request: PullRequest) -> Result<PullResponse, Status> {
        self.pull_as(None, request).await
    }
}

/// Writes down what it is given, and fails as it is told to.
#[derive(Clone)]
pub(crate) struct Book {
    /// Visits with this number fail; 0: none.
    pub(crate) fails_at: Arc<AtomicI32>,
    pub(crate) panics: bool,
    /// Events of this user fail.
    pub(crate) fails_of: Option<String>,
    /// Events of this user take a while.
    pub(crate) slow: Option<String>,
    pub(crate) types: &'static [&'static str],
    /// Greatest number of events handed over at once.
    pub(crate) largest: Arc<AtomicI32>,
    pub(crate) handed: Arc<Mutex<usize>>,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            fails_at: Arc::default(),
            panics: false,
            fails_of: None,
            slow: None,
            types: &["user.visited"],
            largest: Arc::default(),
            handed: Arc::default(),
        }
    }
}

impl Book {
    pub(crate) fn failing_at(n: i32) -> Self {
        let book = Self::default();
        book.fails_at.store(n, Ordering::Relaxed);
        book
    }

    pub(crate) fn mend(&self) {
        self.fails_at.store(0, Ordering::Relaxed);
    }
}

impl Consume for Book {
    fn name(&self) -> &'static str {
        "book"
    }

    fn source(&self) -> &'static str {
        "profiles"
    }

    fn types(&self) -> &'static [&'static str] {
        self.types
    }

    async fn apply(&self, tx: &mut Tx, tenant: &TenantId, events: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        *self.handed.lock().unwrap() += events.len();
        self.largest.fetch_max(events.len() as i32, Ordering::Relaxed);
        for (index, event) in events.iter().enumerate() {
            let n = n_of(event);
            if self.slow.as_deref() == Some(event.user_id.as_str()) {
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
            let fails = n != 0 && n == self.fails_at.load(Ordering::Relaxed)
                || self.fails_of.as_deref() == Some(event.user_id.as_str());
            assert!(!(fails && self.panics), "told to panic");
            if fails {
                return Err(ApplyError::Event { index, reason: format!("number {n} is refused") });
            }
            let insert = "insert into applied (tenant_id, user_id, partition, seq, n) values ($1, $2, $3, $4, $5)";
            let insert = sqlx::query(insert).bind(tenant.as_str()).bind(&event.user_id).bind(event.partition);
            insert.bind(event.seq).bind(n).execute(&mut **tx).await.map_err(pg::StoreError::from)?;
        }
        Ok(Vec::new())
    }
}

/// A running consumer.
pub(crate) struct Running {
    task: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Running {
    pub(crate) fn start<H: Consume, S: PullSource>(consumer: Arc<Consumer<H, S>>) -> Self {
        let shutdown = CancellationToken::new();
        Self { task: tokio::spawn(consumer.run(shutdown.clone())), shutdown }
    }

    /// Ends it as a drain does.
    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    /// Ends it as a crash does: wherever it is.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
