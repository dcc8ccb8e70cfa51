//! Who holds which badges, on which grounds, and how many do.

use std::collections::BTreeMap;

use ids::{Key, Partition, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::badge::{BadgeBook, BadgeKey, Ground, HeldBadge};

/// Holds others off who would change what users work towards (badges, quests, streaks), until the transaction ends: in one
/// order, so that batches do not wait for each other in a circle. Nothing has to be stored for that, so that refused calls
/// leave nothing behind.
pub async fn lock_users(conn: &mut PgConnection, tenant: &TenantId, users: &[&str]) -> Result<(), StoreError> {
    if users.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "select pg_advisory_xact_lock(k.id) from (
            select distinct hashtextextended(concat_ws('/', 'levels.goal', $1::text, u), 0) as id
            from unnest($2::text[]) u order by 1 offset 0
        ) k",
        tenant.as_str(),
        users as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is known of users' badges, and of grounds of them.
pub async fn load(
    conn: &mut PgConnection,
    tenant: &TenantId,
    grounds: &[(BadgeKey, String)],
) -> Result<BadgeBook, StoreError> {
    if grounds.is_empty() {
        return Ok(BadgeBook::default());
    }
    let users: Vec<&str> = grounds.iter().map(|((user, _), _)| user.as_str()).collect();
    let badges: Vec<&str> = grounds.iter().map(|((_, badge), _)| badge.as_str()).collect();
    let names: Vec<&str> = grounds.iter().map(|(_, ground)| ground.as_str()).collect();
    let found = sqlx::query!(
        r#"select k.u as "user_id!", k.b as "badge_id!", k.g as "ground!", h.grounds as "grounds?", h.tier as "tier?",
            h.reason as "reason?", h.awarded_at as "awarded_at?", g.tier as "ground_tier?", g.stands as "stands?"
        from unnest($2::text[], $3::text[], $4::text[]) k(u, b, g)
        left join user_badge h on h.tenant_id = $1 and h.user_id = k.u and h.badge_id = k.b
        left join badge_ground g on g.tenant_id = $1 and g.user_id = k.u and g.badge_id = k.b and g.ground = k.g"#,
        tenant.as_str(),
        &users as _,
        &badges as _,
        &names as _
    )
    .fetch_all(conn)
    .await?;
    let (mut held, mut standing) = (BTreeMap::new(), BTreeMap::new());
    for row in found {
        let key = (rows::user(row.user_id)?, rows::key(row.badge_id, "badge_id")?);
        if let (Some(tier), Some(stands)) = (row.ground_tier, row.stands) {
            standing.insert((key.clone(), row.ground), Ground { tier: place(tier)?, stands });
        }
        if let (Some(grounds), Some(tier), Some(awarded_at)) = (row.grounds, row.tier, row.awarded_at) {
            let reason = row.reason.unwrap_or_default();
            held.insert(key, HeldBadge { grounds, tier: place(tier)?, reason, awarded_at });
        }
    }
    Ok(BadgeBook::new(held, standing))
}

fn place(stored: i16) -> Result<usize, StoreError> {
    usize::try_from(stored).map_err(|_| rows::unreadable("tier"))
}

fn small(number: usize) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX) // at most 10
}

/// Stores what changed: a statement per table.
pub async fn write(conn: &mut PgConnection, tenant: &TenantId, book: &BadgeBook) -> Result<(), StoreError> {
    let held = book.held_to_write();
    if held.is_empty() {
        return Ok(());
    }
    write_held(conn, tenant, &held).await?;
    write_grounds(conn, tenant, &book.grounds_to_write()).await?;
    count_holders(conn, tenant, book).await
}

