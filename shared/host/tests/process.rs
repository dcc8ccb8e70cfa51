//! A process made of one part: what it serves of itself, its timers, its end.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use authn::dev::Grant;
use eventlog::{Log, LogSettings};
use host::{Assembly, Part, Services};
use proto::admin::v1::{ListConsumersRequest, consumer_service_client::ConsumerServiceClient};
use proto::events::v1::{Cursor, GetProgressRequest, PullRequest, event_log_service_client::EventLogServiceClient};
use rt::{ServerSettings, Shutdown};
use testkit::TestDb;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tonic::Code;

fn migrations(schema: &'static str) -> pg::Migrations {
    pg::Migrations::new(schema, [&requests::MIGRATOR, &eventlog::MIGRATOR])
}

async fn part(db: &TestDb, schema: &'static str) -> Part {
    let db = db.db(schema).await;
    Part::new(db.clone(), Log::new(db, None, LogSettings::default()))
}

fn services() -> Services {
    let token = testkit::tokens().mint(&Grant::service("test").every_scope());
    Services {
        server: ServerSettings::for_tests(),
        authn: testkit::tokens().settings(),
        client: rt::ClientSettings::default(),
        consumer: eventlog::ConsumerSettings::default(),
        sources: Default::default(),
        token: Arc::new(move || token.clone()),
        peers: host::Peers::default(),
        pages: page::Tokens::new("a secret of the test"),
    }
}

fn channel(assembly: &Assembly) -> rt::Channel {
    let token = testkit::tokens().mint(&Grant::service("operator").every_scope());
    let uri = format!("http://{}", assembly.address());
    rt::connect(uri, &rt::ClientSettings::default()).unwrap().with_token(token)
}

#[tokio::test]
async fn a_process_serves_the_logs_of_its_parts_and_no_others() {
    let db = testkit::database(&[&migrations("levels")]).await;
    let assembly = Assembly::bind(services(), vec![part(&db, "levels").await]).await.unwrap();
    let channel = channel(&assembly);
    let shutdown = Shutdown::new();
    let serving = tokio::spawn(assembly.serve(shutdown.clone()));

    let mut logs = EventLogServiceClient::new(channel.clone());
    let own = logs.get_progress(GetProgressRequest { service: "levels".into() }).await.unwrap().into_inner();
    assert_eq!((own.heads.len(), own.consumers.len()), (0, 0));
    let other = logs.get_progress(GetProgressRequest { service: "profiles".into() }).await.unwrap_err();
    assert_eq!(other.code(), Code::NotFound);
    let consumers = ConsumerServiceClient::new(channel)
        .list_consumers(ListConsumersRequest { service: "levels".into() })
        .await
        .unwrap();
    assert!(consumers.into_inner().consumers.is_empty());

    shutdown.ask();
    assert!(serving.await.unwrap(), "everything ended within its bounds");
}

#[tokio::test]
async fn a_timer_comes_back_until_the_process_ends() {
    let db = testkit::database(&[&migrations("levels")]).await;
    let rounds = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&rounds);
    let part = part(&db, "levels").await.timer("count", Duration::from_millis(1), move || {
        let counted = Arc::clone(&counted);
        async move {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let assembly = Assembly::bind(services(), vec![part]).await.unwrap();
    let shutdown = Shutdown::new();
    let serving = tokio::spawn(assembly.serve(shutdown.clone()));
    testkit::eventually(|| async { rounds.load(Ordering::Relaxed) >= 3 }).await;
    shutdown.ask();
    assert!(serving.await.unwrap(), "everything ended within its bounds");
    let at_end = rounds.load(Ordering::Relaxed);
    tokio::task::yield_now().await;
    assert_eq!(rounds.load(Ordering::Relaxed), at_end);
}

/// Counts what it is given.
#[derive(Clone, Default)]
struct Reader(Arc<AtomicU32>);

impl eventlog::Consume for Reader {
    fn name(&self) -> &'static str {
        "reader"
    }

    fn source(&self) -> &'static str {
        "profiles"
    }

    fn types(&self) -> &'static [&'static str] {
        &["user.visited"]
    }

    async fn apply(
        &self,
        _: &mut pg::Tx,
        _: &ids::TenantId,
        events: &[proto::events::v1::Event],
    ) -> Result<Vec<eventlog::Draft>, eventlog::ApplyError> {
        self.0.fetch_add(events.len() as u32, Ordering::Relaxed);
        Ok(vec![])
    }
}

