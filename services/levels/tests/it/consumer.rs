//! The service behind a socket, with a log of profiles that it consumes.

use std::sync::Arc;

use authn::dev::Grant;
use eventlog::{Draft, Log, LogSettings};
use host::{Assembly, Kit, Part, Services};
use ids::{TenantId, UserId};
use levels::config::Settings;
use proto::common::v1::Position;
use proto::events::v1::{Cursor, Event, PullRequest, event_log_service_client::EventLogServiceClient};
use proto::levels::v1::badge_service_client::BadgeServiceClient;
use proto::levels::v1::benefit_service_client::BenefitServiceClient;
use proto::levels::v1::earning_rule_service_client::EarningRuleServiceClient;
use proto::levels::v1::leaderboard_service_client::LeaderboardServiceClient;
use proto::levels::v1::level_grant_service_client::LevelGrantServiceClient;
use proto::levels::v1::level_service_client::LevelServiceClient;
use proto::levels::v1::points_job_service_client::PointsJobServiceClient;
use proto::levels::v1::points_report_service_client::PointsReportServiceClient;
use proto::levels::v1::points_service_client::PointsServiceClient;
use proto::levels::v1::quest_service_client::QuestServiceClient;
use proto::levels::v1::result_card_service_client::ResultCardServiceClient;
use proto::levels::v1::streak_service_client::StreakServiceClient;
use rt::{Channel, ServerSettings, Shutdown};
use testkit::TestDb;
use tokio::task::JoinHandle;

use crate::stage::{incentives_log, other, profiles_log, tenant, user};

pub(crate) struct Server {
    pub(crate) db: TestDb,
    uri: String,
    channel: Channel,
    profiles: Arc<Log>,
    incentives: Arc<Log>,
    tenant: TenantId,
    shutdown: Shutdown,
    serving: JoinHandle<bool>,
}

fn services(peers: host::Peers) -> Services {
    let token = testkit::tokens().mint(&Grant::service("levels").every_scope().scope(authn::ACT_FOR_TENANTS));
    Services {
        server: ServerSettings::for_tests(),
        authn: testkit::tokens().settings(),
        client: rt::ClientSettings::default(),
        consumer: eventlog::ConsumerSettings::default(),
        sources: Default::default(),
        peers,
        token: Arc::new(move || token.clone()),
        pages: page::Tokens::new("a secret of the test"),
    }
}

/// An empty tenant `shop`.
pub(crate) async fn server() -> Server {
    let db = testkit::database(&[&levels::migrations(), &profiles_log(), &incentives_log()]).await;
    let (profiles, source) = source(&db, "profiles").await;
    let (incentives, other_source) = self::source(&db, "incentives").await;
    let pool = db.db(levels::NAME).await;
    let log = Log::new(pool.clone(), None, LogSettings::default());
    let pages = page::Tokens::new("a secret of the test");
    let settings = Settings { incentives: true, ..Settings::default() };
    let peers = host::Peers::default();
    let part = levels::start(Kit { db: pool, log, pages, peers: peers.clone(), settings });
    let assembly = Assembly::bind(services(peers), vec![source, other_source, part]).await.unwrap();
    let uri = format!("http://{}", assembly.address());
    let tenant = tenant("shop");
    db.register(levels::NAME, &[&tenant, &other()]).await;
    let channel = channel(&uri, &Grant::tenant(&tenant).every_scope());
    let shutdown = Shutdown::new();
    let serving = tokio::spawn(assembly.serve(shutdown.clone()));
    Server { db, uri, channel, profiles, incentives, tenant, shutdown, serving }
}

/// The log of another service, behind the same socket.
async fn source(db: &TestDb, service: &'static str) -> (Arc<Log>, Part) {
    let pool = db.db(service).await;
    let log = Log::new(pool.clone(), None, LogSettings::default());
    (Arc::clone(&log), Part::new(pool, log))
}

fn channel(uri: &str, grant: &Grant) -> Channel {
    let token = testkit::tokens().mint(grant);
    rt::connect(uri, &rt::ClientSettings::default()).unwrap().with_token(token)
}

impl Server {
    pub(crate) fn points(&self) -> PointsServiceClient<Channel> {
        PointsServiceClient::new(self.channel.clone())
    }

    pub(crate) fn reports(&self) -> PointsReportServiceClient<Channel> {
        PointsReportServiceClient::new(self.channel.clone())
    }

    pub(crate) fn jobs(&self) -> PointsJobServiceClient<Channel> {
        PointsJobServiceClient::new(self.channel.clone())
    }

