//! Appends while another session holds an old snapshot, as a long report or a backup does: they read no more than before,
//! because nothing of the log is ever updated. How the rate holds is shown by `cargo run -p eventlog --example old_snapshot`.

use std::collections::BTreeMap;

use ids::{Partition, TenantId};
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use testkit::eventually;

use crate::stage::{Stage, visit_in};

const APPENDS: i32 = 3_000;
/// Pages that a taking may read more than before: the index of a day's events grows by a level.
const GROWTH_MAX: i64 = 3;

fn partition() -> u8 {
    Partition::of(&TenantId::new("shop").unwrap(), "u").index()
}

/// A session with a snapshot of before everything that follows.
async fn old_snapshot(stage: &Stage) -> PgConnection {
    let mut old = stage.db.admin("profiles").await;
    old.execute("begin isolation level repeatable read").await.unwrap();
    old.execute("select count(*) from event").await.unwrap();
    old
}

/// Pages that taking the partition reads, once its statements are planned.
async fn pages_read(stage: &Stage, take: &str) -> i64 {
    let mut conn = stage.db.admin("profiles").await;
    let explain = format!(
        "explain (analyze, buffers, costs off, timing off) select * from {take}(array[{}]::smallint[])",
        partition()
    );
    let mut pages = 0;
    for _ in 0..3 {
        conn.execute("begin").await.unwrap();
        let plan = conn.fetch_all(AssertSqlSafe(explain.as_str())).await.unwrap();
        conn.execute("rollback").await.unwrap();
        let lines = plan.iter().map(|row| row.get::<String, _>(0));
        let buffers =
            lines.map(|line| line.trim().to_owned()).find(|line| line.starts_with("Buffers: shared")).unwrap();
        let counts = buffers.split(' ').filter_map(|word| word.strip_prefix("hit=").or(word.strip_prefix("read=")));
        pages = counts.map(|count| count.parse::<i64>().unwrap()).sum();
    }
    pages
}

/// Rows updated, deleted and dead in the tables of the log, and in the row that another design would update.
async fn rewritten(stage: &Stage) -> BTreeMap<bool, (i64, i64)> {
    let query = "select relname = 'log_head', sum(n_tup_ins)::bigint,
             sum(n_tup_upd + n_tup_del + n_dead_tup)::bigint
         from pg_stat_user_tables
         where schemaname = 'profiles' and (relname like 'event%' or relname in ('log_epoch', 'log_head'))
         group by 1";
    let rows = stage.db.admin("profiles").await.fetch_all(query).await.unwrap();
    rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
}

#[tokio::test]
async fn an_append_reads_no_more_after_thousands_of_others_under_an_old_snapshot() {
    let stage = Stage::new().await;
    let db = stage.db.db("profiles").await;
    let mut old = old_snapshot(&stage).await;
    let mut before = 0;
    for n in 1..=APPENDS {
        visit_in(&stage.profiles, &db, "shop", &[("u", n)]).await;
        if n == 50 {
            before = pages_read(&stage, "log_take").await;
        }
    }
    let after = pages_read(&stage, "log_take").await;
    old.execute("rollback").await.unwrap();
    assert!(before > 0 && after <= before + GROWTH_MAX, "{before} pages at first, {after} at the end");
    // statistics arrive a little later
    let rewritten = eventually(|| async {
        let (inserted, rewritten) = rewritten(&stage).await[&false];
        (inserted >= i64::from(APPENDS)).then_some(rewritten)
    });
    assert_eq!(rewritten.await, 0);
}

#[tokio::test]
async fn a_head_row_that_is_updated_is_read_at_ever_greater_length() {
    let stage = Stage::new().await;
    let mut conn = stage.db.admin("profiles").await;
    conn.execute(include_str!("../locked_head.sql")).await.unwrap();
    let mut old = old_snapshot(&stage).await;
    let append = format!("select * from head_take(array[{}]::smallint[])", partition());
    let mut before = 0;
    for n in 1..=APPENDS {
        conn.execute(AssertSqlSafe(append.as_str())).await.unwrap();
        if n == 50 {
            before = pages_read(&stage, "head_take").await;
        }
    }
    let after = pages_read(&stage, "head_take").await;
    old.execute("rollback").await.unwrap();
    assert!(
        after > before + 3 * GROWTH_MAX,
        "the test above proves nothing: {before} pages at first, {after} at the end"
    );
    let dead = eventually(|| async {
        let (_, rewritten) = rewritten(&stage).await[&true];
        (rewritten >= i64::from(APPENDS)).then_some(())
    });
    dead.await;
}
