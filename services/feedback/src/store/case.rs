//! Cases.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::case_row::{CaseRow, read_cases};
use super::unreadable;
use crate::domain::case::{Case, CaseKey};

/// Adds cases, in one statement however many they are. [`StoreError::Conflict`] says that a concurrent transaction took an
/// id first: a new attempt will find it taken.
pub async fn insert(
    conn: &mut PgConnection,
    tenant: &TenantId,
    cases: impl Iterator<Item = &Case>,
) -> Result<(), StoreError> {
    let mut rows: Vec<CaseRow> = cases.map(CaseRow::of).collect();
    // two transactions take ids in the same order, so that one waits for the other and not each for both
    rows.sort_unstable_by(|one, other| (&one.user_id, &one.case_id).cmp(&(&other.user_id, &other.case_id)));
    sqlx::query!(
        "insert into feedback_case (tenant_id, user_id, case_id, kind, site, channel, external_reference, reported_user_id, case_type_id,
            department, urgency, impact, user_value, importance, quadrant, emotion, answer_within_minutes,
            assignee_id, state, attempt, first_elapsed_us, first_since, first_target_minutes, first_deadline,
            first_breached, resolution_elapsed_us, resolution_since, resolution_target_minutes,
            resolution_deadline, resolution_breached, promise_until, promise_overdue, sla_version, submitted_at,
            first_answered_at, resolved_at, resolution, reopen_until, score, entry_seq, decided_at, queue_at,
            alarm_at)
        select $1, k.user_id, k.case_id, k.kind, k.site, k.channel, k.external_reference, k.reported_user_id,
            k.case_type_id, k.department, k.urgency, k.impact, k.user_value, k.importance, k.quadrant,
            k.emotion, k.answer_within_minutes, k.assignee_id, k.state, k.attempt, k.first_elapsed_us,
            k.first_since, k.first_target_minutes, k.first_deadline, k.first_breached, k.resolution_elapsed_us,
            k.resolution_since, k.resolution_target_minutes, k.resolution_deadline, k.resolution_breached,
            k.promise_until, k.promise_overdue, k.sla_version, k.submitted_at, k.first_answered_at,
            k.resolved_at, k.resolution, k.reopen_until, k.score, k.entry_seq, k.decided_at, k.queue_at,
            k.alarm_at
        from jsonb_to_recordset($2) k(user_id text, case_id text, kind smallint, site text, channel text, external_reference text,
            reported_user_id text, case_type_id text, department text, urgency smallint, impact smallint,
            user_value smallint, importance smallint, quadrant smallint, emotion smallint, answer_within_minutes
            integer, assignee_id text, state smallint, attempt integer, first_elapsed_us bigint, first_since
            timestamptz, first_target_minutes integer, first_deadline timestamptz, first_breached boolean,
            resolution_elapsed_us bigint, resolution_since timestamptz, resolution_target_minutes integer,
            resolution_deadline timestamptz, resolution_breached boolean, promise_until timestamptz,
            promise_overdue boolean, sla_version integer, submitted_at timestamptz, first_answered_at
            timestamptz, resolved_at timestamptz, resolution smallint, reopen_until timestamptz, score smallint,
            entry_seq bigint, decided_at timestamptz, queue_at timestamptz, alarm_at timestamptz)",
        tenant.as_str(),
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map_err(|error| match StoreError::from(error) {
        error if error.constraint() == Some("feedback_case_pkey") => error.into_conflict(),
        other => other,
    })?;
    Ok(())
}

/// Those of the cases that there are.
pub async fn taken(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &BTreeSet<CaseKey>,
) -> Result<BTreeSet<CaseKey>, StoreError> {
    let (users, cases) = columns(keys);
    let rows = sqlx::query!(
        "select user_id, case_id from feedback_case
        where tenant_id = $1 and (user_id, case_id) in (select k.u, k.c from unnest($2::text[], $3::text[]) k(u, c))",
        tenant.as_str(),
        &users as _,
        &cases as _
    )
    .fetch_all(conn)
    .await?;
    let user = |id| UserId::new(id).map_err(|_| unreadable("user_id"));
    let case = |id| Key::new(id).map_err(|_| unreadable("case_id"));
    rows.into_iter().map(|row| Ok((user(row.user_id)?, case(row.case_id)?))).collect()
}

