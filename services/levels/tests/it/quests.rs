//! Quests: what events count for them, what they give, and what refunds take back.

use std::sync::Arc;

use eventlog::{Consume, Draft};
use levels::commands::{AwardBadge, PublishBadge, PublishQuest, QuestConsumer, RevokeBadge, StartQuest};
use levels::domain::badge::{Badge, BadgeTier};
use levels::domain::bonus::{Bonus, BonusBadge, BonusPoints};
use levels::domain::entry::Payer;
use levels::domain::quest::{Quest, QuestPeriod, QuestReversal, QuestStart, Recurrence, Step};
use levels::domain::refusal::Refusal;
use levels::error::LevelsError;
use levels::queries::Wanted;
use proto::events::v1::{Event, EventMode};
use proto::levels::v1 as pb;
use proto::levels::v1::EntryKind::{Earn, Reverse, Spend};
use proto::profiles::v1 as profiles;
use rules::Written;
use service::Answer;
use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use crate::stage::{Events, Stage, key, request, stage, text, user};

pub(crate) fn step(event_type: &str, condition: &str, formula: &str, target: i64) -> Step {
    let condition = if condition.is_empty() { Written::Always } else { Written::Expression(condition.to_owned()) };
    Step::new(text(event_type), event_type.to_owned(), (condition, formula.to_owned()), target).unwrap()
}

/// 50 points and a badge.
pub(crate) fn bonus() -> Bonus {
    let points = vec![BonusPoints { point_type: key("points"), points: 50 }];
    Bonus { points, badge: Some(BonusBadge { badge: key("runner"), tier: 2 }) }
}

/// Two orders, once; 50 points and silver of a badge.
pub(crate) fn orders() -> Quest {
    Quest {
        id: key("orders"),
        display_name: text("two orders"),
        description: None,
        steps: vec![step("order.completed", "", "", 2)],
        in_order: false,
        period: QuestPeriod::Ever,
        zone: Zone::new("Asia/Shanghai").unwrap(),
        recurrence: Recurrence::None,
        start: QuestStart::Automatic,
        valid_from: None,
        valid_until: None,
        scheme: None,
        first_rank: 0,
        last_rank: None,
        bonus: bonus(),
        reversal: QuestReversal::TakeBack,
        payer: Payer { cost_centre: "quests".into(), funder: 1 },
        paused: false,
        version: 0,
        create_time: OffsetDateTime::UNIX_EPOCH,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    }
}

