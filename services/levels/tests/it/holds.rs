//! Points set aside: through the store, with many callers, replayed, and timed out.

use ids::EventId;
use levels::commands::{CaptureHold, GiveBack, HoldPoints, ReleaseHold};
use levels::domain::account::Occasion;
use levels::domain::entry::Origin;
use levels::domain::expiry::Expiry;
use levels::domain::hold::HoldState;
use levels::domain::point_type::ReversalPolicy;
use levels::domain::refusal::Refusal;
use levels::error::LevelsError;
use proto::levels::v1 as pb;
use proto::levels::v1::EntryKind::{DebtFilled, Earn, Expire, Return, Spend};
use time::Duration;
use time::macros::datetime;

use crate::stage::{Events, Stage, empty, key, request, spend, stage, user};

pub(crate) fn hold(who: &str, amount: i64, id: &str) -> HoldPoints {
    HoldPoints {
        request: request(who, "PointsService/HoldPoints", id, amount as u8),
        user: user(who),
        point_type: key("points"),
        amount,
        ttl: Duration::hours(1),
        origin: Origin { order_id: "o".to_owned(), ..Origin::default() },
    }
}

pub(crate) fn capture(who: &str, hold: &str, amount: i64, id: &str) -> CaptureHold {
    CaptureHold {
        request: request(who, "PointsService/CaptureHold", id, amount as u8),
        user: user(who),
        hold: EventId::new(hold).unwrap(),
        amount,
        occasion: Occasion::default(),
    }
}

pub(crate) fn release(who: &str, hold: &str, id: &str) -> ReleaseHold {
    ReleaseHold {
        request: request(who, "PointsService/ReleaseHold", id, 0),
        user: user(who),
        hold: EventId::new(hold).unwrap(),
    }
}

impl Stage {
    /// Opens a hold for an hour; answers its id.
    pub(crate) async fn hold(&self, who: &str, amount: i64, id: &str) -> String {
        let mut outcomes = self.levels.post(&self.tenant, &[hold(who, amount, id)]).await.unwrap();
        outcomes.remove(0).unwrap().value.hold.unwrap().hold_id
    }

    pub(crate) async fn capture(
        &self,
        who: &str,
        hold: &str,
        amount: i64,
        id: &str,
    ) -> Result<pb::CaptureHoldResponse, LevelsError> {
        let mut outcomes = self.levels.post(&self.tenant, &[capture(who, hold, amount, id)]).await?;
        outcomes.remove(0).map(|answer| answer.value)
    }

    pub(crate) async fn release(
        &self,
        who: &str,
        hold: &str,
        id: &str,
    ) -> Result<pb::ReleaseHoldResponse, LevelsError> {
        let mut outcomes = self.levels.post(&self.tenant, &[release(who, hold, id)]).await?;
        outcomes.remove(0).map(|answer| answer.value)
    }

    pub(crate) async fn give_back(
        &self,
        who: &str,
        hold: &str,
        total: i64,
        id: &str,
    ) -> Result<pb::GiveBackResponse, LevelsError> {
        let command = GiveBack {
            request: request(who, "PointsService/GiveBack", id, total as u8),
            user: user(who),
            hold: EventId::new(hold).unwrap(),
            total,
            occasion: Occasion::default(),
        };
        self.levels.post(&self.tenant, &[command]).await?.remove(0).map(|answer| answer.value)
    }

    /// What a hold looks like: its state, what was captured, and what was given back.
    pub(crate) async fn held(&self, who: &str, hold: &str) -> (HoldState, i64, i64) {
        let id = EventId::new(hold).unwrap();
        let hold = self.levels.hold(&self.tenant, (&user(who), &id), &[]).await.unwrap();
        (hold.state, hold.captured, hold.given_back)
    }

