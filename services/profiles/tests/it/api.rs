//! The API as a client sees it, over a socket, behind all layers of the server.

use std::sync::Arc;
use std::time::Duration;

use authn::dev::Grant;
use futures::StreamExt;
use host::{Assembly, Services};
use ids::TenantId;
use prost_types::{FieldMask, Timestamp};
use proto::admin::v1::tenant_service_client::TenantServiceClient;
use proto::admin::v1::{CreateTenantRequest, GetTenantRequest, ListTenantsRequest, Tenant};
use proto::common::v1::Position;
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::events::v1::{EventMode, GetOutcomeRequest, OutcomeState};
use proto::google::r#type::Money;
use proto::profiles::v1::event_service_client::EventServiceClient;
use proto::profiles::v1::insight_service_client::InsightServiceClient;
use proto::profiles::v1::lifecycle_service_client::LifecycleServiceClient;
use proto::profiles::v1::order_service_client::OrderServiceClient;
use proto::profiles::v1::profile_service_client::ProfileServiceClient;
use proto::profiles::v1::user_event::Report;
use proto::profiles::v1::*;
use rt::{ServerSettings, Shutdown};
use testkit::{TestDb, tokens};
use tonic::{Code, Status};

use super::support::{kit, tenant_id, user_id};

struct Served {
    _db: TestDb,
    uri: String,
    shutdown: Shutdown,
    shop: TenantId,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shutdown.ask();
    }
}

/// The service on a port, with the tenant `shop` made through the API.
async fn served() -> Served {
    let db = testkit::database(&[&profiles::migrations()]).await;
    let part = profiles::start(kit(&db).await).await.unwrap();
    let token = tokens().mint(&Grant::service("test").every_scope());
    let services = Services {
        server: ServerSettings::for_tests(),
        authn: tokens().settings(),
        client: rt::ClientSettings::default(),
        consumer: eventlog::ConsumerSettings::default(),
        sources: Default::default(),
        peers: host::Peers::default(),
        token: Arc::new(move || token.clone()),
        pages: page::Tokens::new(super::support::SECRET),
    };
    let assembly = Assembly::bind(services, vec![part]).await.unwrap();
    let uri = format!("http://{}", assembly.address());
    let shutdown = Shutdown::new();
    tokio::spawn(assembly.serve(shutdown.clone()));
    let served = Served { _db: db, uri, shutdown, shop: tenant_id("shop") };
    served.tenants().create_tenant(new_tenant("shop")).await.unwrap();
    served
}

fn new_tenant(id: &str) -> CreateTenantRequest {
    let tenant = Tenant {
        tenant_id: id.into(),
        display_name: "A shop".into(),
        zone: "Asia/Shanghai".into(),
        currency: "CNY".into(),
        ..Tenant::default()
    };
    CreateTenantRequest { request_id: "create".into(), tenant: Some(tenant) }
}

impl Served {
    fn channel(&self, grant: Grant) -> rt::Channel {
        let channel = rt::connect(self.uri.as_str(), &rt::ClientSettings::default()).unwrap();
        channel.with_token(tokens().mint(&grant))
    }

    fn shop(&self) -> rt::Channel {
        self.channel(Grant::tenant(&self.shop).every_scope())
    }

    fn tenants(&self) -> TenantServiceClient<rt::Channel> {
        TenantServiceClient::new(self.channel(Grant::service("operator").every_scope()))
    }

    fn events(&self) -> EventServiceClient<rt::Channel> {
        EventServiceClient::new(self.shop())
    }

    async fn record(&self, events: Vec<UserEvent>) -> Vec<EventOutcome> {
        let request = RecordEventsRequest { mode: EventMode::Live.into(), events };
        self.events().record_events(request).await.unwrap().into_inner().outcomes
    }
}

