//! Members of several schemes, and what is done to their levels by hand.

use std::collections::BTreeSet;

use futures::future::join_all;
use levels::commands::{ActOnLevel, grant_id};
use levels::domain::level_act::Act;
use levels::domain::member::{GrantKind, LevelMove, MoveCause};
use levels::domain::refusal::Refusal;
use levels::domain::scheme::level::Level;
use levels::domain::scheme::{Basis, Measure, Scheme};
use levels::error::LevelsError;
use proto::levels::v1 as pb;
use service::Answer;
use time::{Duration, OffsetDateTime};

use crate::stage::{Stage, earn, key, request, rule, scheme, stage, user};

fn act(who: &str, act: Act, id: &str) -> ActOnLevel {
    let body = format!("{act:?}").len() as u8;
    ActOnLevel {
        request: request(who, "LevelGrantService/GrantLevel", id, body),
        user: user(who),
        scheme: key("vip"),
        act,
        reason: "老客户".to_owned(),
        subject: "somebody".to_owned(),
    }
}

fn grant(rank: usize, from: Option<OffsetDateTime>, until: Option<OffsetDateTime>) -> Act {
    Act::Grant { kind: GrantKind::Staff, rank, from, until }
}

impl Stage {
    async fn grant(&self, who: &str, it: Act, id: &str) -> Result<Answer<pb::GrantLevelResponse>, LevelsError> {
        self.levels.act_on_level(&self.tenant, &act(who, it, id)).await
    }

    /// Grants a level for good, and reads what was done.
    pub(crate) async fn granted(&self, who: &str) {
        self.grant(who, grant(1, None, None), "granted").await.unwrap();
        let whose = (&user(who), &key("vip"));
        let acts = self.levels.list_level_acts(&self.tenant, whose, None, 10, &[]).await.unwrap();
        assert_eq!((acts.rows.len(), self.moves(who).await.len()), (1, 2));
    }

    async fn moves(&self, who: &str) -> Vec<LevelMove> {
        let whose = (&user(who), &key("vip"));
        let page = self.levels.list_level_moves(&self.tenant, whose, None, 100, &[]).await.unwrap();
        page.rows.into_iter().rev().collect()
    }

    /// As if everything of members had been so much earlier.
    async fn earlier(&self, by: &str) {
        let mut admin = self.db.admin(levels::NAME).await;
        let times = ["since", "valid_until", "earned_since", "period_start", "review_at", "due_at"];
        let set: Vec<String> = times.iter().map(|it| format!("{it} = {it} - interval '{by}'")).collect();
        sqlx::query(sqlx::AssertSqlSafe(format!("update member set {}", set.join(", "))))
            .execute(&mut admin)
            .await
            .unwrap();
    }
}

/// Levels for growth of 100 and points of 10, both.
fn joint() -> Scheme {
    let level = |threshold, further| Level { threshold, further_thresholds: vec![further], ..Level::default() };
    let measure = |id| Measure { point_type: key(id), basis: Basis::Growth };
    Scheme {
        measures: ["points", "growth"].map(measure).into(),
        levels: vec![level(0, 0), level(10, 100)],
        ..scheme("vip", &[0])
    }
}

#[tokio::test]
async fn of_first_earnings_in_two_accounts_at_once_the_level_follows_that_asks_for_both() {
    let stage = stage().await;
    stage.publish_scheme(joint(), "joint").await;
    let calls = (0..40).flat_map(|n| [(n, "points", 10), (n, "growth", 100)]);
    let posted = calls.map(|(n, point_type, amount)| {
        let (levels, tenant) = (stage.levels.clone(), stage.tenant.clone());
        let call = earn(&format!("u{n}"), point_type, amount, point_type, None);
        tokio::spawn(async move { levels.post(&tenant, &[call]).await.unwrap().remove(0).unwrap() })
    });
    for answer in join_all(posted.collect::<Vec<_>>()).await {
        answer.unwrap();
    }
    for n in 0..40 {
        assert_eq!(stage.rank(&format!("u{n}")).await, 1, "u{n}");
        let moves = stage.moves(&format!("u{n}")).await;
        assert_eq!((moves.len(), &moves[0].counts), (1, &vec![10, 100]));
    }
    stage.audit().await;
}

