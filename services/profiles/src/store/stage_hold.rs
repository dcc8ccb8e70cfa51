use std::collections::BTreeMap;

use ids::TenantId;
use pg::StoreError;
use service::rows::unreadable;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::lifecycle::Stage;
use crate::domain::stage_hold::StageHold;

/// What users were last told to be on.
pub(crate) async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    users: &[&str],
) -> Result<BTreeMap<String, StageHold>, StoreError> {
    let rows = sqlx::query!(
        "select user_id, stage, since, due_at, moves from stage_hold where tenant_id = $1 and user_id = any($2)",
        tenant.as_str(),
        users as _
    );
    let rows = rows.fetch_all(conn).await?.into_iter();
    rows.map(|row| {
        let stage = usize::try_from(row.stage - 1).ok().and_then(|index| Stage::ALL.get(index).copied());
        let stage = stage.ok_or_else(|| unreadable("stage"))?;
        Ok((row.user_id, StageHold { stage, since: row.since, due_at: row.due_at, moves: row.moves }))
    })
    .collect()
}

/// Writes what users are told to be on.
pub(crate) async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    holds: &[(&str, StageHold)],
) -> Result<(), StoreError> {
    if holds.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = holds.iter().map(|(user, _)| *user).collect();
    let stages: Vec<i16> = holds.iter().map(|(_, hold)| number(hold.stage)).collect();
    let since: Vec<OffsetDateTime> = holds.iter().map(|(_, hold)| hold.since).collect();
    let due: Vec<Option<OffsetDateTime>> = holds.iter().map(|(_, hold)| hold.due_at).collect();
    let moves: Vec<i64> = holds.iter().map(|(_, hold)| hold.moves).collect();
    sqlx::query!(
        "insert into stage_hold (tenant_id, user_id, stage, since, due_at, moves)
        select $1, u.id, u.stage, u.since, u.due_at, u.moves
        from unnest($2::text[], $3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::bigint[])
            u(id, stage, since, due_at, moves)
        on conflict on constraint stage_hold_pkey do update
            set stage = excluded.stage, since = excluded.since, due_at = excluded.due_at, moves = excluded.moves",
        tenant.as_str(),
        &users as _,
        &stages,
        &since,
        &due as _,
        &moves
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn number(stage: Stage) -> i16 {
    let index = Stage::ALL.iter().position(|one| *one == stage);
    index.and_then(|index| i16::try_from(index + 1).ok()).expect("ALL holds every stage")
}

/// Users whom time has moved on by `at`, longest due first.
pub(crate) async fn due(
    conn: &mut PgConnection,
    tenant: &TenantId,
    at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let users = sqlx::query_scalar!(
        "select user_id from stage_hold where tenant_id = $1 and due_at <= $2 order by due_at limit $3",
        tenant.as_str(),
        at,
        limit
    );
    Ok(users.fetch_all(conn).await?)
}

/// When time moves the next user on.
pub(crate) async fn next_due(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<OffsetDateTime>, StoreError> {
    let next = sqlx::query_scalar!(
        r#"select due_at as "due_at!" from stage_hold
        where tenant_id = $1 and due_at > '-infinity'
        order by due_at limit 1"#,
        tenant.as_str()
    );
    Ok(next.fetch_optional(conn).await?)
}
