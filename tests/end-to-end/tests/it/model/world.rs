//! Makes histories happen, and moves consumers, in an order that a seed chooses.

use end_to_end::harness::Suite;
use eventlog::StepError;
use host::Hand;
use ids::Partition;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};

use super::history::{Deed, History, PIECE};
use super::plain::{Answer, case_id, checkout_id, order_id};
use super::programme::yuan;

/// Times that a batch may fail for a passing reason in a row: workers share the rows of campaigns.
const TRIES_MAX: u32 = 20;

/// A suite whose consumers stand still.
pub(crate) struct World {
    pub(crate) suite: Suite,
    pub(crate) hands: Vec<Hand>,
    pub(crate) tenant: String,
    /// When everything happens.
    pub(crate) now: String,
}

/// A user and what happened.
pub(crate) struct Life {
    pub(crate) user: String,
    pub(crate) history: History,
    pub(crate) told: Vec<(Deed, Answer)>,
}

impl World {
    /// Lets the users of one partition live, in an order that `seed` chooses: at each turn some of them act, or one
    /// consumer takes some of what its source has. In the end everything is known everywhere.
    pub(crate) async fn live(&self, partition: Partition, lives: &mut [Life], seed: u64) {
        let rng = &mut StdRng::seed_from_u64(seed);
        // a hurried schedule has hardly any consumers moving in between, a slow one moves them at each turn
        let hurry = rng.random_range(0.25..0.8);
        loop {
            let alive: Vec<usize> =
                (0..lives.len()).filter(|at| lives[*at].told.len() < lives[*at].history.deeds.len()).collect();
            if alive.is_empty() {
                break;
            }
            if rng.random_bool(hurry) {
                let acting = (0..rng.random_range(1..=60)).map(|_| alive[rng.random_range(0..alive.len())]);
                let acting: Vec<usize> = acting.collect();
                self.act(lives, &acting).await;
            } else {
                let hand = &self.hands[rng.random_range(0..self.hands.len())];
                step(hand, partition, most(rng)).await;
            }
        }
        self.settle(partition, rng).await;
    }

    /// Moves all consumers of a partition, in any order, until none finds anything.
    pub(crate) async fn settle(&self, partition: Partition, rng: &mut StdRng) {
        let mut order: Vec<usize> = (0..self.hands.len()).collect();
        let mut idle = 0;
        while idle < order.len() {
            order.shuffle(rng);
            idle = 0;
            for at in &order {
                let (read, left) = step(&self.hands[*at], partition, most(rng)).await;
                idle = if read == 0 && left == 0 { idle + 1 } else { 0 };
            }
        }
    }

    /// The next deed of each of them: reports of several users in one call, others one by one.
    async fn act(&self, lives: &mut [Life], acting: &[usize]) {
        let mut reports: Vec<(usize, Deed, Value)> = Vec::new();
        for at in acting {
            let waiting = reports.iter().filter(|(of, ..)| of == at).count();
            let life = &mut lives[*at];
            let nth = life.told.len() + waiting;
            let Some(deed) = life.history.deeds.get(nth).cloned() else { continue };
            if deed.is_report() {
                let alias = nth.is_multiple_of(2) && life.told.contains(&(Deed::Linked, Answer::Done));
                let user = if alias { format!("{}-openid", life.user) } else { life.user.clone() };
                let report = report(&life.history, &user, (nth, &deed), &self.now);
                reports.push((*at, deed, report));
            } else if waiting == 0 {
                let answer = self.call(life, &deed).await;
                life.told.push((deed, answer));
            }
        }
        if reports.is_empty() {
            return;
        }
        let events: Vec<&Value> = reports.iter().map(|(.., event)| event).collect();
        let request = json!({"mode": "EVENT_MODE_LIVE", "events": events});
        let answer = self.ask("profiles.v1.EventService/RecordEvents", request).await.expect("a batch is taken");
        let outcomes = answer["outcomes"].as_array().expect("each event has its outcome");
        for ((at, deed, _), outcome) in reports.into_iter().zip(outcomes) {
            let answer = match outcome.get("error").and_then(|error| error["message"].as_str()) {
                Some(message) => Answer::Refused(message.to_owned()),
                None => Answer::Done,
            };
            lives[at].told.push((deed, answer));
        }
    }

