use futures::future::join_all;
use pg::{MigrateError, Migrations, Roles, check_applied, migrate};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr, SqlStr};

use crate::{SHELF, database, migrations, tenant};

/// One migration more, as a later release would have it.
fn part(version: i64, sql: &'static str) -> &'static Migrator {
    let sql: SqlStr = sql.into_sql_str();
    let one = Migration::new(version, "later".into(), MigrationType::Simple, sql, false);
    Box::leak(Box::new(Migrator::with_migrations(vec![one])))
}

#[tokio::test]
async fn what_is_applied_already_is_not_applied_again() {
    let test = database().await;
    migrate(&test.admin_url, &migrations()).await.unwrap();
    check_applied(&test.db("shelf").await, &migrations()).await.unwrap();
}

#[tokio::test]
async fn a_start_on_an_older_database_names_what_is_missing() {
    let test = database().await;
    let later = Migrations::new("shelf", [&SHELF, part(1001, "select 1"), part(200, "select 1")]);
    let error = check_applied(&test.db("shelf").await, &later).await.unwrap_err();
    assert!(matches!(&error, MigrateError::Missing { versions, .. } if *versions == [200, 1001]), "{error:?}");

    migrate(&test.admin_url, &later).await.unwrap();
    check_applied(&test.db("shelf").await, &later).await.unwrap();
    // and the release before, rolled back to, goes on working
    migrate(&test.admin_url, &migrations()).await.unwrap();
    check_applied(&test.db("shelf").await, &migrations()).await.unwrap();
}

#[tokio::test]
async fn a_database_never_migrated_lacks_everything() {
    let test = database().await;
    let roles = Roles::of("bare");
    let mut admin = test.admin("shelf").await;
    let make = format!("do $$ begin create role {} login; exception when duplicate_object then end $$", roles.app);
    admin.execute(AssertSqlSafe(make)).await.unwrap();
    let error = check_applied(&test.db("bare").await, &Migrations::new("bare", [&SHELF])).await.unwrap_err();
    assert!(matches!(&error, MigrateError::Missing { versions, .. } if *versions == [1, 2, 3, 4, 1000]), "{error:?}");
}

#[tokio::test]
async fn two_migrations_with_one_version_are_refused() {
    let test = database().await;
    let twice = Migrations::new("shelf", [&SHELF, part(1000, "select 1")]);
    let error = migrate(&test.admin_url, &twice).await.unwrap_err();
    assert!(matches!(error, MigrateError::Duplicate { version: 1000, .. }), "{error:?}");
}

#[tokio::test]
async fn a_migration_changed_after_it_was_applied_is_refused() {
    let test = database().await;
    let changed = Migrations::new("shelf", [part(1000, "select 'other'")]);
    let error = migrate(&test.admin_url, &changed).await.unwrap_err();
    assert!(matches!(error, MigrateError::Run { .. }), "{error:?}");
    assert_ne!(changed.fingerprint(), migrations().fingerprint());
}

#[tokio::test]
async fn many_databases_of_one_server_are_migrated_at_once_from_several_places() {
    // a name that no run before used, so that the roles are missing
    let schema: &'static str = format!("race{}", std::process::id()).leak();
    let racing = Migrations::new(schema, [&SHELF]);
    let tests = join_all((0..4).map(|_| testkit::database(&[]))).await;
    let twice = tests.iter().flat_map(|test| [test, test]);
    for outcome in join_all(twice.map(|test| migrate(&test.admin_url, &racing))).await {
        outcome.unwrap();
    }
    for test in &tests {
        check_applied(&test.db(schema).await, &racing).await.unwrap();
    }
    let Roles { owner, app, system } = Roles::of(schema);
    for test in &tests {
        let clean = format!("drop owned by {app}, {system}; drop owned by {owner}");
        test.admin(schema).await.execute(AssertSqlSafe(clean)).await.unwrap();
    }
    let clean = format!("drop role {owner}, {app}, {system}");
    tests[0].admin(schema).await.execute(AssertSqlSafe(clean)).await.unwrap();
}

#[tokio::test]
async fn the_service_cannot_change_the_schema_or_the_record_of_its_migrations() {
    let test = database().await;
    let db = test.db("shelf").await;
    for forbidden in [
        "create table extra (id bigint)",
        "alter table note disable row level security",
        "drop policy tenant on note",
        "truncate note",
        "delete from _sqlx_migrations",
        "set local role banyan_shelf_owner",
    ] {
        let mut tx = db.begin(&tenant("a")).await.unwrap();
        let error = pg::StoreError::from(tx.execute(forbidden).await.unwrap_err());
        assert_eq!(error.sqlstate().as_deref(), Some("42501"), "{forbidden}: {error:?}");
    }
}

#[tokio::test]
async fn an_administrator_who_is_no_superuser_can_migrate() {
    let test = testkit::database(&[]).await;
    let name = format!("adm{}", std::process::id());
    let mut admin = test.admin("public").await;
    let database: String = sqlx::query_scalar("select current_database()::text").fetch_one(&mut admin).await.unwrap();
    let make = format!("create role {name} login createrole; alter database {database} owner to {name}");
    admin.execute(AssertSqlSafe(make)).await.unwrap();

    let schema: &'static str = format!("plain{}", std::process::id()).leak();
    let plain = Migrations::new(schema, [&SHELF]);
    migrate(&pg::url_as(&test.admin_url, &name), &plain).await.unwrap();
    migrate(&pg::url_as(&test.admin_url, &name), &plain).await.unwrap();
    check_applied(&test.db(schema).await, &plain).await.unwrap();

    let Roles { owner, app, system } = Roles::of(schema);
    let clean = format!(
        "alter database {database} owner to current_user;
         drop owned by {app}, {system}; drop owned by {owner}, {name};
         drop role {owner}, {app}, {system}, {name}"
    );
    admin.execute(AssertSqlSafe(clean)).await.unwrap();
}
