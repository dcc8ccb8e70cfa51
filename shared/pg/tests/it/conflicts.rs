use std::sync::atomic::{AtomicU32, Ordering};

use pg::{Db, StoreError, Tx, retrying};
use sqlx::Executor;
use tokio::sync::Barrier;

use crate::{database, tenant, with};

async fn with_counters(db: &Db) {
    let mut tx = db.begin(&tenant("a")).await.unwrap();
    tx.execute("insert into counter (name, value) values ('x', 0), ('y', 0)").await.unwrap();
    tx.commit().await.unwrap();
}

async fn count(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    let query = sqlx::query("update counter set value = value + 1 where name = $1");
    query.bind(name).execute(&mut **tx).await?;
    Ok(())
}

async fn values(db: &Db) -> Vec<i64> {
    let mut tx = db.begin(&tenant("a")).await.unwrap();
    sqlx::query_scalar("select value from counter order by name").fetch_all(&mut *tx).await.unwrap()
}

#[tokio::test]
async fn a_deadlock_is_resolved_by_a_new_attempt_of_the_loser() {
    let test = database().await;
    let db = test.db("shelf").await;
    with_counters(&db).await;
    let (both_hold_one, attempts) = (Barrier::new(2), AtomicU32::new(0));

    let crosswise = |first: &'static str, second: &'static str| {
        let (db, both_hold_one, attempts) = (&db, &both_hold_one, &attempts);
        retrying("crosswise", move || async move {
            let number = attempts.fetch_add(1, Ordering::Relaxed);
            let mut tx = db.begin(&tenant("a")).await?;
            count(&mut tx, first).await?;
            if number < 2 {
                both_hold_one.wait().await;
            }
            count(&mut tx, second).await?;
            tx.commit().await
        })
    };
    let (one, other) = tokio::join!(crosswise("x", "y"), crosswise("y", "x"));

    one.unwrap();
    other.unwrap();
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    assert_eq!(values(&db).await, [2, 2]);
}

#[tokio::test]
async fn a_lock_that_is_not_free_in_time_is_a_conflict() {
    let test = database().await;
    let db = with(&test, |settings| settings.lock_timeout_ms = 50).await;
    with_counters(&db).await;
    let mut holder = db.begin(&tenant("a")).await.unwrap();
    count(&mut holder, "x").await.unwrap();

    let mut waiter = db.begin(&tenant("a")).await.unwrap();
    let error = count(&mut waiter, "x").await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)) && error.retryable(), "{error:?}");
    assert_eq!(error.sqlstate().as_deref(), Some("55P03"));
}

#[tokio::test]
async fn a_serialisation_failure_is_a_conflict() {
    let test = database().await;
    let db = test.db("shelf").await;
    with_counters(&db).await;
    let mut late = db.begin(&tenant("a")).await.unwrap();
    late.execute("set transaction isolation level repeatable read").await.unwrap();
    late.execute("select value from counter").await.unwrap();
    let mut early = db.begin(&tenant("a")).await.unwrap();
    count(&mut early, "x").await.unwrap();
    early.commit().await.unwrap();

    let error = count(&mut late, "x").await.unwrap_err();
    assert_eq!((error.retryable(), error.sqlstate().as_deref()), (true, Some("40001")), "{error:?}");
}

#[tokio::test]
async fn a_constraint_says_its_name() {
    let test = database().await;
    let db = test.db("shelf").await;
    let cases = [
        ("insert into note values ('a', 1, 'x'), ('a', 1, 'y')", Some("note_pkey")),
        ("insert into note values ('a', 1, repeat('x', 100))", Some("note_text_short")),
        ("insert into note values ('a', 1, null)", None), // "not null" has no name: a bug of ours
    ];
    for (statement, want) in cases {
        let mut tx = db.begin(&tenant("a")).await.unwrap();
        let error = StoreError::from(tx.execute(statement).await.unwrap_err());
        assert_eq!((error.constraint(), error.passing()), (want, false), "{statement}");
    }
}

#[tokio::test]
async fn a_transaction_dropped_without_commit_leaves_nothing() {
    let test = database().await;
    let db = with(&test, |settings| settings.pool_max = 1).await;
    with_counters(&db).await;
    let mut tx = db.begin(&tenant("a")).await.unwrap();
    count(&mut tx, "x").await.unwrap();
    drop(tx);
    assert_eq!(values(&db).await, [0, 0]);
}
