//! The service behind a socket, with the logs of profiles and levels that it consumes.

use std::sync::Arc;

use authn::dev::Grant;
use eventlog::{Draft, Log, LogSettings};
use feedback::config::Settings;
use host::{Assembly, Kit, Part, Peers, Services};
use ids::TenantId;
use proto::common::v1::Position;
use proto::feedback::v1::case_insight_service_client::CaseInsightServiceClient;
use proto::feedback::v1::case_service_client::CaseServiceClient;
use proto::feedback::v1::case_type_service_client::CaseTypeServiceClient;
use proto::feedback::v1::desk_service_client::DeskServiceClient;
use rt::{Channel, ServerSettings, Shutdown};
use testkit::TestDb;
use tokio::task::JoinHandle;

use crate::stage::{log_of, tenant, user};

pub(crate) struct Server {
    db: TestDb,
    uri: String,
    channel: Channel,
    levels: Arc<Log>,
    tenant: TenantId,
    shutdown: Shutdown,
    serving: JoinHandle<bool>,
}

fn services() -> Services {
    let token = testkit::tokens().mint(&Grant::service("feedback").every_scope());
    Services {
        server: ServerSettings::for_tests(),
        authn: testkit::tokens().settings(),
        client: rt::ClientSettings::default(),
        consumer: eventlog::ConsumerSettings::default(),
        sources: Default::default(),
        token: Arc::new(move || token.clone()),
        peers: Peers::default(),
        pages: page::Tokens::new("a secret of the test"),
    }
}

/// An empty tenant `shop`.
pub(crate) async fn server() -> Server {
    let db = testkit::database(&[&feedback::migrations(), &log_of("profiles"), &log_of("levels")]).await;
    let tenant = tenant("shop");
    db.register(feedback::NAME, &[&tenant]).await;
    let (profiles, levels) = (db.db("profiles").await, db.db("levels").await);
    let source = Part::new(profiles.clone(), Log::new(profiles, None, LogSettings::default()));
    let levels_log = Log::new(levels.clone(), None, LogSettings::default());
    let other = Part::new(levels, Arc::clone(&levels_log));
    let pool = db.db(feedback::NAME).await;
    let log = Log::new(pool.clone(), None, LogSettings::default());
    let pages = page::Tokens::new("a secret of the test");
    let part = feedback::start(Kit { db: pool, log, pages, peers: Peers::default(), settings: Settings::default() });
    let assembly = Assembly::bind(services(), vec![source, other, part]).await.unwrap();
    let uri = format!("http://{}", assembly.address());
    let channel = channel(&uri, &Grant::tenant(&tenant).every_scope());
    let shutdown = Shutdown::new();
    let serving = tokio::spawn(assembly.serve(shutdown.clone()));
    Server { db, uri, channel, levels: levels_log, tenant, shutdown, serving }
}

fn channel(uri: &str, grant: &Grant) -> Channel {
    let token = testkit::tokens().mint(grant);
    rt::connect(uri, &rt::ClientSettings::default()).unwrap().with_token(token)
}

impl Server {
    pub(crate) fn cases(&self) -> CaseServiceClient<Channel> {
        CaseServiceClient::new(self.channel.clone())
    }

    pub(crate) fn types(&self) -> CaseTypeServiceClient<Channel> {
        CaseTypeServiceClient::new(self.channel.clone())
    }

    pub(crate) fn desk(&self) -> DeskServiceClient<Channel> {
        DeskServiceClient::new(self.channel.clone())
    }

    pub(crate) fn insight(&self) -> CaseInsightServiceClient<Channel> {
        CaseInsightServiceClient::new(self.channel.clone())
    }

    /// With the token of one user.
    pub(crate) fn cases_of_user(&self, who: &str) -> CaseServiceClient<Channel> {
        let grant = Grant::tenant(&self.tenant).user(&user(who)).every_scope();
        CaseServiceClient::new(channel(&self.uri, &grant))
    }

    /// Appends to levels' log; answers the place of the last event.
    pub(crate) async fn tell(&self, drafts: &[Draft]) -> Position {
        let mut tx = self.db.db("levels").await.begin(&self.tenant).await.unwrap();
        let positions = self.levels.append(&mut tx, &self.tenant, drafts).await.unwrap();
        tx.commit().await.unwrap();
        self.levels.wake(&positions);
        Position::from(*positions.last().unwrap())
    }

    pub(crate) async fn end(self) {
        self.shutdown.ask();
        self.serving.await.unwrap();
    }
}
