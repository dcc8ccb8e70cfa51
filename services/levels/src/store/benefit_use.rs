//! Uses of benefits, and what of each benefit a user has used.

use std::collections::{BTreeMap, BTreeSet};

use ids::{EventId, Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::holding;
use crate::domain::benefit::usage::{BenefitUse, Count, Holder};
use crate::domain::book::{AccountKey, Programme};
use crate::domain::scheme::Scheme;

struct Row {
    use_id: String,
    benefit_id: String,
    benefit_version: i32,
    rank: Option<i16>,
    count: i32,
    given_back: i32,
    cost_minor: i64,
    order_id: String,
    reason: String,
    used_at: OffsetDateTime,
}

impl TryFrom<Row> for BenefitUse {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let rank = |stored: i16| usize::try_from(stored).map_err(|_| rows::unreadable("rank"));
        Ok(Self {
            id: rows::event(row.use_id)?,
            benefit: rows::key(row.benefit_id, "benefit_id")?,
            benefit_version: row.benefit_version,
            rank: row.rank.map(rank).transpose()?,
            count: row.count.into(),
            given_back: row.given_back.into(),
            cost_minor: row.cost_minor,
            order_id: row.order_id,
            reason: row.reason,
            used_at: row.used_at,
        })
    }
}

/// Holds others off who would use a user's benefit or give it back, until the transaction ends. Nothing has to be stored
/// for that, so that refused calls leave nothing behind.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId, user: &UserId, benefit: &Key) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended(concat_ws('/', 'levels.benefit_use', $1::text, $3::text, $2::text), 0))",
        tenant.as_str(),
        user.as_str(),
        benefit.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a user has used of benefits, those left out of which nothing ever was.
pub async fn counts(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    benefits: &[&str],
) -> Result<BTreeMap<Key, Count>, StoreError> {
    let rows = sqlx::query!(
        "select benefit_id, period_start, used, last_decided_at from benefit_count
        where tenant_id = $1 and user_id = $2 and benefit_id = any($3)",
        tenant.as_str(),
        user.as_str(),
        benefits as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let (period_start, used, last_decided_at) = (row.period_start, row.used, row.last_decided_at);
            Ok((rows::key(row.benefit_id, "benefit_id")?, Count { period_start, used, last_decided_at }))
        })
        .collect()
}

/// What of benefits was used since the current period of each began. Where that is the period of its count the count says
/// so; else a period has begun since the last use, or another version counts within another one.
pub async fn used(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    counts: &BTreeMap<Key, Count>,
    periods: &[(&Key, OffsetDateTime)],
) -> Result<BTreeMap<Key, i64>, StoreError> {
    let mut used = BTreeMap::new();
    let (mut ids, mut starts) = (Vec::new(), Vec::new());
    for (id, start) in periods {
        match counts.get(*id) {
            Some(count) if count.period_start == *start => drop(used.insert((*id).clone(), count.used)),
            Some(_) => {
                ids.push(id.as_str());
                starts.push(*start);
            }
            None => {}
        }
    }
    if ids.is_empty() {
        return Ok(used);
    }
    let rows = sqlx::query!(
        r#"select k.benefit_id as "benefit_id!", sum(u.count - u.given_back) as "used!"
        from unnest($3::text[], $4::timestamptz[]) k(benefit_id, start)
        join benefit_use u on u.tenant_id = $1 and u.user_id = $2 and u.benefit_id = k.benefit_id and u.used_at >= k.start
        group by k.benefit_id"#,
        tenant.as_str(),
        user.as_str(),
        &ids as _,
        &starts
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        used.insert(rows::key(row.benefit_id, "benefit_id")?, row.used);
    }
    Ok(used)
}

/// Stores what a user has used of a benefit.
pub async fn write_count(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, benefit): (&UserId, &Key),
    count: &Count,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into benefit_count (tenant_id, user_id, benefit_id, period_start, used, last_decided_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict on constraint benefit_count_pkey do update
        set period_start = excluded.period_start, used = excluded.used, last_decided_at = excluded.last_decided_at",
        tenant.as_str(),
        user.as_str(),
        benefit.as_str(),
        count.period_start,
        count.used,
        count.last_decided_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds a use, or stores what was given back of it.
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    it: &BenefitUse,
) -> Result<(), StoreError> {
    let small = |number: i64| i32::try_from(number).unwrap_or(i32::MAX); // at most a million
    sqlx::query!(
        "insert into benefit_use (tenant_id, user_id, use_id, benefit_id, benefit_version, rank, count, given_back,
            cost_minor, order_id, reason, used_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        on conflict on constraint benefit_use_pkey do update set given_back = excluded.given_back",
        tenant.as_str(),
        user.as_str(),
        it.id.as_str(),
        it.benefit.as_str(),
        it.benefit_version,
        it.rank.map(|rank| i16::try_from(rank).unwrap_or(i16::MAX)),
        small(it.count),
        small(it.given_back),
        it.cost_minor,
        it.order_id,
        it.reason,
        it.used_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A use of a user.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    id: &EventId,
) -> Result<Option<BenefitUse>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select use_id, benefit_id, benefit_version, rank, count, given_back, cost_minor, order_id, reason, used_at
        from benefit_use where tenant_id = $1 and user_id = $2 and use_id = $3",
        tenant.as_str(),
        user.as_str(),
        id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    row.map(BenefitUse::try_from).transpose()
}

/// A page of a user's uses of a benefit, or of all: newest first, those before a place.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, benefit): (&UserId, Option<&Key>),
    before: Option<(OffsetDateTime, &str)>,
    limit: i64,
) -> Result<Vec<BenefitUse>, StoreError> {
    let (used_at, use_id) = before.unzip();
    let rows = sqlx::query_as!(
        Row,
        "select use_id, benefit_id, benefit_version, rank, count, given_back, cost_minor, order_id, reason, used_at
        from benefit_use
        where tenant_id = $1 and user_id = $2 and ($3::text is null or benefit_id = $3)
            and (used_at, use_id) < (coalesce($4::timestamptz, 'infinity'), coalesce($5::text, ''))
        order by used_at desc, use_id desc limit $6",
        tenant.as_str(),
        user.as_str(),
        benefit.map(Key::as_str),
        used_at,
        use_id,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(BenefitUse::try_from).collect()
}

/// A user as benefits see one: where the schemes of the programme have them at a time.
pub async fn holder<'a>(
    conn: &mut PgConnection,
    tenant: &TenantId,
    programme: &'a Programme,
    user: &UserId,
    clock: OffsetDateTime,
) -> Result<Holder<'a>, StoreError> {
    let guards: BTreeSet<&Key> = programme.schemes.values().map(Scheme::guard).collect();
    let keys: Vec<AccountKey> = guards.into_iter().map(|guard| (user.clone(), guard.clone())).collect();
    let held = holding::read(conn, tenant, programme, &keys).await?;
    Ok(Holder::new(programme, user, |key| held.of(key), clock))
}