    /// As if all holds had been opened two hours earlier than they were.
    pub(crate) async fn two_hours_later(&self) {
        self.execute(
            "update hold set opened_at = opened_at - interval '2 hours', expires_at = expires_at - interval '2 hours'",
        )
        .await;
    }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, LevelsError>) -> Refusal {
    match outcome {
        Err(LevelsError::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn held_points_are_captured_in_part_and_given_back_in_parts() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    let id = stage.hold("u", 60, "h").await;
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.held, balance.growth), (40, 60, 100));
    assert_eq!(refusal(stage.spend("u", 41, "s").await), Refusal::BalanceShort { available: 40, amount: 41 });
    let captured = stage.capture("u", &id, 50, "c").await.unwrap();
    assert_eq!((captured.available_after, captured.hold.unwrap().captured), (50, 50));
    assert_eq!(stage.give_back("u", &id, 20, "b1").await.unwrap().available_after, 70);
    let again = stage.give_back("u", &id, 20, "b2").await.unwrap();
    assert_eq!((again.available_after, again.position.is_some()), (70, true));
    assert_eq!(stage.give_back("u", &id, 50, "b3").await.unwrap().available_after, 100);
    assert_eq!(stage.held("u", &id).await, (HoldState::Captured, 50, 50));
    assert_eq!(stage.statement("u", "points").await, [(Earn, 100), (Spend, -50), (Return, 20), (Return, 30)]);
    let more = stage.give_back("u", &id, 51, "b4").await;
    assert_eq!(refusal(more), Refusal::GiveBackExceeded { captured: 50, amount: 51 });
    let circulation = stage.levels.circulation(&stage.tenant, &key("points"), None, &[]).await.unwrap();
    assert_eq!((circulation.issued, circulation.redeemed, circulation.returned), (100, 50, 50));
    stage.audit().await;
}

#[tokio::test]
async fn a_hold_is_resolved_once_and_a_late_attempt_hears_how() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    let (one, two, three) =
        (stage.hold("u", 10, "1").await, stage.hold("u", 10, "2").await, stage.hold("u", 10, "3").await);
    stage.capture("u", &one, 0, "c").await.unwrap();
    stage.release("u", &two, "r").await.unwrap();
    stage.two_hours_later().await;
    for (hold_id, want) in [
        (&one, Refusal::HoldCaptured { hold_id: one.clone() }),
        (&two, Refusal::HoldReleased { hold_id: two.clone() }),
        (&three, Refusal::HoldExpired { hold_id: three.clone() }),
    ] {
        assert_eq!(refusal(stage.capture("u", hold_id, 1, &format!("c{hold_id}")).await), want);
        assert_eq!(refusal(stage.release("u", hold_id, &format!("r{hold_id}")).await), want);
    }
    let unknown = Refusal::HoldNotFound { hold_id: "nothing".to_owned() };
    assert_eq!(refusal(stage.release("u", "nothing", "x").await), unknown);
    let foreign = Refusal::HoldNotFound { hold_id: one.clone() };
    assert_eq!(refusal(stage.capture("v", &one, 1, "x").await), foreign);
    assert_eq!(stage.balance("u", "points").await.available, 90);
    stage.audit().await;
}

#[tokio::test]
async fn fifty_callers_hold_capture_and_release_on_one_account_and_no_point_is_used_twice() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    let calls = (0..50).map(|n| {
        let (levels, tenant) = (stage.levels.clone(), stage.tenant.clone());
        tokio::spawn(async move {
            let id = n.to_string();
            let opened = levels.post(&tenant, &[hold("u", 7, &id)]).await.unwrap().remove(0);
            let Ok(opened) = opened else { return (0, 0) };
            let hold_id = opened.value.hold.unwrap().hold_id;
            // two at once try to resolve it, each in another way: one wins
            let one = [capture("u", &hold_id, 5, &id)];
            let two = [release("u", &hold_id, &id)];
            let (captured, released) = tokio::join!(levels.post(&tenant, &one), levels.post(&tenant, &two));
            let (captured, released) = (captured.unwrap().remove(0).is_ok(), released.unwrap().remove(0).is_ok());
            assert!(captured != released);
            let spent = levels.post(&tenant, &[spend("u", 1, &id)]).await.unwrap().remove(0).is_ok();
            (5 * i64::from(captured), i64::from(spent))
        })
    });
    let mut used = 0;
    for call in calls.collect::<Vec<_>>() {
        let (captured, spent) = call.await.unwrap();
        used += captured + spent;
    }
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.held, balance.debt), (100 - used, 0, 0));
    stage.audit().await;
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_another_body_is_refused() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    let first = stage.levels.post(&stage.tenant, &[hold("u", 60, "h")]).await.unwrap().remove(0).unwrap();
    let again = stage.levels.post(&stage.tenant, &[hold("u", 60, "h")]).await.unwrap().remove(0).unwrap();
    assert!(!first.replayed && again.replayed && first.value.position.is_some());
    assert_eq!(first.value, again.value);
    let id = first.value.hold.unwrap().hold_id;
    assert_eq!(id, hold("u", 60, "h").hold_id().to_string());
    let other = stage.levels.post(&stage.tenant, &[hold("u", 61, "h")]).await.unwrap().remove(0);
    assert!(matches!(other, Err(LevelsError::RequestIdReused { .. })));
    let captured = stage.capture("u", &id, 10, "c").await.unwrap();
    assert_eq!(stage.capture("u", &id, 10, "c").await.unwrap(), captured);
    assert!(matches!(stage.capture("u", &id, 11, "c").await, Err(LevelsError::RequestIdReused { .. })));
    // a refusal stays, although the points have come
    let short = stage.levels.post(&stage.tenant, &[hold("u", 95, "h2")]).await.unwrap().remove(0);
    assert_eq!(refusal(short), Refusal::BalanceShort { available: 90, amount: 95 });
    stage.earn("u", 100, "more").await.unwrap();
    let short = stage.levels.post(&stage.tenant, &[hold("u", 95, "h2")]).await.unwrap().remove(0);
    assert_eq!(refusal(short), Refusal::BalanceShort { available: 90, amount: 95 });
    assert_eq!(stage.balance("u", "points").await.available, 190);
    stage.audit().await;
}

