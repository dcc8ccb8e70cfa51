//! Check-ins: once a day, with runs, made up days and what lengths give.

use levels::commands::{CheckIn, MakeUpCheckIn, PublishStreak};
use levels::domain::bonus::{Bonus, BonusBadge, BonusPoints};
use levels::domain::refusal::Refusal;
use levels::domain::streak::{Milestone, Streak, date_of};
use levels::error::LevelsError;
use levels::queries::{AskedCalendar, AskedCard};
use proto::levels::v1 as pb;
use proto::levels::v1::EntryKind::Earn;
use service::Answer;
use time::{Date, Duration, OffsetDateTime};
use units::zone::Zone;

use crate::quests::{orders, runner};
use crate::stage::{Events, Stage, key, request, stage, text, user};

/// 1 point a day, and the badge at three days; one missed day is forgiven, two a month can be made up for.
pub(crate) fn daily() -> Streak {
    let points = |points| vec![BonusPoints { point_type: key("points"), points }];
    let badge = Some(BonusBadge { badge: key("runner"), tier: 1 });
    Streak {
        id: key("daily"),
        display_name: text("daily"),
        description: None,
        zone: Zone::new("Asia/Shanghai").unwrap(),
        forgiven_days: 1,
        make_ups_per_month: 2,
        make_up_days: 31,
        milestones: vec![
            Milestone { length: 1, repeats: true, bonus: Bonus { points: points(1), badge: None } },
            Milestone { length: 3, repeats: false, bonus: Bonus { points: points(30), badge } },
        ],
        valid_from: None,
        valid_until: None,
        paused: false,
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

/// The day so many days ago in Shanghai.
fn ago(days: i64) -> Date {
    date_of(&daily().zone, OffsetDateTime::now_utc()) - Duration::days(days)
}

impl Stage {
    pub(crate) async fn publish_streak(&self, streak: Streak, id: &str) -> Result<pb::Streak, LevelsError> {
        let request = request("", "StreakService/PublishStreak", id, 0);
        let published = self.levels.publish_streak(&self.tenant, &PublishStreak { request, streak }).await;
        published.map(|answer| answer.value.streak.unwrap())
    }

    pub(crate) async fn check_in(&self, who: &str, id: &str) -> Result<Answer<pb::CheckInResponse>, LevelsError> {
        self.check_in_from(who, None, id).await
    }

    async fn check_in_from(
        &self,
        who: &str,
        zone: Option<&str>,
        id: &str,
    ) -> Result<Answer<pb::CheckInResponse>, LevelsError> {
        let request = request(who, "StreakService/CheckIn", id, 0);
        let zone = zone.map(|name| Zone::new(name).unwrap());
        self.levels.check_in(&self.tenant, &CheckIn { request, user: user(who), streak: key("daily"), zone }).await
    }

    pub(crate) async fn make_up(
        &self,
        who: &str,
        day: Date,
        id: &str,
    ) -> Result<Answer<pb::MakeUpCheckInResponse>, LevelsError> {
        let request = request(who, "StreakService/MakeUpCheckIn", id, 0);
        let command = MakeUpCheckIn { request, user: user(who), streak: key("daily"), day, zone: None };
        self.levels.make_up_check_in(&self.tenant, &command).await
    }

    async fn calendar(&self, who: &str) -> pb::GetCalendarResponse {
        let asked = AskedCalendar { user: user(who), streak: key("daily"), month: None, zone: None };
        self.levels.calendar(&self.tenant, &asked, &[]).await.unwrap()
    }

    /// As if all check-ins so far had been made so many days earlier.
    pub(crate) async fn days_pass(&self, days: i32) {
        let mut admin = self.db.admin(levels::NAME).await;
        for statement in [
            "update check_in set day = day - $1, checked_in_at = checked_in_at - make_interval(days => $1)",
            "update streak_run set first_day = first_day - $1, last_day = last_day - $1",
            "update streak_user set last_day = last_day - $1, last_at = last_at - make_interval(days => $1),
                last_decided_at = last_decided_at - make_interval(days => $1)",
        ] {
            sqlx::query(statement).bind(days).execute(&mut admin).await.unwrap();
        }
    }

    /// Runs and totals are what the check-ins say.
    async fn audit_check_ins(&self) {
        let mut admin = self.db.admin(levels::NAME).await;
        for wrong in [
            "select count(*) from streak_run r where r.length <> (select count(*) from check_in c
                where c.tenant_id = r.tenant_id and c.user_id = r.user_id and c.streak_id = r.streak_id
                    and c.day between r.first_day and r.last_day)",
            "select count(*) from streak_user u where u.total_days <> (select count(*) from check_in c
                where c.tenant_id = u.tenant_id and c.user_id = u.user_id and c.streak_id = u.streak_id)",
            "select count(*) from streak_user u where u.total_days <> (select sum(length) from streak_run r
                where r.tenant_id = u.tenant_id and r.user_id = u.user_id and r.streak_id = u.streak_id)",
        ] {
            let count: i64 = sqlx::query_scalar(wrong).fetch_one(&mut admin).await.unwrap();
            assert_eq!(count, 0, "{wrong}");
        }
        self.audit_goals().await;
    }
}