#[tokio::test]
async fn a_member_is_not_reviewed_while_somebody_has_one_of_the_accounts() {
    let stage = stage().await;
    let granted = Act::Lock { rank: 1, until: Some(OffsetDateTime::now_utc() + Duration::days(1)) };
    stage.publish_scheme(joint(), "joint").await;
    let locked: Answer<pb::LockLevelResponse> =
        stage.levels.act_on_level(&stage.tenant, &act("u", granted, "lock")).await.unwrap();
    assert_eq!(locked.value.lock.unwrap().rank, 1);
    let lock = "update member set due_at = now(), rest = jsonb_set(rest, '{lock,until}', '\"2020-01-01T00:00:00Z\"')";
    stage.execute(lock).await;
    let mut other = stage.db.db(levels::NAME).await.begin(&stage.tenant).await.unwrap();
    sqlx::query("select 1 from account where tenant_id = 'shop' and point_type_id = 'growth' for update")
        .execute(&mut *other)
        .await
        .unwrap();
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 0);
    other.rollback().await.unwrap();
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 2, "both accounts of the member");
    let causes: Vec<MoveCause> = stage.moves("u").await.iter().map(|it| it.cause).collect();
    assert_eq!(causes, [MoveCause::Locked, MoveCause::Unlocked]);
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 0);
}

#[tokio::test]
async fn a_grant_of_a_level_is_had_once_however_often_it_is_asked_for_and_by_whatever_id_of_the_user() {
    let stage = stage().await;
    stage.scheme(None).await;
    let asked = (0..50).map(|_| stage.grant("小林", grant(2, None, None), "one"));
    let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    let first = &answers[0].value;
    assert!(answers.iter().all(|answer| answer.value == *first));
    assert_eq!(
        (first.rank_after, first.grant.as_ref().unwrap().grant_id.clone()),
        (2, grant_id("小林", "one").to_string())
    );
    assert_eq!((stage.rank("小林").await, stage.moves("小林").await.len()), (2, 1));
    let acts = stage.levels.list_level_acts(&stage.tenant, (&user("小林"), &key("vip")), None, 10, &[]).await.unwrap();
    assert_eq!(acts.rows.iter().map(|it| (it.seq, it.rank)).collect::<Vec<_>>(), [(1, 2)]);
    assert_eq!((acts.rows[0].reason.as_str(), acts.rows[0].acted_by.as_str()), ("老客户", "somebody"));
    let ids: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let many = join_all(ids.iter().map(|id| stage.grant("小林", grant(1, None, None), id))).await;
    let (granted, refused): (Vec<_>, Vec<_>) = many.into_iter().partition(Result::is_ok);
    assert_eq!((granted.len(), refused.len()), (15, 35), "16 at once, with the first");
    let limit = |it: &Result<_, LevelsError>| {
        matches!(it, Err(LevelsError::Refused { refusal: Refusal::LevelGrantLimit { limit: 16 }, .. }))
    };
    assert!(refused.iter().all(limit));
    let acts = stage.levels.list_level_acts(&stage.tenant, (&user("小林"), &key("vip")), None, 100, &[]).await.unwrap();
    let seqs: BTreeSet<i64> = acts.rows.iter().map(|it| it.seq).collect();
    assert_eq!(seqs, (1..=16).collect(), "no number is left out or had twice");
}