    async fn call(&self, life: &Life, deed: &Deed) -> Answer {
        let (method, request) = call(&life.user, deed, life.told.len(), &life.history);
        match self.ask(method, request).await {
            Ok(answer) if matches!(deed, Deed::Reserved { .. }) => reserved(&answer["checkout"]["quote"]),
            Ok(_) => Answer::Done,
            Err(status) => {
                use tonic::Code::{
                    Aborted, AlreadyExists, FailedPrecondition, NotFound, OutOfRange, ResourceExhausted,
                };
                let refusals = [Aborted, AlreadyExists, FailedPrecondition, NotFound, OutOfRange, ResourceExhausted];
                assert!(refusals.contains(&status.code()), "{method} of {} failed: {status:?}", life.user);
                Answer::Refused(end_to_end::harness::reason(&status))
            }
        }
    }

    pub(crate) async fn ask(&self, method: &str, request: Value) -> Result<Value, tonic::Status> {
        self.suite.ask(&format!("/banyan.{method}"), &self.tenant, request).await
    }
}

/// One step of a consumer: how many events it moved over, and how many are left. Batches that fail for a passing reason, a
/// row that another partition's worker had, are tried again.
async fn step(hand: &Hand, partition: Partition, most: i32) -> (i64, i64) {
    for _ in 0..TRIES_MAX {
        match hand.consumer.step(partition, most).await {
            Ok(step) => return (step.read, step.left),
            Err(StepError::NotApplied) => {}
            Err(error) => panic!("{} of {}: {error}", hand.consumer.name(), hand.service),
        }
    }
    panic!("{} of {} gets no further", hand.consumer.name(), hand.service);
}

fn most(rng: &mut StdRng) -> i32 {
    [1, 3, 10, 30, 100, 256][rng.random_range(0..6)]
}

fn reserved(quote: &Value) -> Answer {
    let steps = quote["steps"].as_array().cloned().unwrap_or_default();
    let text = |step: &Value, field: &str| step[field].as_str().unwrap_or_default().to_owned();
    let coupons = steps.iter().map(|step| (text(step, "couponId"), text(step, "templateId")));
    let points = quote["points"].as_str().and_then(|points| points.parse().ok()).unwrap_or(0);
    Answer::Reserved { points, coupons: coupons.filter(|(coupon, _)| !coupon.is_empty()).collect() }
}

/// An event as profiles is told of it.
fn report(history: &History, user: &str, (nth, deed): (usize, &Deed), now: &str) -> Value {
    let order = |order: &usize| json!({"order": {"orderId": order_id(*order), "total": yuan(history.orders[*order])}});
    let (kind, report) = match deed {
        Deed::Created { order: it } => ("orderCreated", order(it)),
        Deed::Paid { order: it } => ("orderPaid", order(it)),
        Deed::Completed { order: it } => ("orderCompleted", order(it)),
        Deed::Cancelled { order: it } => ("orderCancelled", json!({"orderId": order_id(*it)})),
        Deed::Refunded { order: it, refund, yuan: amount, pieces } => {
            let mut refund =
                json!({"refundId": format!("r{refund}"), "orderId": order_id(*it), "amount": yuan(*amount)});
            if *pieces > 0 {
                let line = json!({"lineId": "1", "quantity": pieces.to_string(), "amount": yuan(*amount)});
                refund["lines"] = json!([line]);
            }
            ("orderRefunded", json!({"refund": refund}))
        }
        Deed::Visited { .. } => ("visit", json!({"durationSeconds": 30})),
        other => panic!("{other:?} is no report"),
    };
    let event_id = format!("{nth}-{kind}");
    json!({"eventId": event_id, "userId": user, "occurredAt": now, "site": history.site, kind: report})
}

