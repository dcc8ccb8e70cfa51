//! A tenant with a programme on a database of its own.

use std::sync::Arc;

use eventlog::{Consume, Log, LogSettings};
use ids::{EventId, Key, RequestId, TenantId, UserId};
use levels::Levels;
use levels::commands::{CreatePointType, Earn, PublishEarningRule, PublishScheme, Spend};
use levels::config::Settings;
use levels::domain::account::Occasion;
use levels::domain::balance::Balance;
use levels::domain::earning::EarningRule;
use levels::domain::entry::{Filter, Payer};
use levels::domain::expiry::Expiry;
use levels::domain::group::Place;
use levels::domain::multiplier::Multipliers;
use levels::domain::point_type::{PointType, ReversalPolicy};
use levels::domain::scheme::Scheme;
use levels::domain::scheme::level::Level;
use levels::domain::scheme::policy::{PeriodEnd, Validity};
use levels::error::LevelsError;
use levels::queries::AskedBalance;
use proto::events::v1::{Event, EventMode, FactValue, Facts, fact_value};
use proto::google::r#type::Money;
use proto::levels::v1 as pb;
use proto::profiles::v1 as profiles;
use requests::Request;
use rules::Written;
use service::{Core, Gather};
use testkit::TestDb;
use time::OffsetDateTime;
use units::text::LocalizedText;
use units::zone::Zone;

pub(crate) struct Stage {
    pub(crate) db: Arc<TestDb>,
    pub(crate) levels: Arc<Levels>,
    pub(crate) log: Arc<Log>,
    pub(crate) tenant: TenantId,
}

pub(crate) fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

