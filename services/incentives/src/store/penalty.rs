//! Penalties.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::penalty::{Kind, Lifted, Penalty};

/// Penalties of a user that are looked at for what holds.
const HOLDING_MAX: i64 = 1_000;

struct Row {
    user_id: String,
    penalty_id: String,
    kind: i16,
    restrictions: Vec<String>,
    action_id: Option<String>,
    offence: i32,
    imposed_at: OffsetDateTime,
    imposed_by: String,
    until: Option<OffsetDateTime>,
    reason: String,
    notice: String,
    masked_name: String,
    lifted_at: Option<OffsetDateTime>,
    lifted_by: Option<String>,
    lift_reason: Option<String>,
}

impl TryFrom<Row> for Penalty {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let lifted = match (row.lifted_at, row.lifted_by, row.lift_reason) {
            (Some(at), Some(by), Some(reason)) => Some(Lifted { at, by, reason }),
            _ => None,
        };
        Ok(Self {
            user: rows::user(row.user_id)?,
            id: row.penalty_id,
            kind: Kind::from_code(row.kind.into()).ok_or_else(|| rows::unreadable("kind"))?,
            restrictions: row.restrictions,
            action: row.action_id.map(|id| rows::key(id, "action_id")).transpose()?,
            offence: row.offence,
            imposed_at: row.imposed_at,
            imposed_by: row.imposed_by,
            until: row.until,
            reason: row.reason,
            notice: row.notice,
            masked_name: row.masked_name,
            lifted,
        })
    }
}

/// Holds a user's penalties, also those to come, until the transaction ends.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId, user: &UserId) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('incentives.penalty/' || $1 || '/' || $2, 0))",
        tenant.as_str(),
        user.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One penalty.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    id: &str,
) -> Result<Option<Penalty>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select user_id, penalty_id, kind, restrictions, action_id, offence, imposed_at, imposed_by, until, reason,
            notice, masked_name, lifted_at, lifted_by, lift_reason
        from penalty where tenant_id = $1 and user_id = $2 and penalty_id = $3",
        tenant.as_str(),
        user.as_str(),
        id
    )
    .fetch_optional(conn)
    .await?;
    row.map(Penalty::try_from).transpose()
}

/// Penalties for an action since a time that were not lifted.
pub async fn offences(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, action): (&UserId, &Key),
    since: OffsetDateTime,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from penalty
        where tenant_id = $1 and user_id = $2 and imposed_at >= $4 and action_id = $3 and lifted_at is null"#,
        tenant.as_str(),
        user.as_str(),
        action.as_str(),
        since
    );
    Ok(count.fetch_one(conn).await?)
}

/// Adds a penalty.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Penalty) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into penalty (tenant_id, user_id, penalty_id, kind, restrictions, action_id, offence, imposed_at,
            imposed_by, until, reason, notice, masked_name, told)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, false)",
        tenant.as_str(),
        it.user.as_str(),
        it.id,
        it.kind.code(),
        &it.restrictions,
        it.action.as_ref().map(Key::as_str),
        it.offence,
        it.imposed_at,
        it.imposed_by,
        it.until,
        it.reason,
        it.notice,
        it.masked_name
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores that a penalty was lifted.
pub async fn lift(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, id): (&UserId, &str),
    lifted: &Lifted,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update penalty set lifted_at = $4, lifted_by = $5, lift_reason = $6, told = true
        where tenant_id = $1 and user_id = $2 and penalty_id = $3",
        tenant.as_str(),
        user.as_str(),
        id,
        lifted.at,
        lifted.by,
        lifted.reason
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Penalties of a user before a key, newest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    before: Option<&(OffsetDateTime, String)>,
    limit: i64,
) -> Result<Vec<Penalty>, StoreError> {
    let (at, id) = before.map_or((super::LATEST, ""), |(at, id)| (*at, id.as_str()));
    let rows = sqlx::query_as!(
        Row,
        "select user_id, penalty_id, kind, restrictions, action_id, offence, imposed_at, imposed_by, until, reason,
            notice, masked_name, lifted_at, lifted_by, lift_reason
        from penalty
        where tenant_id = $1 and user_id = $2 and (imposed_at, penalty_id) < ($3, $4)
        order by imposed_at desc, penalty_id desc limit $5",
        tenant.as_str(),
        user.as_str(),
        at,
        id,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Penalty::try_from).collect()
}

