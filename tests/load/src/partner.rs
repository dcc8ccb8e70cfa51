//! What Postgres does without us: the same kind of work by its own load tool, against a suite's Postgres in the same rounds, on
//! tables of its own. No lots, no log, no idempotent answers, no gRPC.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use sqlx::PgConnection;
use tokio::process::Command;

use crate::drive::number;
use crate::rig::Rig;
use crate::section::Section;

/// Clients of pgbench.
const CLIENTS: &str = "64";
/// Rows of one message of COPY.
const COPIED: u64 = 1_000;

const TABLES: &str = r#"
create schema if not exists partner;
create table if not exists partner.account (tenant_id text collate "C", user_id text collate "C",
    balance bigint not null default 0, seq bigint not null default 0, primary key (tenant_id, user_id))
    with (fillfactor = 70);
create table if not exists partner.entry (tenant_id text collate "C", user_id text collate "C",
    request_id text collate "C", amount bigint not null, recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, user_id, request_id));
create table if not exists partner.budget (budget_id int primary key, spent bigint not null, ceiling bigint not null,
    check (spent <= ceiling)) with (fillfactor = 20);
create table if not exists partner.redemption (tenant_id text collate "C", user_id text collate "C",
    request_id text collate "C", primary key (tenant_id, user_id, request_id));
create table if not exists partner.event (tenant_id text collate "C", user_id text collate "C",
    event_id text collate "C", body jsonb not null, recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, user_id, event_id));
insert into partner.budget values (1, 0, 1000000000000) on conflict do nothing;
"#;

/// What stands beside a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Partner {
    /// (b) of performance.md: an insert and an update in a transaction of four round trips.
    Transaction,
    /// (c): the same in one statement.
    Statement,
    /// A budget in one row, and who got of it.
    HotRow,
    /// Events inserted one by one.
    Insert,
    /// Events copied in over one connection.
    Copy,
}

impl Partner {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Transaction => "pgbench (b): insert and update in four round trips",
            Self::Statement => "pgbench (c): the same in one statement",
            Self::HotRow => "pgbench: one budget in one row",
            Self::Insert => "pgbench: events inserted one by one",
            Self::Copy => "COPY of events, one connection",
        }
    }

    /// Those that a section is compared with.
    pub(crate) fn beside(section: Section) -> &'static [Self] {
        match section {
            Section::Earn => &[Self::Transaction, Self::Statement],
            Section::Claim => &[Self::HotRow],
            Section::IntakeStream => &[Self::Insert, Self::Copy],
            _ => &[],
        }
    }

    /// What pgbench runs; the keys are random among 9e18.
    fn script(self) -> Option<&'static str> {
        match self {
            Self::Transaction => Some(
                "begin;
                insert into partner.entry values ('bench', 'u' || :user, 'k' || :key, 10) on conflict do nothing;
                update partner.account set balance = balance + 10, seq = seq + 1
                    where tenant_id = 'bench' and user_id = 'u' || :user;
                commit;",
            ),
            Self::Statement => Some(
                "with added as (insert into partner.entry values ('bench', 'u' || :user, 'k' || :key, 10)
                    on conflict do nothing returning user_id, amount)
                update partner.account a set balance = balance + added.amount, seq = seq + 1
                    from added where a.tenant_id = 'bench' and a.user_id = added.user_id;",
            ),
            Self::HotRow => Some(
                "begin;
                update partner.budget set spent = spent + 1 where budget_id = 1 and spent < ceiling;
                insert into partner.redemption values ('bench', 'u' || :user, 'k' || :key);
                commit;",
            ),
            Self::Insert => Some(
                r#"insert into partner.event
                    values ('bench', 'u' || :user, 'k' || :key, '{"type": "visit", "seconds": 30}');"#,
            ),
            Self::Copy => None,
        }
    }

    /// Makes the tables, with an account for each user.
    pub(crate) async fn prepare(rig: &Rig, users: u64) -> anyhow::Result<()> {
        let mut database = rig.database().await?;
        sqlx::raw_sql(TABLES).execute(&mut database).await?;
        sqlx::query(
            "insert into partner.account (tenant_id, user_id)
            select 'bench', 'u' || n from generate_series(0, $1 - 1) n on conflict do nothing",
        )
        .bind(i64::try_from(users)?)
        .execute(&mut database)
        .await?;
        Ok(())
    }

    /// What it does in a second; `None` where pgbench is not installed.
    pub(crate) async fn run(self, rig: &Rig, users: u64, time: Duration) -> anyhow::Result<Option<f64>> {
        let Some(script) = self.script() else { return Ok(Some(copy(rig, users, time).await?)) };
        let Some(program) = backing::postgres_program("pgbench") else { return Ok(None) };
        let file = script_file(script)?;
        let output = Command::new(program)
            .args(["--no-vacuum", "--protocol=prepared", "--client", CLIENTS, "--jobs=2"])
            .args(["--time", &time.as_secs().max(1).to_string(), "--define", &format!("users={users}"), "--file"])
            .arg(&file)
            .arg(rig.database_url())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        std::fs::remove_file(file)?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("pgbench: {text}{}", String::from_utf8_lossy(&output.stderr));
        }
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        Ok(Some(rate.with_context(|| format!("pgbench told no rate: {text}"))?))
    }

    /// What it wrote adds up as well.
    pub(crate) async fn check(rig: &Rig) -> anyhow::Result<()> {
        let mut database = rig.database().await?;
        let adds_up: bool = sqlx::query_scalar(
            "select (select coalesce(sum(balance), 0) from partner.account)
                = (select coalesce(sum(amount), 0) from partner.entry)
            and (select spent from partner.budget) = (select count(*) from partner.redemption)",
        )
        .fetch_one(&mut database)
        .await?;
        ensure!(adds_up, "{}: what pgbench wrote does not add up", rig.name());
        Ok(())
    }
}

fn script_file(script: &str) -> anyhow::Result<PathBuf> {
    let file = std::env::temp_dir().join(format!("banyan-bench-{}-{}.sql", std::process::id(), number()));
    std::fs::write(
        &file,
        format!("\\set user random(0, :users - 1)\n\\set key random(1, 9000000000000000000)\n{script}\n"),
    )?;
    Ok(file)
}

async fn copy(rig: &Rig, users: u64, time: Duration) -> anyhow::Result<f64> {
    let mut database: PgConnection = rig.database().await?;
    let begun = Instant::now();
    let statement = "copy partner.event (tenant_id, user_id, event_id, body) from stdin";
    let mut rows = database.copy_in_raw(statement).await?;
    while begun.elapsed() < time {
        let message: String = (0..COPIED)
            .map(|_| {
                let user = rand::random_range(0..users);
                format!("bench\tu{user}\tc{}\t{{\"type\": \"visit\", \"seconds\": 30}}\n", number())
            })
            .collect();
        rows.send(message.into_bytes()).await?;
    }
    let copied = rows.finish().await?;
    Ok(copied as f64 / begun.elapsed().as_secs_f64())
}