fn yuan(units: i64) -> Option<Money> {
    Some(Money { currency_code: "CNY".into(), units, nanos: 0 })
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn order(order_id: &str, units: i64) -> Option<Order> {
    Some(Order { order_id: order_id.into(), total: yuan(units), ..Order::default() })
}

fn event(user: &str, event_id: &str, report: Report) -> UserEvent {
    UserEvent {
        event_id: event_id.into(),
        user_id: user.into(),
        occurred_at: at(1_772_000_000),
        site: "app".into(),
        report: Some(report),
    }
}

fn paid(user: &str, event_id: &str, order_id: &str, units: i64) -> UserEvent {
    event(user, event_id, Report::OrderPaid(OrderPaidReport { order: order(order_id, units) }))
}

fn reason(status: &Status) -> (Code, String) {
    (status.code(), status::reason_of(status).unwrap_or_default())
}

fn fields(status: &Status) -> Vec<String> {
    status::violations_of(status).into_iter().map(|(field, _)| field).collect()
}

#[tokio::test]
async fn the_outcome_of_a_report_lists_what_it_implied() {
    let served = served().await;
    let report = Report::OrderCompleted(OrderCompletedReport { order: order("o1", 25) });
    served.record(vec![event("u1", "e1", report), paid("u2", "e2", "o2", 25)]).await;
    let mut log = EventLogServiceClient::new(served.shop());
    let request = GetOutcomeRequest { service: "profiles".into(), event_id: "e1".into(), position: None };
    let outcome = log.get_outcome(request).await.unwrap().into_inner();
    assert_eq!(outcome.state(), OutcomeState::Applied);
    let told = outcome.events.iter().map(|event| (event.r#type.as_str(), event.root_event_id.as_str(), event.hops));
    let want = ["profile.changed", "order.created", "order.paid", "order.completed", "stage.moved"];
    assert_eq!(told.collect::<Vec<_>>(), want.map(|kind| (kind, "e1", 0)));
    assert!(outcome.events.iter().all(|event| event.cause.is_none()));
}

#[tokio::test]
async fn an_event_taken_is_seen_by_the_next_read_and_repeated_with_a_trailer() {
    let served = served().await;
    let request = || RecordEventRequest { event: Some(paid("u1", "e1", "o1", 25)) };
    let position = served.events().record_event(request()).await.unwrap().into_inner().position;
    let again = served.events().record_event(request()).await.unwrap();
    assert_eq!(again.get_ref().position, position);
    let mut orders = OrderServiceClient::new(served.shop());
    let asked =
        GetOrderRequest { user_id: "u1".into(), order_id: "o1".into(), at_least: position.into_iter().collect() };
    let record = orders.get_order(asked).await.unwrap().into_inner().order.unwrap();
    assert_eq!((record.state(), record.order, record.refunded), (OrderState::Paid, order("o1", 25), yuan(0)));
    let missing = GetOrderRequest { user_id: "u1".into(), order_id: "o2".into(), at_least: vec![] };
    let missing = orders.get_order(missing).await.unwrap_err();
    assert_eq!(reason(&missing), (Code::NotFound, "ORDER_NOT_FOUND".into()));
}

#[tokio::test]
async fn each_event_of_a_batch_has_its_outcome_with_the_details_of_a_single_call() {
    let served = served().await;
    let mut late = paid("u1", "late", "o2", 1);
    late.occurred_at = at(4_000_000_000);
    let mut wrong_sum = order("o3", 10).unwrap();
    wrong_sum.lines.push(OrderLine { line_id: "1".into(), quantity: 1, paid: yuan(9), ..OrderLine::default() });
    let mut dollars = paid("u1", "dollars", "o4", 1);
    if let Some(Report::OrderPaid(report)) = &mut dollars.report {
        report.order.as_mut().unwrap().total.as_mut().unwrap().currency_code = "USD".into();
    }
    let negative = paid("u1", "negative", "o5", -1);
    let refund = Refund { refund_id: "r".into(), order_id: "o1".into(), amount: yuan(30), ..Refund::default() };
    let events = vec![
        paid("u1", "e1", "o1", 25),
        late,
        event("u1", "sum", Report::OrderCreated(OrderCreatedReport { order: Some(wrong_sum) })),
        dollars,
        negative,
        event("u1", "r", Report::OrderRefunded(OrderRefundedReport { refund: Some(refund) })),
        paid("u1", "e1", "o1", 25),
    ];
    let outcomes = served.record(events).await;
    let statuses: Vec<Option<Status>> =
        outcomes.iter().map(|outcome| outcome.error.as_ref().map(status::from_rpc)).collect();
    let of = |index: usize| statuses[index].as_ref().unwrap();
    assert!(statuses[0].is_none() && outcomes[0].position.is_some());
    assert!(outcomes[6].replayed && outcomes[6].position == outcomes[0].position);
    let want = [
        (1, "event.occurred_at"),
        (2, "event.order_created.order.total"),
        (3, "event.order_paid.order.total.currency_code"),
        (4, "event.order_paid.order.total"),
    ];
    for (index, field) in want {
        assert_eq!(reason(of(index)), (Code::InvalidArgument, "FIELDS_INVALID".into()));
        assert_eq!(fields(of(index)), [field]);
    }
    assert_eq!(reason(of(5)), (Code::FailedPrecondition, "REFUND_EXCEEDS_PAID".into()));
    assert_eq!(status::metadata_of(of(5))["refundable_minor"], "2500");
    let single =
        RecordEventRequest { event: Some(event("u1", "v", Report::Visit(VisitReport { duration_seconds: -1 }))) };
    let refused = served.events().record_event(single).await.unwrap_err();
    assert_eq!(fields(&refused), ["event.visit.duration_seconds"]);
}

#[tokio::test]
async fn a_stream_is_answered_message_by_message_in_order() {
    let served = served().await;
    let messages: Vec<StreamEventsRequest> = (0..20)
        .map(|n| StreamEventsRequest {
            mode: EventMode::Facts.into(),
            events: vec![paid("u1", &format!("e{n}"), &format!("o{n}"), 1), paid("u2", &format!("e{n}"), "o", 2)],
        })
        .collect();
    let mut client = served.events();
    let answers = client.stream_events(futures::stream::iter(messages)).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(|answer| answer.unwrap().outcomes).collect().await;
    let ids: Vec<&str> = answers.iter().map(|outcomes| outcomes[0].event_id.as_str()).collect();
    assert_eq!(ids, (0..20).map(|n| format!("e{n}")).collect::<Vec<_>>());
    assert!(answers.iter().flatten().all(|outcome| outcome.error.is_none()));
    let asked = GetProfileRequest { user_id: "u1".into(), at_least: vec![] };
    let profile = ProfileServiceClient::new(served.shop()).get_profile(asked).await.unwrap().into_inner().profile;
    let spend = profile.unwrap().spend.unwrap();
    assert_eq!((spend.orders, spend.net_spend), (20, yuan(20)));
}

#[tokio::test]
async fn a_message_that_breaks_a_rule_ends_the_stream_with_its_violations() {
    let served = served().await;
    let good = StreamEventsRequest { mode: EventMode::Live.into(), events: vec![paid("u1", "e1", "o1", 1)] };
    let bad = StreamEventsRequest { mode: EventMode::Live.into(), events: vec![] };
    let mut client = served.events();
    let mut answers = client.stream_events(futures::stream::iter([good, bad])).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().outcomes.len(), 1);
    let ended = answers.message().await.unwrap_err();
    assert_eq!((reason(&ended).0, fields(&ended)), (Code::InvalidArgument, vec!["events".to_owned()]));
}

#[tokio::test]
async fn a_users_own_token_touches_only_that_user() {
    let served = served().await;
    served.record(vec![paid("u1", "e1", "o1", 1), paid("u2", "e1", "o1", 1)]).await;
    let own = served.channel(Grant::tenant(&served.shop).every_scope().user(&user_id("u1")));
    let mut profiles = ProfileServiceClient::new(own.clone());
    let asked = |user: &str| GetProfileRequest { user_id: user.into(), at_least: vec![] };
    assert!(profiles.get_profile(asked("u1")).await.is_ok());
    let refused = profiles.get_profile(asked("u2")).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "USER_NOT_ALLOWED".into()));
    let other = RecordEventRequest { event: Some(paid("u2", "e2", "o2", 1)) };
    let refused = EventServiceClient::new(own).record_event(other).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "USER_NOT_ALLOWED".into()));
}

