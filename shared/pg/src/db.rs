use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use ids::TenantId;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool, Postgres, Row, Transaction};

use crate::flush::Flush;
use crate::{PgSettings, Roles, StoreError};

/// A connection lives about this long: after it, types, plans and addresses are learnt anew.
const LIFETIME: Duration = Duration::from_secs(600);

/// A service's pool of connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pool: PgPool,
    schema: &'static str,
    flush: Flush,
}

impl Db {
    /// Opens the pool of the service that owns `schema`, and waits until the database answers once. A role that
    /// row-level security does not bind is refused: it would see every tenant. So is a connection without our schema and
    /// limits, which a pooler makes that drops the options of the start-up message.
    pub async fn connect(settings: &PgSettings, schema: &'static str) -> Result<Self, StoreError> {
        let options = connect_options(settings, schema)?;
        let pool = pool_options(settings).connect_lazy_with(options);
        let until = Instant::now() + Duration::from_millis(settings.connect_timeout_ms);
        loop {
            match usable(&pool, settings, schema).await {
                Ok(()) => return Ok(Self { pool, schema, flush: Flush::default() }),
                Err(error) if error.passing() && Instant::now() < until => {
                    tracing::debug!(schema, ?error, "the database does not answer yet");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => {
                    pool.close().await;
                    return Err(error);
                }
            }
        }
    }

    /// Begins a transaction that sees and writes rows of one tenant, in one round trip.
    pub async fn begin(&self, tenant: &TenantId) -> Result<Tx, StoreError> {
        self.begin_with(format!("begin; {}", set_tenant(tenant))).await
    }

    /// Begins a read of one tenant's rows, in one round trip. All its statements see the same state, so that what they find
    /// belongs together although nothing is locked; a read cannot fail for it.
    pub async fn begin_read(&self, tenant: &TenantId) -> Result<Tx, StoreError> {
        let begin = "begin isolation level repeatable read, read only";
        self.begin_with(format!("{begin}; {}", set_tenant(tenant))).await
    }

    /// Begins a transaction across tenants, which can touch shared log tables only.
    pub async fn begin_system(&self) -> Result<Tx, StoreError> {
        // safe to interpolate: `Roles` accepts plain identifiers only
        self.begin_with(format!("begin; set local role {}", Roles::of(self.schema).system)).await
    }

    /// Begins a transaction of no tenant: for tables that belong to none.
    pub async fn begin_plain(&self) -> Result<Tx, StoreError> {
        self.begin_with("begin".to_owned()).await
    }

    async fn begin_with(&self, statements: String) -> Result<Tx, StoreError> {
        Ok(Tx(self.pool.begin_with(AssertSqlSafe(statements)).await?, self.flush.clone()))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.pool.execute("select 1").await?;
        Ok(())
    }

    /// How long a commit has taken lately; zero before the first.
    pub fn flush_time(&self) -> Duration {
        self.flush.lately()
    }

    /// The schema of the service.
    pub fn schema(&self) -> &'static str {
        self.schema
    }

    /// Closes all connections, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A transaction. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx(Transaction<'static, Postgres>, Flush);

impl Tx {
    /// Makes everything durable. An error leaves the outcome unknown; the same request id settles it.
    ///
    /// After a failed statement there is nothing to commit: Postgres rolls back, and sqlx does not tell. So the error of a
    /// statement always ends the attempt, and a write ends with a statement that would fail too (the log's append).
    pub async fn commit(self) -> Result<(), StoreError> {
        let begun = Instant::now();
        self.0.commit().await?;
        self.1.took(begun.elapsed());
        Ok(())
    }

    /// Undoes everything now rather than when the connection is next used.
    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.0.rollback().await?)
    }

    /// Goes on as this tenant and as the service's own role: for work that goes from tenant to tenant within one
    /// transaction, or that began with [`Db::begin_system`].
    pub async fn enter(&mut self, tenant: &TenantId) -> Result<(), StoreError> {
        let statements = format!("set local role none; {}", set_tenant(tenant));
        self.0.execute(AssertSqlSafe(statements)).await?;
        Ok(())
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

async fn usable(pool: &PgPool, settings: &PgSettings, schema: &str) -> Result<(), StoreError> {
    let query =
        "select rolsuper or rolbypassrls, current_setting('search_path'), current_setting('statement_timeout') = '0'
                 from pg_roles where rolname = current_user";
    let (unbound, path, unlimited): (bool, String, bool) = sqlx::query_as(query).fetch_one(pool).await?;
    if unbound {
        let why = "the URL names a role that bypasses row-level security; use the service's own role";
        return Err(sqlx::Error::Configuration(why.into()).into());
    }
    if path != schema || unlimited != (settings.statement_timeout_ms == 0) {
        let why = "search_path and limits of the connection were dropped on the way: behind a pooler set them for the role \
                   (shared/pg/README.md)";
        return Err(sqlx::Error::Configuration(why.into()).into());
    }
    Ok(())
}

/// Safe to interpolate (`set` takes no parameters): a tenant id holds only `[a-z0-9_-]`.
fn set_tenant(tenant: &TenantId) -> String {
    format!("set local banyan.tenant = '{tenant}'")
}

/// The limits travel with the start-up message, so that no connection is ever without them.
fn connect_options(settings: &PgSettings, schema: &str) -> Result<PgConnectOptions, StoreError> {
    let options: PgConnectOptions = settings.url.parse()?;
    Ok(options.application_name(&format!("banyan-{schema}")).options([
        ("search_path", schema.to_owned()),
        ("statement_timeout", settings.statement_timeout_ms.to_string()),
        ("lock_timeout", settings.lock_timeout_ms.to_string()),
        ("idle_in_transaction_session_timeout", settings.idle_in_transaction_ms.to_string()),
        // Compiling a plan takes a second where the planner overestimates rows; our statements run for milliseconds.
        ("jit", "off".to_owned()),
        // Rows are found by keys in arrays, whose length changes from call to call and whose plan should not: planned anew
        // each time, a large batch reads the tenant's whole table, and planning takes longer than many a statement.
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        ("random_page_cost", "1.1".to_owned()), // of solid-state disks and of memory
    ]))
}

fn pool_options(settings: &PgSettings) -> PgPoolOptions {
    // a tenth either way, so that replicas started together do not reconnect together
    let lifetime = LIFETIME.mul_f64(rand::random_range(0.9..1.1));
    PgPoolOptions::new()
        .max_connections(settings.pool_max)
        .min_connections(settings.pool_min.min(settings.pool_max))
        .acquire_timeout(Duration::from_millis(settings.acquire_timeout_ms))
        .max_lifetime(lifetime)
        .test_before_acquire(false)
        .before_acquire(|conn, _| Box::pin(outside_transaction(conn)))
}

/// Whether a connection may be lent. sqlx 0.9.0 hands on a connection on which `begin` was sent but whose caller went
/// away before the answer: the next borrower would work inside a foreign transaction. Inside one, the transaction's time
/// lies before the statement's. The same round trip finds connections that died, so sqlx's own test is off.
///
/// Sent as a simple query: with a prepared statement Postgres sets the transaction's time at "bind" and the statement's
/// again at "execute", so every connection would look as if it were inside a transaction, and be replaced.
async fn outside_transaction(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let row = sqlx::raw_sql("select transaction_timestamp() = statement_timestamp()").fetch_one(conn).await?;
    row.try_get(0)
}