/// Everything else as its service is asked for it.
#[allow(clippy::too_many_lines, reason = "a table: a deed an arm")]
fn call(user: &str, deed: &Deed, nth: usize, history: &History) -> (&'static str, Value) {
    let mut request = json!({"requestId": format!("{user}-{nth}"), "userId": user});
    let mut with = |fields: &[(&str, Value)]| {
        for (name, value) in fields {
            request[*name] = value.clone();
        }
    };
    let method = match deed {
        Deed::Linked => {
            with(&[("alias", json!(format!("{user}-openid")))]);
            "profiles.v1.ProfileService/LinkAlias"
        }
        Deed::Given { points } => {
            with(&[
                ("pointTypeId", json!("points")),
                ("amount", json!(points.to_string())),
                ("reason", json!("开业礼")),
            ]);
            "levels.v1.PointsService/Earn"
        }
        Deed::Claimed => {
            with(&[("templateId", json!("tea"))]);
            "incentives.v1.CouponService/ClaimCoupon"
        }
        Deed::Reserved { checkout, points } => {
            let quantity = history.checkouts[*checkout].1.to_string();
            let line = json!({"lineId": "1", "sku": "龙井", "quantity": quantity, "listPrice": yuan(PIECE)});
            with(&[
                ("checkoutId", json!(checkout_id(*checkout))),
                ("basket", json!({"lines": [line]})),
                ("coupons", json!({"best": true})),
                ("ttlSeconds", json!(7_200)),
            ]);
            if *points > 0 {
                let points = json!({"pointTypeId": "points", "pointsMax": points.to_string(), "ratePoints": "1",
                    "rateAmount": yuan(1), "shareMaxBasisPoints": 5000});
                with(&[("points", points)]);
            }
            "incentives.v1.CheckoutService/Reserve"
        }
        Deed::Confirmed { checkout } => {
            let order = order_id(history.checkouts[*checkout].0);
            with(&[("checkoutId", json!(checkout_id(*checkout))), ("orderId", json!(order))]);
            "incentives.v1.CheckoutService/Confirm"
        }
        Deed::GivenUp { checkout } => {
            with(&[("checkoutId", json!(checkout_id(*checkout)))]);
            "incentives.v1.CheckoutService/Cancel"
        }
        Deed::BroughtBack { checkout, pieces } => {
            let line = json!({"lineId": "1", "quantity": pieces.to_string()});
            with(&[("checkoutId", json!(checkout_id(*checkout))), ("lines", json!([line]))]);
            "incentives.v1.CheckoutService/Return"
        }
        Deed::Submitted { case, complaint } => {
            let kind = if *complaint { "CASE_KIND_COMPLAINT" } else { "CASE_KIND_QUESTION" };
            with(&[("caseId", json!(case_id(*case))), ("kind", json!(kind)), ("text", json!("快递三天没到"))]);
            "feedback.v1.CaseService/SubmitCase"
        }
        Deed::Resolved { case, .. } => {
            with(&[
                ("caseId", json!(case_id(*case))),
                ("agentId", json!("小王")),
                ("text", json!("已补发")),
                ("resolution", json!("RESOLUTION_SOLVED")),
            ]);
            "feedback.v1.CaseService/ResolveCase"
        }
        Deed::Rated { case, score, .. } => {
            with(&[("caseId", json!(case_id(*case))), ("score", json!(score))]);
            "feedback.v1.CaseService/RateCase"
        }
        Deed::Reopened { case, .. } => {
            with(&[("caseId", json!(case_id(*case))), ("text", json!("还是没到"))]);
            "feedback.v1.CaseService/ReopenCase"
        }
        other => panic!("{other:?} is a report"),
    };
    (method, request)
}
