//! Readers against writers that commit in any order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eventlog::Log;
use ids::{Partition, TenantId};
use pg::Db;
use proto::events::v1::Cursor;
use sqlx::{Connection, Executor, PgConnection, Row};

use crate::checker::{Faults, check};
use crate::stage::{Direct, Stage, cursor, n_of, pull_all, visit, visit_in};

const WRITERS: usize = 8;
const EACH: usize = 60;
const USERS: usize = 12;

type Committed = BTreeSet<(String, i32)>;

fn tenant() -> TenantId {
    TenantId::new("shop").unwrap()
}

/// Users who share three partitions, so that writers of different users meet.
fn users() -> Vec<String> {
    let crowded = |user: &String| Partition::of(&tenant(), user).index() < 3;
    (0..).map(|index| format!("u{index}")).filter(crowded).take(USERS).collect()
}

/// One writer: takes a user's next number under the user's row lock, appends, dawdles, commits or rolls back.
async fn write(db: Db, log: Arc<Log>, guarded: bool) -> Committed {
    let users = users();
    let mut committed = Committed::new();
    for _ in 0..EACH {
        let user = users[rand::random_range(0..USERS)].clone();
        let mut tx = db.begin(&tenant()).await.unwrap();
        let n = "update counter set n = n + 1 where user_id = $1 returning n";
        let n: i32 = sqlx::query_scalar(n).bind(&user).fetch_one(&mut *tx).await.unwrap();
        let draft = visit(&user, n);
        let mut positions = Vec::new();
        if guarded {
            positions = log.append(&mut tx, &tenant(), std::slice::from_ref(&draft)).await.unwrap();
        } else {
            // what the log would be without its lock: numbers from a sequence, taken before the commit
            let unguarded =
                "insert into event (partition, seq, recorded_at, tenant_id, user_id, event_id, type, payload,
                 facts, root_event_id, hops, occurred_at, traceparent, must_understand, mode, site)
                 values ($1, nextval('unguarded'), clock_timestamp(), 'shop', $2, $3, 'user.visited', $4, '', $3, 0,
                     clock_timestamp(), '', false, 3, '')";
            let partition = i16::from(Partition::of(&tenant(), &user).index());
            let insert = sqlx::query(unguarded).bind(partition).bind(&user).bind(draft.event_id.as_str());
            insert.bind(&draft.payload).execute(&mut *tx).await.unwrap();
        }
        tokio::time::sleep(Duration::from_micros(rand::random_range(0..3_000))).await;
        if rand::random_ratio(1, 10) {
            tx.rollback().await.unwrap();
            continue;
        }
        tx.commit().await.unwrap();
        log.wake(&positions);
        committed.insert((user, n));
    }
    committed
}

/// All writers at once; `done` is set when the last has committed.
async fn write_all(stage: &Stage, guarded: bool, done: Arc<AtomicBool>) -> Committed {
    let db = stage.db.db("profiles").await;
    let writers = (0..WRITERS).map(|_| tokio::spawn(write(db.clone(), stage.profiles.clone(), guarded)));
    let written = futures::future::join_all(writers).await;
    done.store(true, Ordering::SeqCst);
    written.into_iter().flat_map(Result::unwrap).collect()
}

async fn with_counters() -> Stage {
    let stage = Stage::new().await;
    let mut admin = stage.db.admin("profiles").await;
    let counters = "create table counter (user_id text primary key, n int);
         create sequence unguarded;
         grant all on counter, unguarded to banyan_profiles";
    admin.execute(counters).await.unwrap();
    let fill = sqlx::query("insert into counter select u, 0 from unnest($1::text[]) u").bind(users());
    fill.execute(&mut admin).await.unwrap();
    stage
}

/// Reads through the service until everything was written and read.
async fn read(log: Arc<Log>, done: Arc<AtomicBool>) -> Vec<(String, i32)> {
    let source = Direct::new(&log);
    let mut cursors: Vec<Cursor> = (0..32).map(|partition| cursor(partition, 0)).collect();
    let mut seen = Vec::new();
    loop {
        let ending = done.load(Ordering::SeqCst);
        let answer = source.pull_as(None, pull_all(cursors.clone(), Duration::from_millis(20))).await.unwrap();
        let before = seen.len();
        for (cursor, page) in cursors.iter_mut().zip(answer.pages) {
            for (index, event) in page.events.iter().enumerate() {
                assert_eq!(event.seq, cursor.after_seq + 1 + index as i64, "a reader saw a gap");
                seen.push((event.user_id.clone(), n_of(event)));
            }
            assert_eq!(page.next_seq, cursor.after_seq + page.events.len() as i64);
            *cursor = Cursor { partition: page.partition, after_seq: page.next_seq, epoch: page.epoch };
        }
        if ending && seen.len() == before {
            return seen;
        }
    }
}

