//! Points that were earned and cannot be used yet.

use levels::domain::balance::Balance;
use levels::domain::expiry::Expiry;
use levels::domain::pending::Release;
use levels::domain::point_type::{Activation, PointType, ReversalPolicy};
use proto::levels::v1::EntryKind::{Activate, Earn, Expire, Reverse};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::stage::{Events, Stage, define, empty, key, point_type, user};

/// When the tests begin: noon in Shanghai.
const START: OffsetDateTime = datetime!(2026-03-01 12:00 +8);

/// With the point type `points`, which lapses after 30 days, and levels at 0, 100 and 1,000 growth by it.
async fn shop(activation: Activation, reversal: ReversalPolicy) -> Stage {
    let stage = empty().await;
    stage.at(START).await;
    let points = PointType { activation, reversal, expiry: Expiry::Days(30, None), ..point_type("points") };
    define(&stage.levels, &stage.tenant, points).await;
    let growth = PointType { activation, reversal, spendable: false, ..point_type("growth") };
    define(&stage.levels, &stage.tenant, growth).await;
    stage.scheme(None).await;
    stage
}

impl Stage {
    /// Puts the tenant's clock to a time.
    pub(crate) async fn at(&self, time: OffsetDateTime) {
        let mut admin = self.db.admin(levels::NAME).await;
        let query = "update tenant_state set sandbox_at = $1";
        sqlx::query(query).bind(time).execute(&mut admin).await.unwrap();
    }

    async fn figures(&self, who: &str) -> (i64, i64, i64) {
        let Balance { available, pending, growth, .. } = self.balance(who, "points").await;
        (available, pending, growth)
    }

    async fn earn_for(&self, who: &str, order: &str, amount: i64) {
        let mut earn = crate::stage::earn(who, "points", amount, &format!("{order}/{amount}"), None);
        order.clone_into(&mut earn.occasion.origin.order_id);
        self.levels.post(&self.tenant, &[earn]).await.unwrap().remove(0).unwrap();
    }
}

fn events() -> Events {
    let mut events = Events::new();
    (events.occurred_at, events.recorded_at) = (START, START);
    events
}

#[tokio::test]
async fn points_can_be_used_when_their_days_are_over_whether_or_not_that_is_booked() {
    let stage = shop(Activation::Days(7), ReversalPolicy::DownToZero).await;
    let entry = stage.earn("u", 50, "1").await.unwrap().entry.unwrap();
    let active_from = datetime!(2026-03-09 0:00 +8);
    assert_eq!((entry.amount, entry.pending, entry.balance_after, entry.growth_change), (50, 50, 50, 0));
    assert_eq!(entry.activates_at, Some(units::time::to_proto(active_from)));
    assert_eq!(stage.figures("u").await, (0, 50, 0));
    let balance = stage.balance("u", "points").await;
    assert_eq!(balance.activating, [(Release::At(active_from), 50)]);
    assert!(stage.spend("u", 1, "2").await.is_err());

    stage.at(active_from - Duration::SECOND).await;
    assert_eq!(stage.figures("u").await, (0, 50, 0));
    assert_eq!(stage.levels.next_due(&stage.tenant).await.unwrap(), Some(active_from));
    stage.at(active_from).await;
    assert_eq!(stage.figures("u").await, (50, 0, 50));
    assert_eq!(stage.statement("u", "points").await, [(Earn, 50)], "nobody came by yet");
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 1);
    assert_eq!(stage.statement("u", "points").await, [(Earn, 50), (Activate, 0)]);
    assert_eq!(stage.figures("u").await, (50, 0, 50));
    // the thirty days count from the day on which they became usable
    let lapses = datetime!(2026-04-09 0:00 +8);
    assert_eq!(stage.balance("u", "points").await.expiring, [(lapses, 50)]);
    stage.at(lapses).await;
    stage.levels.run_due(&stage.tenant).await.unwrap();
    assert_eq!(stage.statement("u", "points").await, [(Earn, 50), (Activate, 0), (Expire, -50)]);
    stage.audit().await;
}