#[tokio::test]
async fn a_batch_of_holds_has_an_outcome_for_each() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    let mut growth = hold("u", 1, "4");
    growth.point_type = key("growth");
    let batch =
        [hold("u", 60, "1"), hold("u", 60, "2"), hold("v", 1, "3"), growth, hold("u", 40, "5"), hold("u", 60, "1")];
    let outcomes = stage.levels.post(&stage.tenant, &batch).await.unwrap();
    let mut refused = outcomes.iter().map(|outcome| match outcome {
        Ok(_) => None,
        Err(LevelsError::Refused { refusal, .. }) => Some(refusal.clone()),
        Err(other) => panic!("{other:?}"),
    });
    assert_eq!(refused.next(), Some(None));
    assert_eq!(refused.next(), Some(Some(Refusal::BalanceShort { available: 40, amount: 60 })));
    assert_eq!(refused.next(), Some(Some(Refusal::BalanceShort { available: 0, amount: 1 })));
    assert_eq!(refused.next(), Some(Some(Refusal::PointTypeNotSpendable { point_type_id: "growth".to_owned() })));
    assert_eq!((refused.next(), refused.next()), (Some(None), Some(None)));
    assert!(outcomes[5].as_ref().unwrap().replayed);
    stage.audit().await;
}

#[tokio::test]
async fn a_time_out_is_true_when_read_and_spent_and_booked_by_the_review_once() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    stage.earn("v", 100, "in").await.unwrap();
    let (one, two) = (stage.hold("u", 60, "h").await, stage.hold("v", 60, "h").await);
    stage.two_hours_later().await;
    assert_eq!(stage.held("u", &one).await, (HoldState::Expired, 0, 0));
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.held), (100, 0));
    stage.spend("v", 100, "all").await.unwrap();
    assert_eq!(stage.levels.review().await.unwrap(), 1, "the other one was booked with the spending");
    assert_eq!(stage.levels.review().await.unwrap(), 0);
    assert_eq!(stage.balance("u", "points").await, balance);
    let listed = |state| {
        let (levels, tenant) = (stage.levels.clone(), stage.tenant.clone());
        async move { levels.list_holds(&tenant, (&user("v"), state), None, 10, &[]).await.unwrap().rows }
    };
    let [expired] = &listed(Some(HoldState::Expired)).await[..] else { panic!("one hold") };
    assert_eq!((expired.id.as_str(), expired.resolved_at), (two.as_str(), Some(expired.expires_at)));
    assert!(listed(Some(HoldState::Open)).await.is_empty() && listed(None).await.len() == 1);
    stage.audit().await;
}