#[tokio::test]
async fn what_is_granted_begins_and_ends_by_itself_and_rules_see_the_level_that_is_held() {
    let stage = stage().await;
    stage.scheme(None).await;
    let now = OffsetDateTime::now_utc();
    let (from, until) = (now + Duration::days(1), now + Duration::days(3));
    stage.grant("u", grant(2, Some(from), Some(until)), "g").await.unwrap();
    assert_eq!((stage.rank("u").await, stage.moves("u").await.len()), (0, 0));
    let next = stage.levels.next_due(&stage.tenant).await.unwrap().unwrap();
    assert!((next - from).abs() < Duration::milliseconds(1));
    for (by, rank) in [("begins", 2), ("ends", 0)] {
        // the clock of the rows is moved instead of that of the world
        let moved = "update member set due_at = due_at - interval '2 days', rest = jsonb_set(jsonb_set(rest, \
            '{grants,0,from}', to_jsonb(to_char((rest #>> '{grants,0,from}')::timestamptz at time zone 'utc' - interval \
            '2 days', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))), '{grants,0,until}', to_jsonb(to_char((rest #>> \
            '{grants,0,until}')::timestamptz at time zone 'utc' - interval '2 days', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')))";
        stage.execute(moved).await;
        assert_eq!(stage.rank("u").await, rank, "a read is right before the review came by: {by}");
        assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 1, "{by}");
        assert_eq!(stage.rank("u").await, rank, "{by}");
    }
    let moves: Vec<_> = stage.moves("u").await.iter().map(|it| (it.from_rank, it.to_rank, it.cause)).collect();
    assert_eq!(moves, [(0, 2, MoveCause::Granted), (2, 0, MoveCause::GrantEnded)]);
    assert_eq!(stage.levels.next_due(&stage.tenant).await.unwrap(), None);
}

#[tokio::test]
async fn whoever_is_granted_a_level_is_told_what_is_missing_to_earn_it() {
    let stage = stage().await;
    stage.scheme(None).await;
    stage.grow("u", 30, "1").await;
    stage.grant("u", grant(2, None, None), "g").await.unwrap();
    let explained = stage.levels.explain_level(&stage.tenant, &user("u"), &key("vip"), &[]).await.unwrap();
    let last = explained.statements.last().unwrap();
    let sentence = last.sentence.as_ref().unwrap();
    assert_eq!(
        (last.reason(), sentence.texts["en"].as_str()),
        (pb::LevelReason::Next, "To reach “level”: 70 more growth")
    );
}

#[tokio::test]
async fn rules_and_events_name_the_rank_of_the_scheme_that_was_there_first() {
    let stage = stage().await;
    stage.publish_scheme(scheme("vip", &[0, 100]), "first").await;
    stage.publish_scheme(scheme("a-club", &[0, 10, 20]), "second").await;
    stage.publish(rule("points", "points", "order.completed", "level.rank * 10 + 1")).await;
    stage.grow("u", 50, "1").await;
    let mut events = crate::stage::Events::new();
    let told = stage.apply_told(&[events.completed("u", "o1", 100)]).await;
    let facts = &told[0].facts;
    let level = |name: &str| format!("{:?}", facts.values[name].value);
    assert!(level("level.scheme").contains("vip") && level("level.rank").contains('0'), "{facts:?}");
    assert_eq!(stage.balance("u", "points").await.available, 1);
    stage.grow("u", 50, "2").await;
    let mut events = crate::stage::Events::new();
    stage.apply(&[events.completed("u", "o2", 100)]).await;
    assert_eq!(stage.balance("u", "points").await.available, 12);
    let club = stage.levels.member(&stage.tenant, &user("u"), &key("a-club"), &[]).await.unwrap();
    assert_eq!((club.level.unwrap().rank, club.next_level), (2, None));
}