async fn write_held(
    conn: &mut PgConnection,
    tenant: &TenantId,
    held: &[(&BadgeKey, &HeldBadge)],
) -> Result<(), StoreError> {
    let users: Vec<&str> = held.iter().map(|((user, _), _)| user.as_str()).collect();
    let badges: Vec<&str> = held.iter().map(|((_, badge), _)| badge.as_str()).collect();
    // arrays of arrays must be of one length in SQL, so each travels as text
    let grounds = held.iter().map(|(_, it)| {
        let counts: Vec<String> = it.grounds.iter().map(ToString::to_string).collect();
        format!("{{{}}}", counts.join(","))
    });
    let grounds: Vec<String> = grounds.collect();
    let tiers: Vec<i16> = held.iter().map(|(_, it)| small(it.tier)).collect();
    let reasons: Vec<&str> = held.iter().map(|(_, it)| it.reason.as_str()).collect();
    let times: Vec<OffsetDateTime> = held.iter().map(|(_, it)| it.awarded_at).collect();
    sqlx::query!(
        "insert into user_badge (tenant_id, user_id, badge_id, grounds, tier, reason, awarded_at)
        select $1, k.user_id, k.badge_id, k.grounds::integer[], k.tier, k.reason, k.awarded_at
        from unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::timestamptz[])
            k(user_id, badge_id, grounds, tier, reason, awarded_at)
        on conflict on constraint user_badge_pkey do update
        set grounds = excluded.grounds, tier = excluded.tier, reason = excluded.reason, awarded_at = excluded.awarded_at",
        tenant.as_str(),
        &users as _,
        &badges as _,
        &grounds,
        &tiers,
        &reasons as _,
        &times
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_grounds(
    conn: &mut PgConnection,
    tenant: &TenantId,
    grounds: &[(&(BadgeKey, String), &Ground)],
) -> Result<(), StoreError> {
    if grounds.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = grounds.iter().map(|(((user, _), _), _)| user.as_str()).collect();
    let badges: Vec<&str> = grounds.iter().map(|(((_, badge), _), _)| badge.as_str()).collect();
    let names: Vec<&str> = grounds.iter().map(|((_, ground), _)| ground.as_str()).collect();
    let tiers: Vec<i16> = grounds.iter().map(|(_, it)| small(it.tier)).collect();
    let stand: Vec<bool> = grounds.iter().map(|(_, it)| it.stands).collect();
    sqlx::query!(
        "insert into badge_ground (tenant_id, user_id, badge_id, ground, tier, stands)
        select $1, k.user_id, k.badge_id, k.ground, k.tier, k.stands
        from unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::boolean[])
            k(user_id, badge_id, ground, tier, stands)
        on conflict on constraint badge_ground_pkey do update set tier = excluded.tier, stands = excluded.stands",
        tenant.as_str(),
        &users as _,
        &badges as _,
        &names as _,
        &tiers,
        &stand
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn count_holders(conn: &mut PgConnection, tenant: &TenantId, book: &BadgeBook) -> Result<(), StoreError> {
    let mut changes: BTreeMap<(&str, i16), i64> = BTreeMap::new();
    for ((user, badge), by) in book.holders_changed() {
        let partition = i16::from(Partition::of(tenant, user.as_str()).index());
        *changes.entry((badge.as_str(), partition)).or_default() += by;
    }
    changes.retain(|_, by| *by != 0);
    if changes.is_empty() {
        return Ok(());
    }
    let (keys, users): (Vec<(&str, i16)>, Vec<i64>) = changes.into_iter().unzip();
    let (badges, partitions): (Vec<&str>, Vec<i16>) = keys.into_iter().unzip();
    sqlx::query!(
        "insert into badge_holder (tenant_id, badge_id, partition, users)
        select $1, k.badge_id, k.partition, k.users
        from unnest($2::text[], $3::smallint[], $4::bigint[]) k(badge_id, partition, users)
        on conflict on constraint badge_holder_pkey do update set users = badge_holder.users + excluded.users",
        tenant.as_str(),
        &badges as _,
        &partitions,
        &users
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// None of the grounds of a user's badge stands any more.
pub async fn lift_all(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, badge): (&UserId, &Key),
) -> Result<(), StoreError> {
    sqlx::query!(
        "update badge_ground set stands = false where tenant_id = $1 and user_id = $2 and badge_id = $3 and stands",
        tenant.as_str(),
        user.as_str(),
        badge.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The badges of a user among these; those never held are left out.
pub async fn of_user(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    badges: &[&str],
) -> Result<BTreeMap<Key, HeldBadge>, StoreError> {
    let found = sqlx::query!(
        "select badge_id, grounds, tier, reason, awarded_at from user_badge
        where tenant_id = $1 and user_id = $2 and badge_id = any($3)",
        tenant.as_str(),
        user.as_str(),
        badges as _
    )
    .fetch_all(conn)
    .await?;
    let read = found.into_iter().map(|row| {
        let (grounds, reason, awarded_at) = (row.grounds, row.reason, row.awarded_at);
        Ok((rows::key(row.badge_id, "badge_id")?, HeldBadge { grounds, tier: place(row.tier)?, reason, awarded_at }))
    });
    read.collect()
}

/// How many hold each of these badges; those that nobody ever held are left out.
pub async fn holders(
    conn: &mut PgConnection,
    tenant: &TenantId,
    badges: &[&str],
) -> Result<BTreeMap<Key, i64>, StoreError> {
    let found = sqlx::query!(
        r#"select badge_id, sum(users)::bigint as "users!" from badge_holder
        where tenant_id = $1 and badge_id = any($2) group by badge_id"#,
        tenant.as_str(),
        badges as _
    )
    .fetch_all(conn)
    .await?;
    found.into_iter().map(|row| Ok((rows::key(row.badge_id, "badge_id")?, row.users))).collect()
}