/// Penalties of users that hold at a time, each user's those first that last longest; users without any are left out.
pub async fn holding(
    conn: &mut PgConnection,
    tenant: &TenantId,
    users: &BTreeSet<UserId>,
    at: OffsetDateTime,
) -> Result<BTreeMap<UserId, Vec<Penalty>>, StoreError> {
    let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select p.user_id as "user_id!", p.penalty_id as "penalty_id!", p.kind as "kind!",
            p.restrictions as "restrictions!", p.action_id, p.offence as "offence!", p.imposed_at as "imposed_at!",
            p.imposed_by as "imposed_by!", p.until, p.reason as "reason!", p.notice as "notice!",
            p.masked_name as "masked_name!", p.lifted_at, p.lifted_by, p.lift_reason
        from unnest($2::text[]) with ordinality k(u, n)
        cross join lateral (
            select user_id, penalty_id, kind, restrictions, action_id, offence, imposed_at, imposed_by, until, reason,
                notice, masked_name, lifted_at, lifted_by, lift_reason
            from penalty
            where tenant_id = $1 and user_id = k.u and lifted_at is null and (until is null or until > $3)
            order by until desc nulls first limit $4
        ) p
        order by k.n, p.until desc nulls first"#,
        tenant.as_str(),
        &users as _,
        at,
        HOLDING_MAX
    )
    .fetch_all(conn)
    .await?;
    let mut holding: BTreeMap<UserId, Vec<Penalty>> = BTreeMap::new();
    for row in rows {
        let penalty = Penalty::try_from(row)?;
        holding.entry(penalty.user.clone()).or_default().push(penalty);
    }
    Ok(holding)
}

/// The key of a notice in the list of all.
pub type NoticeKey = (OffsetDateTime, String, String);

/// Penalties with a public notice that were not lifted, before a key, newest first.
pub async fn notices(
    conn: &mut PgConnection,
    tenant: &TenantId,
    before: Option<&NoticeKey>,
    limit: i64,
) -> Result<Vec<Penalty>, StoreError> {
    let (at, user, id) = match before {
        Some((at, user, id)) => (*at, user.as_str(), id.as_str()),
        None => (super::LATEST, "", ""),
    };
    let rows = sqlx::query_as!(
        Row,
        "select user_id, penalty_id, kind, restrictions, action_id, offence, imposed_at, imposed_by, until, reason,
            notice, masked_name, lifted_at, lifted_by, lift_reason
        from penalty
        where tenant_id = $1 and notice <> '' and lifted_at is null
            and (imposed_at, user_id, penalty_id) < ($2, $3, $4)
        order by imposed_at desc, user_id desc, penalty_id desc limit $5",
        tenant.as_str(),
        at,
        user,
        id,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Penalty::try_from).collect()
}

/// When the next penalty ends whose end is not told.
pub async fn next_end(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<OffsetDateTime>, StoreError> {
    let next = sqlx::query_scalar!(
        r#"select min(until) as "until" from penalty where tenant_id = $1 and until is not null and not told"#,
        tenant.as_str()
    );
    Ok(next.fetch_one(conn).await?)
}

/// Marks penalties as told that ended by a time, those that ended first; answers them. Passes over what others hold.
pub async fn tell_ended(
    conn: &mut PgConnection,
    tenant: &TenantId,
    at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<(UserId, String, OffsetDateTime)>, StoreError> {
    let rows = sqlx::query!(
        r#"with due as (
            select user_id, penalty_id from penalty
            where tenant_id = $1 and until is not null and not told and until <= $2
            order by until limit $3 for update skip locked
        )
        update penalty p set told = true from due
        where p.tenant_id = $1 and p.user_id = due.user_id and p.penalty_id = due.penalty_id
        returning p.user_id, p.penalty_id, p.until as "until!""#,
        tenant.as_str(),
        at,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((rows::user(row.user_id)?, row.penalty_id, row.until))).collect()
}