    /// As another person of the tenant.
    pub(crate) fn jobs_of(&self, subject: &str) -> PointsJobServiceClient<Channel> {
        let grant = Grant::tenant(&self.tenant).subject(subject).scope("points.adjust").scope("points.approve");
        PointsJobServiceClient::new(channel(&self.uri, &grant))
    }

    /// As a person of another tenant.
    pub(crate) fn jobs_elsewhere(&self) -> PointsJobServiceClient<Channel> {
        PointsJobServiceClient::new(channel(&self.uri, &Grant::tenant(&other()).every_scope()))
    }

    pub(crate) fn rules(&self) -> EarningRuleServiceClient<Channel> {
        EarningRuleServiceClient::new(self.channel.clone())
    }

    pub(crate) fn levels(&self) -> LevelServiceClient<Channel> {
        LevelServiceClient::new(self.channel.clone())
    }

    pub(crate) fn grants(&self) -> LevelGrantServiceClient<Channel> {
        LevelGrantServiceClient::new(self.channel.clone())
    }

    pub(crate) fn benefits(&self) -> BenefitServiceClient<Channel> {
        BenefitServiceClient::new(self.channel.clone())
    }

    pub(crate) fn boards(&self) -> LeaderboardServiceClient<Channel> {
        LeaderboardServiceClient::new(self.channel.clone())
    }

    pub(crate) fn quests(&self) -> QuestServiceClient<Channel> {
        QuestServiceClient::new(self.channel.clone())
    }

    pub(crate) fn badges(&self) -> BadgeServiceClient<Channel> {
        BadgeServiceClient::new(self.channel.clone())
    }

    pub(crate) fn streaks(&self) -> StreakServiceClient<Channel> {
        StreakServiceClient::new(self.channel.clone())
    }

    /// Check-ins with the token of one user.
    pub(crate) fn streaks_of_user(&self, who: &str) -> StreakServiceClient<Channel> {
        let grant = Grant::tenant(&self.tenant).user(&user(who)).scope("checkins.write");
        StreakServiceClient::new(channel(&self.uri, &grant))
    }

    pub(crate) fn cards(&self) -> ResultCardServiceClient<Channel> {
        ResultCardServiceClient::new(self.channel.clone())
    }

    /// With the token of another tenant.
    pub(crate) fn points_of(&self, other: &str) -> PointsServiceClient<Channel> {
        PointsServiceClient::new(channel(&self.uri, &Grant::tenant(&tenant(other)).every_scope()))
    }

    /// With the token of one user.
    pub(crate) fn points_of_user(&self, who: &str, scope: &str) -> PointsServiceClient<Channel> {
        let who: UserId = user(who);
        PointsServiceClient::new(channel(&self.uri, &Grant::tenant(&self.tenant).user(&who).scope(scope)))
    }

    /// Appends to profiles' log; answers the place of the last event.
    pub(crate) async fn tell(&self, drafts: &[Draft]) -> Position {
        self.tell_as("profiles", &self.profiles, drafts).await
    }

    /// Appends to incentives' log; answers the place of the last event.
    pub(crate) async fn tell_as_incentives(&self, drafts: &[Draft]) -> Position {
        self.tell_as("incentives", &self.incentives, drafts).await
    }

    async fn tell_as(&self, service: &'static str, log: &Log, drafts: &[Draft]) -> Position {
        let mut tx = self.db.db(service).await.begin(&self.tenant).await.unwrap();
        let positions = log.append(&mut tx, &self.tenant, drafts).await.unwrap();
        tx.commit().await.unwrap();
        log.wake(&positions);
        Position::from(*positions.last().unwrap())
    }

    /// Everything in this service's own log, partition by partition.
    pub(crate) async fn told(&self) -> Vec<Event> {
        let grant = Grant::service("reader").every_scope();
        let mut log = EventLogServiceClient::new(channel(&self.uri, &grant));
        let cursor = |partition| Cursor { partition, ..Default::default() };
        let request = PullRequest {
            service: levels::NAME.to_owned(),
            consumer: "reader".to_owned(),
            cursors: (0..32).map(cursor).collect(),
            ..Default::default()
        };
        let answer = log.pull(request).await.unwrap().into_inner();
        answer.pages.into_iter().flat_map(|page| page.events).collect()
    }

    pub(crate) async fn end(self) {
        self.shutdown.ask();
        self.serving.await.unwrap();
    }
}