/// Reads as an outbox is often read: everything after the highest number seen.
async fn read_naively(admin_url: String, done: Arc<AtomicBool>) -> Vec<(String, i32)> {
    let mut conn = PgConnection::connect(&admin_url).await.unwrap();
    conn.execute("set search_path = profiles").await.unwrap();
    let mut after = [0_i64; 32];
    let mut seen = Vec::new();
    loop {
        let ending = done.load(Ordering::SeqCst);
        let before = seen.len();
        for partition in 0..32_i16 {
            let query = "select seq, user_id, event_id from event where partition = $1 and seq > $2 order by seq";
            let query = sqlx::query(query).bind(partition).bind(after[partition as usize]);
            for row in query.fetch_all(&mut conn).await.unwrap() {
                after[partition as usize] = row.get(0);
                let (user, id): (String, String) = (row.get(1), row.get(2));
                let n = id.strip_prefix(&format!("{user}-")).unwrap().parse().unwrap();
                seen.push((user, n));
            }
        }
        if ending && seen.len() == before {
            return seen;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_miss_nothing_and_keep_each_users_order_while_writers_commit_in_any_order() {
    let stage = with_counters().await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3).map(|_| tokio::spawn(read(stage.profiles.clone(), done.clone()))).collect();
    let naive = tokio::spawn(read_naively(stage.db.admin_url.clone(), done.clone()));
    let committed = write_all(&stage, true, done).await;
    assert!(committed.len() > WRITERS * EACH / 2, "too little was written to show anything: {}", committed.len());
    for reader in readers {
        assert_eq!(check(&committed, &reader.await.unwrap()), Faults::NONE);
    }
    assert_eq!(check(&committed, &naive.await.unwrap()), Faults::NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_readers_miss_events_when_numbers_come_from_a_sequence() {
    let stage = with_counters().await;
    let done = Arc::new(AtomicBool::new(false));
    let naive = tokio::spawn(read_naively(stage.db.admin_url.clone(), done.clone()));
    let committed = write_all(&stage, false, done).await;
    let faults = check(&committed, &naive.await.unwrap());
    assert!(faults.missed > 0, "the check above proves nothing: {faults:?}");
    // and our own reader does not go past the holes
    let cursors = (0..32).map(|partition| cursor(partition, 0)).collect();
    assert!(Direct::new(&stage.profiles).pull_as(None, pull_all(cursors, Duration::ZERO)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_go_on_under_an_old_snapshot_and_no_row_of_the_log_is_ever_updated() {
    let stage = with_counters().await;
    let mut old = stage.db.admin("profiles").await;
    old.execute("begin isolation level repeatable read").await.unwrap();
    old.execute("select count(*) from event").await.unwrap();
    let committed = write_all(&stage, true, Arc::new(AtomicBool::new(false))).await;
    let mut admin = stage.db.admin("profiles").await;
    let count: i64 = sqlx::query_scalar("select count(*) from event").fetch_one(&mut admin).await.unwrap();
    assert_eq!(count, committed.len() as i64);
    old.execute("rollback").await.unwrap();
    // a head row that is updated bloats while a snapshot is held: there is none
    let updated = testkit::eventually(|| async {
        let (inserted, updated) = log_statistics(&stage).await;
        (inserted >= count).then_some(updated)
    });
    assert_eq!(updated.await, 0);
}

/// Rows inserted and updated in the tables of the log.
async fn log_statistics(stage: &Stage) -> (i64, i64) {
    let query = "select sum(n_tup_ins)::bigint, sum(n_tup_upd)::bigint from pg_stat_user_tables
                 where schemaname = 'profiles' and (relname like 'event%' or relname = 'log_epoch')";
    let row = stage.db.admin("profiles").await.fetch_one(query).await.unwrap();
    (row.get::<Option<i64>, _>(0).unwrap_or(0), row.get::<Option<i64>, _>(1).unwrap_or(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_over_the_same_partitions_in_any_order_never_deadlock() {
    let stage = Stage::new().await;
    let db = stage.db.db("profiles").await;
    let users: Vec<String> = (0..64).map(|index| format!("u{index}")).collect();
    let writer = |number: usize| {
        let (db, log, mut users) = (db.clone(), stage.profiles.clone(), users.clone());
        tokio::spawn(async move {
            for round in 0..10_i32 {
                users.rotate_left(7 * number + 1);
                let visits: Vec<(&str, i32)> = users.iter().map(|user| (user.as_str(), round)).collect();
                visit_in(&log, &db, "shop", &visits).await;
            }
        })
    };
    for writer in (0..4).map(writer).collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}
