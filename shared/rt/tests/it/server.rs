//! A running server and clients for it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use authn::Authenticator;
use authn::dev::{Grant, Issuer};
use ids::TenantId;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use proto::events::v1::event_log_service_server::EventLogServiceServer;
use proto::levels::v1::level_service_client::LevelServiceClient;
use proto::levels::v1::level_service_server::LevelServiceServer;
use proto::levels::v1::{GetSchemeRequest, PublishSchemeRequest, Scheme};
use rt::{ClientSettings, Server, ServerSettings, Shutdown};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tonic::service::Routes;

use crate::levels::{Levels, Watch};
use crate::pulls::Quiet;

pub(crate) const SERVICE: &str = "banyan.levels.v1.LevelService";

const PATIENCE_MS: u64 = 30_000;

static METRICS: LazyLock<PrometheusHandle> =
    LazyLock::new(|| PrometheusBuilder::new().install_recorder().expect("no other recorder is installed"));

pub(crate) struct Running {
    pub(crate) uri: String,
    pub(crate) watch: Arc<Watch>,
    /// One for each pull that has arrived.
    pub(crate) pulls: Arc<Semaphore>,
    pub(crate) shutdown: Shutdown,
    pub(crate) health: rt::Health,
    pub(crate) served: JoinHandle<bool>,
    issuer: Issuer,
    _folder: TempDir,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ServerSettings)) -> Self {
        LazyLock::force(&METRICS);
        let folder = tempfile::tempdir().unwrap();
        let issuer = Issuer::open(folder.path()).unwrap();
        let authenticator = Authenticator::new(issuer.settings()).await.unwrap();
        // Enough for a busy machine; tests of deadlines set their own.
        let mut settings = ServerSettings { reflection: true, call_ms_max: PATIENCE_MS, ..ServerSettings::for_tests() };
        change(&mut settings);
        let levels = Levels::default();
        let (watch, pulls) = (Arc::clone(&levels.0), Arc::new(Semaphore::new(0)));
        let bound = Server::new(settings, Arc::new(authenticator))
            .routes(Routes::new(LevelServiceServer::new(levels)))
            .routes(Routes::new(EventLogServiceServer::new(Quiet(Arc::clone(&pulls)))))
            .services([SERVICE])
            .bind()
            .await
            .unwrap();
        let (uri, health, shutdown) = (bound.uri(), bound.health(), Shutdown::new());
        let served = tokio::spawn(bound.serve(shutdown.clone()));
        Self { uri, watch, pulls, shutdown, health, served, issuer, _folder: folder }
    }

    pub(crate) fn token(&self) -> String {
        self.mint(|grant| grant.every_scope())
    }

    pub(crate) fn mint(&self, shape: impl FnOnce(Grant) -> Grant) -> String {
        self.issuer.mint(&shape(Grant::tenant(&TenantId::new("shop").unwrap())))
    }

    /// A channel with a token for everything.
    pub(crate) fn channel(&self) -> rt::Channel {
        self.anonymous().with_token(self.token())
    }

    pub(crate) fn anonymous(&self) -> rt::Channel {
        rt::connect(self.uri.clone(), &patient()).unwrap()
    }

    pub(crate) fn client(&self) -> LevelServiceClient<rt::Channel> {
        LevelServiceClient::new(self.channel())
    }
}

/// Settings of a client that waits as long as the server does.
pub(crate) fn patient() -> ClientSettings {
    ClientSettings { call_ms_max: PATIENCE_MS, ..ClientSettings::default() }
}

pub(crate) fn get(scheme_id: &str) -> GetSchemeRequest {
    GetSchemeRequest { scheme_id: scheme_id.to_owned() }
}

/// A write that the contract allows.
pub(crate) fn publish(request_id: &str, scheme_id: &str) -> PublishSchemeRequest {
    use proto::common::v1::LocalizedText;
    use proto::levels::v1::Level;
    let name = || Some(LocalizedText { texts: [("en".to_owned(), "name".to_owned())].into(), ..Default::default() });
    let level = Level { display_name: name(), ..Level::default() };
    let scheme = Scheme {
        scheme_id: scheme_id.to_owned(),
        display_name: name(),
        point_type_id: "points".to_owned(),
        levels: vec![level],
        ..Scheme::default()
    };
    PublishSchemeRequest { request_id: request_id.to_owned(), scheme: Some(scheme), validate_only: false }
}

/// How many calls of a method ended with a code.
pub(crate) fn counted(method: &str, code: &str) -> u64 {
    let text = METRICS.render();
    let wanted = [format!("rpc_method=\"{method}\""), format!("rpc_response_status_code=\"{code}\"")];
    let line = text.lines().find(|line| {
        line.starts_with("rpc_server_call_duration_count{") && wanted.iter().all(|label| line.contains(label))
    });
    line.and_then(|line| line.rsplit(' ').next()).map_or(0, |count| count.parse().unwrap())
}

/// Waits for a condition.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), waiting).await.is_ok(), "waited in vain: {what}");
}
