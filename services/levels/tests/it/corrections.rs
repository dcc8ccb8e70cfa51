//! Entries that are taken back, adjustments by hand, transfers.

use std::sync::Arc;

use levels::commands::{AdjustPoints, DecideAdjustment, ReverseEntry, Transfer, UpdatePointType, Verdict};
use levels::domain::adjustment::AdjustmentState;
use levels::domain::expiry::Expiry;
use levels::domain::point_type::{PointType, ReversalPolicy, TransferLimits};
use levels::domain::point_type_change::Part;
use levels::domain::refusal::Refusal;
use levels::error::LevelsError;
use proto::levels::v1 as pb;
use proto::levels::v1::EntryKind::{Adjust, Earn, Expire, Return, Reverse, Spend, TransferIn, TransferOut};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::stage::{Events, Stage, define, empty, key, point_type, rule, user};

/// When the tests begin: noon in Shanghai.
const START: OffsetDateTime = datetime!(2026-03-01 12:00 +8);

/// With the point type `points`.
async fn shop(points: PointType) -> Stage {
    let stage = empty().await;
    stage.at(START).await;
    define(&stage.levels, &stage.tenant, points).await;
    stage
}

/// Points that lapse after 30 days and may be moved.
fn movable() -> PointType {
    let transfers = Some(TransferLimits { max_amount: 50, max_per_day: 80 });
    PointType { expiry: Expiry::Days(30, None), transfers, adjustment_limit: 10, ..point_type("points") }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, LevelsError>) -> Refusal {
    match outcome {
        Err(LevelsError::Refused { refusal, .. }) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

impl Stage {
    pub(crate) async fn reverse(
        &self,
        who: &str,
        entry_seq: i64,
        amount: i64,
        id: &str,
    ) -> Result<pb::ReverseEntryResponse, LevelsError> {
        let request = crate::stage::request(who, "PointsService/ReverseEntry", id, amount as u8);
        let (user, point_type) = (user(who), key("points"));
        let command = ReverseEntry { request, user, point_type, entry_seq, amount, reason: "误发".to_owned() };
        self.levels.post(&self.tenant, &[command]).await?.remove(0).map(|answer| answer.value)
    }

    pub(crate) async fn transfer(
        &self,
        who: &str,
        to: &str,
        amount: i64,
        id: &str,
    ) -> Result<pb::TransferResponse, LevelsError> {
        let request = crate::stage::request(who, "PointsService/Transfer", id, amount as u8);
        let (user, to, point_type) = (user(who), user(to), key("points"));
        let command = Transfer { request, user, to, point_type, amount, reason: "送你".to_owned() };
        Ok(self.levels.transfer(&self.tenant, &command).await?.value)
    }

    pub(crate) async fn adjust(
        &self,
        who: &str,
        amount: i64,
        by: &str,
        id: &str,
    ) -> Result<pb::Adjustment, LevelsError> {
        let request = crate::stage::request(who, "AdjustmentService/AdjustPoints", id, amount as u8);
        let (user, point_type, subject) = (user(who), key("points"), by.to_owned());
        let command = AdjustPoints { request, user, point_type, amount, reason: "补发".to_owned(), subject };
        Ok(self.levels.adjust_points(&self.tenant, &command).await?.value.adjustment.unwrap())
    }

    async fn approve(&self, asked: &pb::Adjustment, by: &str, id: &str) -> Result<pb::Adjustment, LevelsError> {
        let request = crate::stage::request("", "AdjustmentService/ApproveAdjustment", id, 0);
        let id = ids::EventId::new(asked.adjustment_id.as_str()).unwrap();
        let command = DecideAdjustment { request, id, verdict: Verdict::Approve, subject: by.to_owned() };
        let answer = self.levels.decide_adjustment::<pb::ApproveAdjustmentResponse>(&self.tenant, &command).await?;
        Ok(answer.value.adjustment.unwrap())
    }

    async fn reject(&self, asked: &pb::Adjustment, by: &str, id: &str) -> Result<pb::Adjustment, LevelsError> {
        let request = crate::stage::request("", "AdjustmentService/RejectAdjustment", id, 0);
        let id = ids::EventId::new(asked.adjustment_id.as_str()).unwrap();
        let command =
            DecideAdjustment { request, id, verdict: Verdict::Reject("重复".to_owned()), subject: by.to_owned() };
        let answer = self.levels.decide_adjustment::<pb::RejectAdjustmentResponse>(&self.tenant, &command).await?;
        Ok(answer.value.adjustment.unwrap())
    }

    async fn change(
        &self,
        to: PointType,
        parts: &[Part],
        etag: &str,
        id: &str,
    ) -> Result<pb::UpdatePointTypeResponse, LevelsError> {
        let request = crate::stage::request("", "PointsService/UpdatePointType", id, 0);
        let command = UpdatePointType { request, etag: etag.to_owned(), point_type: to, parts: parts.to_vec() };
        Ok(self.levels.update_point_type(&self.tenant, &command).await?.value)
    }
}

#[tokio::test]
async fn an_earning_is_taken_back_in_parts_and_never_more_than_it_was() {
    let stage = shop(movable()).await;
    stage.earn("u", 50, "1").await.unwrap();
    let first = stage.reverse("u", 1, 20, "2").await.unwrap();
    let entry = first.entry.unwrap();
    assert_eq!((entry.amount, entry.reverses_seq, entry.reason.as_str()), (-20, 1, "误发"));
    assert_eq!((first.available_after, first.left), (30, 30));
    let exceeded = refusal(stage.reverse("u", 1, 31, "3").await);
    assert_eq!(exceeded, Refusal::ReversalExceeded { entry_seq: 1, left: 30, amount: 31 });
    assert_eq!(stage.reverse("u", 1, 0, "4").await.unwrap().left, 0, "0 is all that is left");
    assert_eq!(
        refusal(stage.reverse("u", 1, 0, "5").await),
        Refusal::ReversalExceeded { entry_seq: 1, left: 0, amount: 0 }
    );
    assert_eq!(refusal(stage.reverse("u", 9, 0, "6").await), Refusal::EntryNotFound { entry_seq: 9 });
    assert_eq!(stage.statement("u", "points").await, [(Earn, 50), (Reverse, -20), (Reverse, -30)]);
    stage.audit().await;
}

#[tokio::test]
async fn a_spending_comes_back_to_its_lots_and_what_has_lapsed_meanwhile_lapses_at_once() {
    let stage = shop(movable()).await;
    stage.earn_at("u", 10, "1", START - Duration::days(20)).await; // until 12 March
    stage.earn("u", 10, "2").await.unwrap(); // until 1 April
    stage.spend("u", 15, "3").await.unwrap();
    stage.at(START + Duration::days(15)).await;
    // the points used last come back first
    assert_eq!(stage.reverse("u", 3, 5, "4").await.unwrap().available_after, 10);
    let rest = stage.reverse("u", 3, 0, "5").await.unwrap();
    assert_eq!((rest.entry.unwrap().amount, rest.available_after, rest.left), (10, 10, 0));
    let told = [(Earn, 10), (Earn, 10), (Spend, -15), (Return, 5), (Return, 10), (Expire, -10)];
    assert_eq!(stage.statement("u", "points").await, told);
    stage.audit().await;
}

#[tokio::test]
async fn what_is_undone_in_another_way_is_not_taken_back_by_its_number() {
    let stage = shop(movable()).await;
    stage.publish(rule("visits", "points", "user.visited", "5")).await;
    let mut events = Events::new();
    (events.occurred_at, events.recorded_at) = (START + Duration::DAY, START + Duration::DAY);
    stage.apply(&[events.visited("u", "v", 1)]).await;
    stage.adjust("u", 10, "ann", "1").await.unwrap();
    stage.transfer("u", "v", 1, "2").await.unwrap();
    for (entry_seq, by) in [(1, "order"), (2, "none"), (3, "none")] {
        let refused = refusal(stage.reverse("u", entry_seq, 0, &format!("r{entry_seq}")).await);
        assert_eq!(refused, Refusal::EntryNotReversible { entry_seq, by: by.to_owned() });
    }
}

#[tokio::test]
async fn fifty_callers_take_back_no_more_than_there_was() {
    let stage = Arc::new(shop(movable()).await);
    stage.earn("u", 30, "1").await.unwrap();
    let calls = (0..50).map(|n| {
        let stage = Arc::clone(&stage);
        async move { stage.reverse("u", 1, 1, &format!("r{n}")).await }
    });
    let done = futures::future::join_all(calls).await;
    assert_eq!(done.iter().filter(|outcome| outcome.is_ok()).count(), 30);
    assert_eq!(stage.balance("u", "points").await.available, 0);
    stage.audit().await;
}

#[tokio::test]
async fn moved_points_keep_their_dates_and_count_in_both_statements() {
    let stage = shop(movable()).await;
    stage.earn_at("u", 10, "1", START - Duration::days(20)).await;
    stage.earn("u", 40, "2").await.unwrap();
    let before = stage.balance("u", "points").await.expiring;
    let done = stage.transfer("u", "v", 30, "3").await.unwrap();
    let sent = done.sent.unwrap();
    assert_eq!((sent.amount, sent.counterpart_user_id.as_str(), done.available_after), (-30, "v", 20));
    let got = stage.balance("v", "points").await;
    assert_eq!(got.expiring, [(before[0].0, 10), (before[1].0, 20)]);
    assert_eq!(got.growth, 0, "what is moved is not earned");
    assert_eq!(stage.statement("u", "points").await, [(Earn, 10), (Earn, 40), (TransferOut, -30)]);
    assert_eq!(stage.statement("v", "points").await, [(TransferIn, 30)]);
    assert_eq!(stage.transfer("u", "v", 30, "3").await.unwrap().received_seq, done.received_seq, "a repeat");
    let total = stage.levels.circulation(&stage.tenant, &key("points"), None, &[]).await.unwrap();
    assert_eq!((total.transferred, total.in_circulation()), (30, 50));
    stage.audit().await;
}

#[tokio::test]
async fn transfers_are_off_unless_the_type_has_limits_and_end_at_them_each_day() {
    let stage = shop(PointType { transfers: None, ..movable() }).await;
    stage.earn("u", 500, "1").await.unwrap();
    assert_eq!(
        refusal(stage.transfer("u", "v", 1, "2").await),
        Refusal::TransfersOff { point_type_id: "points".into() }
    );
    stage.change(movable(), &[Part::Transfers], "", "on").await.unwrap();
    let limit =
        |period: &str, limit, left, amount| Refusal::TransferLimit { period: period.to_owned(), limit, left, amount };
    assert_eq!(refusal(stage.transfer("u", "v", 51, "3").await), limit("transfer", 50, 50, 51));
    stage.transfer("u", "v", 50, "4").await.unwrap();
    stage.transfer("u", "w", 20, "5").await.unwrap();
    assert_eq!(refusal(stage.transfer("u", "v", 11, "6").await), limit("day", 80, 10, 11));
    stage.at(datetime!(2026-03-01 23:59:59 +8)).await;
    assert_eq!(refusal(stage.transfer("u", "v", 11, "7").await), limit("day", 80, 10, 11));
    stage.at(datetime!(2026-03-02 0:00 +8)).await;
    stage.transfer("u", "v", 11, "8").await.unwrap();
    let short = refusal(stage.transfer("w", "u", 21, "9").await);
    assert_eq!(short, Refusal::BalanceShort { available: 20, amount: 21 });
    stage.audit().await;
}

#[tokio::test]
async fn crossing_transfers_of_two_users_lose_nothing_and_none_goes_below_zero() {
    let points = PointType { transfers: Some(TransferLimits { max_amount: 50, max_per_day: 10_000 }), ..movable() };
    let stage = Arc::new(shop(points).await);
    stage.earn("u", 60, "1").await.unwrap();
    stage.earn("v", 60, "2").await.unwrap();
    let calls = (0..60).map(|n| {
        let stage = Arc::clone(&stage);
        async move {
            let (from, to) = if n % 2 == 0 { ("u", "v") } else { ("v", "u") };
            stage.transfer(from, to, 1 + n % 7, &format!("t{n}")).await
        }
    });
    for outcome in futures::future::join_all(calls).await {
        if let Err(error) = outcome {
            assert!(matches!(error, LevelsError::Refused { refusal: Refusal::BalanceShort { .. }, .. }), "{error:?}");
        }
    }
    let both = stage.balance("u", "points").await.available + stage.balance("v", "points").await.available;
    assert_eq!(both, 120);
    stage.audit().await;
}

#[tokio::test]
async fn nobody_moves_points_to_an_alias_of_their_own() {
    let stage = shop(movable()).await;
    stage.earn("u", 10, "1").await.unwrap();
    let linked = Events::new().of("u", "l", &proto::profiles::v1::ProfileAliasLinked { alias: "openid".to_owned() });
    stage.apply(&[linked]).await;
    assert!(matches!(stage.transfer("u", "openid", 1, "2").await, Err(LevelsError::Invalid(_))));
    assert_eq!(stage.statement("u", "points").await, [(Earn, 10)]);
}

#[tokio::test]
async fn a_small_adjustment_counts_at_once_and_a_larger_one_when_somebody_else_has_approved_it() {
    let stage = shop(movable()).await;
    let small = stage.adjust("u", 10, "ann", "1").await.unwrap();
    assert_eq!((small.state(), small.decided_by.as_str(), small.entry_seq), (pb::AdjustmentState::Applied, "ann", 1));
    let large = stage.adjust("u", 11, "ann", "2").await.unwrap();
    assert_eq!((large.state(), large.entry_seq), (pb::AdjustmentState::Proposed, 0));
    assert_eq!(stage.balance("u", "points").await.available, 10);
    let own = refusal(stage.approve(&large, "ann", "3").await);
    assert_eq!(own, Refusal::ApproverIsRequester { adjustment_id: large.adjustment_id.clone() });
    let done = stage.approve(&large, "bo", "4").await.unwrap();
    assert_eq!((done.state(), done.decided_by.as_str(), done.entry_seq), (pb::AdjustmentState::Applied, "bo", 2));
    assert_eq!(stage.approve(&large, "bo", "4").await.unwrap(), done, "a repeat");
    let decided = |state: &str| Refusal::AdjustmentDecided {
        adjustment_id: large.adjustment_id.clone(),
        state: state.to_owned(),
    };
    assert_eq!(refusal(stage.approve(&large, "cy", "5").await), decided("applied"));
    assert_eq!(refusal(stage.reject(&large, "cy", "6").await), decided("applied"));
    assert_eq!(stage.statement("u", "points").await, [(Adjust, 10), (Adjust, 11)]);
    assert_eq!(stage.balance("u", "points").await.growth, 21);
    stage.audit().await;
}

#[tokio::test]
async fn an_adjustment_takes_what_is_there_and_stays_proposed_where_less_is() {
    let stage = shop(movable()).await;
    stage.earn("u", 30, "1").await.unwrap();
    let short = refusal(stage.adjust("v", -1, "ann", "2").await);
    assert_eq!(short, Refusal::BalanceShort { available: 0, amount: 1 });
    let asked = stage.adjust("u", -40, "ann", "3").await.unwrap();
    assert_eq!(refusal(stage.approve(&asked, "bo", "4").await), Refusal::BalanceShort { available: 30, amount: 40 });
    stage.earn("u", 10, "5").await.unwrap();
    let done = stage.approve(&asked, "bo", "6").await.unwrap();
    assert_eq!((done.state(), done.entry_seq), (pb::AdjustmentState::Applied, 3));
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.growth), (0, 0));
    let rejected = stage.adjust("u", 99, "ann", "7").await.unwrap();
    assert_eq!(stage.reject(&rejected, "ann", "8").await.unwrap().note, "重复");
    let found = stage.levels.list_adjustments(&stage.tenant, None, None, 10, &[]).await.unwrap();
    let mut states: Vec<_> = found.rows.iter().map(|it| (it.amount, it.state)).collect();
    states.sort_by_key(|(amount, _)| *amount);
    assert_eq!(states, [(-40, AdjustmentState::Applied), (99, AdjustmentState::Rejected)]);
    let proposed = Some(AdjustmentState::Proposed);
    assert!(stage.levels.list_adjustments(&stage.tenant, proposed, None, 10, &[]).await.unwrap().rows.is_empty());
    stage.audit().await;
}

