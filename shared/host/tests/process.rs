//! A process made of one part: what it serves of itself, its timers, its end.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use authn::dev::Grant;
use eventlog::{Log, LogSettings};
use host::{Assembly, Part, Services};
use proto::admin::v1::{ListConsumersRequest, consumer_service_client::ConsumerServiceClient};
use proto::events::v1::{GetProgressRequest, event_log_service_client::EventLogServiceClient};
use rt::{ServerSettings, Shutdown};
use testkit::TestDb;
use tonic::Code;

fn migrations() -> pg::Migrations {
    pg::Migrations::new("levels", [&requests::MIGRATOR, &eventlog::MIGRATOR])
}

async fn part(db: &TestDb) -> Part {
    let db = db.db("levels").await;
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
    let db = testkit::database(&[&migrations()]).await;
    let assembly = Assembly::bind(services(), vec![part(&db).await]).await.unwrap();
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
    let db = testkit::database(&[&migrations()]).await;
    let rounds = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&rounds);
    let part = part(&db).await.timer("count", Duration::from_millis(1), move || {
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

struct Reader;

impl eventlog::Consume for Reader {
    fn name(&self) -> &'static str {
        "reader"
    }

    fn source(&self) -> &'static str {
        "profiles"
    }

    fn types(&self) -> &'static [&'static str] {
        &["order.completed"]
    }

    async fn apply(
        &self,
        _: &mut pg::Tx,
        _: &ids::TenantId,
        _: &[proto::events::v1::Event],
    ) -> Result<Vec<eventlog::Position>, eventlog::ApplyError> {
        Ok(vec![])
    }
}

#[tokio::test]
async fn a_consumer_without_a_source_keeps_the_process_from_starting() {
    let db = testkit::database(&[&migrations()]).await;
    let part = part(&db).await.consume(Reader);
    let error = Assembly::bind(services(), vec![part]).await.err().unwrap();
    assert_eq!(error.to_string(), "levels reads the log of profiles: set sources.profiles");
}