#[tokio::test]
async fn a_consumer_without_a_source_keeps_the_process_from_starting() {
    let db = testkit::database(&[&migrations("levels")]).await;
    let part = part(&db, "levels").await.consume(Reader::default());
    let error = Assembly::bind(services(), vec![part]).await.err().unwrap();
    assert_eq!(error.to_string(), "levels reads the log of profiles: set sources.profiles");
}

/// Passes connections on until it is told to break them.
struct Wire {
    address: SocketAddr,
    open: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Wire {
    async fn to(target: Arc<OnceLock<SocketAddr>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self { address: listener.local_addr().unwrap(), open: Arc::default() };
        let open = Arc::clone(&wire.open);
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut far = TcpStream::connect(*target.get().unwrap()).await.unwrap();
                let pass = async move { drop(tokio::io::copy_bidirectional(&mut near, &mut far).await) };
                open.lock().unwrap().push(tokio::spawn(pass));
            }
        });
        wire
    }

    /// Breaks what is open; answers how many connections that were.
    fn cut(&self) -> usize {
        let open: Vec<_> = self.open.lock().unwrap().drain(..).collect();
        open.iter().for_each(JoinHandle::abort);
        open.len()
    }
}

async fn visit(log: &Log, db: &pg::Db, n: i32) {
    let tenant = ids::TenantId::new("shop").unwrap();
    let id = ids::EventId::new(format!("visit-{n}")).unwrap();
    let payload = proto::profiles::v1::UserVisited { duration_seconds: n };
    let draft = eventlog::Draft::new("u", id, &payload, time::OffsetDateTime::UNIX_EPOCH);
    let mut tx = db.begin(&tenant).await.unwrap();
    let positions = log.append(&mut tx, &tenant, &[draft]).await.unwrap();
    tx.commit().await.unwrap();
    log.wake(&positions);
}

#[tokio::test]
async fn a_consumer_whose_source_is_replaced_reads_on_without_backing_off() {
    let db = testkit::database(&[&migrations("profiles"), &migrations("levels")]).await;
    let target = Arc::default();
    let wire = Wire::to(Arc::clone(&target)).await;
    let mut services = services();
    services.sources.insert("profiles".to_owned(), format!("http://{}", wire.address));
    // one failure of the source is the end of this test
    (services.consumer.retry_first_ms, services.consumer.retry_max_ms) = (600_000, 600_000);
    let (reader, profiles) = (Reader::default(), db.db("profiles").await);
    let log = Log::new(profiles.clone(), None, LogSettings::default());
    let parts = vec![Part::new(profiles.clone(), Arc::clone(&log)), part(&db, "levels").await.consume(reader.clone())];
    let assembly = Assembly::bind(services, parts).await.unwrap();
    target.set(assembly.address()).unwrap();
    let shutdown = Shutdown::new();
    let serving = tokio::spawn(assembly.serve(shutdown.clone()));
    for n in 1..=5 {
        visit(&log, &profiles, n).await;
        testkit::eventually(|| async { reader.0.load(Ordering::Relaxed) == n as u32 }).await;
        assert_eq!(wire.cut(), 1);
    }
    shutdown.ask();
    assert!(serving.await.unwrap(), "everything ended within its bounds");
}

#[tokio::test]
async fn a_pull_is_answered_before_its_callers_time_is_over() {
    let db = testkit::database(&[&migrations("levels")]).await;
    let assembly = Assembly::bind(services(), vec![part(&db, "levels").await]).await.unwrap();
    let mut log = EventLogServiceClient::new(channel(&assembly));
    let shutdown = Shutdown::new();
    let serving = tokio::spawn(assembly.serve(shutdown.clone()));
    let mut request = tonic::Request::new(PullRequest {
        service: "levels".into(),
        consumer: "test".into(),
        cursors: vec![Cursor { partition: 0, ..Cursor::default() }],
        wait: Some(prost_types::Duration { seconds: 20, nanos: 0 }),
        ..PullRequest::default()
    });
    request.set_timeout(Duration::from_secs(2));
    let answer = log.pull(request).await.unwrap().into_inner();
    assert!(answer.pages.iter().all(|page| page.events.is_empty()));
    shutdown.ask();
    assert!(serving.await.unwrap(), "everything ended within its bounds");
}
