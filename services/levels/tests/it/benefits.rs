//! Benefits: who holds them, and how often they are used.

use ids::{EventId, Key};
use levels::commands::{GiveBackBenefit, PublishBenefit, UseBenefit};
use levels::domain::benefit::{Benefit, BenefitKind, BenefitPeriod, BenefitRange};
use levels::domain::refusal::Refusal;
use levels::domain::scheme::policy::PeriodEnd;
use levels::error::LevelsError;
use levels::queries::Checked;
use proto::levels::v1 as pb;
use service::Answer;
use time::OffsetDateTime;
use units::zone::Zone;

use crate::stage::{Events, Stage, key, months, request, stage, text, user};

/// Ranges as (first rank, last rank, quota); a quota of 0 is none.
fn ranges(of: &[(usize, Option<usize>, i64)]) -> Vec<BenefitRange> {
    let range = |(first_rank, last_rank, quota): &(usize, Option<usize>, i64)| BenefitRange {
        first_rank: *first_rank,
        last_rank: *last_rank,
        quota: Some(*quota).filter(|quota| *quota > 0),
    };
    of.iter().map(range).collect()
}

/// A service of the scheme `vip`, so often a month.
pub(crate) fn lounge(of: &[(usize, Option<usize>, i64)]) -> Benefit {
    Benefit {
        id: key("lounge"),
        display_name: text("lounge"),
        description: None,
        kind: BenefitKind::Service,
        scheme: Some(key("vip")),
        ranges: ranges(of),
        period: Some(BenefitPeriod::Month),
        zone: None,
        valid_from: None,
        valid_until: None,
        paused: false,
        cost_minor: 1_500,
        version: 0,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    }
}

/// Which refusal an outcome is, and whether it is one given again.
#[track_caller]
fn refusal<T: std::fmt::Debug>(outcome: Result<T, LevelsError>) -> (Refusal, bool) {
    match outcome {
        Err(LevelsError::Refused { refusal, replayed }) => (refusal, replayed),
        other => panic!("{other:?}"),
    }
}

/// What is said where the quota is short, but for when it is whole again.
#[track_caller]
fn short<T: std::fmt::Debug>(outcome: Result<T, LevelsError>) -> (i64, i64) {
    match refusal(outcome).0 {
        Refusal::BenefitQuotaShort { left, count, .. } => (left, count),
        other => panic!("{other:?}"),
    }
}

impl Stage {
    pub(crate) async fn publish_benefit(
        &self,
        benefit: Benefit,
        id: &str,
    ) -> Result<pb::PublishBenefitResponse, LevelsError> {
        let request = request("", "BenefitService/PublishBenefit", id, 0);
        let published = self.levels.publish_benefit(&self.tenant, &PublishBenefit { request, benefit }).await;
        published.map(|answer| answer.value)
    }

    pub(crate) async fn use_it(
        &self,
        who: &str,
        count: i64,
        id: &str,
    ) -> Result<Answer<pb::UseBenefitResponse>, LevelsError> {
        let command = UseBenefit {
            request: request(who, "BenefitService/UseBenefit", id, count as u8),
            user: user(who),
            benefit: key("lounge"),
            count,
            order_id: "o".to_owned(),
            reason: String::new(),
        };
        self.levels.use_benefit(&self.tenant, &command).await
    }

    /// The id of a use that is made.
    pub(crate) async fn used(&self, who: &str, count: i64, id: &str) -> String {
        self.use_it(who, count, id).await.unwrap().value.r#use.unwrap().use_id
    }

    pub(crate) async fn give_it_back(
        &self,
        who: &str,
        (use_id, total): (&str, i64),
        id: &str,
    ) -> Result<Answer<pb::GiveBackBenefitResponse>, LevelsError> {
        let command = GiveBackBenefit {
            request: request(who, "BenefitService/GiveBackBenefit", id, total as u8),
            user: user(who),
            use_id: EventId::new(use_id).unwrap(),
            total,
            reason: String::new(),
        };
        self.levels.give_back_benefit(&self.tenant, &command).await
    }

    async fn check(&self, who: &str, count: i64) -> Checked {
        self.levels.check_benefit(&self.tenant, (&user(who), &key("lounge"), count), &[]).await.unwrap()
    }

    /// Used and left, as a check shows it.
    async fn standing(&self, who: &str) -> (i64, Option<i64>) {
        let it = self.check(who, 1).await.benefit;
        (it.used, it.left)
    }