#[tokio::test]
async fn a_profile_is_written_read_and_refused_precisely() {
    let served = served().await;
    let mut profiles = ProfileServiceClient::new(served.shop());
    let profile = Profile { user_id: "u1".into(), locale: "zh-CN".into(), ..Profile::default() };
    let upsert = UpsertProfileRequest { request_id: "a".into(), profile: Some(profile.clone()) };
    let made = profiles.upsert_profile(upsert.clone()).await.unwrap().into_inner();
    assert!(made.created);
    assert_eq!(profiles.upsert_profile(upsert).await.unwrap().into_inner(), made);
    let update = |request_id: &str, zone: &str, etag: &str, paths: &[&str]| UpdateProfileRequest {
        request_id: request_id.into(),
        profile: Some(Profile { zone: zone.into(), etag: etag.into(), ..profile.clone() }),
        update_mask: Some(FieldMask { paths: paths.iter().map(|path| path.to_string()).collect() }),
    };
    let bad = profiles.update_profile(update("b", "Mars/Base", "", &["zone", "spend"])).await.unwrap_err();
    assert_eq!(fields(&bad), ["update_mask", "profile.zone"]);
    let done = profiles.update_profile(update("b", "Europe/Berlin", "v1", &["zone"])).await.unwrap().into_inner();
    assert_eq!(done.profile.unwrap().zone, "Europe/Berlin");
    let stale = profiles.update_profile(update("c", "UTC", "v1", &["zone"])).await.unwrap_err();
    assert_eq!(reason(&stale), (Code::FailedPrecondition, "ETAG_MISMATCH".into()));
    assert_eq!(status::metadata_of(&stale)["etag"], "v2");
    let link = LinkAliasRequest { request_id: "l".into(), user_id: "u1".into(), alias: "wx".into() };
    profiles.link_alias(link).await.unwrap();
    let taken = LinkAliasRequest { request_id: "m".into(), user_id: "u1".into(), alias: "u1".into() };
    let taken = profiles.link_alias(taken).await.unwrap_err();
    assert_eq!(reason(&taken), (Code::FailedPrecondition, "ALIAS_TAKEN".into()));
    let list = ListProfilesRequest { page_token: "x".into(), ..ListProfilesRequest::default() };
    let token = profiles.list_profiles(list).await.unwrap_err();
    assert_eq!(reason(&token), (Code::InvalidArgument, "PAGE_TOKEN_INVALID".into()));
    let batch = BatchGetProfilesRequest { user_ids: vec!["wx".into(), "nobody".into()], at_least: vec![] };
    let found = profiles.batch_get_profiles(batch).await.unwrap().into_inner();
    assert_eq!((found.profiles[0].user_id.as_str(), found.missing), ("u1", vec!["nobody".to_owned()]));
}

