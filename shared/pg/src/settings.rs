use std::fmt;

use serde::Deserialize;

/// How a service reaches Postgres. Times form a ladder: a statement ends before its call's deadline, a wait for a lock
/// before the statement, a wait for a connection long before either.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PgSettings {
    /// `postgres://user:password@host:port/database`; the user is the service's own role, never its owner.
    pub url: String,
    /// Connections open at most. More than about eight per core of the database only queue there.
    pub pool_max: u32,
    /// Connections kept open even when idle, so that a burst does not begin with handshakes.
    pub pool_min: u32,
    /// How long start-up goes on trying to reach the database.
    pub connect_timeout_ms: u64,
    /// How long a call waits for a free connection before it is told to come back.
    pub acquire_timeout_ms: u64,
    /// How long one statement may run.
    pub statement_timeout_ms: u64,
    /// How long one statement may wait for a row or advisory lock. Longer than the server's `deadlock_timeout` (1 s unless
    /// changed): otherwise both sides of a deadlock give up instead of one.
    pub lock_timeout_ms: u64,
    /// How long a transaction may sit between statements before the server ends it.
    pub idle_in_transaction_ms: u64,
}

impl Default for PgSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            pool_max: 16,
            pool_min: 2,
            connect_timeout_ms: 10_000,
            acquire_timeout_ms: 300,
            statement_timeout_ms: 1_500,
            lock_timeout_ms: 1_200,
            idle_in_transaction_ms: 5_000,
        }
    }
}

impl PgSettings {
    /// The defaults for a URL.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }
}

/// Without the URL: it may hold a password.
impl fmt::Debug for PgSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgSettings")
            .field("pool_max", &self.pool_max)
            .field("pool_min", &self.pool_min)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("acquire_timeout_ms", &self.acquire_timeout_ms)
            .field("statement_timeout_ms", &self.statement_timeout_ms)
            .field("lock_timeout_ms", &self.lock_timeout_ms)
            .field("idle_in_transaction_ms", &self.idle_in_transaction_ms)
            .finish_non_exhaustive()
    }
}
