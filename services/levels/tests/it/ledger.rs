//! Earning, spending, lapsing.

use levels::domain::expiry::Expiry;
use levels::domain::point_type::ReversalPolicy;
use levels::domain::refusal::Refusal;
use levels::error::LevelsError;
use levels::queries::AskedBalance;
use proto::levels::v1::EntryKind::{Earn, Expire, Spend};
use service::Gather;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::stage::{earn, empty, key, spend, stage, tenant, user};

#[tokio::test]
async fn points_are_earned_spent_and_told_by_statement_balance_and_circulation() {
    let stage = stage().await;
    let earned = stage.earn("u", 100, "1").await.unwrap().entry.unwrap();
    assert_eq!((earned.entry_seq, earned.amount, earned.balance_after, earned.growth_change), (1, 100, 100, 100));
    let spent = stage.spend("u", 30, "2").await.unwrap();
    assert_eq!((spent.available_after, spent.entry.unwrap().balance_after), (70, 70));
    assert_eq!(stage.statement("u", "points").await, [(Earn, 100), (Spend, -30)]);
    let balance = stage.balance("u", "points").await;
    assert_eq!((balance.available, balance.debt, balance.growth), (70, 0, 100));
    assert_eq!(balance.expiring.iter().map(|(_, points)| *points).collect::<Vec<_>>(), [70]);
    let circulation = stage.levels.circulation(&stage.tenant, &key("points"), None, &[]).await.unwrap();
    assert_eq!((circulation.issued, circulation.redeemed, circulation.accounts), (100, 30, 1));
    stage.audit().await;
}

