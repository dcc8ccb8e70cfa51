//! The suite in this process, on a database of its own, and what a caller from outside needs.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use authn::dev::{Grant, Issuer};
use host::{Assembly, Hand, Kit, Part, Peers, Services};
use ids::{TenantId, UserId};
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use proto::{
    events::v1::{GetProgressRequest, GetProgressResponse},
    google::rpc,
    profiles::v1::RecordEventsResponse,
};
use rt::{ClientSettings, ServerSettings, Shutdown};
use telemetry::TelemetrySettings;
use testkit::TestDb;
use tonic::{Code, Status, transport::Channel};

use crate::{
    contract::{self, Access},
    samples::{self, Names},
    wire::{self, Answer},
};

const PAGE_SECRET: &str = "end-to-end-tests";
const SERVICES: [&str; 4] = ["profiles", "levels", "incentives", "feedback"];
/// What a part of a member page may take: more than by default, as tests run next to each other and unoptimised.
const MEMBER_PART_MS: u64 = 5_000;
/// How often a request is sent that a slow machine has no time for.
const REPEATS: u32 = 20;

/// Service and partition to the newest event's number.
pub type Heads = BTreeMap<(&'static str, i32), i64>;

/// A running suite. Its consumers, timers and server end with the test's process.
pub struct Suite {
    channel: Channel,
    services: Vec<&'static str>,
    issuer: &'static Issuer,
    shutdown: Shutdown,
    database: TestDb,
    _telemetry: Option<telemetry::Guard>,
}

impl Drop for Suite {
    fn drop(&mut self) {
        self.shutdown.ask();
    }
}

impl Suite {
    /// Starts all services behind one port.
    pub async fn start() -> Self {
        Self::start_with(&SERVICES, BTreeMap::new()).await
    }

    /// Starts all services without what they do by themselves: the consumers that are answered move only by hand.
    pub async fn start_by_hand() -> (Self, Vec<Hand>) {
        Self::put_together(&SERVICES, BTreeMap::new(), true).await
    }

    /// Starts profiles and whichever others are named; `elsewhere` says where to look for services that are not started.
    pub async fn start_with(services: &[&'static str], elsewhere: BTreeMap<String, String>) -> Self {
        Self::put_together(services, elsewhere, false).await.0
    }

    async fn put_together(
        services: &[&'static str],
        elsewhere: BTreeMap<String, String>,
        by_hand: bool,
    ) -> (Self, Vec<Hand>) {
        let told = TelemetrySettings { filter: "error".to_owned(), ..TelemetrySettings::default() };
        let telemetry = telemetry::init(&told, "end-to-end").ok(); // a process's second suite logs where its first does
        let migrations =
            [profiles::migrations(), levels::migrations(), incentives::migrations(), feedback::migrations()];
        let database = testkit::database(&migrations.each_ref()).await;
        let issuer = testkit::tokens();
        let peers = Peers::default();
        let hosts = |service: &str| services.contains(&service);
        let of_profiles = profiles::config::Settings { member_part_ms: MEMBER_PART_MS, ..Default::default() };
        let of_levels = levels::config::Settings { incentives: hosts("incentives"), ..Default::default() };
        let of_incentives = incentives::config::Settings { feedback: hosts("feedback"), ..Default::default() };
        let of_profiles = kit(&database, &peers, "profiles", of_profiles).await;
        let mut parts = vec![profiles::start(of_profiles).await.expect("profiles starts")];
        if hosts("levels") {
            parts.push(levels::start(kit(&database, &peers, "levels", of_levels).await));
        }
        if hosts("incentives") {
            parts.push(incentives::start(kit(&database, &peers, "incentives", of_incentives).await));
        }
        if hosts("feedback") {
            parts.push(feedback::start(kit(&database, &peers, "feedback", Default::default()).await));
        }
        let shutdown = Shutdown::new();
        let (channel, hands) = serve(parts, (peers, elsewhere), issuer, by_hand, shutdown.clone()).await;
        let services = services.to_vec();
        (Self { channel, services, issuer, shutdown, database, _telemetry: telemetry }, hands)
    }

    /// The database, for looking behind the curtain.
    pub fn database(&self) -> &TestDb {
        &self.database
    }

    /// Sends raw bytes.
    pub async fn call(&self, path: &str, token: Option<&str>, body: Vec<u8>) -> Result<Answer, Status> {
        wire::call(&self.channel, path, token, body).await
    }

    /// Sends a request again that a slow machine had no time for, as the contract says: a write has one effect.
    pub async fn patiently(&self, path: &str, token: &str, body: &[u8]) -> Result<Answer, Status> {
        for _ in 1..REPEATS {
            match self.call(path, Some(token), body.to_vec()).await {
                Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Unavailable) => {}
                done => return done,
            }
        }
        self.call(path, Some(token), body.to_vec()).await
    }

    /// As `call`, and fails with the first refusal where single events of a batch or stream were refused.
    pub async fn call_whole(&self, path: &str, token: &str, body: Vec<u8>) -> Result<(), Status> {
        let answer = self.call(path, Some(token), body).await?;
        if !path.ends_with("/RecordEvents") && !path.ends_with("/StreamEvents") {
            return Ok(());
        }
        let outcomes =
            RecordEventsResponse::decode(&answer.message[..]).expect("an answer is a valid message").outcomes;
        match outcomes.into_iter().find_map(|outcome| outcome.error) {
            Some(error) => {
                let details = error.encode_to_vec().into();
                Err(Status::with_details(error.code.into(), error.message, details))
            }
            None => Ok(()),
        }
    }

    /// The sample request of every RPC.
    pub fn requests(&self, names: &Names<'_>) -> Vec<(&'static str, Vec<u8>)> {
        let encode = |(path, json)| (path, contract::message(method(path).input(), &json).encode_to_vec());
        samples::all(names).into_iter().map(encode).collect()
    }

    /// The sample request of one RPC.
    pub fn sample(&self, method: &MethodDescriptor, names: &Names<'_>) -> DynamicMessage {
        let path = contract::path(method);
        let sample = samples::all(names).into_iter().find(|(name, _)| *name == path);
        let (_, json) = sample.unwrap_or_else(|| panic!("{path} has no sample"));
        contract::message(method.input(), &json)
    }

    /// Creates the tenant and sends every writing sample; all must succeed. Returns path, request and answer of each.
    pub async fn fill(&self, names: &Names<'_>) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
        let mut done = Vec::new();
        for (path, json) in samples::writes(names) {
            let body = contract::message(method(path).input(), &json).encode_to_vec();
            let token = self.token_for(path, names.tenant);
            match self.patiently(path, &token, &body).await {
                Ok(answer) => done.push((path, body, answer.message)),
                Err(status) if reason(&status).ends_with("_EXISTS") => {} // the second user of a tenant
                Err(status) => panic!(
                    "{path} refused its sample: {:?} {} {:?}",
                    status.code(),
                    reason(&status),
                    violations(&status)
                ),
            }
        }
        done
    }

    /// The answer to a request as JSON, under the token that the method needs for the tenant.
    pub async fn json(
        &self,
        method: &MethodDescriptor,
        tenant: &str,
        request: &DynamicMessage,
    ) -> Result<serde_json::Value, Status> {
        let path = contract::path(method);
        let answer = self.call(&path, Some(&self.token_for(&path, tenant)), request.encode_to_vec()).await?;
        Ok(contract::json(method.output(), &answer.message))
    }

    /// Calls a method by its path with a request as JSON, under the token that it needs for the tenant.
    pub async fn ask(&self, path: &str, tenant: &str, request: serde_json::Value) -> Result<serde_json::Value, Status> {
        let method = method(path);
        self.json(&method, tenant, &contract::message(method.input(), &request)).await
    }

    /// The access option of the method at a path.
    pub fn access(&self, path: &str) -> Access {
        contract::access(&method(path))
    }

    /// Whether the method takes a request id.
    pub fn has_request_id(&self, path: &str) -> bool {
        method(path).input().get_field_by_name("request_id").is_some()
    }

    /// A token with just the scope that the method needs: the tenant's, or an operator's where it spans tenants. Who
    /// approves is somebody else than who asks.
    pub fn token_for(&self, path: &str, tenant: &str) -> String {
        let access = self.access(path);
        match access.scope.as_str() {
            scope if access.cross_tenant => self.operator_token(scope),
            scope @ "points.approve" => self.token_of(tenant, "approver", scope),
            scope => self.token(tenant, scope),
        }
    }

    /// A tenant's token.
    pub fn token(&self, tenant: &str, scope: &str) -> String {
        self.issuer.mint(&Grant::tenant(&tenant_id(tenant)).scope(scope))
    }

    /// A token of a tenant's subject.
    pub fn token_of(&self, tenant: &str, subject: &str, scope: &str) -> String {
        self.issuer.mint(&Grant::tenant(&tenant_id(tenant)).subject(subject).scope(scope))
    }

    /// A user's token.
    pub fn user_token(&self, tenant: &str, user: &str, scope: &str) -> String {
        let user = UserId::new(user).expect("a user id");
        self.issuer.mint(&Grant::tenant(&tenant_id(tenant)).user(&user).scope(scope))
    }

    /// The token of an identity across tenants.
    pub fn operator_token(&self, scope: &str) -> String {
        self.issuer.mint(&Grant::service("operator").scope(scope))
    }

    /// A token that was valid once.
    pub fn expired_token(&self, tenant: &str) -> String {
        let grant = Grant::tenant(&tenant_id(tenant)).every_scope().lifetime(Duration::from_secs(3600));
        self.issuer.mint_at(&grant, SystemTime::now() - Duration::from_secs(2 * 3600))
    }

    /// How far each service's log has come.
    pub async fn heads(&self) -> Heads {
        let mut heads = Heads::new();
        for service in self.services.iter().copied() {
            for head in self.progress(service).await.heads {
                heads.insert((service, head.partition), head.after_seq);
            }
        }
        heads
    }

    /// Waits until every consumer has come to the head of its source, and returns the heads.
    pub async fn quiet(&self) -> Heads {
        testkit::eventually_within(Duration::from_secs(60), || async {
            let heads = self.heads().await;
            for service in self.services.iter().copied() {
                for consumer in self.progress(service).await.consumers {
                    assert_eq!(consumer.stopped, "", "{} of {service} stopped", consumer.consumer);
                    for ((_, partition), head) in heads.iter().filter(|((source, _), _)| *source == consumer.source) {
                        let cursor = consumer.cursors.iter().find(|cursor| cursor.partition == *partition);
                        if cursor.is_none_or(|cursor| cursor.after_seq < *head) {
                            return None;
                        }
                    }
                }
            }
            (heads == self.heads().await).then_some(heads)
        })
        .await
    }

    async fn progress(&self, service: &str) -> GetProgressResponse {
        let path = "/banyan.events.v1.EventLogService/GetProgress";
        let body = GetProgressRequest { service: service.to_owned() }.encode_to_vec();
        let answer = self.call(path, Some(&self.operator_token("events.read")), body).await.expect("progress is told");
        GetProgressResponse::decode(&answer.message[..]).expect("an answer is a valid message")
    }
}

async fn kit<S>(database: &TestDb, peers: &Peers, schema: &'static str, settings: S) -> Kit<S> {
    let db = database.db(schema).await;
    let log = eventlog::Log::new(db.clone(), None, eventlog::LogSettings::default());
    Kit { db, log, pages: page::Tokens::new(PAGE_SECRET), peers: peers.clone(), settings }
}

async fn serve(
    parts: Vec<Part>,
    (peers, elsewhere): (Peers, BTreeMap<String, String>),
    issuer: &'static Issuer,
    by_hand: bool,
    shutdown: Shutdown,
) -> (Channel, Vec<Hand>) {
    let token = move || issuer.mint(&Grant::service("suite").every_scope().scope(authn::ACT_FOR_TENANTS));
    let services = Services {
        server: ServerSettings::for_tests(),
        authn: issuer.settings(),
        client: ClientSettings::default(),
        consumer: eventlog::ConsumerSettings::default(),
        sources: elsewhere,
        token: Arc::new(token),
        peers,
        pages: page::Tokens::new(PAGE_SECRET),
    };
    let mut assembly = Assembly::bind(services, parts).await.expect("the suite starts");
    let hands = if by_hand { assembly.by_hand().expect("consumers have their sources") } else { Vec::new() };
    let uri = format!("http://{}", assembly.address());
    tokio::spawn(assembly.serve(shutdown));
    (Channel::from_shared(uri).expect("an address is a URI").connect_lazy(), hands)
}

fn method(path: &str) -> MethodDescriptor {
    let found = contract::methods().into_iter().find(|method| contract::path(method) == path);
    found.unwrap_or_else(|| panic!("{path} is not in the contract"))
}

fn tenant_id(text: &str) -> TenantId {
    TenantId::new(text).expect("a tenant id")
}

/// The reason of a refusal; panics unless it has exactly one `ErrorInfo` of the suite's domain.
pub fn reason(status: &Status) -> String {
    let infos: Vec<Info> = details(status, "type.googleapis.com/google.rpc.ErrorInfo");
    assert_eq!(infos.len(), 1, "one ErrorInfo is in {status:?}");
    assert_eq!(infos[0].domain, "banyan");
    infos[0].reason.clone()
}

/// The fields that a refusal names.
pub fn violations(status: &Status) -> Vec<String> {
    let requests: Vec<BadRequest> = details(status, "type.googleapis.com/google.rpc.BadRequest");
    requests.into_iter().flat_map(|request| request.field_violations).map(|violation| violation.field).collect()
}

fn details<T: Message + Default>(status: &Status, url: &str) -> Vec<T> {
    let all = rpc::Status::decode(status.details()).expect("details are a google.rpc.Status").details;
    let wanted = all.into_iter().filter(|any| any.type_url == url);
    wanted.map(|any| T::decode(&any.value[..]).expect("a detail is what its type says")).collect()
}

/// `google.rpc.ErrorInfo`, as far as it is looked at.
#[derive(Clone, PartialEq, prost::Message)]
struct Info {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

/// `google.rpc.BadRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<Violation>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Violation {
    #[prost(string, tag = "1")]
    field: String,
}