#[tokio::test]
async fn a_level_is_reached_with_the_time_at_which_its_growth_became_usable() {
    let stage = shop(Activation::Days(7), ReversalPolicy::DownToZero).await;
    stage.grow("u", 100, "1").await;
    assert_eq!(stage.rank("u").await, 0);
    let active_from = datetime!(2026-03-09 0:00 +8);
    stage.at(active_from + Duration::days(3)).await;
    assert_eq!(stage.rank("u").await, 1, "a read is right before the review came by");
    stage.levels.review().await.unwrap();
    let moves = stage.levels.list_level_moves(&stage.tenant, (&user("u"), &key("vip")), None, 9, &[]).await.unwrap();
    let moves: Vec<_> = moves.rows.iter().map(|it| (it.from_rank, it.to_rank, it.moved_at)).collect();
    assert_eq!(moves, [(0, 1, active_from)]);
    stage.audit().await;
}

#[tokio::test]
async fn an_order_lets_its_points_go_whichever_is_known_first() {
    let stage = shop(Activation::OrderCompleted, ReversalPolicy::DownToZero).await;
    let mut events = events();
    stage.earn_for("u", "o", 50).await;
    stage.earn_for("u", "other", 5).await;
    assert_eq!(stage.figures("u").await, (0, 55, 0));
    let completed = events.completed("u", "o", 1_000);
    stage.apply(std::slice::from_ref(&completed)).await;
    assert_eq!(stage.figures("u").await, (50, 5, 50));
    stage.apply(&[completed]).await;
    stage.earn_for("u", "o", 7).await;
    assert_eq!(stage.figures("u").await, (57, 5, 57), "it is completed already");

    stage.apply(&[events.completed("v", "p", 1_000)]).await;
    stage.earn_for("v", "p", 50).await;
    assert_eq!(stage.figures("v").await, (50, 0, 50));
    stage.earn("v", 3, "for no order").await.unwrap();
    assert_eq!(stage.figures("v").await, (53, 0, 53));
    stage.audit().await;
}

#[tokio::test]
async fn what_a_payment_earned_waits_for_the_completion_and_goes_with_a_refund() {
    for completed_first in [false, true] {
        let stage = shop(Activation::OrderCompleted, ReversalPolicy::DownToZero).await;
        stage.rule("per-yuan", "points", "order.paid", "order.total_minor / 100").await;
        let mut events = events();
        let (paid, completed) = (events.paid("u", "o", 10_000), events.completed("u", "o", 10_000));
        let refunded = events.refunded("u", "o", 4_000, 10_000);
        if completed_first {
            stage.apply(&[completed, refunded, paid]).await;
        } else {
            stage.apply(&[paid]).await;
            stage.apply(&[refunded]).await;
            assert_eq!(stage.figures("u").await, (0, 60, 0));
            assert_eq!(stage.statement("u", "points").await, [(Earn, 100), (Reverse, -40)]);
            stage.apply(&[completed]).await;
        }
        assert_eq!(stage.figures("u").await, (60, 0, 60));
        stage.audit().await;
    }
}

#[tokio::test]
async fn where_only_pending_points_are_taken_back_those_that_can_be_used_stay() {
    let stage = shop(Activation::Days(7), ReversalPolicy::PendingOnly).await;
    stage.rule("per-yuan", "points", "order.paid", "order.total_minor / 100").await;
    let mut events = events();
    stage.apply(&[events.paid("u", "early", 10_000), events.paid("u", "late", 10_000)]).await;
    stage.apply(&[events.refunded("u", "early", 3_000, 10_000)]).await;
    assert_eq!(stage.figures("u").await, (0, 170, 0));
    stage.at(START + Duration::days(30)).await;
    (events.occurred_at, events.recorded_at) = (START + Duration::days(30), START + Duration::days(30));
    stage.apply(&[events.refunded("u", "late", 10_000, 10_000)]).await;
    assert_eq!(stage.figures("u").await, (170, 0, 170), "growth stays with them");
    let statement = stage.statement("u", "points").await;
    assert_eq!(statement.last(), Some(&(Reverse, 0)));
    stage.audit().await;
}

/// Nobody waits for an order that was completed: not even where both happen at once, in an account that is just opened.
#[tokio::test]
async fn an_earning_and_the_completion_of_its_order_at_once_leave_nothing_waiting() {
    let stage = shop(Activation::OrderCompleted, ReversalPolicy::DownToZero).await;
    for n in 0..20 {
        let who = format!("u{n}");
        let completed = [events().completed(&who, "o", 1_000)];
        tokio::join!(stage.earn_for(&who, "o", 5), stage.apply(&completed));
        assert_eq!(stage.figures(&who).await, (5, 0, 5), "{who}");
    }
    stage.audit().await;
}
