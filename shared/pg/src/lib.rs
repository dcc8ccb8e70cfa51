//! Postgres as every service uses it: a pool that never lends a half-begun transaction, one tenant per transaction,
//! errors by kind, attempts repeated on conflicts, and migrations.
//!
//! A service has one schema, named as the service, and three roles ([`Roles`]). Each connection has the schema as its
//! `search_path`, so SQL says no schema; each transaction says its tenant, and row-level security holds it to that.

mod db;
mod error;
mod flush;
mod migrate;
mod retry;
mod roles;
mod settings;
mod statements;
mod tenant;

pub use db::{Db, Tx};
pub use error::StoreError;
pub use migrate::{MIGRATOR, MigrateError, Migrations, check_applied, migrate};
pub use retry::{ATTEMPTS_MAX, MaybeConflict, retrying};
pub use roles::{Roles, url_as};
pub use settings::PgSettings;
pub use statements::statements;
pub use tenant::{Moment, Standing, clock, currency, moment, note_currency, note_tenant, real_clock, standing};