#[tokio::test]
async fn a_member_is_stored_with_all_that_its_levels_depend_on() {
    let stage = stage().await;
    let mut periodic = scheme("vip", &[0, 100, 200]);
    periodic.measures = vec![Measure { point_type: key("growth"), basis: Basis::Period }];
    periodic.validity = Some(levels::domain::scheme::policy::Validity {
        months: 12,
        rounding: None,
        end: levels::domain::scheme::policy::PeriodEnd::Keep,
    });
    periodic.policy.grace_days = 30;
    stage.publish_scheme(periodic, "vip").await;
    stage.grow("u", 220, "1").await;
    stage.earlier("1 year 3 days").await;
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 1);
    stage.grow("u", 150, "2").await;
    stage.earlier("1 year").await;
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 1);
    let member = stage.levels.member(&stage.tenant, &user("u"), &key("vip"), &[]).await.unwrap();
    assert_eq!((member.level.unwrap().rank, member.growth), (2, 0), "kept by the grace, and the count began anew");
    assert!(member.fall_time.is_some() && member.review_time.is_some());
    assert_eq!(member.to_keep[0].missing, 200);
    let explained = stage.levels.explain_level(&stage.tenant, &user("u"), &key("vip"), &[]).await.unwrap();
    let reasons: Vec<pb::LevelReason> = explained.statements.iter().map(|it| it.reason()).collect();
    use pb::LevelReason::{Fall, Held, Highest, Review};
    assert_eq!(reasons, [Held, Fall, Review, Highest]);
    let fall = explained.statements[1].sentence.as_ref().unwrap();
    assert!(fall.texts["zh"].contains("还差本期growth 200"), "{fall:?}");
}

#[tokio::test]
async fn a_changed_scheme_is_simulated_on_the_users_of_today_and_changes_nothing() {
    let stage = stage().await;
    stage.publish_scheme(scheme("vip", &[0, 100, 200]), "vip").await;
    let mut lounge = crate::benefits::lounge(&[(1, Some(1), 2), (2, None, 5)]);
    lounge.cost_minor = 300;
    stage.publish_benefit(lounge, "lounge").await.unwrap();
    for (who, growth) in [("小林", 90), ("b", 120), ("c", 150), ("d", 300)] {
        stage.grow(who, growth, "1").await;
    }
    stage.grant("小林", grant(1, None, None), "g").await.unwrap();
    let draft = scheme("vip", &[0, 140, 160]);
    let page = stage.levels.simulate_scheme(&stage.tenant, &draft, 2, "").await.unwrap();
    let (told, next) = (&page.rows[0], page.next.clone());
    assert_eq!((told.users, told.moves_total, next), (4, 1, None));
    let levels: Vec<_> = told.levels.iter().map(|it| (it.users_now, it.users_soon, it.users_reviewed)).collect();
    assert_eq!(levels, [(0, 0, 1), (3, 3, 2), (1, 1, 1)], "whoever is on a level keeps it until its review");
    let moves: Vec<_> = told.moves.iter().map(|it| (it.user_id.as_str(), it.rank_soon, it.rank_reviewed)).collect();
    assert_eq!(moves, [("b", 1, 0)], "who was granted a level keeps it");
    let cost = &told.benefits[0];
    assert_eq!((cost.cost_now_minor, cost.cost_soon_minor, cost.cost_reviewed_minor), (3_300, 3_300, 2_700));
    let easier = scheme("vip", &[0, 50, 120]);
    let page = stage.levels.simulate_scheme(&stage.tenant, &easier, 10, "").await.unwrap();
    let moves: Vec<_> = page.rows[0].moves.iter().map(|it| (it.user_id.as_str(), it.rank_now, it.rank_soon)).collect();
    assert_eq!(moves, [("b", 1, 2), ("c", 1, 2)]);
    let other = Scheme { id: key("new"), ..joint() };
    let page = stage.levels.simulate_scheme(&stage.tenant, &other, 10, "").await.unwrap();
    assert_eq!(page.rows[0].users, 0, "nobody has points, which guard the new scheme");
    assert_eq!((stage.rank("b").await, stage.moves("b").await.len()), (1, 1));
}
