//! A database for each test.
//!
//! Migrating takes longer than most tests, so it is done once: the first test with some set of migrations makes a
//! template, named by their fingerprint, and each test clones it. Databases that a killed test left are dropped by a later
//! one.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime},
};

use anyhow::Context;
use ids::TenantId;
use pg::{Db, Migrations, PgSettings, Roles};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::servers::backing;

/// Age at which a test's database has no owner any more.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);
/// Templates and prepared databases kept: one for each set of migrations in use, and some of other branches.
const TEMPLATES_MAX: i64 = 16;

/// A database of one test.
#[derive(Debug)]
pub struct TestDb {
    /// Address for a superuser, who sees every tenant: for migrations and for looking behind the curtain.
    pub admin_url: String,
    server: &'static str,
    name: String,
}

impl TestDb {
    pub(crate) async fn create(migrations: &[&Migrations]) -> Self {
        let backing = tokio::task::spawn_blocking(backing).await.expect("the servers start");
        let server = backing.database_url.as_str();
        let made = Self::clone_template(server, migrations).await;
        made.expect("a database for this test")
    }

    async fn clone_template(server: &'static str, migrations: &[&Migrations]) -> anyhow::Result<Self> {
        let template = format!("template_{}", fingerprint(migrations));
        make_once(server, &template, migrations).await?;
        let name = unused_name()?;
        let mut conn = PgConnection::connect(server).await?;
        conn.execute(AssertSqlSafe(format!("create database {name} template {template}"))).await?;
        sweep(&mut conn).await?;
        conn.close().await?;
        Ok(Self { admin_url: with_database(server, &name), server, name })
    }

    /// How the service that owns `schema` reaches this database: as its own role, with limits wide enough for a busy
    /// machine. A test of a limit sets that one.
    pub fn settings(&self, schema: &str) -> PgSettings {
        PgSettings {
            url: pg::url_as(&self.admin_url, &Roles::of(schema).app),
            pool_max: 8,
            pool_min: 0,
            connect_timeout_ms: 30_000,
            acquire_timeout_ms: 20_000,
            statement_timeout_ms: 20_000,
            lock_timeout_ms: 10_000,
            idle_in_transaction_ms: 30_000,
        }
    }

    /// The pool of the service that owns `schema`.
    pub async fn db(&self, schema: &'static str) -> Db {
        Db::connect(&self.settings(schema), schema).await.expect("the test's database answers")
    }

    /// Tells the service that owns `schema` of tenants, as profiles does in a whole suite.
    pub async fn register(&self, schema: &str, tenants: &[&TenantId]) {
        let mut conn = self.admin(schema).await;
        for tenant in tenants {
            pg::note_tenant(&mut conn, tenant, Some(false), None).await.expect("the tenant is noted");
        }
        conn.close().await.expect("the connection closes");
    }

    /// A connection as superuser, with `schema` as its search path.
    pub async fn admin(&self, schema: &str) -> PgConnection {
        let mut conn = PgConnection::connect(&self.admin_url).await.expect("the test's database answers");
        let path = format!("set search_path = {schema}");
        conn.execute(AssertSqlSafe(path)).await.expect("the search path is set");
        conn
    }
}

/// On a thread of its own, because the test's runtime may be gone or be the current thread.
impl Drop for TestDb {
    fn drop(&mut self) {
        let (server, statement) = (self.server, format!("drop database if exists {} with (force)", self.name));
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut conn = PgConnection::connect(server).await?;
                conn.execute(AssertSqlSafe(statement)).await?;
                conn.close().await?;
                anyhow::Ok(())
            })
        });
        let _ = dropped.join(); // what stays is swept by a later test
    }
}

/// A short text that differs whenever any of the migrations does.
pub(crate) fn fingerprint(migrations: &[&Migrations]) -> String {
    let mut hash = DefaultHasher::new();
    for one in migrations {
        one.fingerprint().hash(&mut hash);
    }
    format!("{:016x}", hash.finish())
}

/// Makes the database `name` and applies the migrations, unless it is there; returns its address. It gets its name when it
/// is whole, so a test killed in the middle leaves none that looks whole.
pub(crate) async fn make_once(server: &str, name: &str, migrations: &[&Migrations]) -> anyhow::Result<String> {
    let url = with_database(server, name);
    let mut conn = PgConnection::connect(server).await.context("connecting to the tests' Postgres")?;
    if exists(&mut conn, name).await? {
        return Ok(url);
    }
    conn.execute("select pg_advisory_lock(hashtextextended('banyan.testkit', 0))").await?;
    if !exists(&mut conn, name).await? {
        let unfinished = format!("unfinished_{name}");
        conn.execute(AssertSqlSafe(format!("drop database if exists {unfinished} with (force)"))).await?;
        conn.execute(AssertSqlSafe(format!("create database {unfinished}"))).await?;
        for one in migrations {
            let migrated = pg::migrate(&with_database(server, &unfinished), one).await;
            migrated.with_context(|| format!("migrating {}", one.schema))?;
        }
        conn.execute(AssertSqlSafe(format!("alter database {unfinished} rename to {name}"))).await?;
        drop_old_templates(&mut conn).await?;
    }
    conn.close().await?; // frees the lock
    Ok(url)
}

async fn exists(conn: &mut PgConnection, name: &str) -> anyhow::Result<bool> {
    let query = sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1)");
    Ok(query.bind(name).fetch_one(conn).await?)
}

/// Databases are numbered as they are made, so the highest numbers are the newest.
async fn drop_old_templates(conn: &mut PgConnection) -> anyhow::Result<()> {
    let query = "select datname from pg_database where datname ~ '^(template|prepared)_[0-9a-f]{16}$'
                 order by oid desc offset $1";
    let old: Vec<String> = sqlx::query_scalar(query).bind(TEMPLATES_MAX).fetch_all(&mut *conn).await?;
    drop_all(conn, old).await
}

/// Drops databases that tests left behind.
async fn sweep(conn: &mut PgConnection) -> anyhow::Result<()> {
    let before = seconds_now()?.saturating_sub(LEFT_BEHIND.as_secs());
    let query = "select datname from pg_database
                 where datname ~ '^test_[0-9]+_' and split_part(datname, '_', 2)::bigint < $1";
    let left: Vec<String> = sqlx::query_scalar(query).bind(i64::try_from(before)?).fetch_all(&mut *conn).await?;
    drop_all(conn, left).await
}

async fn drop_all(conn: &mut PgConnection, names: Vec<String>) -> anyhow::Result<()> {
    for name in names {
        // another test may be dropping the same one
        let _ = conn.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await;
    }
    Ok(())
}

/// `test_<seconds>_<process>_<number>`: the seconds tell a sweep its age.
fn unused_name() -> anyhow::Result<String> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Ok(format!("test_{}_{}_{number}", seconds_now()?, std::process::id()))
}

fn seconds_now() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs())
}

/// The same server, another database.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let authority = base.find("://").map_or(0, |at| at + 3);
    let end = base[authority..].find('/').map_or(base.len(), |at| authority + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{name}{query}", &base[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_keeps_the_rest_of_the_address() {
        assert_eq!(with_database("postgres://u:p@h:1/a?sslmode=off", "b"), "postgres://u:p@h:1/b?sslmode=off");
        assert_eq!(with_database("postgres://h:1", "b"), "postgres://h:1/b");
    }
}