#[tokio::test]
async fn holds_are_listed_newest_first_by_their_state_now() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(stage.hold("u", 10, &n.to_string()).await);
        if n == 1 {
            stage.two_hours_later().await; // the first two have timed out; nothing has booked it
        }
    }
    stage
        .execute("update hold set state = 2, resolved_at = opened_at where hold_id = (select max(hold_id) from hold)")
        .await;
    let account = user("u");
    let page = async |state, before, size| {
        stage.levels.list_holds(&stage.tenant, (&account, state), before, size, &[]).await.unwrap()
    };
    let first = page(None, None, 3).await;
    let second = page(None, first.next.clone(), 3).await;
    let seen: Vec<_> = first.rows.iter().chain(&second.rows).map(|hold| hold.id.to_string()).collect();
    assert_eq!(seen, ids.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(second.next, None);
    let mut counted = 0;
    for state in [HoldState::Open, HoldState::Captured, HoldState::Expired, HoldState::Released] {
        let rows = page(Some(state), None, 10).await.rows;
        assert!(rows.iter().all(|hold| hold.state == state));
        counted += rows.len();
    }
    assert_eq!(counted, 4);
}

#[tokio::test]
async fn answers_as_of_a_time_do_not_depend_on_when_a_time_out_is_booked() {
    let stage = empty().await;
    stage.point_type("points", true, Expiry::Days(10, None), ReversalPolicy::DownToZero).await;
    let start = datetime!(2026-03-01 12:00 +8);
    stage.at(start).await;
    stage.earn("u", 50, "a").await.unwrap();
    stage.at(start + Duration::days(7)).await;
    stage.earn("u", 30, "b").await.unwrap();
    // the hold keeps the first lot, and a part of the second, to a day after the first one's date
    stage.at(start + Duration::days(9)).await;
    let call = HoldPoints { ttl: Duration::days(3), ..hold("u", 60, "h") };
    stage.levels.post(&stage.tenant, &[call]).await.unwrap().remove(0).unwrap();
    stage.at(start + Duration::days(13)).await;
    let times: Vec<_> = [8, 11, 12, 13, 18, 30].iter().map(|days| start + Duration::days(*days)).collect();
    let look = async || {
        let mut seen = Vec::new();
        for at in &times {
            let balance = stage.balance_at("u", "points", Some(*at)).await;
            let total = stage.levels.circulation(&stage.tenant, &key("points"), Some(*at), &[]).await.unwrap();
            seen.push((balance.available, balance.held, balance.expiring, total.expired));
        }
        seen
    };
    let before = look().await;
    let figures: Vec<_> = before.iter().map(|(available, held, _, expired)| (*available, *held, *expired)).collect();
    assert_eq!(figures, [(80, 0, 0), (20, 60, 0), (30, 0, 50), (30, 0, 50), (0, 0, 80), (0, 0, 80)]);
    assert_eq!(stage.levels.review().await.unwrap(), 1);
    assert_eq!(look().await, before);
    assert_eq!(stage.statement("u", "points").await, [(Earn, 50), (Earn, 30), (Expire, -50)]);
}

#[tokio::test]
async fn a_refund_while_points_are_held_makes_debt_that_they_fill_when_they_come_free() {
    let stage = stage().await;
    stage.rule("r", "points", "order.completed", "order.total_minor / 100").await;
    let mut events = Events::new();
    stage.apply(&[events.completed("u", "bought", 10_000)]).await;
    let id = stage.hold("u", 100, "h").await;
    stage.apply(&[events.refunded("u", "bought", 4_000, 10_000)]).await;
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.held, balance.debt), (0, 100, 40));
    stage.capture("u", &id, 30, "c").await.unwrap();
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.held, balance.debt), (30, 0, 0));
    let kinds: Vec<_> = stage.statement("u", "points").await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds[2..], [Spend, DebtFilled]);
    stage.audit().await;
}

#[tokio::test]
async fn the_audit_finds_a_hold_that_does_not_add_up() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    stage.hold("u", 60, "h").await;
    stage.audit().await;
    stage.execute("update hold set lot_points = array[59]").await;
    let page = stage.levels.verify_ledger(&stage.tenant, None, 10, &[]).await.unwrap();
    let [found] = &page.mismatches[..] else { panic!("one mismatch") };
    assert_eq!((found.entries_sum, found.lots_sum, found.held, found.holds_sum), (100, 99, 60, 59));
}