#[tokio::test]
async fn fifty_callers_on_one_account_never_take_more_than_there_is() {
    let stage = stage().await;
    stage.earn("u", 100, "in").await.unwrap();
    let calls = (0..50).map(|n| {
        let (levels, tenant) = (stage.levels.clone(), stage.tenant.clone());
        tokio::spawn(async move { levels.post(&tenant, &[spend("u", 7, &n.to_string())]).await.unwrap().remove(0) })
    });
    let mut taken = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(_) => taken += 1,
            Err(LevelsError::Refused { refusal: Refusal::BalanceShort { amount: 7, .. }, replayed: false }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(taken, 14);
    assert_eq!(stage.balance("u", "points").await.available, 2);
    stage.audit().await;
}

#[tokio::test]
async fn fifty_first_earnings_of_one_account_all_count() {
    let stage = stage().await;
    let calls = (0..50).map(|n| {
        let (levels, tenant) = (stage.levels.clone(), stage.tenant.clone());
        tokio::spawn(async move {
            levels.post(&tenant, &[earn("u", "points", 2, &n.to_string(), None)]).await.unwrap().remove(0).unwrap()
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(stage.balance("u", "points").await.available, 100);
    stage.audit().await;
}

#[tokio::test]
async fn a_batch_has_an_outcome_for_each_call_and_one_refusal_fails_no_neighbour() {
    let stage = stage().await;
    let batch = [
        earn("a", "points", 10, "1", None),
        earn("b", "nothing", 10, "2", None),
        earn("a", "points", 5, "3", None),
        earn("b", "growth", 7, "4", None),
        earn("a", "points", 10, "1", None),
        earn("a", "points", 11, "1", None),
    ];
    let outcomes = stage.levels.post(&stage.tenant, &batch).await.unwrap();
    let seqs: Vec<_> =
        outcomes.iter().map(|it| it.as_ref().ok().map(|a| a.value.entry.as_ref().unwrap().entry_seq)).collect();
    assert_eq!(seqs, [Some(1), None, Some(2), Some(1), Some(1), None]);
    assert!(outcomes[4].as_ref().unwrap().replayed);
    assert!(matches!(&outcomes[1], Err(LevelsError::Refused { refusal: Refusal::PointTypeNotFound { .. }, .. })));
    assert!(matches!(&outcomes[5], Err(LevelsError::RequestIdReused { .. })));
    assert_eq!(outcomes[0].as_ref().unwrap().value, outcomes[4].as_ref().unwrap().value);
    stage.audit().await;
}

#[tokio::test]
async fn what_expires_first_is_spent_first_and_what_lapsed_cannot_be_spent() {
    let stage = empty().await;
    stage.point_type("points", true, Expiry::Days(10, None), ReversalPolicy::DownToZero).await;
    let now = OffsetDateTime::now_utc();
    stage.earn_at("u", 40, "late", now - Duration::days(2)).await;
    stage.earn_at("u", 30, "early", now - Duration::days(9)).await;
    stage.earn_at("u", 1_000, "gone", now - Duration::days(30)).await;
    assert_eq!(stage.balance("u", "points").await.available, 70);
    let spent = stage.spend("u", 50, "out").await.unwrap();
    let lots: Vec<i64> = spent.entry.unwrap().lots.iter().map(|lot| lot.amount).collect();
    assert_eq!((lots, spent.available_after), (vec![-30, -20], 20));
    // the lapse was booked on the way, with the time at which it happened
    let kinds: Vec<_> = stage.statement("u", "points").await;
    assert_eq!(kinds, [(Earn, 40), (Earn, 30), (Earn, 1_000), (Expire, -1_000), (Spend, -50)]);
    let refused = stage.spend("u", 21, "more").await;
    assert!(matches!(refused, Err(LevelsError::Refused { refusal: Refusal::BalanceShort { available: 20, .. }, .. })));
    stage.audit().await;
}

#[tokio::test]
async fn answers_as_of_a_time_do_not_depend_on_when_a_lapse_is_booked() {
    let stage = empty().await;
    stage.point_type("points", true, Expiry::Days(10, None), ReversalPolicy::DownToZero).await;
    let start = datetime!(2026-03-01 12:00 +8);
    stage.at(start).await;
    stage.earn("u", 5, "a").await.unwrap();
    stage.at(start + Duration::days(20)).await;
    stage.earn("u", 7, "b").await.unwrap(); // books the lapse of the one before; its own is to come
    stage.at(start + Duration::days(25)).await;
    stage.earn("u", 9, "c").await.unwrap();
    stage.at(start + Duration::days(32)).await;
    let times: Vec<_> = [-1, 5, 15, 22, 28, 32, 40].iter().map(|days| start + Duration::days(*days)).collect();
    let look = async || {
        let mut seen = Vec::new();
        for at in &times {
            let balance = stage.balance_at("u", "points", Some(*at)).await;
            let total = stage.levels.circulation(&stage.tenant, &key("points"), Some(*at), &[]).await.unwrap();
            seen.push((balance.available, balance.expiring, total.expired));
        }
        seen
    };
    let before = look().await;
    let figures: Vec<_> = before.iter().map(|(available, _, expired)| (*available, *expired)).collect();
    assert_eq!(figures, [(0, 0), (5, 0), (0, 5), (7, 5), (16, 5), (9, 12), (0, 21)]);
    assert!(stage.levels.review().await.unwrap() > 0);
    assert_eq!(look().await, before);
    assert_eq!(stage.statement("u", "points").await.len(), 5);
    stage.audit().await;
}

#[tokio::test]
async fn a_type_that_only_counts_is_not_spent_and_an_unknown_one_is_not_found() {
    let stage = stage().await;
    stage.grow("u", 10, "1").await;
    let mut call = spend("u", 1, "2");
    call.point_type = key("growth");
    let outcome = stage.levels.post(&stage.tenant, &[call]).await.unwrap().remove(0);
    assert!(matches!(outcome, Err(LevelsError::Refused { refusal: Refusal::PointTypeNotSpendable { .. }, .. })));
    let nothing = AskedBalance { user: user("u"), point_type: key("nothing"), at: None };
    let unknown = stage.levels.answer(&stage.tenant, &[], nothing).await;
    assert!(matches!(unknown, Err(LevelsError::Refused { refusal: Refusal::PointTypeNotFound { .. }, .. })));
    let never = stage.balance("stranger", "points").await;
    assert_eq!((never.available, never.growth, never.expiring), (0, 0, vec![]));
}

#[tokio::test]
async fn a_balance_has_a_limit() {
    let stage = stage().await;
    stage.execute("update account set growth = 0 where false").await;
    stage.earn("u", 1_000_000_000_000, "1").await.unwrap();
    stage.execute("update account set growth = 9007199254740990").await;
    assert!(stage.earn("u", 1, "2").await.is_ok());
    let refused = stage.earn("u", 1, "3").await;
    assert!(matches!(refused, Err(LevelsError::Refused { refusal: Refusal::BalanceOverflow { amount: 1 }, .. })));
}

#[tokio::test]
async fn an_entry_cannot_be_changed_or_deleted_by_anyone() {
    let stage = stage().await;
    stage.earn("u", 10, "1").await.unwrap();
    let mut admin = stage.db.admin(levels::NAME).await;
    for statement in ["update entry set amount = 11", "delete from entry", "truncate entry"] {
        let error = sqlx::query(statement).execute(&mut admin).await.unwrap_err();
        assert!(error.to_string().contains("never changed"), "{statement}: {error}");
    }
    let mut tx = stage.db.db(levels::NAME).await.begin(&tenant("shop")).await.unwrap();
    let error = sqlx::query("delete from entry").execute(&mut *tx).await.unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
}

#[tokio::test]
async fn the_audit_finds_an_account_that_does_not_add_up() {
    let stage = stage().await;
    stage.earn("u", 10, "1").await.unwrap();
    stage.earn("v", 10, "2").await.unwrap();
    stage.execute("update account set lot_points = array[11] where user_id = 'v'").await;
    let page = stage.levels.verify_ledger(&stage.tenant, None, 1, &[]).await.unwrap();
    assert_eq!((page.accounts, page.mismatches.len()), (1, 0));
    let page = stage.levels.verify_ledger(&stage.tenant, page.next, 1, &[]).await.unwrap();
    assert_eq!((page.mismatches[0].user_id.as_str(), page.mismatches[0].lots_sum, page.next), ("v", 11, None));
}
