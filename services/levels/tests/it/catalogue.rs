//! What operators published is kept in memory, and nobody can tell.

use levels::domain::expiry::Expiry;
use levels::domain::point_type::ReversalPolicy;
use levels::domain::refusal::Refusal;
use levels::error::LevelsError;
use service::Gather;

use crate::stage::{Stage, key, stage, user};

async fn asked(stage: &Stage, point_type: &str) -> Result<i64, LevelsError> {
    let asked = levels::queries::AskedBalance { user: user("u"), point_type: key(point_type), at: None };
    stage.levels.answer(&stage.tenant, &[], asked).await.map(|balance| balance.available)
}

fn unknown(outcome: &Result<impl Sized, LevelsError>) -> bool {
    matches!(outcome, Err(LevelsError::Refused { refusal: Refusal::PointTypeNotFound { .. }, .. }))
}

#[tokio::test]
async fn a_point_type_that_another_process_defines_counts_at_the_next_call() {
    let here = stage().await;
    let there = here.replica().await;
    assert!(unknown(&asked(&here, "stars").await));
    there.point_type("stars", true, Expiry::Never, ReversalPolicy::DownToZero).await;
    assert_eq!(asked(&here, "stars").await.unwrap(), 0, "by a read");

    assert_eq!(here.earn("u", 1, "1").await.unwrap().entry.unwrap().amount, 1);
    there.point_type("moons", true, Expiry::Never, ReversalPolicy::DownToZero).await;
    let earn = crate::stage::earn("u", "moons", 5, "2", None);
    let earned = here.levels.post(&here.tenant, &[earn]).await.unwrap().remove(0);
    assert_eq!(earned.unwrap().value.entry.unwrap().amount, 5, "by a write");
}

#[tokio::test]
async fn thresholds_that_another_process_publishes_decide_the_next_entry() {
    let here = stage().await;
    let there = here.replica().await;
    here.scheme_with(&[0, 100], None, "first").await;
    here.grow("u", 50, "1").await;
    assert_eq!(here.rank("u").await, 0);
    there.scheme_with(&[0, 10, 55], None, "second").await;
    here.grow("u", 5, "2").await;
    assert_eq!(here.rank("u").await, 2);
}

#[tokio::test]
async fn a_repair_by_hand_is_a_change_too() {
    let stage = stage().await;
    stage.earn("u", 1, "1").await.unwrap();
    stage.execute("update point_type set spendable = false where point_type_id = 'points'").await;
    let spent = stage.spend("u", 1, "2").await;
    let unusable = |refusal: &Refusal| matches!(refusal, Refusal::PointTypeNotSpendable { .. });
    assert!(matches!(spent, Err(LevelsError::Refused { refusal, .. }) if unusable(&refusal)));
}