#[tokio::test]
async fn of_two_approvals_at_once_one_counts() {
    let stage = shop(movable()).await;
    let asked = stage.adjust("u", 100, "ann", "1").await.unwrap();
    let (first, second) = tokio::join!(stage.approve(&asked, "bo", "2"), stage.approve(&asked, "cy", "3"));
    assert_eq!([&first, &second].iter().filter(|outcome| outcome.is_ok()).count(), 1, "{first:?} {second:?}");
    assert_eq!(stage.balance("u", "points").await.available, 100);
}

#[tokio::test]
async fn a_changed_policy_touches_what_is_earned_later_and_says_so() {
    let stage = shop(movable()).await;
    let replica = stage.replica().await;
    replica.earn("u", 10, "1").await.unwrap();
    let to = PointType { expiry: Expiry::Days(5, None), overdraft: 20, ..movable() };
    let stale = refusal(stage.change(to.clone(), &[Part::Expiry], "v7", "0").await);
    assert_eq!(stale, Refusal::EtagMismatch { etag: "v1".to_owned() });
    let done = stage.change(to.clone(), &[Part::Expiry, Part::Overdraft, Part::Reversal], "v1", "2").await.unwrap();
    let changed: Vec<_> = done.changed.iter().map(|it| (it.field.as_str(), it.reach())).collect();
    let (later, all) = (pb::PolicyReach::LaterEarnings, pb::PolicyReach::LaterDecisions);
    assert_eq!(changed, [("expiry_policy", later), ("overdraft_limit", all)]);
    assert_eq!(done.point_type.unwrap().etag, "v2");
    replica.earn("u", 10, "3").await.unwrap();
    let dates = [(datetime!(2026-03-07 0:00 +8), 10), (datetime!(2026-04-01 0:00 +8), 10)];
    assert_eq!(stage.balance("u", "points").await.expiring, dates, "the first keeps its date");
    assert!(stage.change(to, &[Part::Overdraft], "v2", "4").await.unwrap().changed.is_empty());
}

