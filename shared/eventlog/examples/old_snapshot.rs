//! Appends per second while another session holds an old snapshot, for the log's own design (advisory lock, then the newest
//! event) and for a head row that is locked and updated.
//!
//! `cargo run --release -p eventlog --example old_snapshot -- [SECONDS] [WRITERS] [PARTITIONS]`
//!
//! Each of four databases gets the machine for a second in turn, so that what else the machine does meets all alike. The
//! server is that of the tests: without `fsync`, so that the work of the processor shows rather than that of the disk.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use pg::Migrations;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use testkit::TestDb;

const SLICE: Duration = Duration::from_secs(1);
/// Slices in a line of the table.
const LINE: usize = 5;

/// One design, with or without the old snapshot, in a database of its own.
struct Variant {
    name: &'static str,
    take: &'static str,
    db: TestDb,
    writers: Vec<PgConnection>,
    /// Keeps the snapshot.
    _old: Option<PgConnection>,
    /// Appends of each slice.
    appends: Vec<u32>,
}

impl Variant {
    async fn new(name: &'static str, take: &'static str, held: bool, writers: usize) -> Self {
        let db = testkit::database(&[&Migrations::new("profiles", [&eventlog::MIGRATOR])]).await;
        db.admin("profiles").await.execute(include_str!("../tests/locked_head.sql")).await.unwrap();
        let mut connections = Vec::new();
        for _ in 0..writers {
            connections.push(db.admin("profiles").await);
        }
        let mut old = None;
        if held {
            let mut conn = db.admin("profiles").await;
            conn.execute("begin isolation level repeatable read").await.unwrap();
            conn.execute("select count(*) from event").await.unwrap();
            old = Some(conn);
        }
        Self { name, take, db, writers: connections, _old: old, appends: Vec::new() }
    }

    /// All writers append for one slice.
    async fn slice(&mut self, partitions: i16) {
        let until = Instant::now() + SLICE;
        let writers = self.writers.drain(..).map(|conn| tokio::spawn(append(conn, self.take, partitions, until)));
        let mut appends = 0;
        for writer in writers.collect::<Vec<_>>() {
            let (conn, count) = writer.await.unwrap();
            self.writers.push(conn);
            appends += count;
        }
        self.appends.push(appends);
    }

    fn rate(&self, line: usize) -> u32 {
        self.appends[line * LINE..(line + 1) * LINE].iter().sum::<u32>() / LINE as u32
    }

    fn median(&self) -> u32 {
        let mut sorted = self.appends.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    }
}

/// Appends one event after the other, each in a transaction of its own, and counts them.
async fn append(mut conn: PgConnection, take: &'static str, partitions: i16, until: Instant) -> (PgConnection, u32) {
    let statement = format!(
        "with head as materialized (select partition, seq, recorded_at from {take}($1))
         insert into event (partition, seq, recorded_at, tenant_id, user_id, event_id, type, payload, facts,
             root_event_id, hops, occurred_at, traceparent, must_understand, mode, site)
         select partition, seq + 1, recorded_at, 'shop', 'u', $2, 'user.visited', '', '', $2, 0, recorded_at, '', false,
             3, ''
         from head"
    );
    let mut count = 0;
    while Instant::now() < until {
        let partition = rand::random_range(0..partitions);
        let insert = sqlx::query(AssertSqlSafe(statement.as_str())).bind(vec![partition]);
        insert.bind(format!("e{:x}", rand::random::<u64>())).execute(&mut conn).await.unwrap();
        count += 1;
    }
    (conn, count)
}

#[tokio::main]
async fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).map(|argument| argument.parse().unwrap()).collect();
    let argument = |index: usize, default| arguments.get(index).copied().unwrap_or(default);
    let (seconds, writers, partitions) = (argument(0, 30), argument(1, 4), argument(2, 4));
    let mut variants = [
        Variant::new("advisory lock", "log_take", false, writers).await,
        Variant::new("  … and snapshot", "log_take", true, writers).await,
        Variant::new("head row", "head_take", false, writers).await,
        Variant::new("  … and snapshot", "head_take", true, writers).await,
    ];
    println!("appends per second, {writers} writers over {partitions} partitions\n");
    println!("{:>8} {}", "seconds", variants.iter().map(|variant| format!("{:>18}", variant.name)).collect::<String>());
    for line in 0..seconds / LINE {
        for _ in 0..LINE {
            for variant in &mut variants {
                variant.slice(partitions as i16).await;
            }
        }
        let rates: String = variants.iter().map(|variant| format!("{:>18}", variant.rate(line))).collect();
        println!("{:>8} {rates}", (line + 1) * LINE);
    }
    let medians: String = variants.iter().map(|variant| format!("{:>18}", variant.median())).collect();
    println!("{:>8} {medians}", "median");
    for variant in variants {
        drop(variant.writers);
        drop(variant.db);
    }
}