async fn club() -> Stage {
    let stage = stage().await;
    stage.publish_badge(runner(), "runner").await.unwrap();
    stage.publish_streak(daily(), "daily").await.unwrap();
    stage
}

#[tokio::test]
async fn three_days_in_a_row_give_points_and_a_badge() {
    let stage = club().await;
    for (day, lengths) in [(1, vec![1]), (2, vec![2]), (3, vec![3, 3]), (4, vec![4])] {
        let checked = stage.check_in("小林", &day.to_string()).await.unwrap().value;
        let run = checked.run.unwrap();
        assert_eq!((run.length, checked.longest), (day, day));
        let given: Vec<i32> = checked.milestones.iter().map(|it| it.length).collect();
        assert_eq!(given, lengths, "day {day}");
        stage.days_pass(1).await;
    }
    assert_eq!(stage.balance("小林", "points").await.available, 34);
    assert_eq!(stage.statement("小林", "points").await[2..4], [(Earn, 1), (Earn, 30)]);
    let calendar = stage.calendar("小林").await;
    assert_eq!((calendar.run.unwrap().length, calendar.can_check_in, calendar.total_days), (4, true, 4));
    assert_eq!(calendar.sentence.unwrap().texts["zh"], "已连续签到 4 天，今日未签到，再签到 1 天可获奖励");
    stage.audit_check_ins().await;
}

#[tokio::test]
async fn fifty_check_ins_at_once_are_one() {
    let stage = club().await;
    let ids: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let zones = [None, Some("Asia/Shanghai"), Some("Pacific/Kiritimati"), Some("America/Los_Angeles")];
    let calls = ids.iter().enumerate().map(|(n, id)| stage.check_in_from("u", zones[n % 4], id));
    let outcomes = futures::future::join_all(calls).await;
    let (taken, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((taken.len(), refused.len()), (1, 49));
    for outcome in refused {
        assert!(matches!(refusal(outcome), Refusal::CheckedIn { again_at: Some(_), .. }));
    }
    assert_eq!(stage.statement("u", "points").await, [(Earn, 1)]);
    stage.audit_check_ins().await;
}

#[tokio::test]
async fn fifty_calls_with_one_id_are_one_check_in_and_a_refusal_stays_one() {
    let stage = club().await;
    let outcomes = futures::future::join_all((0..50).map(|_| stage.check_in("u", "same"))).await;
    let answers: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.value == answers[0].value));
    refusal(stage.check_in("u", "late").await);
    stage.days_pass(1).await;
    refusal(stage.check_in("u", "late").await);
    assert_eq!(stage.check_in("u", "next").await.unwrap().value.run.unwrap().length, 2);
}