/// A second tenant, known to the service like the first.
pub(crate) fn other() -> TenantId {
    tenant("other")
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

pub(crate) fn key(id: &str) -> Key {
    Key::new(id).unwrap()
}

pub(crate) fn text(en: &str) -> LocalizedText {
    LocalizedText { texts: [("en".to_owned(), en.to_owned())].into(), fallback: String::new() }
}

pub(crate) fn request(user: &str, method: &'static str, id: &str, body: u8) -> Request {
    Request { user: user.to_owned(), method, id: RequestId::new(id).unwrap(), body: [body; 32] }
}

/// The profiles log that a consumer reads: its tables alone.
pub(crate) fn profiles_log() -> pg::Migrations {
    pg::Migrations::new("profiles", [&requests::MIGRATOR, &eventlog::MIGRATOR])
}

/// The same of incentives.
pub(crate) fn incentives_log() -> pg::Migrations {
    pg::Migrations::new("incentives", [&requests::MIGRATOR, &eventlog::MIGRATOR])
}

/// An empty tenant `shop`.
pub(crate) async fn empty() -> Stage {
    let db = Arc::new(testkit::database(&[&levels::migrations(), &profiles_log()]).await);
    let pool = db.db(levels::NAME).await;
    let log = Log::new(pool.clone(), None, LogSettings::default());
    let levels = Arc::new(Levels::new(Core::new(pool, Arc::clone(&log)), Settings::default()));
    let tenant = tenant("shop");
    db.register(levels::NAME, &[&tenant, &other()]).await;
    Stage { db, levels, log, tenant }
}

/// With the point types `points` (spendable, for 365 days, may go negative) and `growth` (only counts).
pub(crate) async fn stage() -> Stage {
    let stage = empty().await;
    stage.point_type("points", true, Expiry::Days(365, None), ReversalPolicy::MayGoNegative).await;
    stage.point_type("growth", false, Expiry::Never, ReversalPolicy::DownToZero).await;
    stage
}

impl Stage {
    /// The same service as another process runs it: on the same database, with a memory of its own.
    pub(crate) async fn replica(&self) -> Stage {
        let pool = self.db.db(levels::NAME).await;
        let log = Log::new(pool.clone(), None, LogSettings::default());
        let levels = Arc::new(Levels::new(Core::new(pool, Arc::clone(&log)), Settings::default()));
        Stage { db: Arc::clone(&self.db), levels, log, tenant: self.tenant.clone() }
    }

    /// The same service for another tenant.
    pub(crate) fn of(&self, id: &str) -> (&Levels, TenantId) {
        (&self.levels, tenant(id))
    }

    pub(crate) async fn point_type(&self, id: &str, spendable: bool, expiry: Expiry, reversal: ReversalPolicy) {
        create_point_type(&self.levels, &self.tenant, id, spendable, expiry, reversal).await;
    }

    /// Levels at 0, 100 and 1,000 growth.
    pub(crate) async fn scheme(&self, validity: Option<Validity>) {
        self.scheme_with(&[0, 100, 1_000], validity, "scheme").await;
    }

    pub(crate) async fn scheme_with(&self, thresholds: &[i64], validity: Option<Validity>, request_id: &str) {
        let scheme = Scheme { display_name: text("VIP"), validity, ..scheme("vip", thresholds) };
        self.publish_scheme(scheme, request_id).await;
    }

    pub(crate) async fn publish_scheme(&self, scheme: Scheme, request_id: &str) {
        let request = request("", "LevelService/PublishScheme", request_id, 0);
        self.levels.publish_scheme(&self.tenant, &PublishScheme { request, scheme }).await.unwrap();
    }

    pub(crate) async fn rule(&self, id: &str, point_type: &str, event_type: &str, formula: &str) -> i32 {
        self.publish(rule(id, point_type, event_type, formula)).await
    }

    pub(crate) async fn publish(&self, rule: EarningRule) -> i32 {
        let body = format!("{rule:?}");
        let request = request("", "EarningRuleService/PublishEarningRule", &short(&body), 0);
        let command = PublishEarningRule { request, rule };
        self.levels.publish_earning_rule(&self.tenant, &command).await.unwrap().value.rule.unwrap().version
    }

    pub(crate) async fn earn(&self, who: &str, amount: i64, id: &str) -> Result<pb::EarnResponse, LevelsError> {
        let command = earn(who, "points", amount, id, None);
        let mut outcomes = self.levels.post(&self.tenant, &[command]).await?;
        outcomes.remove(0).map(|answer| answer.value)
    }

    pub(crate) async fn earn_at(&self, who: &str, amount: i64, id: &str, at: OffsetDateTime) -> pb::EarnResponse {
        let mut outcomes = self.levels.post(&self.tenant, &[earn(who, "points", amount, id, Some(at))]).await.unwrap();
        outcomes.remove(0).unwrap().value
    }

    pub(crate) async fn grow(&self, who: &str, amount: i64, id: &str) {
        let mut outcomes = self.levels.post(&self.tenant, &[earn(who, "growth", amount, id, None)]).await.unwrap();
        outcomes.remove(0).unwrap();
    }

    pub(crate) async fn spend(&self, who: &str, amount: i64, id: &str) -> Result<pb::SpendResponse, LevelsError> {
        let mut outcomes = self.levels.post(&self.tenant, &[spend(who, amount, id)]).await?;
        outcomes.remove(0).map(|answer| answer.value)
    }

    pub(crate) async fn balance(&self, who: &str, point_type: &str) -> Balance {
        self.balance_at(who, point_type, None).await
    }

    pub(crate) async fn balance_at(&self, who: &str, point_type: &str, at: Option<OffsetDateTime>) -> Balance {
        let asked = AskedBalance { user: user(who), point_type: key(point_type), at };
        self.levels.answer(&self.tenant, &[], asked).await.unwrap()
    }

    pub(crate) async fn rank(&self, who: &str) -> i32 {
        let member = self.levels.member(&self.tenant, &user(who), &key("vip"), &[]).await.unwrap();
        member.level.unwrap().rank
    }

    /// What a user's statement of a point type says, oldest first: kind and amount.
    pub(crate) async fn statement(&self, who: &str, point_type: &str) -> Vec<(pb::EntryKind, i64)> {
        let account = (&user(who), &key(point_type));
        let every = Filter::default();
        let (page, _) = self.levels.list_entries(&self.tenant, account, &every, None, 200, &[]).await.unwrap();
        let entries = page.rows.iter().rev().map(levels::wire::entry);
        entries.map(|entry| (entry.kind(), entry.amount)).collect()
    }

    /// Applies events as the consumer does, in a transaction of their own.
    pub(crate) async fn apply(&self, events: &[Event]) {
        self.apply_told(events).await;
    }

    /// As [`Stage::apply`]; answers what it told the log.
    pub(crate) async fn apply_told(&self, events: &[Event]) -> Vec<eventlog::Draft> {
        let consumer = levels::commands::OrderConsumer::new(Arc::clone(&self.levels));
        let mut tx = self.db.db(levels::NAME).await.begin(&self.tenant).await.unwrap();
        let told = consumer.apply(&mut tx, &self.tenant, events).await.unwrap();
        tx.commit().await.unwrap();
        told
    }

    /// Everything adds up: entries, lots, running balances, growth, and the totals against all of it.
    pub(crate) async fn audit(&self) {
        let page = self.levels.verify_ledger(&self.tenant, None, 10_000, &[]).await.unwrap();
        assert_eq!((page.mismatches, page.next), (vec![], None));
        let mut admin = self.db.admin(levels::NAME).await;
        let sums: Vec<(String, String, i64)> = sqlx::query_as(
            "select point_type_id, contra, sum(abs(amount))::bigint from entry where tenant_id = $1
             group by 1, 2 having sum(abs(amount)) > 0 order by 1, 2",
        )
        .bind(self.tenant.as_str())
        .fetch_all(&mut admin)
        .await
        .unwrap();
        let totals: Vec<(String, String, i64)> = sqlx::query_as(
            "select point_type_id, contra, sum(amount)::bigint from point_total where tenant_id = $1
             group by 1, 2 having sum(amount) > 0 order by 1, 2",
        )
        .bind(self.tenant.as_str())
        .fetch_all(&mut admin)
        .await
        .unwrap();
        assert_eq!(sums, totals);
    }

    /// Runs a statement as superuser in the service's schema.
    pub(crate) async fn execute(&self, statement: &'static str) {
        let mut admin = self.db.admin(levels::NAME).await;
        sqlx::query(statement).execute(&mut admin).await.unwrap();
    }
}

pub(crate) async fn create_point_type(
    levels: &Levels,
    tenant: &TenantId,
    id: &str,
    spendable: bool,
    expiry: Expiry,
    reversal: ReversalPolicy,
) {
    let point_type = PointType { spendable, expiry, reversal, ..point_type(id) };
    define(levels, tenant, point_type).await;
}

/// A point type to be spent that never lapses.
pub(crate) fn point_type(id: &str) -> PointType {
    PointType { display_name: text(id), ..PointType::new(key(id), Zone::new("Asia/Shanghai").unwrap()) }
}

pub(crate) async fn define(levels: &Levels, tenant: &TenantId, point_type: PointType) {
    let request = request("", "PointsService/CreatePointType", point_type.id.as_str(), 0);
    levels.create_point_type(tenant, &CreatePointType { request, point_type }).await.unwrap();
}

pub(crate) fn earn(who: &str, point_type: &str, amount: i64, id: &str, at: Option<OffsetDateTime>) -> Earn {
    Earn {
        request: request(who, "PointsService/Earn", id, amount as u8),
        user: user(who),
        point_type: key(point_type),
        amount,
        occasion: Occasion { occurred_at: at, ..Occasion::default() },
    }
}

pub(crate) fn spend(who: &str, amount: i64, id: &str) -> Spend {
    Spend {
        request: request(who, "PointsService/Spend", id, amount as u8),
        user: user(who),
        point_type: key("points"),
        amount,
        occasion: Occasion::default(),
    }
}

pub(crate) fn rule(id: &str, point_type: &str, event_type: &str, formula: &str) -> EarningRule {
    EarningRule {
        id: key(id),
        version: 0,
        point_type: key(point_type),
        event_type: event_type.to_owned(),
        condition: Written::Always,
        formula: formula.to_owned(),
        valid_from: None,
        valid_until: None,
        exact: true,
        line_rates: Vec::new(),
        multipliers: Multipliers::default(),
        place: Place::default(),
        caps: Vec::new(),
        payer: Payer::default(),
        paused: false,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    }
}

pub(crate) fn months(months: u32, end: PeriodEnd) -> Option<Validity> {
    Some(Validity { months, rounding: None, end })
}

/// Levels on all growth, held for ever.
pub(crate) fn scheme(id: &str, thresholds: &[i64]) -> Scheme {
    let level = |threshold: &i64| Level { display_name: text("level"), threshold: *threshold, ..Level::default() };
    Scheme::new(key(id), key("growth"), thresholds.iter().map(level).collect())
}

fn short(text: &str) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    format!("{:x}", hash.finish())
}

