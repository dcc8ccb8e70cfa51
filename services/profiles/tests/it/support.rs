//! A tenant on a database of its own, and short ways to say what happened.

use std::sync::Arc;

use eventlog::{Log, LogSettings};
use host::Kit;
use ids::{RequestId, TenantId, UserId};
use profiles::Profiles;
use profiles::commands::{CreateTenant, IntakeEvent, NotTaken, Taken, UpdateTenant};
use profiles::config::Settings;
use profiles::domain::event::{Currency, Mode, Origin, Report};
use profiles::domain::order::Basket;
use profiles::domain::refund::Refund;
use profiles::domain::refusal::Refusal;
use profiles::domain::tenant::TenantChange;
use profiles::error::ProfilesError;
use profiles::queries::profile::AskedProfile;
use requests::{Request, body_of};
use service::{Core, Gather};
use testkit::TestDb;
use time::OffsetDateTime;

pub(crate) const SECRET: &str = "a secret of the tests";

pub(crate) struct World {
    pub(crate) db: TestDb,
    pub(crate) profiles: Arc<Profiles>,
    pub(crate) shop: TenantId,
}

/// The service with one tenant, `shop`: CNY, in Shanghai.
pub(crate) async fn world() -> World {
    let db = testkit::database(&[&profiles::migrations()]).await;
    let profiles = Arc::new(profiles_of(&db).await);
    let shop = tenant_id("shop");
    profiles.create_tenant(&shop, &create("CNY", "Asia/Shanghai")).await.unwrap();
    World { db, profiles, shop }
}

async fn profiles_of(db: &TestDb) -> Profiles {
    let kit = kit(db).await;
    Profiles::new(Core::new(kit.db, kit.log), kit.peers, kit.settings)
}

pub(crate) async fn kit(db: &TestDb) -> Kit<Settings> {
    let db = db.db(profiles::NAME).await;
    let log = Log::new(db.clone(), None, LogSettings::default());
    Kit { db, log, pages: page::Tokens::new(SECRET), peers: host::Peers::default(), settings: Settings::default() }
}

