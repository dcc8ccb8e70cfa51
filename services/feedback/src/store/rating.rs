//! Users' answers to how satisfied they are, one per resolution.

use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;

use crate::domain::case::Case;

/// Adds answers to the resolutions that cases ended with. The key refuses a second one, whatever was decided.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, rated: &[(&Case, i16)]) -> Result<(), StoreError> {
    if rated.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = rated.iter().map(|(case, _)| case.user.as_str()).collect();
    let cases: Vec<&str> = rated.iter().map(|(case, _)| case.id.as_str()).collect();
    let attempts: Vec<i32> = rated.iter().map(|(case, _)| case.attempt).collect();
    let scores: Vec<i16> = rated.iter().map(|(_, score)| *score).collect();
    let times: Vec<_> = rated.iter().map(|(case, _)| case.decided_at).collect();
    sqlx::query!(
        "insert into case_rating (tenant_id, user_id, case_id, attempt, score, rated_at)
        select $1, k.user_id, k.case_id, k.attempt, k.score, k.rated_at
        from unnest($2::text[], $3::text[], $4::integer[], $5::smallint[], $6::timestamptz[])
            k(user_id, case_id, attempt, score, rated_at)",
        tenant.as_str(),
        &users as _,
        &cases as _,
        &attempts,
        &scores,
        &times
    )
    .execute(conn)
    .await?;
    Ok(())
}