#[tokio::test]
async fn models_and_reports_are_served_in_the_contracts_words() {
    let served = served().await;
    served.record(vec![paid("u1", "e1", "o1", 120), paid("u1", "e2", "o2", 30), paid("u2", "e1", "o1", 10)]).await;
    let mut lifecycle = LifecycleServiceClient::new(served.shop());
    let models = lifecycle.get_models(GetModelsRequest {}).await.unwrap().into_inner().models.unwrap();
    assert_eq!(models.stage.unwrap().loyal_orders, 5);
    let mut falling = models.clone();
    falling.rfm.as_mut().unwrap().frequency_orders = vec![5, 4, 3, 2];
    falling.stage.as_mut().unwrap().lost_after_days = 90;
    let update =
        |id: &str, models| UpdateModelsRequest { request_id: id.into(), models: Some(models), update_mask: None };
    let refused = lifecycle.update_models(update("a", falling)).await.unwrap_err();
    assert_eq!(fields(&refused), ["models.stage.lost_after_days", "models.rfm.frequency_orders"]);
    let mut loyal = models;
    loyal.stage.as_mut().unwrap().loyal_orders = 2;
    let changed = lifecycle.update_models(update("b", loyal)).await.unwrap().into_inner().models.unwrap();
    assert_eq!((changed.stage.unwrap().loyal_orders, changed.etag.as_str()), (2, "v1"));
    let soon = at(1_772_100_000);
    let standing = GetStandingRequest { user_id: "u1".into(), at: soon, at_least: vec![] };
    let standing = lifecycle.get_standing(standing).await.unwrap().into_inner();
    assert_eq!(standing.stage(), Stage::Loyal);
    let score = RfmScore { recency: 5, frequency: 2, monetary: 3, cell: RfmCell::Recent.into() };
    assert_eq!(standing.rfm, Some(score));

    let mut insight = InsightServiceClient::new(served.shop());
    let sales = insight.get_sales(GetSalesRequest::default()).await.unwrap().into_inner();
    let total = sales.total.unwrap();
    assert_eq!((total.orders, total.buyers, total.repurchase_rate_bp), (3, 2, 5000));
    assert_eq!((total.revenue, sales.months[0].month.as_str()), (yuan(160), "2026-02"));
    let span = GetSalesRequest { from: at(2), to: at(1), at_least: vec![] };
    assert_eq!(fields(&insight.get_sales(span).await.unwrap_err()), ["to"]);
    let months = |from: &str, to: &str| GetCohortRetentionRequest {
        from_month: from.into(),
        to_month: to.into(),
        at_least: vec![],
    };
    let cohorts = insight.get_cohort_retention(months("2026-01", "2026-12")).await.unwrap().into_inner().cohorts;
    assert_eq!(cohorts, [Cohort { month: "2026-02".into(), users: 2, returned: vec![] }]);
    let too_long = insight.get_cohort_retention(months("2020-01", "2026-12")).await.unwrap_err();
    assert_eq!(fields(&too_long), ["to_month"]);
    let stages = CountStagesRequest { at: soon, at_least: vec![] };
    let stages = insight.count_stages(stages).await.unwrap().into_inner().stages;
    let some: Vec<_> =
        stages.iter().filter(|count| count.users > 0).map(|count| (count.stage(), count.users)).collect();
    assert_eq!((stages.len(), some), (7, vec![(Stage::FirstOrder, 1), (Stage::Loyal, 1)]));
    let cells = CountRfmCellsRequest { at: soon, method: RfmMethod::Quintiles.into(), at_least: vec![] };
    let cells = insight.count_rfm_cells(cells).await.unwrap().into_inner();
    assert_eq!((cells.cells.len(), cells.cells.iter().map(|cell| cell.users).sum::<i64>()), (8, 2));
}

