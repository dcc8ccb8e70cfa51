//! What tests need: a database for each test, Redis, tokens, waiting for conditions, the plans of a service's statements.
//!
//! Servers come from `DATABASE_URL` and `REDIS_URL`. Where these are unset, one private pair serves all test processes of
//! a checkout: the first test starts it in `target/testkit`, the others find it, `cargo xtask test` ends it. After a plain
//! `cargo nextest run` or `cargo test` it stays for the next run and ends by itself after half an hour without use.
//! It does not survive a crash of the machine (`fsync` is off); tests of durability kill processes, not machines.
//!
//! Every function here panics on failure: in a test there is nobody to handle it.

mod database;
mod plans;
mod servers;
mod tokens;
mod waiting;
mod workspace;

pub use database::TestDb;
pub use plans::Plans;
pub use servers::{OwnRedis, redis_url, servers};
pub use tokens::tokens;
pub use waiting::{Verdict, at, eventually, eventually_within};
pub use workspace::{data_dir, prepared_database};

/// A new database with these migrations applied, cloned from a template that the first test with these migrations makes.
/// It is dropped with the value.
pub async fn database(migrations: &[&pg::Migrations]) -> TestDb {
    TestDb::create(migrations).await
}
