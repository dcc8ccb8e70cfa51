use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::migrate::{Migration, Migrator};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use xxhash_rust::xxh3::Xxh3;

use crate::error::sqlstate;
use crate::{Db, Roles, StoreError};

/// The migrations that every schema begins with, version 1 and up.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Attempts at making the roles, which other databases of the same server may be making too.
const ROLE_ATTEMPTS_MAX: u32 = 20;

/// Of a failed migration run or check.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database lacks migrations that this program needs.
    #[error("the schema {schema} lacks the migrations {versions:?}; run the migration job of this release first")]
    Missing {
        /// The schema looked at.
        schema: &'static str,
        /// What is missing.
        versions: Vec<i64>,
    },
    /// Two parts of a service use the same version number.
    #[error("the schema {schema} has two migrations with version {version}")]
    Duplicate {
        /// The schema concerned.
        schema: &'static str,
        /// The number.
        version: i64,
    },
    /// A migration failed, or differs from the one applied under its version.
    #[error("a migration of the schema {schema} failed")]
    Run {
        /// The schema concerned.
        schema: &'static str,
        /// What the migrator said.
        source: sqlx::migrate::MigrateError,
    },
    /// The database failed.
    #[error("the database failed while migrating")]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// All that is to be applied to one schema: the base and the parts of its service. Versions are distinct over all parts:
/// base from 1, requests from 100, event log from 200, the service's own from 1000.
#[derive(Debug, Clone)]
pub struct Migrations {
    /// The schema, named as the service.
    pub schema: &'static str,
    /// Where the migrations come from.
    pub parts: Vec<&'static Migrator>,
}

impl Migrations {
    /// The base and these parts.
    pub fn new(schema: &'static str, parts: impl IntoIterator<Item = &'static Migrator>) -> Self {
        Self { schema, parts: std::iter::once(&MIGRATOR).chain(parts).collect() }
    }

    /// A text that differs whenever anything about the migrations does: the key of a template database.
    pub fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();
        hash.update(self.schema.as_bytes());
        for migration in self.merged() {
            hash.update(&migration.version.to_be_bytes());
            hash.update(&migration.checksum);
        }
        format!("{:016x}", hash.digest())
    }

    /// The migrations of all parts, in order.
    fn merged(&self) -> Vec<Migration> {
        let mut all: Vec<Migration> = self.parts.iter().flat_map(|part| part.iter().cloned()).collect();
        all.sort();
        all
    }

    fn checked(&self) -> Result<Vec<Migration>, MigrateError> {
        let all = self.merged();
        match all.windows(2).find(|pair| pair[0].version == pair[1].version) {
            Some(pair) => Err(MigrateError::Duplicate { schema: self.schema, version: pair[0].version }),
            None => Ok(all),
        }
    }
}

/// Makes the roles and the schema of a service where they are missing, and applies what is not yet applied. Safe to run
/// from several places at once, and again. An older release may run it on a newer database: what it does not know stays.
///
/// `admin_url` names a role that may create roles and schemas (`createrole`, and `create` on the database): a superuser
/// on private servers, the owner of the database on managed ones, where it is made a member of the owner role. Roles that
/// exist already are left as they are: a platform makes the service's role beforehand, with its password.
pub async fn migrate(admin_url: &str, migrations: &Migrations) -> Result<(), MigrateError> {
    let all = migrations.checked()?;
    let roles = Roles::of(migrations.schema);
    let mut conn = PgConnection::connect(admin_url).await?;
    make_roles(&mut conn, &roles).await?;
    // held until the connection closes, and waited for without a limit, unlike the locks of the migrations themselves
    sqlx::query("select pg_advisory_lock(hashtextextended('banyan.migrate', 0))").execute(&mut conn).await?;
    conn.execute(AssertSqlSafe(schema_sql(migrations.schema, &roles))).await?;
    apply(&mut conn, migrations.schema, all).await?;
    conn.close().await?;
    Ok(())
}

