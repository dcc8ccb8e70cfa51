//! Accounts that were opened with what users had elsewhere.

use ids::{EventId, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;

use crate::domain::book::AccountKey;
use crate::domain::job::{Opened, OpenedBy};

/// By which jobs accounts were opened. After the accounts are locked.
pub async fn read<'a>(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: impl IntoIterator<Item = &'a AccountKey>,
) -> Result<Opened, StoreError> {
    let (users, point_types): (Vec<&str>, Vec<&str>) =
        keys.into_iter().map(|(user, point_type)| (user.as_str(), point_type.as_str())).unzip();
    let rows = sqlx::query!(
        r#"select o.user_id, o.point_type_id, o.job_id, j.state = 8 as "recalled!"
        from unnest($2::text[], $3::text[]) k(u, p)
        join points_opening o on o.tenant_id = $1 and o.user_id = k.u and o.point_type_id = k.p
        join points_job j on j.tenant_id = $1 and j.job_id = o.job_id"#,
        tenant.as_str(),
        &users as _,
        &point_types as _
    )
    .fetch_all(conn)
    .await?;
    let read = rows.into_iter().map(|row| {
        let key = (rows::user(row.user_id)?, rows::key(row.point_type_id, "point_type_id")?);
        Ok((key, OpenedBy { job: rows::event(row.job_id)?, recalled: row.recalled }))
    });
    read.collect()
}

/// Notes which job opened accounts.
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    job: &EventId,
    keys: &[&AccountKey],
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let (users, point_types): (Vec<&str>, Vec<&str>) =
        keys.iter().map(|(user, point_type)| (user.as_str(), point_type.as_str())).unzip();
    sqlx::query!(
        "insert into points_opening (tenant_id, user_id, point_type_id, job_id)
        select $1, k.u, k.p, $4 from unnest($2::text[], $3::text[]) k(u, p)
        on conflict on constraint points_opening_pkey do update set job_id = excluded.job_id",
        tenant.as_str(),
        &users as _,
        &point_types as _,
        job.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}
