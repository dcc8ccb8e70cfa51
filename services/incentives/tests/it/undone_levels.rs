//! What campaigns gave for a level goes with the level, when what had lifted the user to it is undone.

use std::sync::Arc;

use incentives::commands::CampaignConsumer;
use incentives::domain::campaign::Definition;
use incentives::domain::period::Period;
use incentives::domain::template::{Distribution, Template};
use proto::events::v1::Event;
use proto::incentives::v1 as pb;
use proto::levels::v1::{LevelMove, LevelMoved, MoveCause};
use rules::Written;

use crate::campaign_stage::{coupon, fulfilled, per, points, refused};
use crate::stage::{Stage, event, stage, template};

/// A move of a user in the scheme `vip`.
pub(crate) fn moved(who: &str, id: &str, from_rank: i32, to_rank: i32, cause: MoveCause) -> Event {
    let r#move = Some(LevelMove { from_rank, to_rank, cause: cause.into(), ..LevelMove::default() });
    event(who, id, &LevelMoved { scheme_id: "vip".to_owned(), r#move, secondary: false })
}

fn up(id: &str, from_rank: i32, to_rank: i32) -> Event {
    moved("u", id, from_rank, to_rank, MoveCause::Earned)
}

fn undone(id: &str, from_rank: i32, to_rank: i32) -> Event {
    moved("u", id, from_rank, to_rank, MoveCause::Reversed)
}

/// For every rise.
pub(crate) fn for_rises(reward: Definition) -> Definition {
    Definition {
        event_type: "level.moved".to_owned(),
        condition: Written::Expression("move.up".into()),
        budget: Some(1_000),
        ..reward
    }
}

impl Stage {
    /// Points granted and points taken back, by reward in the order in which they were granted.
    async fn given(&self) -> Vec<(i64, i64)> {
        let granted = self.payloads::<pb::RewardGranted>("u").await;
        let revoked = self.payloads::<pb::RewardRevoked>("u").await;
        let back = |id: &str| revoked.iter().filter(|it| it.reward_id == id).map(|it| it.amount).max().unwrap_or(0);
        granted.iter().map(|it| (it.amount, back(&it.reward_id))).collect()
    }

    /// What the campaign's budget holds committed, what of it is spent, and how many grants stand.
    async fn account(&self, campaign: &str) -> (i64, i64, i64) {
        let it = self.results(campaign).await;
        (it.committed - it.released, it.spent, it.standing)
    }
}

#[tokio::test]
async fn a_level_that_comes_undone_takes_back_what_it_gave_and_no_more() {
    let stage = stage().await;
    stage.run("rise", for_rises(points("move.to_rank * 10"))).await;
    stage.levels(&[up("1", 0, 1), up("2", 1, 2), up("3", 2, 4)]).await;
    assert_eq!(stage.given().await, [(10, 0), (20, 0), (40, 0)]);
    stage.levels(&[undone("4", 4, 3)]).await;
    assert_eq!(stage.given().await, [(10, 0), (20, 0), (40, 40)], "the rise was to 4, and 4 is lost");
    stage.levels(&[undone("4", 4, 3)]).await;
    stage.levels(&[undone("5", 3, 0)]).await;
    assert_eq!(stage.given().await, [(10, 10), (20, 20), (40, 40)]);
    assert_eq!(stage.account("rise").await, (0, 0, 0));
    stage.audit().await;
}

#[tokio::test]
async fn a_level_that_ends_by_its_validity_leaves_its_reward_whatever_comes_later() {
    let stage = stage().await;
    stage.run("rise", for_rises(points("10"))).await;
    stage.levels(&[up("1", 0, 2), moved("u", "2", 2, 0, MoveCause::PeriodEnd)]).await;
    stage.levels(&[up("3", 0, 2), moved("u", "4", 2, 1, MoveCause::SchemeChanged)]).await;
    stage.levels(&[up("5", 1, 2), moved("u", "6", 2, 2, MoveCause::PeriodEnd), undone("7", 2, 0)]).await;
    assert_eq!(stage.given().await, [(10, 0), (10, 0), (10, 10)]);
    let other = LevelMove { from_rank: 3, cause: MoveCause::Reversed.into(), ..LevelMove::default() };
    let other = LevelMoved { scheme_id: "other".to_owned(), r#move: Some(other), secondary: true };
    stage.levels(&[up("8", 0, 2), event("u", "9", &other)]).await;
    assert_eq!(stage.given().await.last(), Some(&(10, 0)), "the scheme is another one");
    stage.audit().await;
}

#[tokio::test]
async fn whether_points_were_posted_before_or_after_their_level_came_undone_all_ends_the_same() {
    let mut ends = Vec::new();
    for (posted_first, together) in [(true, false), (false, false), (false, true)] {
        let stage = stage().await;
        stage.run("rise", for_rises(points("30"))).await;
        if together {
            stage.levels(&[up("1", 0, 1), undone("2", 1, 0)]).await;
        } else {
            stage.levels(&[up("1", 0, 1)]).await;
        }
        let posted = fulfilled("u", &stage.reward("u").await.reward_id, 30);
        match (together, posted_first) {
            (true, _) => stage.levels(&[posted]).await,
            (_, true) => stage.levels(&[posted, undone("2", 1, 0)]).await,
            (_, false) => stage.levels(&[undone("2", 1, 0), posted]).await,
        }
        assert_eq!(stage.told("u").await, ["reward.granted", "reward.revoked"]);
        ends.push((stage.given().await, stage.account("rise").await));
        stage.audit().await;
    }
    assert_eq!(ends, vec![(vec![(30, 30)], (0, 0, 0)); 3]);
}

#[tokio::test]
async fn points_that_levels_refused_are_not_taken_back() {
    let stage = stage().await;
    stage.run("rise", for_rises(points("30"))).await;
    stage.levels(&[up("1", 0, 1)]).await;
    let reward = stage.reward("u").await.reward_id;
    stage.levels(&[refused("u", &reward), undone("2", 1, 0)]).await;
    assert_eq!(stage.given().await, [(30, 0)]);
    assert_eq!(stage.account("rise").await, (0, 0, 0));
    stage.audit().await;
}

#[tokio::test]
async fn a_level_reached_again_is_rewarded_again_if_the_limits_allow() {
    let stage = stage().await;
    let once = per(Period::Always, 1);
    stage.run("once", Definition { user_limits: once.clone(), ..for_rises(points("10")) }).await;
    let kept = incentives::domain::campaign::Returns { limits: false, budget: true };
    stage.run("ever", Definition { user_limits: once, returns: kept, ..for_rises(points("7")) }).await;
    stage.levels(&[up("1", 0, 1), undone("2", 1, 0), up("3", 0, 1)]).await;
    let mut given = stage.given().await;
    given.sort_unstable();
    assert_eq!(given, [(7, 7), (10, 0), (10, 10)], "where the count returns, there is a second time");
    stage.levels(&[undone("4", 1, 0)]).await;
    assert_eq!((stage.account("once").await, stage.account("ever").await.0), ((0, 0, 0), 0));
    stage.audit().await;
}

#[tokio::test]
async fn an_unused_coupon_goes_with_its_level_and_a_used_one_stays_until_it_returns() {
    let stage = stage().await;
    stage.publish(Template { distribution: Distribution::Granted, ..template("ten", 0, 500) }, "t").await;
    stage.run("gift", for_rises(coupon("ten"))).await;
    stage.levels(&[up("1", 0, 1), up("2", 1, 2)]).await;
    let held: Vec<String> = stage.payloads::<pb::CouponGranted>("u").await.into_iter().map(|it| it.coupon_id).collect();
    let order = crate::stage::basket(&[("line", 1, 10_000)], 0);
    stage.reserve(&crate::stage::reserve("u", "k", order, &[&held[0]])).await.unwrap();
    stage.confirm("u", "checkout-k", "o").await.unwrap();
    let used = stage.payloads::<pb::CouponUsed>("u").await.remove(0);
    stage.coupons(&[event("u", "used", &used)]).await;
    stage.levels(&[undone("3", 2, 0)]).await;
    assert_eq!(stage.state("u", &held[0]).await, pb::CouponState::Used);
    assert_eq!(stage.state("u", &held[1]).await, pb::CouponState::Voided);
    let results = stage.results("gift").await;
    assert_eq!((results.standing, results.coupons_used, results.spent), (1, 1, 500), "the used one is reported");
    let why: Vec<String> = stage.payloads::<pb::CouponVoided>("u").await.into_iter().map(|it| it.reason).collect();
    assert_eq!(why, ["level undone"]);
    // its order comes back, and with it the coupon: now it can be taken
    stage.give_back("u", "checkout-k", &[("line", 1)], "back").await.unwrap();
    let returned = stage.payloads::<pb::CouponReturned>("u").await.remove(0);
    stage.coupons(&[event("u", "returned", &returned)]).await;
    assert_eq!(stage.state("u", &held[0]).await, pb::CouponState::Voided);
    assert_eq!(stage.account("gift").await, (0, 0, 0));
    stage.audit().await;
}

impl Stage {
    async fn coupons(&self, events: &[Event]) {
        self.consume(&CampaignConsumer::of_coupons(Arc::clone(&self.incentives)), events).await;
    }
}
