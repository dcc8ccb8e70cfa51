use std::time::{Duration, Instant};

use futures::future::join_all;
use pg::{Db, StoreError};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgConnection, PgPool, Row};
use testkit::TestDb;
use time::OffsetDateTime;
use tokio::task::yield_now;

use crate::{database, tenant, with};

const CONNECTIONS: u32 = 4;

/// Polls a future some times and then drops it: a caller that goes away in the middle.
async fn cancelled_after<F: Future>(polls: usize, future: F) {
    let patience = async {
        for _ in 0..polls {
            yield_now().await;
        }
    };
    tokio::select! {
        _ = future => {}
        () = patience => {}
    }
}

async fn began(conn: &mut PgConnection) -> OffsetDateTime {
    sqlx::query_scalar("select transaction_timestamp()").fetch_one(conn).await.unwrap()
}

/// All connections of the pool at once, in transactions of their own.
async fn begin_all(db: &Db) -> Vec<pg::Tx> {
    let begun = join_all((0..CONNECTIONS).map(|_| async { db.begin(&tenant("next")).await.unwrap() }));
    begun.await
}

#[tokio::test]
async fn a_connection_with_a_transaction_left_open_is_never_lent() {
    let test = database().await;
    let db = with(&test, |settings| settings.pool_max = CONNECTIONS).await;
    let mut observer = test.admin("shelf").await;
    for round in 0..400 {
        let gone = (0..CONNECTIONS as usize).map(|n| cancelled_after(round % 40 + 3 * n, db.begin_system()));
        join_all(gone).await;
        let before = pg::real_clock(&mut observer).await.unwrap();
        for mut tx in begin_all(&db).await {
            assert!(began(&mut tx).await >= before, "round {round}: a transaction that began before it was asked for");
            tx.rollback().await.unwrap();
        }
    }
}

/// The test above can fail: the same on a plain pool of sqlx. Once this one fails, sqlx has learnt to do without the guard
/// and both can go.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "shows what sqlx does by itself")]
async fn without_the_guard_sqlx_lends_a_connection_with_a_transaction_left_open() {
    let test = database().await;
    let pool = PgPoolOptions::new().max_connections(1).connect(&test.admin_url).await.unwrap();
    for round in 0..10_000 {
        cancelled_after(round % 40, pool.begin()).await;
        if inside_transaction(&pool).await {
            return;
        }
    }
    panic!("10,000 cancelled begins left no transaction open");
}

#[expect(clippy::disallowed_methods, reason = "shows what sqlx does by itself")]
async fn inside_transaction(pool: &PgPool) -> bool {
    let mut conn = pool.acquire().await.unwrap();
    let times = sqlx::raw_sql("select transaction_timestamp() <> statement_timestamp()");
    let inside = times.fetch_one(&mut *conn).await.unwrap().get(0);
    conn.execute("rollback").await.unwrap();
    inside
}

#[tokio::test]
async fn a_healthy_connection_is_lent_again_and_again() {
    let test = database().await;
    let db = with(&test, |settings| settings.pool_max = 1).await;
    let mut servers = Vec::new();
    for _ in 0..20 {
        let mut tx = db.begin(&tenant("a")).await.unwrap();
        servers.push(sqlx::query_scalar::<_, i32>("select pg_backend_pid()").fetch_one(&mut *tx).await.unwrap());
        tx.commit().await.unwrap();
    }
    servers.dedup();
    assert_eq!(servers.len(), 1);
}

#[tokio::test]
async fn dead_connections_are_replaced_before_they_are_lent() {
    let test = database().await;
    let db = with(&test, |settings| settings.pool_max = CONNECTIONS).await;
    drop(begin_all(&db).await);
    end_backends(&test).await;
    for tx in begin_all(&db).await {
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_cut_inside_a_transaction_is_a_database_that_is_unavailable() {
    let test = database().await;
    let db = test.db("shelf").await;
    let mut tx = db.begin(&tenant("a")).await.unwrap();
    end_backends(&test).await;
    let error = pg::real_clock(&mut tx).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

/// Ends the service's connections, as a restart of the server does, and waits until they are gone.
async fn end_backends(test: &TestDb) {
    let mut admin = test.admin("shelf").await;
    // materialized, so that the server has picked out this database's connections before it ends any
    let end = "with own as materialized (
                   select pid from pg_stat_activity where datname = current_database() and usename = 'banyan_shelf')
               select count(*) from own where pg_terminate_backend(pid, 10000)";
    let ended: i64 = sqlx::query_scalar(end).fetch_one(&mut admin).await.unwrap();
    assert!(ended > 0);
}

#[tokio::test]
async fn a_full_pool_answers_within_its_limit() {
    let test = database().await;
    let db = with(&test, |settings| (settings.pool_max, settings.acquire_timeout_ms) = (1, 100)).await;
    let held = db.begin(&tenant("a")).await.unwrap();
    let asked = Instant::now();
    let error = db.begin(&tenant("a")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(sqlx::Error::PoolTimedOut)), "{error:?}");
    assert!(asked.elapsed() < Duration::from_secs(5));
    drop(held);
}

#[tokio::test]
async fn a_statement_that_runs_too_long_is_ended_as_unavailable() {
    let test = database().await;
    let db = with(&test, |settings| settings.statement_timeout_ms = 50).await;
    let mut tx = db.begin(&tenant("a")).await.unwrap();
    let error = StoreError::from(tx.execute("select pg_sleep(60)").await.unwrap_err());
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_eq!(error.sqlstate().as_deref(), Some("57014"));
}

#[tokio::test]
async fn a_transaction_that_sits_idle_is_ended_by_the_server() {
    let test = database().await;
    let db = with(&test, |settings| settings.idle_in_transaction_ms = 50).await;
    let mut tx = db.begin(&tenant("a")).await.unwrap();
    let admin = PgPool::connect(&test.admin_url).await.unwrap();
    let none_left = "select count(*) = 0 from pg_stat_activity
                     where datname = current_database() and state = 'idle in transaction'";
    let none = || async { sqlx::query_scalar::<_, bool>(none_left).fetch_one(&admin).await.unwrap() };
    testkit::eventually(none).await;
    let error = pg::real_clock(&mut tx).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_ends_the_start() {
    let test = database().await;
    let mut settings = test.settings("shelf");
    settings.url = "postgres://banyan_shelf@127.0.0.1:1/nowhere".to_owned();
    (settings.connect_timeout_ms, settings.acquire_timeout_ms) = (100, 50);
    let error = Db::connect(&settings, "shelf").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn the_settings_are_printed_without_the_password() {
    let mut settings = database().await.settings("shelf");
    settings.url = "postgres://banyan_shelf:geheim@db/banyan".to_owned();
    assert!(!format!("{settings:?}").contains("geheim"));
}