#[tokio::test]
async fn spending_goes_below_zero_as_far_as_the_overdraft_and_no_further() {
    let stage = Arc::new(shop(PointType { overdraft: 50, ..movable() }).await);
    stage.earn("u", 10, "1").await.unwrap();
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.overdraft_left), (10, 50));
    let calls = (0..50).map(|n| {
        let stage = Arc::clone(&stage);
        async move { stage.spend("u", 3, &format!("s{n}")).await }
    });
    let done = futures::future::join_all(calls).await;
    assert_eq!(done.iter().filter(|outcome| outcome.is_ok()).count(), 20, "60 of 60");
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.debt, balance.overdraft_left), (0, 50, 0));
    stage.earn("u", 30, "2").await.unwrap();
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.debt, balance.overdraft_left), (0, 20, 30), "debt is filled first");
    stage.audit().await;
}

#[tokio::test]
async fn somebody_who_never_had_points_can_overdraw_them_too() {
    let stage = shop(PointType { overdraft: 50, ..movable() }).await;
    assert!(stage.spend("u", 51, "1").await.is_err());
    let entry = stage.spend("u", 20, "2").await.unwrap().entry.unwrap();
    assert_eq!((entry.entry_seq, entry.balance_after, entry.shortfall), (1, -20, 20));
    assert_eq!(stage.balance("u", "points").await.debt, 20);
    stage.earn("u", 30, "3").await.unwrap();
    assert_eq!(stage.balance("u", "points").await.available, 10);
    stage.audit().await;
}

