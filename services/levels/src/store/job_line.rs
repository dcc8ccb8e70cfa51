//! The lines of jobs, and what came of them.

use ids::{EventId, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::job::line::{JobLine, Line, LineState, OpeningLevel, VoidScope};
use crate::domain::refusal::Refusal;

struct Row {
    line_no: i64,
    user_id: String,
    point_type_id: String,
    amount: i64,
    expires_at: Option<OffsetDateTime>,
    void_scope: Option<i16>,
    occurred_at: Option<OffsetDateTime>,
    activates_at: Option<OffsetDateTime>,
    growth: i64,
    level_rank: Option<i32>,
    level_since: Option<OffsetDateTime>,
    level_until: Option<OffsetDateTime>,
    state: i16,
    account_user: String,
    entry_seq: i64,
    moved: i64,
    cut: i64,
    recalled: i64,
    refusal: Option<Json<Refusal>>,
}

impl TryFrom<Row> for JobLine {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let scope = |code| VoidScope::from_code(code).ok_or_else(|| rows::unreadable("void_scope"));
        let level = row.level_rank.zip(row.level_since).map(|(rank, since)| {
            let rank = usize::try_from(rank).map_err(|_| rows::unreadable("level_rank"))?;
            Ok::<_, StoreError>(OpeningLevel { rank, since, valid_until: row.level_until })
        });
        let line = Line {
            no: row.line_no,
            user: rows::user(row.user_id)?,
            point_type: rows::key(row.point_type_id, "point_type_id")?,
            amount: row.amount,
            expires_at: row.expires_at,
            void_scope: row.void_scope.map(scope).transpose()?,
            occurred_at: row.occurred_at,
            activates_at: row.activates_at,
            growth: row.growth,
            level: level.transpose()?,
        };
        let account_user = Some(row.account_user).filter(|user| !user.is_empty());
        Ok(Self {
            line,
            state: LineState::from_code(row.state).ok_or_else(|| rows::unreadable("state"))?,
            account_user: account_user.map(rows::user).transpose()?,
            entry_seq: row.entry_seq,
            moved: row.moved,
            cut: row.cut,
            recalled: row.recalled,
            refusal: row.refusal.map(|Json(refusal)| refusal),
        })
    }
}

/// Adds lines that wait; answers how many were new. Those with a number that the job has stay as they are.
pub async fn add(conn: &mut PgConnection, tenant: &TenantId, job: &EventId, lines: &[Line]) -> Result<i64, StoreError> {
    let numbers: Vec<i64> = lines.iter().map(|it| it.no).collect();
    let users: Vec<&str> = lines.iter().map(|it| it.user.as_str()).collect();
    let point_types: Vec<&str> = lines.iter().map(|it| it.point_type.as_str()).collect();
    let amounts: Vec<i64> = lines.iter().map(|it| it.amount).collect();
    let scopes: Vec<Option<i16>> = lines.iter().map(|it| it.void_scope.map(VoidScope::code)).collect();
    let times = |value: fn(&Line) -> Option<OffsetDateTime>| lines.iter().map(value).collect::<Vec<_>>();
    let (expire, occurred, activate) =
        (times(|it| it.expires_at), times(|it| it.occurred_at), times(|it| it.activates_at));
    let growths: Vec<i64> = lines.iter().map(|it| it.growth).collect();
    let rank = |it: &Line| it.level.as_ref().map(|level| i32::try_from(level.rank).unwrap_or(i32::MAX));
    let ranks: Vec<Option<i32>> = lines.iter().map(rank).collect();
    let since = times(|it| it.level.as_ref().map(|level| level.since));
    let until = times(|it| it.level.as_ref().and_then(|level| level.valid_until));
    let done = sqlx::query!(
        "insert into points_job_line (tenant_id, job_id, line_no, user_id, point_type_id, amount, expires_at, void_scope,
            occurred_at, activates_at, growth, level_rank, level_since, level_until, state, account_user, entry_seq, moved, cut,
            recalled)
        select $1, $2, k.line_no, k.user_id, k.point_type_id, k.amount, k.expires_at, k.void_scope, k.occurred_at,
            k.activates_at, k.growth, k.rank, k.since, k.until, 1, '', 0, 0, 0, 0
        from unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[], $8::smallint[],
            $9::timestamptz[], $10::timestamptz[], $11::bigint[], $12::integer[], $13::timestamptz[], $14::timestamptz[])
            k(line_no, user_id, point_type_id, amount, expires_at, void_scope, occurred_at, activates_at, growth, rank, since,
            until)
        on conflict on constraint points_job_line_pkey do nothing",
        tenant.as_str(),
        job.as_str(),
        &numbers,
        &users as _,
        &point_types as _,
        &amounts,
        &expire as _,
        &scopes as _,
        &occurred as _,
        &activate as _,
        &growths,
        &ranks as _,
        &since as _,
        &until as _
    )
    .execute(conn)
    .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

