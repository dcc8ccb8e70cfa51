//! What jobs say that they move, and what their entries moved.

use ids::{EventId, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;

use crate::domain::job::Cost;
use crate::domain::job::reconcile::Stored;

/// What the lines of a job say, by point type. Where it voids, amounts are taken, and a
/// line without one takes all that there is.
pub async fn costs(
    conn: &mut PgConnection,
    tenant: &TenantId,
    job: &EventId,
    voids: bool,
) -> Result<Vec<Cost>, StoreError> {
    let rows = sqlx::query!(
        r#"select l.point_type_id, count(*) as "lines!",
            least(coalesce(sum(l.amount) filter (where l.amount > 0 and not $3), 0), 9007199254740991)::bigint as "added!",
            least(coalesce(sum(abs(l.amount)) filter (where l.amount < 0 or $3), 0), 9007199254740991)::bigint as "taken!",
            least(sum(l.growth), 9007199254740991)::bigint as "growth!",
            count(*) filter (where $3 and l.amount = 0) as "unlimited!"
        from points_job_line l
        where l.tenant_id = $1 and l.job_id = $2
        group by l.point_type_id order by l.point_type_id"#,
        tenant.as_str(),
        job.as_str(),
        voids
    )
    .fetch_all(conn)
    .await?;
    let read = rows.into_iter().map(|row| {
        Ok(Cost {
            point_type: rows::key(row.point_type_id, "point_type_id")?,
            lines: row.lines,
            added: row.added,
            taken: row.taken,
            growth: row.growth,
            unlimited: row.unlimited,
        })
    });
    read.collect()
}

/// What the entries of a job's lines moved, by point type: read from the entries themselves.
pub async fn stored(conn: &mut PgConnection, tenant: &TenantId, job: &EventId) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query!(
        r#"select l.point_type_id, count(*) as "lines!", count(e.entry_seq) as "done!",
            coalesce(sum(e.amount), 0)::bigint as "points!", coalesce(sum(e.growth_change), 0)::bigint as "growth!"
        from points_job_line l
        left join entry e on e.tenant_id = $1 and e.user_id = l.account_user and e.point_type_id = l.point_type_id
            and e.entry_seq = l.entry_seq and l.entry_seq > 0
        where l.tenant_id = $1 and l.job_id = $2
        group by l.point_type_id order by l.point_type_id"#,
        tenant.as_str(),
        job.as_str()
    )
    .fetch_all(conn)
    .await?;
    let read = rows.into_iter().map(|row| {
        Ok(Stored {
            point_type: rows::key(row.point_type_id, "point_type_id")?,
            lines: row.lines,
            done: row.done,
            points: row.points,
            growth: row.growth,
        })
    });
    read.collect()
}

/// Numbers of the lines after one that have no entry, or one that moved something else than they say. A line that voids says
/// the most that it takes, and one of an opening also its growth.
pub async fn different(
    conn: &mut PgConnection,
    tenant: &TenantId,
    job: &EventId,
    (voids, opens): (bool, bool),
    after: i64,
    limit: i64,
) -> Result<Vec<i64>, StoreError> {
    let numbers = sqlx::query_scalar!(
        r#"select l.line_no
        from points_job_line l
        left join entry e on e.tenant_id = $1 and e.user_id = l.account_user and e.point_type_id = l.point_type_id
            and e.entry_seq = l.entry_seq and l.entry_seq > 0
        where l.tenant_id = $1 and l.job_id = $2 and l.line_no > $3
            and (e.entry_seq is null
                or case when $4 then l.amount > 0 and e.amount <> -l.amount else e.amount <> l.amount end
                or $5 and e.growth_change <> l.growth)
        order by l.line_no limit $6"#,
        tenant.as_str(),
        job.as_str(),
        after,
        voids,
        opens,
        limit
    );
    Ok(numbers.fetch_all(conn).await?)
}