pub(crate) fn runner() -> Badge {
    let tier = |name: &str| BadgeTier { display_name: text(name), icon_url: String::new() };
    Badge {
        id: key("runner"),
        display_name: text("runner"),
        description: None,
        icon_url: "https://example.com/runner.png".into(),
        tiers: vec![tier("bronze"), tier("silver")],
        hidden: false,
        version: 0,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    }
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(outcome: Result<T, LevelsError>) -> Refusal {
    match outcome {
        Err(LevelsError::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

impl Stage {
    pub(crate) async fn publish_badge(&self, badge: Badge, id: &str) -> Result<pb::Badge, LevelsError> {
        let request = request("", "BadgeService/PublishBadge", id, 0);
        let published = self.levels.publish_badge(&self.tenant, &PublishBadge { request, badge }).await;
        published.map(|answer| answer.value.badge.unwrap())
    }

    pub(crate) async fn publish_quest(&self, quest: Quest, id: &str) -> Result<pb::Quest, LevelsError> {
        let request = request("", "QuestService/PublishQuest", id, 0);
        let published = self.levels.publish_quest(&self.tenant, &PublishQuest { request, quest }).await;
        published.map(|answer| answer.value.quest.unwrap())
    }

    /// Applies events as the consumer of quests does, in a transaction of its own; answers what it told the log.
    pub(crate) async fn quest_events(&self, events: &[Event]) -> Vec<Draft> {
        let consumer = QuestConsumer::new(Arc::clone(&self.levels));
        let mut tx = self.db.db(levels::NAME).await.begin(&self.tenant).await.unwrap();
        let told = consumer.apply(&mut tx, &self.tenant, events).await.unwrap();
        tx.commit().await.unwrap();
        told
    }

    async fn told_types(&self, events: &[Event]) -> Vec<&'static str> {
        self.quest_events(events).await.iter().map(|draft| draft.kind).collect()
    }

    pub(crate) async fn start_quest(
        &self,
        who: &str,
        quest: &str,
        id: &str,
    ) -> Result<Answer<pb::StartQuestResponse>, LevelsError> {
        let request = request(who, "QuestService/StartQuest", id, 0);
        let command = StartQuest { request, user: user(who), quest: key(quest) };
        self.levels.start_quest(&self.tenant, &command).await
    }

    async fn progress(&self, who: &str, quest: &str) -> pb::QuestProgress {
        self.levels.quest_progress(&self.tenant, (&user(who), &key(quest)), &[]).await.unwrap()
    }

    async fn listed(&self, who: &str, wanted: Wanted) -> Vec<String> {
        let page = self.levels.list_quest_progress(&self.tenant, (&user(who), wanted), ("", 50), &[]).await.unwrap();
        page.rows.into_iter().map(|it| it.quest.unwrap().quest_id).collect()
    }

    pub(crate) async fn award(
        &self,
        who: &str,
        tier: usize,
        id: &str,
    ) -> Result<Answer<pb::AwardBadgeResponse>, LevelsError> {
        let request = request(who, "BadgeService/AwardBadge", id, tier as u8);
        let (user, badge, reason) = (user(who), key("runner"), "客服".to_owned());
        self.levels.award_badge(&self.tenant, &AwardBadge { request, user, badge, tier, reason }).await
    }

    async fn revoke(&self, who: &str, id: &str) -> Result<Answer<pb::RevokeBadgeResponse>, LevelsError> {
        let request = request(who, "BadgeService/RevokeBadge", id, 0);
        let (user, badge, reason) = (user(who), key("runner"), "abuse".to_owned());
        self.levels.revoke_badge(&self.tenant, &RevokeBadge { request, user, badge, reason }).await
    }

    /// The tier of the badge that a user holds.
    async fn tier(&self, who: &str) -> i32 {
        let page = self.levels.list_user_badges(&self.tenant, (&user(who), true), ("", 50), &[]).await.unwrap();
        page.rows.first().map_or(0, |it| it.tier)
    }

    async fn holders(&self) -> i64 {
        self.levels.badge(&self.tenant, &key("runner")).await.unwrap().1.holders
    }

    /// What is counted is what the counts say, badges are what their grounds say, and holders who holds them.
    pub(crate) async fn audit_goals(&self) {
        let mut admin = self.db.admin(levels::NAME).await;
        for wrong in [
            "select count(*) from quest_round r cross join lateral unnest(r.counted) with ordinality c(sum, n)
             where c.sum <> coalesce((select sum(q.amount - q.lowered) from quest_count q
                where q.tenant_id = r.tenant_id and q.user_id = r.user_id and q.quest_id = r.quest_id
                    and q.starts_at = r.starts_at and q.step = c.n - 1), 0)",
            "select count(*) from user_badge b where b.tier <> coalesce((select max(g.tier) from badge_ground g
                where g.tenant_id = b.tenant_id and g.user_id = b.user_id and g.badge_id = b.badge_id and g.stands), 0)",
            "select count(*) from (select badge_id, sum(users) as users from badge_holder group by 1) h
             where h.users <> (select count(*) from user_badge b where b.badge_id = h.badge_id and b.tier > 0)",
            "select count(*) from quest_bonus b join quest_round r using (tenant_id, user_id, quest_id, starts_at)
             where b.given and b.round > r.completions",
        ] {
            let count: i64 = sqlx::query_scalar(wrong).fetch_one(&mut admin).await.unwrap();
            assert_eq!(count, 0, "{wrong}");
        }
        self.audit().await;
    }
}

/// A shop with the badge and the quest of two orders.
async fn shop() -> Stage {
    let stage = stage().await;
    stage.publish_badge(runner(), "runner").await.unwrap();
    stage.publish_quest(orders(), "orders").await.unwrap();
    stage
}

#[tokio::test]
async fn two_orders_complete_a_quest_that_gives_points_and_a_badge_once() {
    let stage = shop().await;
    let mut events = Events::new();
    let (a, b) = (events.completed("小林", "a", 100), events.completed("小林", "b", 100));
    assert_eq!(stage.told_types(std::slice::from_ref(&a)).await, [""; 0]);
    let progress = stage.progress("小林", "orders").await;
    assert_eq!((progress.state(), progress.steps[0].missing), (pb::QuestState::Open, 1));
    assert_eq!(progress.sentence.unwrap().texts["zh"], "还差 1");
    let told = stage.told_types(std::slice::from_ref(&b)).await;
    assert_eq!(told, ["quest.completed", "badge.awarded", "points.posted"]);
    assert_eq!(stage.told_types(&[a, b]).await, [""; 0], "applied twice is applied once");
    assert_eq!(stage.statement("小林", "points").await, [(Earn, 50)]);
    assert_eq!((stage.tier("小林").await, stage.holders().await), (2, 1));
    let progress = stage.progress("小林", "orders").await;
    assert_eq!((progress.state(), progress.completions), (pb::QuestState::Completed, 1));
    stage.audit_goals().await;
}

#[tokio::test]
async fn the_entry_of_a_quest_is_undone_with_it_and_not_by_its_number() {
    let stage = shop().await;
    let mut events = Events::new();
    stage.quest_events(&[events.completed("u", "a", 100), events.completed("u", "b", 100)]).await;
    let account = (&user("u"), &key("points"));
    let every = levels::domain::entry::Filter::default();
    let (page, _) = stage.levels.list_entries(&stage.tenant, account, &every, None, 10, &[]).await.unwrap();
    let origin = &page.rows[0].origin;
    assert_eq!((origin.reason.as_str(), origin.cost_centre.as_str(), origin.funder), ("orders", "quests", 1));
    assert!(origin.reward_id.starts_with("quest/orders/"), "{}", origin.reward_id);
    let undo = levels::commands::ReverseEntry {
        request: request("u", "PointsService/ReverseEntry", "undo", 0),
        user: user("u"),
        point_type: key("points"),
        entry_seq: 1,
        amount: 0,
        reason: String::new(),
    };
    let undone = stage.levels.post(&stage.tenant, &[undo]).await.unwrap().remove(0);
    assert_eq!(refusal(undone), Refusal::EntryNotReversible { entry_seq: 1, by: "reward".into() });
}

#[tokio::test]
async fn a_refund_takes_points_and_badge_back_as_far_as_they_go_and_another_order_gives_them_again() {
    let stage = shop().await;
    let mut events = Events::new();
    stage.quest_events(&[events.completed("u", "a", 100), events.completed("u", "b", 100)]).await;
    stage.spend("u", 30, "out").await.unwrap();
    let told = stage.told_types(&[events.refunded("u", "b", 100, 100)]).await;
    assert_eq!(told, ["quest.reversed", "badge.revoked", "points.posted"]);
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.debt, stage.tier("u").await, stage.holders().await), (0, 30, 0, 0));
    assert_eq!(stage.progress("u", "orders").await.state(), pb::QuestState::Open);
    let told = stage.told_types(&[events.completed("u", "c", 100)]).await;
    assert_eq!(told, ["quest.completed", "badge.awarded", "points.posted"]);
    assert_eq!(stage.statement("u", "points").await, [(Earn, 50), (Spend, -30), (Reverse, -50), (Earn, 50)]);
    assert_eq!(stage.tier("u").await, 2);
    stage.audit_goals().await;
}

