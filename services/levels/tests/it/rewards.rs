//! Rewards carried out for incentives, and holds resolved with their checkouts.

use std::sync::Arc;

use eventlog::{ApplyError, Consume};
use levels::commands::IncentiveConsumer;
use levels::domain::expiry::Expiry;
use levels::domain::hold::HoldState;
use levels::domain::point_type::ReversalPolicy;
use prost::Message;
use proto::events::v1::Event;
use proto::incentives::v1 as incentives;
use proto::levels::v1 as pb;
use proto::levels::v1::EntryKind::{Earn, Reverse, Spend};

use crate::stage::{Events, Stage, empty, stage};

impl Stage {
    async fn try_carry_out(&self, events: &[Event]) -> Result<(), ApplyError> {
        let consumer = IncentiveConsumer::new(Arc::clone(&self.levels));
        let mut tx = self.db.db(levels::NAME).await.begin(&self.tenant).await.unwrap();
        let drafts = consumer.apply(&mut tx, &self.tenant, events).await?;
        self.log.append(&mut tx, &self.tenant, &drafts).await.unwrap();
        tx.commit().await.unwrap();
        Ok(())
    }

    /// Applies events of incentives as the consumer does, in a transaction of their own.
    pub(crate) async fn carry_out(&self, events: &[Event]) {
        self.try_carry_out(events).await.unwrap();
    }

    /// Gives a user a reward.
    pub(crate) async fn reward(&self, who: &str, reward: &str, points: i64) {
        self.carry_out(&[Events::new().of(who, reward, &granted(reward, "points", points))]).await;
    }

    /// Payloads of what this service's log tells of a type, in order.
    async fn logged(&self, kind: &str) -> Vec<Vec<u8>> {
        let mut admin = self.db.admin(levels::NAME).await;
        sqlx::query_scalar("select payload from event where type = $1 order by partition, seq")
            .bind(kind)
            .fetch_all(&mut admin)
            .await
            .unwrap()
    }
}

pub(crate) fn granted(reward: &str, point_type: &str, amount: i64) -> incentives::RewardGranted {
    incentives::RewardGranted {
        reward_id: reward.to_owned(),
        campaign_id: "spring".to_owned(),
        point_type_id: point_type.to_owned(),
        amount,
        reason: "spring".to_owned(),
        order_id: "o".to_owned(),
        ..incentives::RewardGranted::default()
    }
}

pub(crate) fn revoked(reward: &str, amount: i64) -> incentives::RewardRevoked {
    incentives::RewardRevoked { reward_id: reward.to_owned(), amount, order_id: "o".to_owned() }
}

fn confirmed(hold: &str, points: i64) -> incentives::CheckoutConfirmed {
    let (checkout_id, order_id) = ("c".to_owned(), "o".to_owned());
    incentives::CheckoutConfirmed { checkout_id, order_id, hold_id: hold.to_owned(), points }
}

fn cancelled(hold: &str) -> incentives::CheckoutCancelled {
    incentives::CheckoutCancelled { checkout_id: "c".to_owned(), hold_id: hold.to_owned() }
}

fn returned(hold: &str, points: i64) -> incentives::CheckoutReturned {
    incentives::CheckoutReturned {
        checkout_id: "c".to_owned(),
        order_id: "o".to_owned(),
        hold_id: hold.to_owned(),
        points_returned: points,
        ..incentives::CheckoutReturned::default()
    }
}

#[tokio::test]
async fn a_reward_is_carried_out_once_and_taken_back_as_far_as_it_is_revoked() {
    let stage = stage().await;
    let mut events = Events::new();
    stage.carry_out(&[events.of("u", "1", &granted("r", "points", 50))]).await;
    stage.carry_out(&[events.of("u", "2", &granted("r", "points", 50)), events.of("u", "3", &revoked("r", 20))]).await;
    stage.carry_out(&[events.of("u", "4", &revoked("r", 10)), events.of("u", "5", &revoked("r", 30))]).await;
    assert_eq!(stage.statement("u", "points").await, [(Earn, 50), (Reverse, -20), (Reverse, -10)]);
    let fulfilled =
        pb::RewardFulfilled { reward_id: "r".to_owned(), point_type_id: "points".to_owned(), amount: 50, entry_seq: 1 };
    assert_eq!(stage.logged("reward.fulfilled").await, [fulfilled.encode_to_vec()]);
    stage.carry_out(&[events.of("u", "6", &revoked("r", 9_000))]).await;
    assert_eq!(stage.balance("u", "points").await.available, 0);
    stage.audit().await;
}

#[tokio::test]
async fn a_revocation_known_before_its_reward_leaves_a_mark_that_the_reward_honours() {
    let stage = stage().await;
    let mut events = Events::new();
    stage.carry_out(&[events.of("u", "1", &revoked("r", 20))]).await;
    assert_eq!(stage.balance("u", "points").await.available, 0);
    stage.carry_out(&[events.of("u", "2", &granted("r", "points", 50))]).await;
    assert_eq!(stage.statement("u", "points").await, [(Earn, 50), (Reverse, -20)]);
    assert_eq!(stage.logged("reward.fulfilled").await.len(), 1);
    stage.audit().await;
}

#[tokio::test]
async fn what_was_spent_of_a_revoked_reward_is_forgiven_or_owed_by_the_types_policy() {
    for (policy, debt) in [(ReversalPolicy::DownToZero, 0), (ReversalPolicy::MayGoNegative, 30)] {
        let stage = empty().await;
        stage.point_type("points", true, Expiry::Never, policy).await;
        let mut events = Events::new();
        stage.carry_out(&[events.of("u", "1", &granted("r", "points", 50))]).await;
        stage.spend("u", 30, "s").await.unwrap();
        stage.carry_out(&[events.of("u", "2", &revoked("r", 50))]).await;
        let balance = stage.balance("u", "points").await;
        assert_eq!((balance.available, balance.debt), (0, debt));
        stage.audit().await;
    }
}

