//! Request ids.

use levels::domain::refusal::Refusal;
use levels::error::LevelsError;

use crate::stage::{create_point_type, earn, spend, stage};
use levels::domain::expiry::Expiry;
use levels::domain::point_type::ReversalPolicy;

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_has_no_effect() {
    let stage = stage().await;
    let first =
        stage.levels.post(&stage.tenant, &[earn("u", "points", 5, "id", None)]).await.unwrap().remove(0).unwrap();
    stage.earn("u", 1, "other").await.unwrap();
    let again =
        stage.levels.post(&stage.tenant, &[earn("u", "points", 5, "id", None)]).await.unwrap().remove(0).unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(first.value, again.value);
    assert!(first.value.position.is_some());
    assert_eq!(stage.balance("u", "points").await.available, 6);
}

#[tokio::test]
async fn a_refused_spend_stays_refused_after_points_came_in() {
    let stage = stage().await;
    let short = |replayed| {
        move |error: &LevelsError| {
            matches!(error, LevelsError::Refused { refusal: Refusal::BalanceShort { available: 0, amount: 5 }, replayed: r }
            if *r == replayed)
        }
    };
    let refused = stage.spend("u", 5, "id").await.unwrap_err();
    assert!(short(false)(&refused), "{refused:?}");
    stage.earn("u", 100, "in").await.unwrap();
    let again = stage.spend("u", 5, "id").await.unwrap_err();
    assert!(short(true)(&again), "{again:?}");
    assert_eq!(stage.balance("u", "points").await.available, 100);
}

#[tokio::test]
async fn an_id_with_another_body_is_refused_and_another_user_tenant_or_method_is_another_scope() {
    let stage = stage().await;
    stage.earn("u", 5, "id").await.unwrap();
    let reused = stage.earn("u", 6, "id").await;
    assert!(matches!(reused, Err(LevelsError::RequestIdReused { .. })));
    stage.earn("v", 6, "id").await.unwrap();
    stage.spend("u", 1, "id").await.unwrap();
    let (levels, other) = stage.of("other");
    create_point_type(levels, &other, "points", true, Expiry::Never, ReversalPolicy::DownToZero).await;
    let call = earn("u", "points", 6, "id", None);
    assert!(!levels.post(&other, &[call]).await.unwrap().remove(0).unwrap().replayed);
    assert_eq!(stage.balance("u", "points").await.available, 4);
}

#[tokio::test]
async fn of_fifty_callers_with_one_id_and_two_bodies_one_body_wins_once() {
    let stage = stage().await;
    let calls = (0..50).map(|n| {
        let (levels, tenant) = (stage.levels.clone(), stage.tenant.clone());
        let amount = 10 + n % 2;
        tokio::spawn(async move {
            let call = earn("u", "points", amount, "id", None);
            (amount, levels.post(&tenant, &[call]).await.map(|mut outcomes| outcomes.remove(0)))
        })
    });
    let (mut fresh, mut answered) = (Vec::new(), Vec::new());
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            (amount, Ok(Ok(answer))) => {
                answered.push(amount);
                if !answer.replayed {
                    fresh.push(amount);
                }
            }
            (_, Ok(Err(LevelsError::RequestIdReused { .. }))) => {}
            (_, other) => panic!("{other:?}"),
        }
    }
    assert_eq!(fresh.len(), 1);
    assert!(answered.iter().all(|amount| *amount == fresh[0]), "{answered:?}");
    assert_eq!(stage.balance("u", "points").await.available, fresh[0]);
    stage.audit().await;
}

#[tokio::test]
async fn of_fifty_repeated_spends_of_an_account_that_never_was_one_is_recorded() {
    let stage = stage().await;
    let calls = (0..50).map(|_| {
        let (levels, tenant) = (stage.levels.clone(), stage.tenant.clone());
        tokio::spawn(async move { levels.post(&tenant, &[spend("u", 5, "id")]).await.map(|mut it| it.remove(0)) })
    });
    let mut fresh = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(Err(LevelsError::Refused { replayed, .. })) => fresh += usize::from(!replayed),
            Err(LevelsError::Store(error)) if error.retryable() => {} // lost three races: to be repeated
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fresh, 1);
}