    /// As if a user's uses so far had been made so many days earlier.
    async fn days_later(&self, days: i32) {
        let mut admin = self.db.admin(levels::NAME).await;
        for statement in [
            "update benefit_use set used_at = used_at - make_interval(days => $1)",
            "update benefit_count set period_start = period_start - make_interval(days => $1),
                last_decided_at = last_decided_at - make_interval(days => $1)",
        ] {
            sqlx::query(statement).bind(days).execute(&mut admin).await.unwrap();
        }
    }

    /// The counts are what the uses say.
    async fn audit_benefits(&self) {
        let mut admin = self.db.admin(levels::NAME).await;
        let wrong: Vec<(String, i64, i64)> = sqlx::query_as(
            "select c.user_id, c.used, (
                select coalesce(sum(u.count - u.given_back), 0)::bigint from benefit_use u
                where u.tenant_id = c.tenant_id and u.user_id = c.user_id and u.benefit_id = c.benefit_id
                    and u.used_at >= c.period_start
            ) from benefit_count c",
        )
        .fetch_all(&mut admin)
        .await
        .unwrap();
        let wrong: Vec<_> = wrong.into_iter().filter(|(_, count, sum)| count != sum).collect();
        assert_eq!(wrong, []);
    }
}

/// Levels at 0, 100 and 1,000; the lounge is silver's twice and gold's five times a month.
async fn club() -> Stage {
    let stage = stage().await;
    stage.scheme(None).await;
    stage.publish_benefit(lounge(&[(1, Some(1), 2), (2, None, 5)]), "lounge").await.unwrap();
    stage
}

#[tokio::test]
async fn a_benefit_comes_with_its_level_and_who_does_not_hold_it_sees_how_to() {
    let stage = club().await;
    let below = stage.check("u", 1).await;
    assert_eq!(below.refusal, Some(Refusal::BenefitNotHeld { benefit_id: "lounge".into(), needed_rank: Some(1) }));
    let it = below.benefit;
    assert_eq!((it.held, it.next_level.unwrap().rank, it.missing, it.next_quota), (false, 1, 100, Some(2)));
    assert_eq!(refusal(stage.use_it("u", 1, "1").await).0, below.refusal.unwrap());
    stage.grow("u", 100, "g").await;
    let held = stage.check("u", 1).await;
    assert_eq!(held.refusal, None);
    let it = held.benefit;
    assert_eq!((it.held, it.quota, it.used, it.left), (true, Some(2), 0, Some(2)));
    assert_eq!((it.next_level.unwrap().rank, it.missing, it.next_quota), (2, 900, Some(5)));
    assert!(refusal(stage.use_it("u", 1, "1").await).1, "what was refused stays refused");
    let used = stage.use_it("u", 2, "2").await.unwrap().value;
    assert_eq!((used.used_after, used.left_after), (2, Some(0)));
    let it = used.r#use.unwrap();
    assert_eq!((it.benefit_version, it.rank, it.count, it.cost_minor), (1, Some(1), 2, 1_500));
    assert_eq!(short(stage.use_it("u", 1, "3").await), (0, 1));
    stage.audit_benefits().await;
}

#[tokio::test]
async fn all_of_a_users_benefits_are_listed_with_what_is_left_and_what_the_next_level_gives() {
    let stage = club().await;
    let title = Benefit {
        id: key("title"),
        kind: BenefitKind::Cosmetic,
        period: None,
        ranges: ranges(&[(2, None, 0)]),
        ..lounge(&[])
    };
    stage.publish_benefit(title.clone(), "title").await.unwrap();
    stage.publish_benefit(Benefit { id: key("gone"), paused: true, ..title }, "gone").await.unwrap();
    let zone = Some(Zone::new("Asia/Shanghai").unwrap());
    let wifi = Benefit { id: key("wifi"), scheme: None, zone, ..lounge(&[(0, None, 0)]) };
    stage.publish_benefit(wifi, "wifi").await.unwrap();
    stage.grow("u", 100, "g").await;
    stage.use_it("u", 1, "1").await.unwrap();
    let page = stage.levels.list_user_benefits(&stage.tenant, &user("u"), "", 10, &[]).await.unwrap();
    let seen: Vec<_> = page
        .rows
        .iter()
        .map(|it| {
            let id = it.benefit.as_ref().unwrap().benefit_id.as_str();
            (id, it.held, it.used, it.left, it.next_level.as_ref().map(|level| level.rank))
        })
        .collect();
    let want =
        [("lounge", true, 1, Some(1), Some(2)), ("title", false, 0, None, Some(2)), ("wifi", true, 0, None, None)];
    assert_eq!((seen.as_slice(), page.next), (want.as_slice(), None));
    let page = stage.levels.list_user_benefits(&stage.tenant, &user("u"), "lounge", 1, &[]).await.unwrap();
    assert_eq!((page.rows.len(), page.next.as_deref()), (1, Some("title")));
    let stranger = stage.levels.list_user_benefits(&stage.tenant, &user("v"), "", 10, &[]).await.unwrap();
    assert_eq!(stranger.rows.iter().map(|it| it.held).collect::<Vec<_>>(), [false, false, true]);
}