#[tokio::test]
async fn missed_days_are_forgiven_or_made_up_for_as_often_as_may_be() {
    let stage = club().await;
    stage.check_in("u", "1").await.unwrap();
    stage.days_pass(2).await;
    let run = stage.check_in("u", "2").await.unwrap().value.run.unwrap();
    assert_eq!((run.length, run.forgiven), (2, 1));
    stage.days_pass(3).await;
    assert_eq!(stage.calendar("u").await.run, None, "it is broken");
    assert_eq!(stage.check_in("u", "3").await.unwrap().value.run.unwrap().length, 1);
    let first = stage.make_up("u", ago(4), "m1").await.unwrap().value;
    assert_eq!((first.run.unwrap().length, first.make_ups_left), (3, 1), "what was forgiven is made up for");
    assert_eq!(first.milestones.iter().map(|it| it.length).collect::<Vec<_>>(), [3, 3]);
    let why = refusal(stage.make_up("u", ago(4), "m2").await);
    assert_eq!(why, Refusal::MakeUpDay { day: ago(4).to_string(), why: "checked_in".into() });
    let ids: Vec<String> = (0..20).map(|n| format!("at-once-{n}")).collect();
    let calls = ids.iter().enumerate().map(|(n, id)| stage.make_up("u", ago(1 + (n % 2) as i64), id));
    let outcomes = futures::future::join_all(calls).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "two a month, whichever days");
    let calendar = stage.calendar("u").await;
    assert_eq!((calendar.make_ups_left, calendar.longest), (0, 5));
    stage.audit_check_ins().await;
}

#[tokio::test]
async fn who_never_checked_in_has_nothing_to_make_up_for_and_a_paused_streak_takes_nobody() {
    let stage = club().await;
    let nothing = refusal(stage.make_up("u", ago(1), "1").await);
    assert_eq!(nothing, Refusal::MakeUpDay { day: ago(1).to_string(), why: "too_early".into() });
    assert_eq!(
        stage.calendar("u").await.sentence.unwrap().texts["en"],
        "No days in a row yet, not checked in today, 1 more day to the next reward"
    );
    let paused = Streak { paused: true, ..daily() };
    assert_eq!(stage.publish_streak(paused, "paused").await.unwrap().version, 2);
    let not_in_force = Refusal::StreakNotInForce { streak_id: "daily".into() };
    assert_eq!(refusal(stage.check_in("u", "2").await), not_in_force);
}

#[tokio::test]
async fn a_card_sums_up_a_year_and_compares_growth_as_of_when_it_was_counted() {
    let stage = club().await;
    stage.scheme(None).await;
    stage.publish_quest(orders(), "orders").await.unwrap();
    for n in 0..40 {
        stage.grow(&format!("other-{n}"), n * 10, "g").await;
    }
    stage.grow("小林", 395, "g").await;
    let asked = AskedCard {
        user: user("小林"),
        period: OffsetDateTime::now_utc().year().to_string(),
        zone: Some(Zone::utc()),
        point_type: None,
    };
    let card = stage.levels.result_card(&stage.tenant, &asked, &[]).await.unwrap();
    assert_eq!((card.better_than_bp, card.compared_as_of), (0, None), "not counted yet");
    let rarity = stage.levels.badge(&stage.tenant, &key("runner")).await.unwrap().1;
    assert_eq!((rarity.members, rarity.as_of), (0, None));
    stage.levels.review().await.unwrap();

    let mut events = Events::new();
    events.occurred_at = OffsetDateTime::now_utc();
    stage.quest_events(&[events.completed("小林", "a", 1), events.completed("小林", "b", 1)]).await;
    stage.check_in("小林", "1").await.unwrap();
    stage.spend("小林", 11, "out").await.unwrap();
    let card = stage.levels.result_card(&stage.tenant, &asked, &[]).await.unwrap();
    let points: Vec<_> = card.points.iter().map(|it| (it.point_type_id.as_str(), it.earned, it.spent)).collect();
    assert_eq!(points, [("growth", 395, 0), ("points", 51, 11)]);
    assert_eq!((card.highest_level.unwrap().rank, card.rises), (1, 1));
    assert_eq!((card.quests_completed, card.badges.len(), card.check_ins, card.longest_run), (1, 1, 1, 1));
    assert_eq!((card.growth, card.better_than_bp / 100), (395, 97), "40 of 41 are 97.5 %");
    let zh = card.sentence.unwrap().texts["zh"].clone();
    assert!(zh.ends_with("：获得 51 points，完成 1 个任务，最长连续签到 1 天，超过了 97% 的用户"), "{zh}");
    let rarity = stage.levels.badge(&stage.tenant, &key("runner")).await.unwrap().1;
    assert_eq!((rarity.holders, rarity.members, rarity.share_bp), (1, 41, 243));
    let none = AskedCard { period: "2020".into(), ..asked };
    let card = stage.levels.result_card(&stage.tenant, &none, &[]).await.unwrap();
    assert_eq!((card.points.len(), card.rises, card.check_ins, card.badges.len()), (0, 0, 0, 0));
}