/// Stores what can change of cases, in one statement however many they are.
pub async fn write(conn: &mut PgConnection, tenant: &TenantId, cases: &[&Case]) -> Result<(), StoreError> {
    if cases.is_empty() {
        return Ok(());
    }
    let rows: Vec<CaseRow> = cases.iter().map(|case| CaseRow::of(case)).collect();
    sqlx::query!(
        "update feedback_case c
        set case_type_id = k.case_type_id, department = k.department, urgency = k.urgency, importance =
            k.importance, quadrant = k.quadrant, emotion = k.emotion, answer_within_minutes =
            k.answer_within_minutes, assignee_id = k.assignee_id, state = k.state, attempt = k.attempt,
            first_elapsed_us = k.first_elapsed_us, first_since = k.first_since, first_target_minutes =
            k.first_target_minutes, first_deadline = k.first_deadline, first_breached = k.first_breached,
            resolution_elapsed_us = k.resolution_elapsed_us, resolution_since = k.resolution_since,
            resolution_target_minutes = k.resolution_target_minutes, resolution_deadline =
            k.resolution_deadline, resolution_breached = k.resolution_breached, promise_until = k.promise_until,
            promise_overdue = k.promise_overdue, sla_version = k.sla_version, first_answered_at =
            k.first_answered_at, resolved_at = k.resolved_at, resolution = k.resolution, reopen_until =
            k.reopen_until, score = k.score, entry_seq = k.entry_seq, decided_at = k.decided_at, queue_at =
            k.queue_at, alarm_at = k.alarm_at
        from jsonb_to_recordset($2) k(user_id text, case_id text, case_type_id text, department text, urgency smallint, importance
            smallint, quadrant smallint, emotion smallint, answer_within_minutes integer, assignee_id text,
            state smallint, attempt integer, first_elapsed_us bigint, first_since timestamptz,
            first_target_minutes integer, first_deadline timestamptz, first_breached boolean,
            resolution_elapsed_us bigint, resolution_since timestamptz, resolution_target_minutes integer,
            resolution_deadline timestamptz, resolution_breached boolean, promise_until timestamptz,
            promise_overdue boolean, sla_version integer, first_answered_at timestamptz, resolved_at
            timestamptz, resolution smallint, reopen_until timestamptz, score smallint, entry_seq bigint,
            decided_at timestamptz, queue_at timestamptz, alarm_at timestamptz)
        where c.tenant_id = $1 and c.user_id = k.user_id and c.case_id = k.case_id",
        tenant.as_str(),
        Json(rows) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks cases, in the order of their keys, and reads those that there are.
pub async fn lock(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &BTreeSet<CaseKey>,
) -> Result<BTreeMap<CaseKey, Case>, StoreError> {
    let (users, cases) = columns(keys);
    let cases = read_cases!(
        conn,
        "where tenant_id = $1 and (user_id, case_id) in (select k.u, k.c from unnest($2::text[], $3::text[]) k(u, c))
            order by user_id, case_id for no key update of feedback_case",
        tenant.as_str(),
        &users as _,
        &cases as _
    );
    Ok(cases?.into_iter().map(|case| (case.key(), case)).collect())
}

/// Reads a case.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    case: &Key,
) -> Result<Option<Case>, StoreError> {
    let cases = read_cases!(
        conn,
        "where tenant_id = $1 and user_id = $2 and case_id = $3",
        tenant.as_str(),
        user.as_str(),
        case.as_str()
    );
    Ok(cases?.pop())
}

/// A user's cases that came in before a place, newest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    (submitted_at, case_id): (OffsetDateTime, &str),
    limit: i64,
) -> Result<Vec<Case>, StoreError> {
    read_cases!(
        conn,
        "where tenant_id = $1 and user_id = $2 and (submitted_at, case_id) < ($3, $4)
            order by submitted_at desc, case_id desc limit $5",
        tenant.as_str(),
        user.as_str(),
        submitted_at,
        case_id,
        limit
    )
}

/// Locks cases of which something has passed by `at` that nobody was told of, longest passed first. Cases that another
/// transaction holds are left to it.
pub async fn lock_due(
    conn: &mut PgConnection,
    tenant: &TenantId,
    at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Case>, StoreError> {
    read_cases!(
        conn,
        "where tenant_id = $1 and alarm_at <= $2 order by alarm_at limit $3 for no key update skip locked",
        tenant.as_str(),
        at,
        limit
    )
}

/// Locks cases that are not resolved and follow an older version of the policy. Cases that another transaction holds are
/// left to it.
pub async fn lock_stale(
    conn: &mut PgConnection,
    tenant: &TenantId,
    version: i32,
    limit: i64,
) -> Result<Vec<Case>, StoreError> {
    read_cases!(
        conn,
        "where tenant_id = $1 and state <> 4 and sla_version < $2 order by sla_version limit $3 for no key update skip locked",
        tenant.as_str(),
        version,
        limit
    )
}

/// When the first thing passes that nobody was told of; `None`: nothing will.
pub async fn next_alarm(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<OffsetDateTime>, StoreError> {
    let next = sqlx::query_scalar!(
        r#"select alarm_at as "alarm_at!" from feedback_case
        where tenant_id = $1 and alarm_at is not null order by alarm_at limit 1"#,
        tenant.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(next)
}

/// Whether a case that is not resolved follows an older version of the policy.
pub async fn any_stale(conn: &mut PgConnection, tenant: &TenantId, version: i32) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar!(
        r#"select exists (
            select from feedback_case where tenant_id = $1 and state <> 4 and sla_version < $2
        ) as "any!""#,
        tenant.as_str(),
        version
    )
    .fetch_one(conn)
    .await?;
    Ok(any)
}

/// Gives the cases of an id that became an alias to the user whom it means; entries and ratings follow by their keys. A
/// case whose id the user has given away already stays where it is.
pub async fn follow_alias(
    conn: &mut PgConnection,
    tenant: &TenantId,
    alias: &str,
    user: &UserId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update feedback_case c set user_id = $3
        where c.tenant_id = $1 and c.user_id = $2 and not exists (
            select from feedback_case o where o.tenant_id = $1 and o.user_id = $3 and o.case_id = c.case_id
        )",
        tenant.as_str(),
        alias,
        user.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps ids from becoming aliases until the transaction ends.
pub async fn hold_users(
    conn: &mut PgConnection,
    tenant: &TenantId,
    users: &BTreeSet<&UserId>,
) -> Result<(), StoreError> {
    let users: Vec<&str> = users.iter().map(|user| user.as_str()).collect();
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended('feedback.user/' || $1 || '/' || k.id, 0))
        from unnest($2::text[]) k(id)",
        tenant.as_str(),
        &users as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Waits for those who write for an id that becomes an alias, and lets others wait until the transaction ends.
pub async fn take_alias(conn: &mut PgConnection, tenant: &TenantId, alias: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('feedback.user/' || $1 || '/' || $2, 0))",
        tenant.as_str(),
        alias
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Users and cases, column by column.
fn columns(keys: &BTreeSet<CaseKey>) -> (Vec<&str>, Vec<&str>) {
    keys.iter().map(|(user, case)| (user.as_str(), case.as_str())).unzip()
}
