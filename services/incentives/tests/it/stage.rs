//! A tenant with coupons on a database of its own, and points that a test keeps in the place of levels.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use eventlog::{Consume, EventPayload, Log, LogSettings};
use ids::{EventId, Key, RequestId, TenantId, UserId};
use incentives::Incentives;
use incentives::commands::{
    Cancel, CheckoutConsumer, Checkouts, ClaimCoupon, Confirm, CouponGrant, GiveBack, PublishTemplate, Reserve,
    VoidCoupon,
};
use incentives::config::Settings;
use incentives::domain::basket::{Basket, Line};
use incentives::domain::choice::Choice;
use incentives::domain::deduction::Deduction;
use incentives::domain::refusal::Refusal;
use incentives::domain::template::{
    Benefit, Distribution, Funder, FunderShare, Layer, Scope, Template, ThresholdPrice, Validity,
};
use incentives::error::IncentivesError;
use incentives::points::{HoldOrder, NotHeld, Points};
use proto::events::v1::{Event, EventMode};
use proto::google::r#type::Money;
use proto::incentives::v1 as pb;
use proto::profiles::v1 as profiles;
use requests::Request;
use service::Core;
use testkit::TestDb;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tonic::Status;
use units::text::LocalizedText;

/// Where the tenant's clock stands.
pub(crate) const BEGIN: OffsetDateTime = datetime!(2026-11-11 00:00 UTC);

pub(crate) struct Stage {
    pub(crate) db: TestDb,
    pub(crate) incentives: Arc<Incentives>,
    /// Each call in a transaction of its own.
    pub(crate) checkouts: Checkouts,
    pub(crate) purse: Arc<Purse>,
    pub(crate) tenant: TenantId,
    pub(crate) log: Arc<Log>,
}

/// Points of the test: what users have, and what was held and let go.
#[derive(Default)]
pub(crate) struct Purse {
    pub(crate) has: Mutex<i64>,
    pub(crate) holds: Mutex<BTreeMap<String, HoldOrder>>,
    pub(crate) released: Mutex<Vec<String>>,
}

#[tonic::async_trait]
impl Points for Purse {
    async fn hold(&self, _: &TenantId, order: &HoldOrder) -> Result<String, NotHeld> {
        if *self.has.lock().unwrap() < order.points {
            return Err(NotHeld::Short);
        }
        self.holds.lock().unwrap().insert(order.request_id.clone(), order.clone());
        Ok(format!("hold-{}", order.request_id))
    }

    async fn release(&self, _: &TenantId, _: &str, _: &UserId, hold_id: &str) -> Result<(), Status> {
        self.released.lock().unwrap().push(hold_id.to_owned());
        Ok(())
    }

    async fn available(&self, _: &TenantId, _: &UserId, _: &str) -> Result<i64, Status> {
        Ok(*self.has.lock().unwrap())
    }
}

pub(crate) fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

pub(crate) fn key(id: &str) -> Key {
    Key::new(id).unwrap()
}

pub(crate) fn request(user: &str, method: &'static str, id: &str, body: u8) -> Request {
    Request { user: user.to_owned(), method, id: RequestId::new(id).unwrap(), body: [body; 32] }
}

/// The profiles log that a consumer reads: its tables alone.
pub(crate) fn profiles_log() -> pg::Migrations {
    pg::Migrations::new("profiles", [&requests::MIGRATOR, &eventlog::MIGRATOR])
}

/// An empty tenant `shop` whose clock stands at [`BEGIN`].
pub(crate) async fn stage() -> Stage {
    let db = testkit::database(&[&incentives::migrations(), &profiles_log()]).await;
    let pool = db.db(incentives::NAME).await;
    let log = Log::new(pool.clone(), None, LogSettings::default());
    let purse = Arc::new(Purse::default());
    let core = Core::new(pool, Arc::clone(&log));
    let incentives = Arc::new(Incentives::new(core, Arc::clone(&purse) as _, Settings::default()));
    let checkouts = Checkouts::new(&incentives, lanes::Settings { on: false, ..lanes::Settings::default() });
    let stage = Stage { db, incentives, checkouts, purse, tenant: tenant("shop"), log };
    stage.set_clock(BEGIN).await;
    stage
}

/// 满 `min` 减 `amount`, claimable, valid in November 2026.
pub(crate) fn template(id: &str, min: i64, amount: i64) -> Template {
    Template {
        template_id: id.to_owned(),
        version: 0,
        display_name: LocalizedText { texts: [("en".to_owned(), id.to_owned())].into(), fallback: String::new() },
        layer: Layer::Shop,
        scope: Scope::default(),
        currency: "CNY".to_owned(),
        amount_min: min,
        quantity_min: 0,
        threshold_price: ThresholdPrice::Running,
        benefit: Benefit::AmountOff { amount },
        funders: vec![FunderShare { funder: Funder::Shop, basis_points: 10_000 }],
        floor_price: 0,
        excludes_member_price: false,
        validity: Validity::Fixed { from: datetime!(2026-11-01 00:00 UTC), until: datetime!(2026-12-01 00:00 UTC) },
        zone: "UTC".to_owned(),
        stock: 0,
        per_user_max: 0,
        distribution: Distribution::Claimable,
        claim_from: None,
        claim_until: None,
        paused: false,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    }
}