#[tokio::test]
async fn fifty_callers_never_use_more_than_the_quota() {
    let stage = club().await;
    stage.grow("u", 1_000, "g").await;
    let ids: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let outcomes = futures::future::join_all(ids.iter().map(|id| stage.use_it("u", 1, id))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
    assert!(outcomes.into_iter().filter(Result::is_err).all(|outcome| short(outcome) == (0, 1)));
    assert_eq!(stage.standing("u").await, (5, Some(0)));
    stage.audit_benefits().await;
}

#[tokio::test]
async fn fifty_calls_with_one_id_are_one_use() {
    let stage = club().await;
    stage.grow("u", 1_000, "g").await;
    let outcomes = futures::future::join_all((0..50).map(|_| stage.use_it("u", 2, "same"))).await;
    let answers: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.value == answers[0].value));
    assert_eq!(stage.standing("u").await, (2, Some(3)));
    let reused = stage.use_it("u", 1, "same").await;
    assert!(matches!(reused, Err(LevelsError::RequestIdReused { .. })));
}

#[tokio::test]
async fn a_use_is_given_back_in_parts_and_never_twice() {
    let stage = club().await;
    stage.grow("u", 1_000, "g").await;
    let id = stage.used("u", 4, "1").await;
    let part = stage.give_it_back("u", (&id, 1), "b1").await.unwrap().value;
    assert_eq!((part.came_back, part.r#use.unwrap().given_back), (1, 1));
    assert_eq!(stage.standing("u").await, (3, Some(2)));
    let again = stage.give_it_back("u", (&id, 1), "b1").await.unwrap();
    assert!(again.replayed);
    let same = stage.give_it_back("u", (&id, 1), "b2").await.unwrap().value;
    assert_eq!(same.came_back, 0, "in all it is one, and that came back");
    assert!(same.position.is_some());
    let exceeded = refusal(stage.give_it_back("u", (&id, 5), "b3").await).0;
    assert_eq!(exceeded, Refusal::BenefitGiveBackExceeded { used: 4, count: 5 });
    let ids: Vec<String> = (0..20).map(|n| format!("all-{n}")).collect();
    let all = futures::future::join_all(ids.iter().map(|request| stage.give_it_back("u", (&id, 0), request))).await;
    assert_eq!(all.into_iter().map(|outcome| outcome.unwrap().value.came_back).sum::<i32>(), 3);
    assert_eq!(stage.standing("u").await, (0, Some(5)));
    let unknown = refusal(stage.give_it_back("v", (&id, 0), "b4").await).0;
    assert_eq!(unknown, Refusal::BenefitUseNotFound { use_id: id }, "it is another user's");
    stage.audit_benefits().await;
}

#[tokio::test]
async fn uses_and_what_comes_back_of_them_at_once_add_up() {
    let stage = club().await;
    stage.grow("u", 1_000, "g").await;
    let id = stage.used("u", 5, "1").await;
    let calls = (0..40).map(|n| {
        let (stage, id) = (&stage, &id);
        async move {
            if n % 4 == 0 {
                stage.give_it_back("u", (id, 1 + n / 10), &format!("b{n}")).await.map(drop)
            } else {
                stage.use_it("u", 1, &format!("u{n}")).await.map(drop)
            }
        }
    });
    futures::future::join_all(calls).await;
    let (used, left) = stage.standing("u").await;
    assert!(used <= 5 && left == Some(5 - used), "{used} of 5");
    stage.audit_benefits().await;
}

#[tokio::test]
async fn with_the_next_period_the_quota_is_whole_and_what_comes_back_late_goes_to_the_old_one() {
    let stage = club().await;
    stage.grow("u", 100, "g").await;
    let id = stage.used("u", 2, "1").await;
    stage.days_later(40).await;
    assert_eq!(stage.standing("u").await, (0, Some(2)), "before anything is written");
    let back = stage.give_it_back("u", (&id, 1), "b1").await.unwrap().value;
    assert_eq!((back.came_back, stage.standing("u").await), (1, (0, Some(2))));
    stage.use_it("u", 1, "2").await.unwrap();
    let back = stage.give_it_back("u", (&id, 2), "b2").await.unwrap().value;
    assert_eq!((back.came_back, stage.standing("u").await), (1, (1, Some(1))));
    stage.audit_benefits().await;
}

#[tokio::test]
async fn a_rise_gives_the_higher_quota_and_a_fall_leaves_uses_as_they_are() {
    let stage = club().await;
    stage.rule("r", "growth", "order.completed", "order.total_minor / 100").await;
    stage.grow("u", 100, "g").await;
    stage.use_it("u", 2, "1").await.unwrap();
    let mut events = Events::new();
    stage.apply(&[events.completed("u", "o", 90_000)]).await;
    assert_eq!(stage.standing("u").await, (2, Some(3)));
    let id = stage.used("u", 2, "2").await;
    stage.apply(&[events.cancelled("u", "o", 90_000)]).await;
    assert_eq!((stage.rank("u").await, stage.standing("u").await), (1, (4, Some(0))));
    assert_eq!(short(stage.use_it("u", 1, "3").await), (0, 1));
    stage.give_it_back("u", (&id, 2), "b").await.unwrap();
    assert_eq!(stage.standing("u").await, (2, Some(0)), "silver has two");
    stage.audit_benefits().await;
}

#[tokio::test]
async fn a_level_period_ends_with_the_validity_and_not_with_a_rise() {
    let stage = stage().await;
    stage.scheme(months(12, PeriodEnd::SubtractThreshold)).await;
    let by_level = Benefit { period: Some(BenefitPeriod::Level), ..lounge(&[(1, Some(1), 2), (2, None, 5)]) };
    stage.publish_benefit(by_level, "lounge").await.unwrap();
    stage.grow("u", 150, "1").await;
    stage.use_it("u", 2, "1").await.unwrap();
    stage.grow("u", 950, "2").await;
    assert_eq!(stage.standing("u").await, (2, Some(3)), "the period goes on after the rise");
    let renewal = stage.check("u", 1).await.benefit.renew_time.unwrap();
    let member = stage.levels.member(&stage.tenant, &user("u"), &key("vip"), &[]).await.unwrap();
    assert_eq!(Some(renewal), member.valid_until);
    // as if all that were a year and some days ago
    stage.execute("update member set valid_until = valid_until - interval '1 year 3 days', review_at = review_at - interval '1 year 3 days',
                due_at = due_at - interval '1 year 3 days'",
).await;
    stage.days_later(368).await;
    assert_eq!(stage.standing("u").await, (0, Some(2)), "of 1,100 growth 1,000 were taken off; nobody has booked it");
    stage.use_it("u", 1, "2").await.unwrap();
    assert_eq!(stage.levels.review().await.unwrap(), 1);
    assert_eq!(stage.standing("u").await, (1, Some(1)), "booking it changes nothing");
    stage.audit_benefits().await;
}

#[tokio::test]
async fn another_version_counts_what_was_used_before_it() {
    let stage = club().await;
    stage.grow("u", 1_000, "g").await;
    let early = stage.used("u", 2, "1").await;
    stage.days_later(3).await;
    stage.use_it("u", 1, "2").await.unwrap();
    let daily = Benefit { period: Some(BenefitPeriod::Day), ..lounge(&[(2, None, 4)]) };
    let published = stage.publish_benefit(daily, "daily").await.unwrap().benefit.unwrap();
    assert_eq!(published.version, 2);
    assert_eq!(stage.standing("u").await, (1, Some(3)), "of today");
    stage.use_it("u", 1, "3").await.unwrap();
    let ever = Benefit { period: Some(BenefitPeriod::Ever), ..lounge(&[(2, None, 4)]) };
    stage.publish_benefit(ever, "ever").await.unwrap();
    assert_eq!(stage.standing("u").await, (4, Some(0)), "of all time");
    assert_eq!(short(stage.use_it("u", 1, "4").await), (0, 1));
    stage.give_it_back("u", (&early, 0), "b").await.unwrap();
    assert_eq!(stage.standing("u").await, (2, Some(2)));
    stage.use_it("u", 2, "5").await.unwrap();
    stage.audit_benefits().await;
}

#[tokio::test]
async fn what_another_process_publishes_decides_the_next_use() {
    let here = club().await;
    let there = here.replica().await;
    here.grow("u", 100, "g").await;
    here.use_it("u", 1, "1").await.unwrap();
    there.publish_benefit(lounge(&[(1, None, 1)]), "less").await.unwrap();
    assert_eq!(short(here.use_it("u", 1, "2").await), (0, 1));
    there.publish_benefit(Benefit { paused: true, ..lounge(&[(1, None, 9)]) }, "none").await.unwrap();
    let paused = Refusal::BenefitNotInForce { benefit_id: "lounge".into() };
    assert_eq!(refusal(here.use_it("u", 1, "3").await).0, paused);
}

#[tokio::test]
async fn a_restriction_is_checked_and_never_used() {
    let stage = club().await;
    let posting = Benefit { kind: BenefitKind::Restriction, period: None, ..lounge(&[(1, None, 0)]) };
    stage.publish_benefit(posting.clone(), "posting").await.unwrap();
    let below = stage.check("u", 1).await;
    assert_eq!(below.refusal, Some(Refusal::BenefitNotHeld { benefit_id: "lounge".into(), needed_rank: Some(1) }));
    assert_eq!(below.sentence.texts["zh"], "「lounge」从「level」起享有，还差 100 成长值");
    stage.publish_benefit(Benefit { paused: true, ..posting }, "no more").await.unwrap();
    assert_eq!(stage.check("u", 1).await.refusal, None);
    let not_counted = Refusal::BenefitNotCounted { benefit_id: "lounge".into() };
    assert_eq!(refusal(stage.use_it("u", 1, "1").await).0, not_counted);
}

#[tokio::test]
async fn a_benefit_names_a_scheme_and_levels_that_there_are_and_its_tenant_has_at_most_200() {
    let stage = stage().await;
    let missing = refusal(stage.publish_benefit(lounge(&[(0, None, 1)]), "1").await);
    assert_eq!(missing, (Refusal::SchemeNotFound { scheme_id: "vip".into() }, false));
    stage.scheme(None).await;
    let too_high = refusal(stage.publish_benefit(lounge(&[(1, None, 1), (3, None, 2)]), "2").await).0;
    assert_eq!(too_high, Refusal::LevelNotFound { scheme_id: "vip".into(), rank: 3 });
    let paused = Benefit { id: key("left-over"), paused: true, ..lounge(&[(3, None, 2)]) };
    stage.publish_benefit(paused.clone(), "paused").await.unwrap();
    let again = refusal(stage.publish_benefit(Benefit { paused: false, ..paused }, "again").await).0;
    assert_eq!(again, Refusal::LevelNotFound { scheme_id: "vip".into(), rank: 3 });
    assert!(refusal(stage.publish_benefit(lounge(&[(0, None, 1)]), "1").await).1);
    for n in 0..199 {
        let id = format!("b-{n}");
        stage.publish_benefit(Benefit { id: key(&id), ..lounge(&[(0, None, 1)]) }, &id).await.unwrap();
    }
    let full = refusal(stage.publish_benefit(lounge(&[(0, None, 1)]), "3").await).0;
    assert_eq!(full, Refusal::BenefitLimit { limit: 200 });
    let again = Benefit { id: Key::new("b-7").unwrap(), ..lounge(&[(1, None, 1)]) };
    assert_eq!(stage.publish_benefit(again, "4").await.unwrap().benefit.unwrap().version, 2);
}

#[tokio::test]
async fn of_twenty_that_publish_one_benefit_at_once_each_gets_a_version() {
    let stage = club().await;
    let ids: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let publish = |id| stage.publish_benefit(lounge(&[(1, None, 7)]), id);
    let published = futures::future::join_all(ids.iter().map(|id| publish(id))).await;
    let versions = published.into_iter().map(|published| published.unwrap().benefit.unwrap().version);
    let mut versions: Vec<i32> = versions.collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..22).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_alias_uses_what_its_user_has() {
    let stage = club().await;
    stage.grow("u", 100, "g").await;
    let mut events = Events::new();
    let linked = events.of("u", "l", &proto::profiles::v1::ProfileAliasLinked { alias: "a".to_owned() });
    stage.apply(&[linked]).await;
    stage.use_it("u", 1, "1").await.unwrap();
    let id = stage.used("a", 1, "2").await;
    assert_eq!(short(stage.use_it("a", 1, "3").await), (0, 1));
    stage.give_it_back("a", (&id, 0), "b").await.unwrap();
    assert_eq!(stage.standing("u").await, stage.standing("a").await);
    let uses = stage.levels.list_benefit_uses(&stage.tenant, (&user("a"), None), None, 10, &[]).await.unwrap();
    assert_eq!(uses.rows.iter().map(|it| it.given_back).collect::<Vec<_>>(), [1, 0], "newest first");
}