async fn apply(conn: &mut PgConnection, schema: &'static str, all: Vec<Migration>) -> Result<(), MigrateError> {
    let mut migrator = Migrator::with_migrations(all);
    migrator.set_ignore_missing(true).set_locking(false);
    migrator.run_direct(None, conn, false).await.map_err(|source| MigrateError::Run { schema, source })?;
    let app = Roles::of(schema).app;
    let record = format!("revoke insert, update, delete on _sqlx_migrations from {app}");
    conn.execute(AssertSqlSafe(record)).await?;
    Ok(())
}

/// Fails with the list of migrations that this program needs and the database lacks. Services call it at start and never
/// migrate themselves.
pub async fn check_applied(db: &Db, migrations: &Migrations) -> Result<(), MigrateError> {
    let mut tx = db.begin_plain().await?;
    let query = "select version from _sqlx_migrations where success";
    let applied: BTreeSet<i64> = match sqlx::query_scalar(query).fetch_all(&mut *tx).await {
        Ok(versions) => versions.into_iter().collect(),
        // nothing was ever applied: no schema, or no table in it
        Err(error) if sqlstate(&error).as_deref() == Some("42P01") => BTreeSet::new(),
        Err(error) => return Err(error.into()),
    };
    let versions: Vec<i64> =
        migrations.checked()?.iter().map(|m| m.version).filter(|version| !applied.contains(version)).collect();
    match versions.is_empty() {
        true => Ok(()),
        false => Err(MigrateError::Missing { schema: migrations.schema, versions }),
    }
}

/// Roles belong to the whole server, advisory locks to one database: nothing can be locked against another database that
/// makes the same roles, so whoever comes second tries again and finds them made.
async fn make_roles(conn: &mut PgConnection, roles: &Roles) -> Result<(), MigrateError> {
    for number in 1.. {
        match conn.execute(AssertSqlSafe(roles_sql(roles))).await {
            Err(error) if number < ROLE_ATTEMPTS_MAX && made_elsewhere(&error) => {
                tokio::time::sleep(Duration::from_millis(rand::random_range(1..=20))).await;
            }
            outcome => return outcome.map(drop).map_err(MigrateError::from),
        }
    }
    unreachable!("the last attempt returns its outcome")
}

/// Duplicate object, unique violation of a catalogue, or "tuple concurrently updated", which has no code of its own.
fn made_elsewhere(error: &sqlx::Error) -> bool {
    match sqlstate(error).as_deref() {
        Some("42710" | "23505") => true,
        Some("XX000") => error.to_string().contains("concurrently"),
        _ => false,
    }
}

/// `noinherit`: the service has the system role's rights only while it says so. What is asked before a grant is whether
/// `set role` would work; from Postgres 16 on, being a member no longer says that.
fn roles_sql(Roles { owner, app, system }: &Roles) -> String {
    format!(
        "do $$ declare
            able text := case when current_setting('server_version_num')::int < 160000 then 'member' else 'set' end;
        begin
            if to_regrole('{owner}') is null then create role {owner} nologin; end if;
            if to_regrole('{system}') is null then create role {system} nologin; end if;
            if to_regrole('{app}') is null then create role {app} login noinherit; end if;
            if not pg_has_role('{app}', '{system}', able) then grant {system} to {app}; end if;
            if not pg_has_role(current_user, '{owner}', able) then grant {owner} to current_user; end if;
        end $$"
    )
}

/// Leaves the connection as the owner, in the schema. A migration that waits for a lock stalls everybody behind it, so it
/// gives up after a while.
fn schema_sql(schema: &str, Roles { owner, app, system }: &Roles) -> String {
    format!(
        "create schema if not exists {schema} authorization {owner};
         set role {owner};
         set search_path = {schema};
         set lock_timeout = '5s';
         grant usage on schema {schema} to {app}, {system};
         alter default privileges in schema {schema} grant select, insert, update, delete on tables to {app};
         alter default privileges in schema {schema} grant usage, select on sequences to {app}"
    )
}