pub(crate) fn tenant_id(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

pub(crate) fn user_id(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

/// A request whose body is its arguments.
pub(crate) fn request(user: &str, method: &'static str, id: &str, body: &str) -> Request {
    Request { user: user.to_owned(), method, id: RequestId::new(id).unwrap(), body: body_of(&body.to_owned()) }
}

pub(crate) fn create(currency: &str, zone: &str) -> CreateTenant {
    CreateTenant {
        request: request("", "TenantService/CreateTenant", "create", &format!("{currency} {zone}")),
        display_name: "A shop".into(),
        zone: zone.into(),
        currency: currency.into(),
        sandbox: true,
        clock: None,
    }
}

pub(crate) fn suspend(id: &str, suspended: bool) -> UpdateTenant {
    UpdateTenant {
        request: request("", "TenantService/UpdateTenant", id, &format!("{suspended}")),
        etag: String::new(),
        change: TenantChange { suspended: Some(suspended), ..TenantChange::default() },
    }
}

pub(crate) fn basket(order_id: &str, total: i64) -> Arc<Basket> {
    Arc::new(Basket {
        order_id: order_id.into(),
        parent_order_id: String::new(),
        lines: Vec::new(),
        freight: None,
        deposit: None,
        balance: None,
        total,
    })
}

pub(crate) fn created(order_id: &str, total: i64) -> Report {
    Report::OrderCreated(basket(order_id, total))
}

pub(crate) fn paid(order_id: &str, total: i64) -> Report {
    Report::OrderPaid(basket(order_id, total))
}

pub(crate) fn completed(order_id: &str, total: i64) -> Report {
    Report::OrderCompleted(basket(order_id, total))
}

pub(crate) fn cancelled(order_id: &str) -> Report {
    Report::OrderCancelled(order_id.into())
}

pub(crate) fn refunded(order_id: &str, refund_id: &str, amount: i64) -> Report {
    let (refund_id, order_id) = (refund_id.into(), order_id.into());
    Report::OrderRefunded(Refund { refund_id, order_id, lines: Vec::new(), freight: None, amount })
}

pub(crate) fn noon() -> OffsetDateTime {
    testkit::at("2026-03-01T12:00:00+08:00")
}

/// An event at noon of 1 March.
pub(crate) fn event(user: &str, event_id: &str, report: Report) -> IntakeEvent {
    event_at(user, event_id, noon(), report)
}

pub(crate) fn event_at(user: &str, event_id: &str, occurred_at: OffsetDateTime, report: Report) -> IntakeEvent {
    let currency = if matches!(report, Report::Visit(_) | Report::OrderCancelled(_)) {
        Currency::None
    } else {
        Currency::One("CNY".into())
    };
    let body = body_of(&format!("{event_id} {occurred_at} {report:?}"));
    let origin = Origin { event_id: event_id.into(), occurred_at, mode: Mode::Live, site: "app".into() };
    IntakeEvent { user_id: user_id(user), origin, report, currency, body }
}

impl World {
    /// Takes events in one batch; the whole must succeed.
    pub(crate) async fn take(&self, events: &[IntakeEvent]) -> Vec<Result<Taken, NotTaken>> {
        self.profiles.record_events(&self.shop, events).await.unwrap()
    }

    /// Takes events that are all accepted.
    pub(crate) async fn accept(&self, events: &[IntakeEvent]) -> Vec<Taken> {
        self.take(events).await.into_iter().map(Result::unwrap).collect()
    }

    /// Takes one event that is refused from state.
    pub(crate) async fn refuse(&self, event: IntakeEvent) -> Refusal {
        match self.take(&[event]).await.pop().unwrap() {
            Err(NotTaken::Failed(error)) => refusal::<Taken>(Err(error)),
            other => panic!("not refused from state: {other:?}"),
        }
    }

    /// What the log tells of a user's reports: event id and type, in order. What follows from all of them together, a
    /// move to another stage, is left out.
    pub(crate) async fn log(&self, user: &str) -> Vec<String> {
        let mut conn = self.db.admin(profiles::NAME).await;
        let query = "select event_id || ' ' || type from event where tenant_id = $1 and user_id = $2
            and type <> 'stage.moved' order by seq";
        let query = sqlx::query_scalar(query).bind(self.shop.as_str()).bind(user);
        query.fetch_all(&mut conn).await.unwrap()
    }

    /// One number asked of the database behind the service's back.
    pub(crate) async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut self.db.admin(profiles::NAME).await).await.unwrap()
    }

    /// (orders, net spend) of a user.
    pub(crate) async fn spend(&self, user: &str) -> (i64, i64) {
        let spend = self.profiles.answer(&self.shop, &[], asked(user)).await.unwrap().0.spend;
        (spend.orders, spend.net)
    }

    /// Users whose running summary differs from their orders and visits.
    pub(crate) async fn summaries_that_differ(&self) -> i64 {
        self.number(
            "select count(*) from profile p left join (
                select tenant_id, user_id,
                    count(*) filter (where state in (2, 3) and (total_minor = 0 or refunded_minor < total_minor)) orders,
                    coalesce(sum(total_minor - refunded_minor) filter (where state in (2, 3)), 0)::bigint net,
                    min(paid_at) first, max(paid_at) last
                from customer_order group by 1, 2
            ) o on (o.tenant_id, o.user_id) = (p.tenant_id, p.user_id)
            where p.alias_of is null
                and (p.orders, p.net_spend_minor, p.first_order_at, p.last_order_at)
                    is distinct from (coalesce(o.orders, 0), coalesce(o.net, 0), o.first, o.last)",
        )
        .await
    }
}

pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T, ProfilesError>) -> Refusal {
    match outcome {
        Err(ProfilesError::Refused { refusal, .. }) => refusal,
        other => panic!("not a refusal: {other:?}"),
    }
}

/// A user that somebody wants to see.
pub(crate) fn asked(user_id: &str) -> AskedProfile {
    AskedProfile { user_id: user_id.to_owned() }
}