pub(crate) fn basket(lines: &[(&str, i64, i64)], freight: i64) -> Basket {
    let line = |(id, quantity, price): &(&str, i64, i64)| Line {
        line_id: (*id).to_owned(),
        sku: (*id).to_owned(),
        category: String::new(),
        site: String::new(),
        quantity: *quantity,
        list_price: *price,
        member_price: None,
    };
    Basket::new("CNY", lines.iter().map(line).collect(), freight).unwrap()
}

pub(crate) fn claim(who: &str, template: &str, id: &str) -> ClaimCoupon {
    ClaimCoupon { request: request(who, "CouponService/ClaimCoupon", id, 0), user: user(who), template: key(template) }
}

/// What a campaign gives for an event.
pub(crate) fn grant(who: &str, template: &str, source: &str) -> CouponGrant {
    let (campaign_id, source_event_id) = ("campaign".to_owned(), source.to_owned());
    CouponGrant { user: user(who), template_id: key(template), campaign_id, source_event_id, at: BEGIN }
}

/// Of `basket`, with these coupons, for a quarter of an hour.
pub(crate) fn reserve(who: &str, id: &str, basket: Basket, coupons: &[&str]) -> Reserve {
    Reserve {
        request: request(who, "CheckoutService/Reserve", id, 0),
        user: user(who),
        checkout_id: format!("checkout-{id}"),
        basket,
        choice: Choice::Named(coupons.iter().map(|id| (*id).to_owned()).collect()),
        points: None,
        expected: None,
        order_id: String::new(),
        ttl: Duration::minutes(15),
    }
}

/// 100 points are a yuan, for half of the goods at most.
pub(crate) fn points(points_max: i64) -> Deduction {
    Deduction { point_type_id: "points".to_owned(), points_max, rate_points: 1, rate_minor: 1, share_max: 5_000 }
}

pub(crate) fn refusal<T>(outcome: Result<T, IncentivesError>) -> Refusal {
    match outcome {
        Err(IncentivesError::Refused { refusal, .. }) => refusal,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was not refused"),
    }
}

impl Stage {
    pub(crate) async fn set_clock(&self, at: OffsetDateTime) {
        let mut admin = self.db.admin(incentives::NAME).await;
        pg::note_tenant(&mut admin, &self.tenant, Some(false), Some(at)).await.unwrap();
    }

    pub(crate) async fn publish(&self, template: Template, id: &str) -> pb::CouponTemplate {
        let request = request("", "CouponService/PublishCouponTemplate", id, 0);
        let template_id = key(&template.template_id);
        let command = PublishTemplate { request, template_id, template };
        self.incentives.publish_template(&self.tenant, &command).await.unwrap().value.template.unwrap()
    }

    pub(crate) async fn claim(&self, who: &str, template: &str, id: &str) -> Result<pb::Coupon, IncentivesError> {
        let mut outcomes = self.incentives.claim_coupons(&self.tenant, &[claim(who, template, id)]).await?;
        outcomes.remove(0).map(|answer| answer.value.coupon.unwrap())
    }

    /// Publishes 满 `min` 减 `amount` and claims it.
    pub(crate) async fn coupon(&self, who: &str, id: &str, min: i64, amount: i64) -> String {
        self.publish(template(id, min, amount), id).await;
        self.claim(who, id, id).await.unwrap().coupon_id
    }

    pub(crate) async fn reserve(&self, command: &Reserve) -> Result<pb::Checkout, IncentivesError> {
        self.checkouts.reserve(&self.tenant, command.clone()).await.map(|answer| answer.value.checkout.unwrap())
    }

    pub(crate) async fn confirm(
        &self,
        who: &str,
        checkout: &str,
        order: &str,
    ) -> Result<pb::Checkout, IncentivesError> {
        let request = request(who, "CheckoutService/Confirm", &format!("{checkout}/{order}"), 0);
        let (checkout_id, order_id) = (checkout.to_owned(), order.to_owned());
        let command = Confirm { request, user: user(who), checkout_id, order_id };
        self.checkouts.confirm(&self.tenant, command).await.map(|answer| answer.value.checkout.unwrap())
    }

    pub(crate) async fn cancel(&self, who: &str, checkout: &str) -> Result<pb::Checkout, IncentivesError> {
        let request = request(who, "CheckoutService/Cancel", checkout, 0);
        let command = Cancel { request, user: user(who), checkout_id: checkout.to_owned() };
        self.checkouts.cancel(&self.tenant, command).await.map(|answer| answer.value.checkout.unwrap())
    }

    pub(crate) async fn give_back(
        &self,
        who: &str,
        checkout: &str,
        lines: &[(&str, i64)],
        id: &str,
    ) -> Result<pb::ReturnResponse, IncentivesError> {
        let command = GiveBack {
            request: request(who, "CheckoutService/Return", id, 0),
            user: user(who),
            checkout_id: checkout.to_owned(),
            lines: lines.iter().map(|(line, pieces)| ((*line).to_owned(), *pieces)).collect(),
            keep_freight: false,
        };
        self.checkouts.give_back(&self.tenant, command).await.map(|answer| answer.value)
    }