/// Events of profiles' log as a consumer gets them.
pub(crate) struct Events {
    seq: i64,
    pub(crate) mode: EventMode,
    pub(crate) occurred_at: OffsetDateTime,
    pub(crate) recorded_at: OffsetDateTime,
}

pub(crate) fn money(minor: i64) -> Option<Money> {
    Some(units::money::to_proto(minor, "CNY"))
}

pub(crate) fn order(id: &str, total_minor: i64) -> Option<profiles::Order> {
    Some(profiles::Order { order_id: id.to_owned(), total: money(total_minor), ..profiles::Order::default() })
}

impl Events {
    /// Live ones that happen now.
    pub(crate) fn new() -> Self {
        let now = OffsetDateTime::now_utc() + time::Duration::seconds(1);
        Self { seq: 0, mode: EventMode::Live, occurred_at: now, recorded_at: now }
    }

    pub(crate) fn of<P: eventlog::EventPayload>(&mut self, who: &str, id: &str, payload: &P) -> Event {
        self.seq += 1;
        let stage = FactValue { value: Some(fact_value::Value::Text("repeat".to_owned())) };
        Event {
            seq: self.seq,
            epoch: 1,
            tenant_id: "shop".to_owned(),
            user_id: who.to_owned(),
            event_id: EventId::new(id).unwrap().to_string(),
            r#type: P::event_type().to_owned(),
            payload: payload.encode_to_vec(),
            facts: Some(Facts { values: [("user.stage".to_owned(), stage)].into() }),
            root_event_id: id.to_owned(),
            occurred_at: Some(units::time::to_proto(self.occurred_at)),
            recorded_at: Some(units::time::to_proto(self.recorded_at)),
            mode: self.mode.into(),
            ..Event::default()
        }
    }