#[tokio::test]
async fn points_that_lapse_together_do_so_when_nothing_happened_for_their_days() {
    let stage = shop(PointType { expiry: Expiry::Inactivity(10), ..movable() }).await;
    stage.earn("u", 10, "1").await.unwrap();
    stage.at(START + Duration::days(8)).await;
    stage.spend("u", 3, "2").await.unwrap();
    let lapses = datetime!(2026-03-20 0:00 +8);
    assert_eq!(stage.balance("u", "points").await.expiring, [(lapses, 7)], "ten days from the last activity");
    stage.adjust("u", 1, "ann", "3").await.unwrap();
    stage.at(lapses - Duration::SECOND).await;
    assert_eq!(stage.balance("u", "points").await.available, 8);
    stage.at(lapses).await;
    assert_eq!(stage.balance("u", "points").await.available, 0);
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 1);
    assert_eq!(stage.statement("u", "points").await, [(Earn, 10), (Spend, -3), (Adjust, 1), (Expire, -8)]);
    stage.audit().await;
}

#[tokio::test]
async fn what_only_counts_is_neither_overdrawn_nor_moved() {
    let stage = shop(PointType { spendable: false, transfers: None, ..movable() }).await;
    let refused = Refusal::PointTypeNotSpendable { point_type_id: "points".into() };
    assert_eq!(refusal(stage.change(movable(), &[Part::Transfers], "", "1").await), refused);
    stage.earn("u", 10, "2").await.unwrap();
    assert_eq!(refusal(stage.transfer("u", "v", 1, "3").await), refused);
    let reversed = PointType { reversal: ReversalPolicy::MayGoNegative, ..movable() };
    assert_eq!(stage.change(reversed, &[Part::Reversal], "", "4").await.unwrap().changed.len(), 1);
}