    pub(crate) async fn void(&self, who: &str, coupon: &str, id: &str) -> Result<pb::Coupon, IncentivesError> {
        let request = request(who, "CouponService/VoidCoupon", id, 0);
        let (coupon_id, reason) = (coupon.to_owned(), "a mistake".to_owned());
        let command = VoidCoupon { request, user: user(who), coupon_id, reason };
        self.incentives.void_coupon(&self.tenant, &command).await.map(|answer| answer.value.coupon.unwrap())
    }

    pub(crate) async fn state(&self, who: &str, coupon: &str) -> pb::CouponState {
        self.incentives.coupon(&self.tenant, &user(who), coupon, &[]).await.unwrap().state()
    }

    pub(crate) async fn checkout(&self, who: &str, checkout: &str) -> pb::Checkout {
        self.incentives.checkout(&self.tenant, &user(who), checkout, &[]).await.unwrap()
    }

    /// Applies events as the consumer does, in a transaction of their own.
    pub(crate) async fn apply(&self, events: &[Event]) {
        self.consume(&CheckoutConsumer, events).await;
    }

    /// Applies events as a consumer does: what it tells is appended last.
    pub(crate) async fn consume(&self, consumer: &impl Consume, events: &[Event]) {
        let mut tx = self.db.db(incentives::NAME).await.begin(&self.tenant).await.unwrap();
        let drafts = consumer.apply(&mut tx, &self.tenant, events).await.unwrap();
        self.log.append(&mut tx, &self.tenant, &drafts).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The types of a user's events, in order.
    pub(crate) async fn told(&self, who: &str) -> Vec<String> {
        let mut admin = self.db.admin(incentives::NAME).await;
        sqlx::query_scalar("select type from event where tenant_id = $1 and user_id = $2 order by partition, seq")
            .bind(self.tenant.as_str())
            .bind(who)
            .fetch_all(&mut admin)
            .await
            .unwrap()
    }

    /// The payloads of a user's events of one type, in order.
    pub(crate) async fn payloads<P: EventPayload + Default>(&self, who: &str) -> Vec<P> {
        let mut admin = self.db.admin(incentives::NAME).await;
        let query = "select payload from event where tenant_id = $1 and user_id = $2 and type = $3 order by seq";
        let payloads: Vec<Vec<u8>> = sqlx::query_scalar(query)
            .bind(self.tenant.as_str())
            .bind(who)
            .bind(P::event_type())
            .fetch_all(&mut admin)
            .await
            .unwrap();
        payloads.iter().map(|payload| P::decode(payload.as_slice()).unwrap()).collect()
    }

    /// A number that a statement answers, as superuser.
    pub(crate) async fn number(&self, statement: &'static str) -> i64 {
        let mut admin = self.db.admin(incentives::NAME).await;
        sqlx::query_scalar(statement).fetch_one(&mut admin).await.unwrap()
    }
}

pub(crate) fn yuan(minor: i64) -> Option<Money> {
    Some(units::money::to_proto(minor, "CNY"))
}

/// An event of profiles' log as a consumer gets it.
pub(crate) fn event<P: EventPayload>(who: &str, id: &str, payload: &P) -> Event {
    Event {
        seq: 1,
        epoch: 1,
        tenant_id: "shop".to_owned(),
        user_id: who.to_owned(),
        event_id: EventId::new(id).unwrap().to_string(),
        r#type: P::event_type().to_owned(),
        payload: payload.encode_to_vec(),
        root_event_id: id.to_owned(),
        occurred_at: Some(units::time::to_proto(BEGIN)),
        recorded_at: Some(units::time::to_proto(BEGIN)),
        mode: EventMode::Live.into(),
        ..Event::default()
    }
}

/// An order was refunded: this much with these lines, so much of the total so far.
pub(crate) fn refunded(who: &str, order: &str, lines: &[(&str, i64)], amount: i64, so_far: i64, total: i64) -> Event {
    let line = |(line, quantity): &(&str, i64)| profiles::RefundLine {
        line_id: (*line).to_owned(),
        quantity: *quantity,
        amount: yuan(0),
    };
    let refund = profiles::Refund {
        refund_id: so_far.to_string(),
        order_id: order.to_owned(),
        lines: lines.iter().map(line).collect(),
        amount: yuan(amount),
        ..profiles::Refund::default()
    };
    let payload =
        profiles::OrderRefunded { refund: Some(refund), refunded_total: yuan(so_far), order_total: yuan(total) };
    event(who, &format!("{order}/refunded/{so_far}"), &payload)
}

pub(crate) fn cancelled(who: &str, order: &str) -> Event {
    let it = profiles::Order { order_id: order.to_owned(), total: yuan(1), ..profiles::Order::default() };
    event(who, &format!("{order}/cancelled"), &profiles::OrderCancelled { order: Some(it), released: yuan(1) })
}