    pub(crate) fn completed(&mut self, who: &str, id: &str, total_minor: i64) -> Event {
        let payload = profiles::OrderCompleted { order: order(id, total_minor), first_order: false };
        self.of(who, &format!("{id}/completed"), &payload)
    }

    pub(crate) fn paid(&mut self, who: &str, id: &str, total_minor: i64) -> Event {
        let payload = profiles::OrderPaid { order: order(id, total_minor), first_order: false };
        self.of(who, &format!("{id}/paid"), &payload)
    }

    pub(crate) fn cancelled(&mut self, who: &str, id: &str, total_minor: i64) -> Event {
        let payload = profiles::OrderCancelled { order: order(id, total_minor), released: money(total_minor) };
        self.of(who, &format!("{id}/cancelled"), &payload)
    }

    pub(crate) fn refunded(&mut self, who: &str, id: &str, so_far: i64, total_minor: i64) -> Event {
        let refund = profiles::Refund {
            refund_id: so_far.to_string(),
            order_id: id.to_owned(),
            amount: money(so_far),
            ..profiles::Refund::default()
        };
        let payload = profiles::OrderRefunded {
            refund: Some(refund),
            refunded_total: money(so_far),
            order_total: money(total_minor),
        };
        self.of(who, &format!("{id}/refunded/{so_far}"), &payload)
    }

    pub(crate) fn visited(&mut self, who: &str, id: &str, seconds: i32) -> Event {
        self.of(who, id, &profiles::UserVisited { duration_seconds: seconds })
    }
}
