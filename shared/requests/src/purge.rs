use pg::{Db, StoreError};
use time::{Duration, OffsetDateTime};

/// How long the record of a request lives that is not kept for ever.
pub const RETENTION: Duration = Duration::days(30);

/// Records deleted in one transaction: few enough to end well before the statement timeout.
const STEP: i64 = 1_000;

/// Deletes the records made before `older_than`, of all tenants, except those kept for ever. Returns how many. Several
/// replicas may purge at once; a step passes over what another one is deleting.
pub async fn purge(db: &Db, older_than: OffsetDateTime) -> Result<u64, StoreError> {
    let mut total = 0;
    loop {
        let mut tx = db.begin_system().await?;
        let deleted = sqlx::query!(
            "delete from request_record where ctid = any(array(
                select ctid from request_record
                where not keep and created_at < $1
                order by created_at limit $2 for update skip locked))",
            older_than,
            STEP,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        tx.commit().await?;
        total += deleted;
        if deleted < STEP.unsigned_abs() {
            return Ok(total);
        }
    }
}