#[tokio::test]
async fn a_batch_does_what_single_events_do_whichever_order_they_come_in() {
    let mut outcomes = Vec::new();
    for (single, backwards) in [(true, false), (false, false), (true, true), (false, true)] {
        let stage = shop().await;
        let recurring = Quest {
            id: key("money"),
            steps: vec![step("order.completed", "order.total_minor > 10", "order.total_minor", 500)],
            period: QuestPeriod::Day,
            recurrence: Recurrence::Completion(5),
            ..orders()
        };
        stage.publish_quest(recurring, "money").await.unwrap();
        let mut events = Events::new();
        let now = events.occurred_at;
        let mut all = Vec::new();
        for n in 0..30_i64 {
            let who = format!("u{}", n % 4);
            events.occurred_at = now + Duration::hours(n % 3 * 24);
            all.push(events.completed(&who, &format!("o{n}"), 100 * n));
            if n % 5 == 0 {
                all.push(events.refunded(&who, &format!("o{n}"), 70 * n, 100 * n));
            }
            if n % 7 == 0 {
                all.push(events.cancelled(&who, &format!("o{n}"), 100 * n));
            }
        }
        if backwards {
            all.reverse();
        }
        for batch in all.chunks(if single { 1 } else { 13 }) {
            stage.quest_events(batch).await;
        }
        stage.audit_goals().await;
        let mut of_users = Vec::new();
        for n in 0..4 {
            let who = format!("u{n}");
            of_users.push((stage.balance(&who, "points").await.available, stage.tier(&who).await));
        }
        outcomes.push(of_users);
    }
    assert!(outcomes[0].iter().any(|(points, _)| *points > 100), "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
}

#[tokio::test]
async fn a_badge_that_is_deserved_in_two_ways_survives_one_of_them() {
    let stage = shop().await;
    let mut events = Events::new();
    stage.quest_events(&[events.completed("u", "a", 100), events.completed("u", "b", 100)]).await;
    assert!(!stage.award("u", 1, "hand").await.unwrap().value.awarded, "a higher tier is held already");
    stage.quest_events(&[events.cancelled("u", "a", 100)]).await;
    assert_eq!(stage.tier("u").await, 1);
    stage.revoke("u", "abuse").await.unwrap();
    assert_eq!((stage.tier("u").await, stage.holders().await), (0, 0));
    assert_eq!(refusal(stage.revoke("u", "again").await), Refusal::BadgeNotHeld { badge_id: "runner".into() });
    stage.quest_events(&[events.completed("u", "c", 100)]).await;
    assert_eq!(stage.tier("u").await, 2, "a later ground awards it anew");
    stage.audit_goals().await;
}

#[tokio::test]
async fn fifty_awards_at_once_are_one_holder() {
    let stage = shop().await;
    let ids: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let outcomes = futures::future::join_all(ids.iter().map(|id| stage.award("u", 2, id))).await;
    let awarded = outcomes.iter().filter(|outcome| outcome.as_ref().unwrap().value.awarded).count();
    assert_eq!((awarded, stage.holders().await), (1, 1));
    let again = stage.award("u", 2, "0").await.unwrap();
    assert!(again.replayed);
    stage.audit_goals().await;
}

#[tokio::test]
async fn a_quest_that_users_start_counts_from_then_on_however_many_start_it_at_once() {
    let stage = shop().await;
    let mut quest = Quest { id: key("daily"), start: QuestStart::ByUser, period: QuestPeriod::Day, ..orders() };
    quest.recurrence = Recurrence::PeriodEnd;
    quest.steps = vec![step("user.visited", "", "", 1)];
    stage.publish_quest(quest, "daily").await.unwrap();
    let mut events = Events::new();
    assert_eq!(stage.told_types(&[events.visited("u", "v1", 5)]).await, [""; 0], "not started");
    assert_eq!(stage.progress("u", "daily").await.state(), pb::QuestState::ToStart);
    let ids: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let started = futures::future::join_all(ids.iter().map(|id| stage.start_quest("u", "daily", id))).await;
    let (started, refused): (Vec<_>, Vec<_>) = started.into_iter().partition(Result::is_ok);
    assert_eq!((started.len(), refused.len()), (1, 49));
    let progress = started.into_iter().next().unwrap().unwrap().value.progress.unwrap();
    assert_eq!(progress.state(), pb::QuestState::Open);
    for outcome in refused {
        assert!(matches!(refusal(outcome), Refusal::QuestStarted { again_at: Some(_), .. }));
    }
    events.occurred_at = OffsetDateTime::now_utc() + Duration::seconds(1);
    events.recorded_at = events.occurred_at;
    let told = stage.told_types(&[events.visited("u", "v2", 5)]).await;
    assert_eq!(told, ["quest.completed", "badge.awarded", "points.posted"]);
    let not_by_user = refusal(stage.start_quest("u", "orders", "x").await);
    assert_eq!(not_by_user, Refusal::QuestNotByUser { quest_id: "orders".into() });
    assert_eq!(refusal(stage.start_quest("u", "none", "y").await), Refusal::QuestNotFound { quest_id: "none".into() });
}

#[tokio::test]
async fn levels_decide_who_has_a_quest() {
    let stage = shop().await;
    stage.scheme(None).await;
    let silver =
        Quest { id: key("silver"), scheme: Some(key("vip")), first_rank: 1, start: QuestStart::ByUser, ..orders() };
    let mut wrong = silver.clone();
    wrong.first_rank = 7;
    assert_eq!(
        refusal(stage.publish_quest(wrong, "wrong").await),
        Refusal::LevelNotFound { scheme_id: "vip".into(), rank: 7 }
    );
    stage.publish_quest(silver.clone(), "silver").await.unwrap();
    let by_event = Quest { id: key("by-event"), start: QuestStart::Automatic, ..silver };
    stage.publish_quest(by_event, "by-event").await.unwrap();
    let locked = Refusal::QuestLocked { quest_id: "silver".into() };
    assert_eq!(refusal(stage.start_quest("u", "silver", "1").await), locked);
    assert_eq!(stage.progress("u", "silver").await.state(), pb::QuestState::Locked);
    let mut events = Events::new();
    stage.quest_events(&[events.completed("u", "a", 100)]).await;
    assert_eq!(stage.progress("u", "by-event").await.steps[0].counted, 0);
    stage.grow("u", 100, "g").await;
    stage.start_quest("u", "silver", "2").await.unwrap();
    stage.quest_events(&[events.completed("u", "b", 100)]).await;
    assert_eq!(stage.progress("u", "by-event").await.steps[0].counted, 1);
}

#[tokio::test]
async fn todays_tasks_are_those_that_end_with_the_day() {
    let stage = shop().await;
    let daily = Quest { id: key("daily"), period: QuestPeriod::Day, recurrence: Recurrence::PeriodEnd, ..orders() };
    stage.publish_quest(daily, "daily").await.unwrap();
    let paused = Quest { id: key("paused"), paused: true, ..orders() };
    stage.publish_quest(paused, "paused").await.unwrap();
    assert_eq!(stage.listed("u", Wanted::All).await, ["daily", "orders"]);
    assert_eq!(stage.listed("u", Wanted::Today).await, ["daily"]);
    let mut events = Events::new();
    stage.quest_events(&[events.completed("u", "a", 100), events.completed("u", "b", 100)]).await;
    assert_eq!(stage.listed("u", Wanted::Open).await, [""; 0]);
    assert_eq!(stage.listed("v", Wanted::Open).await, ["daily", "orders"]);
    assert_eq!(stage.listed("u", Wanted::Today).await, ["daily"], "done, and still today's");
}

#[tokio::test]
async fn an_alias_works_towards_the_quests_of_its_user() {
    let stage = shop().await;
    let mut events = Events::new();
    let linked = events.of("u", "linked", &profiles::ProfileAliasLinked { alias: "open-id".to_owned() });
    stage.apply(&[linked]).await;
    let told = stage.told_types(&[events.completed("open-id", "a", 100), events.completed("u", "b", 100)]).await;
    assert_eq!(told, ["quest.completed", "badge.awarded", "points.posted"]);
    assert_eq!((stage.tier("open-id").await, stage.tier("u").await), (2, 2));
    assert!(!stage.award("open-id", 2, "hand").await.unwrap().value.awarded);
    stage.audit_goals().await;
}

#[tokio::test]
async fn an_import_of_facts_and_events_of_before_a_quest_count_nothing() {
    let stage = shop().await;
    let mut events = Events::new();
    events.mode = EventMode::Facts;
    stage.quest_events(&[events.completed("u", "a", 100)]).await;
    events.mode = EventMode::Live;
    events.recorded_at -= Duration::HOUR;
    stage.quest_events(&[events.completed("u", "b", 100)]).await;
    assert_eq!(stage.progress("u", "orders").await.steps[0].counted, 0);
}

#[tokio::test]
async fn points_that_an_account_has_no_room_for_are_left_out_and_the_quest_is_completed() {
    let stage = shop().await;
    stage.earn("u", 1, "1").await.unwrap();
    stage
        .execute(
            "update account set lot_points = array[9007199254740991], growth = 9007199254740991 where user_id = 'u'",
        )
        .await;
    let mut events = Events::new();
    let told = stage.quest_events(&[events.completed("u", "a", 100), events.completed("u", "b", 100)]).await;
    let types: Vec<_> = told.iter().map(|draft| draft.kind).collect();
    assert_eq!(types, ["quest.completed", "badge.awarded"]);
    let told = stage.told_types(&[events.cancelled("u", "a", 100)]).await;
    assert_eq!(told, ["quest.reversed", "badge.revoked"], "nothing was given that could be taken back");
}

#[tokio::test]
async fn what_is_published_must_name_what_there_is_and_stays_as_it_is() {
    let stage = shop().await;
    let other = |change: fn(&mut Quest)| {
        let mut quest = Quest { id: key("other"), ..orders() };
        change(&mut quest);
        quest
    };
    let no_points = stage.publish_quest(other(|it| it.bonus.points[0].point_type = key("none")), "1").await;
    assert_eq!(refusal(no_points), Refusal::PointTypeNotFound { point_type_id: "none".into() });
    let no_badge = stage.publish_quest(other(|it| it.bonus.badge.as_mut().unwrap().badge = key("none")), "2").await;
    assert_eq!(refusal(no_badge), Refusal::BadgeNotFound { badge_id: "none".into() });
    let no_tier = stage.publish_quest(other(|it| it.bonus.badge.as_mut().unwrap().tier = 3), "3").await;
    assert!(matches!(no_tier, Err(LevelsError::Invalid(_))));
    assert!(matches!(stage.award("u", 3, "4").await, Err(LevelsError::Invalid(_))));
    let no_scheme = stage.publish_quest(other(|it| it.scheme = Some(key("none"))), "5").await;
    assert_eq!(refusal(no_scheme), Refusal::SchemeNotFound { scheme_id: "none".into() });
    let changed = Quest { period: QuestPeriod::Day, ..orders() };
    let fixed = Refusal::QuestFixed { quest_id: "orders".into(), field: "period".into() };
    assert_eq!(refusal(stage.publish_quest(changed, "6").await), fixed);
    let second = stage.publish_quest(Quest { paused: true, ..orders() }, "7").await.unwrap();
    assert_eq!((second.version, second.paused), (2, true));
    let fewer = Badge { tiers: Vec::new(), ..runner() };
    assert!(matches!(stage.publish_badge(fewer, "8").await, Err(LevelsError::Invalid(_))));
}
