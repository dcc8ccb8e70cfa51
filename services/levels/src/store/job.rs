//! Jobs over the points of many users, and which of them run.

use ids::{EventId, TenantId};
use pg::StoreError;
use serde::{Deserialize, Serialize};
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::job::{Control, Counts, Job, JobKind, JobState};

/// A control total, as it stands in its job.
#[derive(Debug, Serialize, Deserialize)]
struct StoredControl {
    point_type: String,
    lines: i64,
    points: i64,
    growth: i64,
}

struct Row {
    job_id: String,
    kind: i16,
    title: String,
    reason: String,
    cost_centre: String,
    funder: i32,
    controls: Json<Vec<StoredControl>>,
    state: i16,
    resumes: Option<i16>,
    lines: i64,
    done: i64,
    failed: i64,
    recalled: i64,
    recall_failed: i64,
    created_by: String,
    submitted_by: String,
    needs_approval: bool,
    decided_by: String,
    note: String,
    changes: i64,
    created_at: OffsetDateTime,
    started_at: Option<OffsetDateTime>,
    ended_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Job {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = |code| JobState::from_code(code).ok_or_else(|| rows::unreadable("state"));
        let control = |it: StoredControl| {
            let point_type = rows::key(it.point_type, "controls")?;
            Ok(Control { point_type, lines: it.lines, points: it.points, growth: it.growth })
        };
        Ok(Self {
            id: rows::event(row.job_id)?,
            kind: JobKind::from_code(row.kind).ok_or_else(|| rows::unreadable("kind"))?,
            title: row.title,
            reason: row.reason,
            cost_centre: row.cost_centre,
            funder: row.funder,
            controls: row.controls.0.into_iter().map(control).collect::<Result<_, StoreError>>()?,
            state: state(row.state)?,
            resumes: row.resumes.map(state).transpose()?,
            counts: Counts {
                lines: row.lines,
                done: row.done,
                failed: row.failed,
                recalled: row.recalled,
                recall_failed: row.recall_failed,
            },
            created_by: row.created_by,
            submitted_by: row.submitted_by,
            needs_approval: row.needs_approval,
            decided_by: row.decided_by,
            note: row.note,
            changes: row.changes,
            created_at: row.created_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
    }
}

/// Keeps others of a tenant from creating jobs until the transaction ends.
pub async fn lock_all(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('levels.points_job/' || $1, 0))", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// How many jobs of a tenant are not over.
pub async fn open_count(conn: &mut PgConnection, tenant: &TenantId) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from points_job where tenant_id = $1 and state in (1, 2, 3, 7)"#,
        tenant.as_str()
    );
    Ok(count.fetch_one(conn).await?)
}

/// Reads a job that is to be changed: whoever else changes it, or carries lines of it out, waits.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId, id: &EventId) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select job_id, kind, title, reason, cost_centre, funder, controls as "controls: Json<Vec<StoredControl>>", state,
            resumes, lines, done, failed, recalled, recall_failed, created_by, submitted_by, needs_approval, decided_by, note,
            changes, created_at, started_at, ended_at
        from points_job where tenant_id = $1 and job_id = $2 for no key update"#,
        tenant.as_str(),
        id.as_str()
    );
    row.fetch_optional(conn).await?.map(Job::try_from).transpose()
}

/// As [`lock`], for whoever carries lines out: `None` also where somebody else has it, and does so.
pub async fn lock_free(conn: &mut PgConnection, tenant: &TenantId, id: &EventId) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select job_id, kind, title, reason, cost_centre, funder, controls as "controls: Json<Vec<StoredControl>>", state,
            resumes, lines, done, failed, recalled, recall_failed, created_by, submitted_by, needs_approval, decided_by, note,
            changes, created_at, started_at, ended_at
        from points_job where tenant_id = $1 and job_id = $2 for no key update skip locked"#,
        tenant.as_str(),
        id.as_str()
    );
    row.fetch_optional(conn).await?.map(Job::try_from).transpose()
}

/// Reads a job.
pub async fn read(conn: &mut PgConnection, tenant: &TenantId, id: &EventId) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select job_id, kind, title, reason, cost_centre, funder, controls as "controls: Json<Vec<StoredControl>>", state,
            resumes, lines, done, failed, recalled, recall_failed, created_by, submitted_by, needs_approval, decided_by, note,
            changes, created_at, started_at, ended_at
        from points_job where tenant_id = $1 and job_id = $2"#,
        tenant.as_str(),
        id.as_str()
    );
    row.fetch_optional(conn).await?.map(Job::try_from).transpose()
}

