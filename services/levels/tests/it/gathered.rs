//! Reads that are answered for many callers at once: everybody is told what they would be told alone.

use std::sync::Arc;

use futures::future::join_all;
use levels::domain::balance::Balance;
use levels::domain::refusal::Refusal;
use levels::error::LevelsError;
use levels::queries::{AskedBalance, AskedStanding};
use proto::profiles::v1::ProfileAliasLinked;
use service::{Gather, Gatherer};
use time::{Duration, OffsetDateTime};

use crate::as_of::{START, shop};
use crate::stage::{Events, Stage, key, point_type, stage, user};

/// Two users who have something, one of them under two ids, and points of whom an hour's worth is set aside.
async fn peopled() -> Stage {
    let stage = stage().await;
    stage.scheme(None).await;
    stage.earn("u", 100, "1").await.unwrap();
    stage.earn("v", 5, "2").await.unwrap();
    stage.grow("v", 500, "3").await;
    stage.hold("u", 30, "h").await;
    let linked = Events::new().of("u", "l", &ProfileAliasLinked { alias: "also-u".to_owned() });
    stage.apply(&[linked]).await;
    stage
}

#[tokio::test]
async fn balances_asked_for_together_are_those_asked_for_alone() {
    let stage = peopled().await;
    let now = OffsetDateTime::now_utc();
    let of = |who: &str, what: &str, at| AskedBalance { user: user(who), point_type: key(what), at };
    let asked = [
        of("u", "points", None),
        of("v", "points", None),
        of("nobody", "points", None),
        of("u", "nothing", None),
        of("also-u", "points", None),
        of("u", "points", Some(now + Duration::days(800))),
        of("u", "points", Some(now)),
    ];
    let together = stage.levels.answers(&stage.tenant, &[], &asked).await.unwrap();
    assert_eq!(together.len(), asked.len());
    for (asked, together) in asked.into_iter().zip(together) {
        let alone = stage.levels.answer(&stage.tenant, &[], asked.clone()).await;
        match (together, alone) {
            (Ok(together), Ok(alone)) => assert_eq!(together, alone, "{asked:?}"),
            (together, alone) => {
                let unknown = |it: &LevelsError| {
                    matches!(it, LevelsError::Refused { refusal: Refusal::PointTypeNotFound { .. }, .. })
                };
                assert!(together.is_err_and(|it| unknown(&it)) && alone.is_err_and(|it| unknown(&it)), "{asked:?}");
            }
        }
    }
    let held = stage.balance("also-u", "points").await;
    assert_eq!((held.available, held.held), (70, 30));
}

#[tokio::test]
async fn past_instants_of_several_users_asked_for_together_are_those_asked_for_alone() {
    let stage = shop(point_type("points")).await;
    let hours = |hours| START + Duration::hours(hours);
    for n in 1..=4 {
        for (who, amount) in [("u", 10), ("v", 100)] {
            stage.at(hours(n)).await;
            stage.earn(who, amount, &n.to_string()).await.unwrap();
        }
        if n == 2 {
            stage.hold("u", 5, "h").await; // for an hour
        }
    }
    stage.at(hours(9)).await;
    let of = |who: &str, at| AskedBalance { user: user(who), point_type: key("points"), at };
    let instants = (0..6).rev().map(|n| Some(hours(n))).chain([None]);
    let asked: Vec<_> = instants.flat_map(|at| ["v", "nobody", "u"].map(|who| of(who, at))).collect();
    let together = stage.levels.answers(&stage.tenant, &[], &asked).await.unwrap();
    let figures = |balance: &Balance| (balance.available, balance.held);
    let mut seen = Vec::new();
    for (asked, together) in asked.into_iter().zip(together) {
        let (who, alone) = (asked.user.clone(), stage.levels.answer(&stage.tenant, &[], asked).await.unwrap());
        let together = together.unwrap();
        assert_eq!(together, alone);
        seen.extend((who.as_str() == "u").then(|| figures(&together)));
        let others = if who.as_str() == "v" { together.available % 100 } else { 0 };
        assert_eq!(others, 0, "nobody is told what is another's");
    }
    assert_eq!(seen, [(40, 0), (40, 0), (30, 0), (15, 5), (10, 0), (0, 0), (40, 0)]);
}

#[tokio::test]
async fn a_standing_is_the_member_and_the_balances_that_other_reads_tell() {
    let stage = peopled().await;
    let asked = ["u", "v", "also-u", "nobody"].map(|who| AskedStanding { user: user(who) });
    let together = stage.levels.answers(&stage.tenant, &[], &asked).await.unwrap();
    for (asked, standing) in asked.iter().zip(together) {
        let standing = standing.unwrap();
        let scheme = &standing.schemes[0];
        let id = scheme.scheme.as_ref().unwrap().scheme_id.clone();
        let member = stage.levels.member(&stage.tenant, &asked.user, &key(&id), &[]).await.unwrap();
        assert_eq!(scheme.member.as_ref(), Some(&member));
        for points in standing.points {
            let point_type = points.point_type.unwrap();
            assert!(point_type.spendable);
            let balance = stage.balance(asked.user.as_str(), &point_type.point_type_id).await;
            assert_eq!(points.balance, Some(levels::wire::balance(balance)));
        }
    }
}

#[tokio::test]
async fn callers_who_ask_at_the_same_time_are_told_their_own() {
    let stage = stage().await;
    for n in 1..=10 {
        stage.earn(&format!("u{n}"), n, &n.to_string()).await.unwrap();
    }
    let balances = Gatherer::new("balances", Arc::clone(&stage.levels), lanes::Settings::default());
    let ask = |n: i64| {
        let (balances, tenant, who) = (balances.clone(), stage.tenant.clone(), format!("u{}", n % 10 + 1));
        async move {
            let asked = AskedBalance { user: user(&who), point_type: key("points"), at: None };
            (n % 10 + 1, balances.ask(&tenant, &who, &[], asked).await.unwrap().available)
        }
    };
    for (own, told) in join_all((0..200).map(ask)).await {
        assert_eq!(told, own);
    }
}