#[tokio::test]
async fn tenants_are_for_identities_across_tenants_alone() {
    let served = served().await;
    let get = |id: &str| GetTenantRequest { tenant_id: id.into() };
    let as_tenant = TenantServiceClient::new(served.shop()).get_tenant(get("shop")).await.unwrap_err();
    assert_eq!(reason(&as_tenant), (Code::PermissionDenied, "TENANT_NOT_ALLOWED".into()));
    let missing = served.tenants().get_tenant(get("Not A Tenant")).await.unwrap_err();
    assert_eq!(reason(&missing), (Code::NotFound, "TENANT_NOT_FOUND".into()));
    let mut unknown = new_tenant("other");
    let tenant = unknown.tenant.as_mut().unwrap();
    (tenant.zone, tenant.currency) = ("Nowhere".into(), "ABC".into());
    let refused = served.tenants().create_tenant(unknown).await.unwrap_err();
    assert_eq!(fields(&refused), ["tenant.zone", "tenant.currency"]);
    let mut again = new_tenant("shop");
    again.request_id = "another".into();
    let taken = served.tenants().create_tenant(again).await.unwrap_err();
    assert_eq!(reason(&taken), (Code::AlreadyExists, "TENANT_EXISTS".into()));
    let all = served.tenants().list_tenants(ListTenantsRequest::default()).await.unwrap().into_inner().tenants;
    assert_eq!(all.len(), 1);
    // a tenant without a row has a valid token and no data
    let stranger = served.channel(Grant::tenant(&tenant_id("stranger")).every_scope());
    let asked = GetProfileRequest { user_id: "u1".into(), at_least: vec![] };
    let nowhere = ProfileServiceClient::new(stranger).get_profile(asked).await.unwrap_err();
    assert_eq!(reason(&nowhere), (Code::NotFound, "TENANT_NOT_FOUND".into()));
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_its_write_done_or_undone_and_never_half() {
    let served = served().await;
    for n in 0..40_u64 {
        let request = RecordEventRequest { event: Some(paid("u1", &format!("e{n}"), &format!("o{n}"), 1)) };
        let mut client = served.events();
        let _ = tokio::time::timeout(Duration::from_micros(n * 500), client.record_event(request)).await;
    }
    let replayed = served.record((0..40).map(|n| paid("u1", &format!("e{n}"), &format!("o{n}"), 1)).collect()).await;
    assert!(replayed.iter().all(|outcome| outcome.error.is_none()));
    let positions: std::collections::BTreeSet<i64> = replayed
        .iter()
        .filter_map(|outcome| outcome.position.as_ref())
        .map(|position: &Position| position.seq)
        .collect();
    assert_eq!(positions.len(), 40, "each has one place");
    let sales = InsightServiceClient::new(served.shop()).get_sales(GetSalesRequest::default()).await.unwrap();
    assert_eq!(sales.into_inner().total.unwrap().orders, 40);
}