/// Stores a job, new or changed.
pub async fn put(conn: &mut PgConnection, tenant: &TenantId, it: &Job) -> Result<(), StoreError> {
    let control = |it: &Control| StoredControl {
        point_type: it.point_type.to_string(),
        lines: it.lines,
        points: it.points,
        growth: it.growth,
    };
    let controls: Vec<StoredControl> = it.controls.iter().map(control).collect();
    sqlx::query!(
        "insert into points_job (tenant_id, job_id, kind, title, reason, cost_centre, funder, controls, state, resumes, lines,
            done, failed, recalled, recall_failed, created_by, submitted_by, needs_approval, decided_by, note, changes,
            created_at, started_at, ended_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
        on conflict on constraint points_job_pkey
        do update set state = excluded.state, resumes = excluded.resumes, lines = excluded.lines, done = excluded.done,
            failed = excluded.failed, recalled = excluded.recalled, recall_failed = excluded.recall_failed,
            submitted_by = excluded.submitted_by, needs_approval = excluded.needs_approval,
            decided_by = excluded.decided_by, note = excluded.note, changes = excluded.changes,
            started_at = excluded.started_at, ended_at = excluded.ended_at",
        tenant.as_str(),
        it.id.as_str(),
        it.kind.code(),
        it.title,
        it.reason,
        it.cost_centre,
        it.funder,
        Json(controls) as _,
        it.state.code(),
        it.resumes.map(JobState::code),
        it.counts.lines,
        it.counts.done,
        it.counts.failed,
        it.counts.recalled,
        it.counts.recall_failed,
        it.created_by,
        it.submitted_by,
        it.needs_approval,
        it.decided_by,
        it.note,
        it.changes,
        it.created_at,
        it.started_at,
        it.ended_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that a job goes on by itself since a time, or does not any more.
pub async fn set_running(
    conn: &mut PgConnection,
    tenant: &TenantId,
    id: &EventId,
    since: Option<OffsetDateTime>,
) -> Result<(), StoreError> {
    match since {
        Some(since) => {
            sqlx::query!(
                "insert into points_job_run (tenant_id, job_id, since) values ($1, $2, $3)
                on conflict on constraint points_job_run_pkey do nothing",
                tenant.as_str(),
                id.as_str(),
                since
            )
            .execute(conn)
            .await?
        }
        None => {
            sqlx::query!(
                "delete from points_job_run where tenant_id = $1 and job_id = $2",
                tenant.as_str(),
                id.as_str()
            )
            .execute(conn)
            .await?
        }
    };
    Ok(())
}

/// Jobs of all tenants that go on by themselves, after a place. For a transaction across tenants.
pub async fn running(
    conn: &mut PgConnection,
    after: (&str, &str),
    limit: i64,
) -> Result<Vec<(TenantId, EventId)>, StoreError> {
    let rows = sqlx::query!(
        "select tenant_id, job_id from points_job_run where tenant_id >= $1 and (tenant_id, job_id) > ($1, $2)
        order by tenant_id, job_id limit $3",
        after.0,
        after.1,
        limit
    )
    .fetch_all(conn)
    .await?;
    let read = |row: (String, String)| {
        Ok((TenantId::new(row.0).map_err(|_| rows::unreadable("tenant_id"))?, rows::event(row.1)?))
    };
    rows.into_iter().map(|row| read((row.tenant_id, row.job_id))).collect()
}

/// The jobs of a tenant that go on by themselves, and since when.
pub async fn running_of(
    conn: &mut PgConnection,
    tenant: &TenantId,
    limit: i64,
) -> Result<Vec<(EventId, OffsetDateTime)>, StoreError> {
    let rows = sqlx::query!(
        "select job_id, since from points_job_run where tenant_id = $1 order by job_id limit $2",
        tenant.as_str(),
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((rows::event(row.job_id)?, row.since))).collect()
}

/// Jobs before a place, newest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    before: (OffsetDateTime, &str),
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select job_id, kind, title, reason, cost_centre, funder, controls as "controls: Json<Vec<StoredControl>>", state,
            resumes, lines, done, failed, recalled, recall_failed, created_by, submitted_by, needs_approval, decided_by, note,
            changes, created_at, started_at, ended_at
        from points_job
        where tenant_id = $1 and created_at <= $2 and (created_at, job_id) < ($2, $3)
        order by created_at desc, job_id desc limit $4"#,
        tenant.as_str(),
        before.0,
        before.1,
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(Job::try_from).collect()
}

/// Those in one state.
pub async fn list_in(
    conn: &mut PgConnection,
    tenant: &TenantId,
    state: JobState,
    before: (OffsetDateTime, &str),
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select job_id, kind, title, reason, cost_centre, funder, controls as "controls: Json<Vec<StoredControl>>", state,
            resumes, lines, done, failed, recalled, recall_failed, created_by, submitted_by, needs_approval, decided_by, note,
            changes, created_at, started_at, ended_at
        from points_job
        where tenant_id = $1 and state = $2 and created_at <= $3 and (created_at, job_id) < ($3, $4)
        order by created_at desc, job_id desc limit $5"#,
        tenant.as_str(),
        state.code(),
        before.0,
        before.1,
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(Job::try_from).collect()
}
