use pg::{Db, StoreError, Tx};
use sqlx::{AssertSqlSafe, Executor};
use testkit::TestDb;

use crate::{SHELF, database, tenant, with};

/// One note and one journal entry for each of two tenants.
async fn two_tenants(db: &Db) {
    for id in ["a", "b"] {
        let mut tx = db.begin(&tenant(id)).await.unwrap();
        insert(&mut tx, id).await.unwrap();
        let journal = sqlx::query("insert into journal (tenant_id, entry_id) values ($1, 1)");
        journal.bind(id).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn insert(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    let text = format!("of {id}");
    let query = sqlx::query("insert into note (tenant_id, note_id, text) values ($1, 1, $2)");
    query.bind(id).bind(text).execute(&mut **tx).await?;
    Ok(())
}

/// Whose rows a statement finds that forgot to ask for its tenant.
async fn found(tx: &mut Tx, table: &str) -> Result<Vec<String>, StoreError> {
    let query = format!("select tenant_id from {table} order by 1");
    Ok(sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut **tx).await?)
}

#[tokio::test]
async fn a_statement_without_its_predicate_finds_only_the_rows_of_the_transactions_tenant() {
    let test = database().await;
    let db = test.db("shelf").await;
    two_tenants(&db).await;
    for id in ["a", "b"] {
        let mut tx = db.begin(&tenant(id)).await.unwrap();
        assert_eq!(found(&mut tx, "note").await.unwrap(), [id]);
        assert_eq!(found(&mut tx, "journal").await.unwrap(), [id]);
    }
    let mut tx = db.begin(&tenant("c")).await.unwrap();
    assert_eq!(found(&mut tx, "note").await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn rows_of_another_tenant_are_neither_written_changed_nor_deleted() {
    let test = database().await;
    let db = test.db("shelf").await;
    two_tenants(&db).await;

    let mut tx = db.begin(&tenant("c")).await.unwrap();
    let error = insert(&mut tx, "a").await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("42501"), "{error:?}");
    drop(tx);

    let mut tx = db.begin(&tenant("a")).await.unwrap();
    let changed = tx.execute("update note set text = 'changed' where tenant_id = 'b'").await.unwrap();
    assert_eq!(changed.rows_affected(), 0);
    let deleted = tx.execute("delete from note where tenant_id = 'b'").await.unwrap();
    assert_eq!(deleted.rows_affected(), 0);
    let moved = tx.execute("update note set tenant_id = 'b'").await.unwrap_err();
    assert_eq!(StoreError::from(moved).sqlstate().as_deref(), Some("42501"));
}

#[tokio::test]
async fn a_transaction_of_no_tenant_finds_nothing() {
    let test = database().await;
    two_tenants(&test.db("shelf").await).await;

    // a new connection, on which no tenant was ever set: an error
    let db = with(&test, |settings| settings.pool_max = 1).await;
    let mut tx = db.begin_plain().await.unwrap();
    let error = found(&mut tx, "note").await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("42704"), "{error:?}");
    tx.rollback().await.unwrap();

    // one that had a tenant before: nothing left of it
    let mut tx = db.begin(&tenant("a")).await.unwrap();
    assert_eq!(found(&mut tx, "note").await.unwrap(), ["a"]);
    tx.commit().await.unwrap();
    let mut tx = db.begin_plain().await.unwrap();
    assert_eq!(found(&mut tx, "note").await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_system_role_sees_all_tenants_on_shared_tables_and_nothing_else() {
    let test = database().await;
    let db = test.db("shelf").await;
    two_tenants(&db).await;

    let mut tx = db.begin_system().await.unwrap();
    assert_eq!(found(&mut tx, "journal").await.unwrap(), ["a", "b"]);
    let error = found(&mut tx, "note").await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("42501"), "{error:?}");
}

#[tokio::test]
async fn entering_a_tenant_leaves_the_system_role_and_the_tenant_before() {
    let test = database().await;
    let db = test.db("shelf").await;
    two_tenants(&db).await;

    let mut tx = db.begin_system().await.unwrap();
    for id in ["a", "b"] {
        tx.enter(&tenant(id)).await.unwrap();
        assert_eq!(found(&mut tx, "journal").await.unwrap(), [id]);
        assert_eq!(found(&mut tx, "note").await.unwrap(), [id]);
    }
}

#[tokio::test]
async fn a_service_role_that_inherits_from_the_system_role_still_sees_one_tenant() {
    // a schema of its own, because roles are shared by all databases of the server
    let test = testkit::database(&[&pg::Migrations::new("heir", [&SHELF])]).await;
    let db = test.db("heir").await;
    two_tenants(&db).await;
    let mut admin = test.admin("heir").await;
    admin.execute("alter role banyan_heir inherit").await.unwrap();
    let inherits = "select pg_has_role('banyan_heir', 'banyan_heir_system', 'usage')";
    assert!(sqlx::query_scalar::<_, bool>(inherits).fetch_one(&mut admin).await.unwrap());

    let mut tx = db.begin(&tenant("a")).await.unwrap();
    assert_eq!(found(&mut tx, "journal").await.unwrap(), ["a"]);
}

#[tokio::test]
async fn the_owner_is_bound_as_well() {
    let test = database().await;
    two_tenants(&test.db("shelf").await).await;
    let mut admin = test.admin("shelf").await;
    admin.execute("set role banyan_shelf_owner; set banyan.tenant = 'a'").await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from note").fetch_one(&mut admin).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_role_that_bypasses_row_level_security_is_refused_at_the_start() {
    let test: TestDb = database().await;
    let mut settings = test.settings("shelf");
    settings.url.clone_from(&test.admin_url);
    let error = Db::connect(&settings, "shelf").await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(sqlx::Error::Configuration(_))), "{error:?}");
}
