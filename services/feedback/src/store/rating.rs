//! Users' answers to how satisfied they are, one per resolution.

use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::case::Case;

/// Adds the answer to a case's last resolution. The key refuses a second one, whatever was decided.
pub async fn insert(
    conn: &mut PgConnection,
    tenant: &TenantId,
    case: &Case,
    score: i16,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into case_rating (tenant_id, user_id, case_id, attempt, score, rated_at) values ($1, $2, $3, $4, $5, $6)",
        tenant.as_str(),
        case.user.as_str(),
        case.id.as_str(),
        case.attempt,
        score,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}
