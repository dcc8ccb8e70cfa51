//! Ids that mean another user.

use std::collections::HashMap;

use ids::{TenantId, UserId};
use pg::StoreError;
use sqlx::PgConnection;

/// Whom those of the ids mean that are aliases.
pub async fn resolve(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &[&str],
) -> Result<HashMap<String, UserId>, StoreError> {
    let rows = sqlx::query!(
        "select alias, user_id from level_alias where tenant_id = $1 and alias = any($2)",
        tenant.as_str(),
        ids as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.alias, super::user(row.user_id)?))).collect()
}

/// Makes an id an alias of a user, and what were aliases of that id too.
pub async fn link(conn: &mut PgConnection, tenant: &TenantId, alias: &str, user: &UserId) -> Result<(), StoreError> {
    sqlx::query!(
        "with repointed as (
            update level_alias set user_id = $3 where tenant_id = $1 and user_id = $2
        )
        insert into level_alias (tenant_id, alias, user_id) values ($1, $2, $3)
        on conflict on constraint level_alias_pkey do update set user_id = excluded.user_id",
        tenant.as_str(),
        alias,
        user.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}
