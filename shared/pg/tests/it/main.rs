//! pg on a real server, a database per test.
#![allow(clippy::unwrap_used)]

mod conflicts;
mod migrating;
mod pool;
mod tenants;

use ids::TenantId;
use pg::{Db, Migrations, PgSettings};
use sqlx::migrate::Migrator;
use testkit::TestDb;

static SHELF: Migrator = sqlx::migrate!("./tests/migrations");

fn migrations() -> Migrations {
    Migrations::new("shelf", [&SHELF])
}

async fn database() -> TestDb {
    testkit::database(&[&migrations()]).await
}

/// A pool with other limits than the tests' usual ones.
async fn with(test: &TestDb, change: impl FnOnce(&mut PgSettings)) -> Db {
    let mut settings = test.settings("shelf");
    change(&mut settings);
    Db::connect(&settings, "shelf").await.unwrap()
}

fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}
