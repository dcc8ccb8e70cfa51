//! What other services' events say of users.

use std::collections::{BTreeMap, BTreeSet};

use ids::{TenantId, UserId};
use pg::StoreError;
use sqlx::PgConnection;

use super::unreadable;
use crate::domain::standing::Standing;

/// What is known of users, of those of whom anything is.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    users: &BTreeSet<&UserId>,
) -> Result<BTreeMap<UserId, Standing>, StoreError> {
    let ids: Vec<&str> = users.iter().map(|user| user.as_str()).collect();
    let rows = sqlx::query!(
        "select user_id, net_spend_minor, stage, rank from case_standing where tenant_id = $1 and user_id = any($2)",
        tenant.as_str(),
        &ids as _
    )
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().map(|row| {
        let user = UserId::new(row.user_id).map_err(|_| unreadable("user_id"))?;
        Ok((user, Standing { net_spend_minor: row.net_spend_minor, stage: row.stage, rank: row.rank }))
    });
    known.collect()
}

/// Net spend and stage of users, each at most once, in one statement however many they are.
pub async fn write_value(
    conn: &mut PgConnection,
    tenant: &TenantId,
    users: &[(&UserId, i64, &str)],
) -> Result<(), StoreError> {
    if users.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = users.iter().map(|(user, ..)| user.as_str()).collect();
    let spends: Vec<i64> = users.iter().map(|(_, spend, _)| *spend).collect();
    let stages: Vec<&str> = users.iter().map(|(.., stage)| *stage).collect();
    sqlx::query!(
        r#"insert into case_standing (tenant_id, user_id, net_spend_minor, stage)
        select $1, k.user_id, k.spend, k.stage from unnest($2::text[], $3::bigint[], $4::text[]) k(user_id, spend, stage)
        order by k.user_id collate "C"
        on conflict on constraint case_standing_pkey do update
        set net_spend_minor = excluded.net_spend_minor, stage = excluded.stage"#,
        tenant.as_str(),
        &ids as _,
        &spends,
        &stages as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ranks of users, each at most once, in one statement however many they are.
pub async fn write_rank(
    conn: &mut PgConnection,
    tenant: &TenantId,
    users: &[(&UserId, i16)],
) -> Result<(), StoreError> {
    if users.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = users.iter().map(|(user, _)| user.as_str()).collect();
    let ranks: Vec<i16> = users.iter().map(|(_, rank)| *rank).collect();
    sqlx::query!(
        r#"insert into case_standing (tenant_id, user_id, rank)
        select $1, k.user_id, k.rank from unnest($2::text[], $3::smallint[]) k(user_id, rank)
        order by k.user_id collate "C"
        on conflict on constraint case_standing_pkey do update set rank = excluded.rank"#,
        tenant.as_str(),
        &ids as _,
        &ranks
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was known of an id that became an alias is known of the user whom it means, unless more is known of that user.
pub async fn follow_alias(
    conn: &mut PgConnection,
    tenant: &TenantId,
    alias: &str,
    user: &UserId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with gone as (
            delete from case_standing where tenant_id = $1 and user_id = $2
            returning net_spend_minor, stage, rank
        )
        insert into case_standing (tenant_id, user_id, net_spend_minor, stage, rank)
        select $1, $3, net_spend_minor, stage, rank from gone
        on conflict on constraint case_standing_pkey do nothing",
        tenant.as_str(),
        alias,
        user.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}