/// The lines with these numbers.
pub async fn numbered(
    conn: &mut PgConnection,
    tenant: &TenantId,
    job: &EventId,
    numbers: &[i64],
) -> Result<Vec<JobLine>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select l.line_no, l.user_id, l.point_type_id, l.amount, l.expires_at, l.void_scope, l.occurred_at, l.activates_at, l.growth,
            l.level_rank, l.level_since, l.level_until, l.state, l.account_user, l.entry_seq, l.moved, l.cut, l.recalled,
            l.refusal as "refusal: Json<Refusal>"
        from unnest($3::bigint[]) k(no)
        join points_job_line l on l.tenant_id = $1 and l.job_id = $2 and l.line_no = k.no
        order by l.line_no"#,
        tenant.as_str(),
        job.as_str(),
        numbers
    );
    rows.fetch_all(conn).await?.into_iter().map(JobLine::try_from).collect()
}

/// The last number of a job's lines; 0: it has none.
pub async fn last_number(conn: &mut PgConnection, tenant: &TenantId, job: &EventId) -> Result<i64, StoreError> {
    let last = sqlx::query_scalar!(
        "select line_no from points_job_line where tenant_id = $1 and job_id = $2 order by line_no desc limit 1",
        tenant.as_str(),
        job.as_str()
    );
    Ok(last.fetch_optional(conn).await?.unwrap_or(0))
}

/// Lines of a job after a number.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    job: &EventId,
    after: i64,
    limit: i64,
) -> Result<Vec<JobLine>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select l.line_no, l.user_id, l.point_type_id, l.amount, l.expires_at, l.void_scope, l.occurred_at, l.activates_at, l.growth,
            l.level_rank, l.level_since, l.level_until, l.state, l.account_user, l.entry_seq, l.moved, l.cut, l.recalled,
            l.refusal as "refusal: Json<Refusal>"
        from points_job_line l
        where l.tenant_id = $1 and l.job_id = $2 and l.line_no > $3
        order by l.line_no limit $4"#,
        tenant.as_str(),
        job.as_str(),
        after,
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(JobLine::try_from).collect()
}

/// Those in one state.
pub async fn list_in(
    conn: &mut PgConnection,
    tenant: &TenantId,
    job: &EventId,
    state: LineState,
    after: i64,
    limit: i64,
) -> Result<Vec<JobLine>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select l.line_no, l.user_id, l.point_type_id, l.amount, l.expires_at, l.void_scope, l.occurred_at, l.activates_at, l.growth,
            l.level_rank, l.level_since, l.level_until, l.state, l.account_user, l.entry_seq, l.moved, l.cut, l.recalled,
            l.refusal as "refusal: Json<Refusal>"
        from points_job_line l
        where l.tenant_id = $1 and l.job_id = $2 and l.state = $3 and l.line_no > $4
        order by l.line_no limit $5"#,
        tenant.as_str(),
        job.as_str(),
        state.code(),
        after,
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(JobLine::try_from).collect()
}

/// Stores what came of lines, in one statement however many they are.
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    job: &EventId,
    lines: &[JobLine],
) -> Result<(), StoreError> {
    let numbers: Vec<i64> = lines.iter().map(|it| it.line.no).collect();
    let states: Vec<i16> = lines.iter().map(|it| it.state.code()).collect();
    let user = |it: &JobLine| it.account_user.as_ref().map(ToString::to_string).unwrap_or_default();
    let users: Vec<String> = lines.iter().map(user).collect();
    let of = |value: fn(&JobLine) -> i64| lines.iter().map(value).collect::<Vec<_>>();
    let (seqs, moved, cut) = (of(|it| it.entry_seq), of(|it| it.moved), of(|it| it.cut));
    let recalled = of(|it| it.recalled);
    let refusals: Vec<Option<Json<&Refusal>>> = lines.iter().map(|it| it.refusal.as_ref().map(Json)).collect();
    let done = sqlx::query!(
        "update points_job_line l
        set state = k.state, account_user = k.account_user, entry_seq = k.entry_seq, moved = k.moved, cut = k.cut,
            recalled = k.recalled, refusal = k.refusal
        from unnest($3::bigint[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
            $10::jsonb[]) k(line_no, state, account_user, entry_seq, moved, cut, recalled, refusal)
        where l.tenant_id = $1 and l.job_id = $2 and l.line_no = k.line_no",
        tenant.as_str(),
        job.as_str(),
        &numbers,
        &states,
        &users,
        &seqs,
        &moved,
        &cut,
        &recalled,
        &refusals as _
    )
    .execute(conn)
    .await?;
    // an entry without its line would be made again
    if done.rows_affected() != lines.len() as u64 {
        return Err(rows::unreadable("line_no"));
    }
    Ok(())
}

/// Puts all lines of one state back to another; answers how many.
pub async fn put_back(
    conn: &mut PgConnection,
    tenant: &TenantId,
    job: &EventId,
    from: LineState,
    to: LineState,
) -> Result<i64, StoreError> {
    let done = sqlx::query!(
        "update points_job_line set state = $4, refusal = null where tenant_id = $1 and job_id = $2 and state = $3",
        tenant.as_str(),
        job.as_str(),
        from.code(),
        to.code()
    )
    .execute(conn)
    .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}