#[tokio::test]
async fn a_reward_that_cannot_be_given_is_refused_once_with_its_reason() {
    let stage = stage().await;
    let mut events = Events::new();
    stage.earn("u", 1_000, "1").await.unwrap();
    stage.execute("update account set growth = 9007199254740990").await;
    let batch = [
        events.of("u", "1", &granted("r1", "nothing", 50)),
        events.of("u", "2", &granted("r2", "points", 50)),
        events.of("u", "3", &granted("r3", "points", -1)),
        events.of("u", "4", &granted("r1", "nothing", 50)),
        events.of("u", "5", &revoked("r1", 5)),
    ];
    stage.carry_out(&batch).await;
    let told: Vec<_> = stage.logged("reward.refused").await;
    let told = told.iter().map(|payload| pb::RewardRefused::decode(payload.as_slice()).unwrap());
    let told: Vec<_> = told.map(|it| (it.reward_id, it.reason)).collect();
    let want = [("r1", "POINT_TYPE_NOT_FOUND"), ("r2", "BALANCE_OVERFLOW"), ("r3", "REWARD_AMOUNT_INVALID")];
    assert_eq!(told, want.map(|(id, reason)| (id.to_owned(), reason.to_owned())));
    assert_eq!(stage.statement("u", "points").await, [(Earn, 1_000)]);
}

#[tokio::test]
async fn a_checkout_captures_its_hold_and_what_is_known_twice_counts_once() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    let id = stage.hold("u", 60, "h").await;
    let mut events = Events::new();
    let first = [
        events.of("u", "0", &confirmed("", 0)), // a checkout without points
        events.of("u", "1", &returned(&id, 10)),
        events.of("u", "2", &confirmed(&id, 50)),
        events.of("u", "3", &confirmed(&id, 50)),
        events.of("u", "4", &cancelled(&id)),
    ];
    stage.carry_out(&first).await;
    assert_eq!(stage.held("u", &id).await, (HoldState::Captured, 50, 10));
    stage.carry_out(&[events.of("u", "5", &returned(&id, 10)), events.of("u", "6", &returned(&id, 35))]).await;
    assert_eq!(stage.held("u", &id).await, (HoldState::Captured, 50, 35));
    assert_eq!(stage.balance("u", "points").await.available, 85);
    let [captured] = &stage.logged("hold.captured").await[..] else { panic!("captured once") };
    let captured = pb::HoldCaptured::decode(captured.as_slice()).unwrap();
    assert_eq!((captured.entry_seq, captured.debt, captured.shortfall), (2, 0, 0));
    assert_eq!(stage.logged("hold.given_back").await.len(), 2);
    stage.audit().await;
}

#[tokio::test]
async fn a_cancelled_checkout_lets_its_hold_go_once() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    let id = stage.hold("u", 60, "h").await;
    let mut events = Events::new();
    stage.carry_out(&[events.of("u", "1", &cancelled(&id)), events.of("u", "2", &cancelled(&id))]).await;
    assert_eq!(stage.held("u", &id).await, (HoldState::Released, 0, 0));
    assert_eq!(stage.balance("u", "points").await.available, 100);
    assert_eq!(stage.logged("hold.released").await.len(), 1);
    stage.audit().await;
}

#[tokio::test]
async fn a_checkout_confirmed_after_the_time_out_takes_what_is_there_and_tells_what_was_not() {
    for (policy, captured, debt, shortfall) in
        [(ReversalPolicy::DownToZero, 30, 0, 30), (ReversalPolicy::MayGoNegative, 60, 30, 0)]
    {
        let stage = empty().await;
        stage.point_type("points", true, Expiry::Never, policy).await;
        stage.earn("u", 100, "in").await.unwrap();
        let id = stage.hold("u", 60, "h").await;
        stage.two_hours_later().await;
        stage.spend("u", 70, "s").await.unwrap();
        let mut events = Events::new();
        stage.carry_out(&[events.of("u", "1", &confirmed(&id, 60))]).await;
        assert_eq!(stage.held("u", &id).await, (HoldState::Captured, captured, 0));
        let [told] = &stage.logged("hold.captured").await[..] else { panic!("captured once") };
        let told = pb::HoldCaptured::decode(told.as_slice()).unwrap();
        assert_eq!((told.debt, told.shortfall, told.hold.unwrap().late), (debt, shortfall, true));
        assert_eq!(stage.statement("u", "points").await, [(Earn, 100), (Spend, -70), (Spend, -captured)]);
        stage.audit().await;
    }
}

#[tokio::test]
async fn an_event_about_no_hold_of_its_user_is_set_aside_and_changes_nothing() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    let id = stage.hold("u", 60, "h").await;
    let mut events = Events::new();
    let batch = [events.of("u", "1", &granted("r", "points", 5)), events.of("v", "2", &confirmed(&id, 60))];
    let fault = stage.try_carry_out(&batch).await.unwrap_err();
    assert!(
        matches!(fault, ApplyError::Event { index: 1, ref reason } if reason == "there is no such hold"),
        "{fault:?}"
    );
    assert_eq!(stage.balance("u", "points").await.available, 40);
    let below = events.of("u", "3", &returned(&id, -1));
    assert!(matches!(stage.try_carry_out(&[below]).await, Err(ApplyError::Event { index: 0, .. })));
}
