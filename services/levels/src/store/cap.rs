//! What is used of caps.

use std::collections::BTreeMap;

use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::cap::{CapKey, Used};

/// Keys in columns.
struct Columns<'a> {
    users: Vec<&'a str>,
    kinds: Vec<i16>,
    ids: Vec<&'a str>,
    periods: Vec<i16>,
    starts: Vec<OffsetDateTime>,
}

impl<'a> Columns<'a> {
    fn of(keys: impl Iterator<Item = &'a CapKey> + Clone) -> Self {
        let (kinds, ids) = keys.clone().map(|key| key.subject.code()).unzip();
        Self {
            users: keys.clone().map(|key| key.user.as_ref().map_or("", |user| user.as_str())).collect(),
            kinds,
            ids,
            periods: keys.clone().map(|key| key.period.code()).collect(),
            starts: keys.map(|key| key.starts_at).collect(),
        }
    }
}

/// What is used so far, where anything is.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &[&CapKey],
) -> Result<BTreeMap<CapKey, Used>, StoreError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let it = Columns::of(keys.iter().copied());
    let rows = sqlx::query!(
        r#"select k.ord as "ord!", c.points, c.times
        from unnest($2::text[], $3::smallint[], $4::text[], $5::smallint[], $6::timestamptz[]) with ordinality
            k(user_id, kind, id, period, starts_at, ord)
        join cap_use c on c.tenant_id = $1 and c.user_id = k.user_id and c.subject_kind = k.kind and c.subject_id = k.id
            and c.period = k.period and c.starts_at = k.starts_at"#,
        tenant.as_str(),
        &it.users as _,
        &it.kinds,
        &it.ids as _,
        &it.periods,
        &it.starts
    )
    .fetch_all(conn)
    .await?;
    let used = rows.into_iter().map(|row| (row.ord, Used { points: row.points, times: row.times }));
    Ok(used.filter_map(|(ord, used)| Some(((*keys.get(usize::try_from(ord).ok()? - 1)?).clone(), used))).collect())
}

/// Locks rows in the order given, and begins those that there are not yet. One statement, so that whoever locks several of
/// them meets them in the same order, there yet or not.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId, keys: &[&CapKey]) -> Result<(), StoreError> {
    let it = Columns::of(keys.iter().copied());
    sqlx::query!(
        "insert into cap_use as c (tenant_id, user_id, subject_kind, subject_id, period, starts_at)
        select $1, k.user_id, k.kind, k.id, k.period, k.starts_at
        from unnest($2::text[], $3::smallint[], $4::text[], $5::smallint[], $6::timestamptz[]) with ordinality
            k(user_id, kind, id, period, starts_at, ord)
        order by k.ord
        on conflict on constraint cap_use_pkey do update set points = c.points",
        tenant.as_str(),
        &it.users as _,
        &it.kinds,
        &it.ids as _,
        &it.periods,
        &it.starts
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores what is used, in the order given: that of the keys.
pub async fn write(conn: &mut PgConnection, tenant: &TenantId, used: &[(CapKey, Used)]) -> Result<(), StoreError> {
    if used.is_empty() {
        return Ok(());
    }
    let it = Columns::of(used.iter().map(|(key, _)| key));
    let points: Vec<i64> = used.iter().map(|(_, it)| it.points).collect();
    let times: Vec<i64> = used.iter().map(|(_, it)| it.times).collect();
    sqlx::query!(
        "insert into cap_use (tenant_id, user_id, subject_kind, subject_id, period, starts_at, points, times)
        select $1, k.user_id, k.kind, k.id, k.period, k.starts_at, k.points, k.times
        from unnest($2::text[], $3::smallint[], $4::text[], $5::smallint[], $6::timestamptz[], $7::bigint[], $8::bigint[])
            with ordinality k(user_id, kind, id, period, starts_at, points, times, ord)
        order by k.ord
        on conflict on constraint cap_use_pkey do update set points = excluded.points, times = excluded.times",
        tenant.as_str(),
        &it.users as _,
        &it.kinds,
        &it.ids as _,
        &it.periods,
        &it.starts,
        &points,
        &times
    )
    .execute(conn)
    .await?;
    Ok(())
}
