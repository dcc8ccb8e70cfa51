use std::collections::BTreeSet;
use std::sync::Arc;

use profiles::commands::LinkAlias;
use profiles::commands::NotTaken;
use profiles::domain::refusal::Refusal;
use profiles::error::ProfilesError;
use service::Gather;
use sqlx::{Connection, Executor};
use tokio::task::JoinSet;

use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_callers_with_two_bodies_under_one_id_get_one_effect() {
    let world = Arc::new(world().await);
    let mut callers = JoinSet::new();
    for n in 0..50 {
        let world = Arc::clone(&world);
        callers.spawn(async move { world.take(&[event("u1", "e1", paid("o1", 100 + n % 2))]).await.pop().unwrap() });
    }
    let outcomes = callers.join_all().await;
    let first = outcomes.iter().filter(|outcome| matches!(outcome, Ok(taken) if !taken.replayed)).count();
    let replays = outcomes.iter().filter(|outcome| matches!(outcome, Ok(taken) if taken.replayed)).count();
    let reused =
        outcomes.iter().filter(|o| matches!(o, Err(NotTaken::Failed(ProfilesError::RequestIdReused { .. })))).count();
    assert_eq!((first, replays, reused), (1, 24, 25));
    assert_eq!(world.log("u1").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_name_the_same_users_in_other_orders_all_succeed() {
    let world = Arc::new(world().await);
    let mut callers = JoinSet::new();
    for n in 0..16_usize {
        let world = Arc::clone(&world);
        callers.spawn(async move {
            let mut users: Vec<usize> = (0..20).map(|user| (user * (2 * n + 1) + n) % 20).collect();
            users.dedup();
            let events: Vec<_> = users
                .iter()
                .enumerate()
                .map(|(i, user)| event(&format!("u{user}"), &format!("e{n}-{i}"), paid(&format!("o{n}-{i}"), 10)))
                .collect();
            world.accept(&events).await.len() as i64
        });
    }
    let taken: i64 = callers.join_all().await.into_iter().sum();
    assert_eq!(world.number("select count(*) from customer_order").await, taken);
    assert_eq!(world.summaries_that_differ().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_becomes_either_a_user_or_an_alias_and_never_both() {
    let world = Arc::new(world().await);
    world.accept(&[event("u1", "e0", paid("o0", 10))]).await;
    for round in 0..20 {
        let alias = format!("a{round}");
        let link = LinkAlias {
            request: request("u1", "ProfileService/LinkAlias", &format!("l{round}"), &alias),
            user_id: user_id("u1"),
            alias: user_id(&alias),
        };
        let report = [event(&alias, &format!("e{}", round + 1), paid(&format!("o{round}"), 10))];
        let (linked, taken) = tokio::join!(world.profiles.link_alias(&world.shop, &link), world.take(&report));
        assert!(taken[0].is_ok(), "{taken:?}");
        let (profile, _) = world.profiles.answer(&world.shop, &[], asked(&alias)).await.unwrap();
        match linked {
            Ok(_) => assert_eq!(profile.user_id, "u1"),
            Err(ProfilesError::Refused { refusal, .. }) => {
                assert_eq!((refusal, profile.user_id), (Refusal::AliasTaken { alias: alias.clone() }, alias));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(world.summaries_that_differ().await, 0);
    let ids: BTreeSet<String> = world.log("u1").await.into_iter().collect();
    assert_eq!(ids.len(), world.log("u1").await.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_meets_its_id_on_the_way_to_an_alias_is_applied_to_the_aliass_user() {
    let world = Arc::new(world().await);
    world.accept(&[event("u1", "e0", paid("o0", 10))]).await;
    let mut linking = world.db.admin(profiles::NAME).await;
    let mut tx = linking.begin().await.unwrap();
    let alias = "insert into profile (tenant_id, user_id, alias_of, create_time, update_time)
                 values ('shop', 'wx', 'u1', clock_timestamp(), clock_timestamp())";
    tx.execute(alias).await.unwrap();
    let report = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.accept(&[event("wx", "e1", paid("o1", 5))]).await })
    };
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock' and query like '%into profile%'";
    testkit::eventually(|| async { world.number(waiting).await == 1 }).await;
    tx.commit().await.unwrap();
    report.await.unwrap();
    assert_eq!(world.spend("u1").await, (2, 15));
    assert_eq!(world.summaries_that_differ().await, 0);
}
