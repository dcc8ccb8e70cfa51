//! Points set aside.

use std::collections::BTreeMap;

use ids::{EventId, Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::account::FlatLots;
use crate::domain::balance::Kept;
use crate::domain::book::AccountKey;
use crate::domain::entry::Origin;
use crate::domain::hold::{Hold, HoldState, TTL_MAX};
use crate::domain::lot::Lot;

struct Row {
    user_id: String,
    hold_id: String,
    point_type_id: String,
    amount: i64,
    state: i16,
    lot_expires_at: Vec<Option<OffsetDateTime>>,
    lot_origin: Vec<String>,
    lot_points: Vec<i64>,
    captured: i64,
    given_back: i64,
    due_back: i64,
    late: bool,
    reason: String,
    order_id: String,
    opened_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    resolved_at: Option<OffsetDateTime>,
    ended_at: Option<OffsetDateTime>,
}

impl Row {
    fn read(self) -> Result<(UserId, Hold), StoreError> {
        let lots = self.lot_expires_at.into_iter().zip(self.lot_origin).zip(self.lot_points);
        let lots =
            lots.map(|((expires_at, origin), points)| Ok(Lot { expires_at, origin: rows::user(origin)?, points }));
        let hold = Hold {
            id: rows::event(self.hold_id)?,
            point_type: rows::key(self.point_type_id, "point_type_id")?,
            amount: self.amount,
            state: HoldState::from_code(self.state).ok_or_else(|| rows::unreadable("state"))?,
            lots: lots.collect::<Result<_, StoreError>>()?,
            captured: self.captured,
            given_back: self.given_back,
            due_back: self.due_back,
            late: self.late,
            origin: Origin { reason: self.reason, order_id: self.order_id, ..Origin::default() },
            opened_at: self.opened_at,
            expires_at: self.expires_at,
            resolved_at: self.resolved_at,
            // one that was resolved by a process that does not note this did not last longer than it could
            ended_at: self.ended_at.or(self.resolved_at.map(|at| at.min(self.expires_at))),
        };
        Ok((rows::user(self.user_id)?, hold))
    }
}

/// The open holds of accounts, and the named holds in whatever state. Comes after the locks on the accounts.
pub async fn of_accounts(
    conn: &mut PgConnection,
    tenant: &TenantId,
    accounts: &[&AccountKey],
    named: &[(&UserId, &EventId)],
) -> Result<Vec<(UserId, Hold)>, StoreError> {
    if accounts.is_empty() && named.is_empty() {
        return Ok(Vec::new());
    }
    let (users, point_types): (Vec<&str>, Vec<&str>) =
        accounts.iter().map(|(user, point_type)| (user.as_str(), point_type.as_str())).unzip();
    let (owners, ids): (Vec<&str>, Vec<&str>) = named.iter().map(|(user, id)| (user.as_str(), id.as_str())).unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select h.user_id, h.hold_id, h.point_type_id, h.amount, h.state,
            h.lot_expires_at as "lot_expires_at: Vec<Option<OffsetDateTime>>", h.lot_origin, h.lot_points, h.captured,
            h.given_back, h.due_back, h.late, h.reason, h.order_id, h.opened_at, h.expires_at, h.resolved_at,
            h.ended_at
        from (
            select n.user_id, n.hold_id
            from unnest($2::text[], $3::text[]) k(u, p)
            join hold n on n.tenant_id = $1 and n.user_id = k.u and n.point_type_id = k.p and n.state = 1
            union
            select k.u, k.i from unnest($4::text[], $5::text[]) k(u, i)
        ) w
        join hold h on h.tenant_id = $1 and h.user_id = w.user_id and h.hold_id = w.hold_id"#,
        tenant.as_str(),
        &users as _,
        &point_types as _,
        &owners as _,
        &ids as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// What those of the named holds hold that there are. It never changes, so it can be read before anything is locked.
pub async fn point_types(
    conn: &mut PgConnection,
    tenant: &TenantId,
    named: &[(&UserId, &EventId)],
) -> Result<BTreeMap<(UserId, EventId), Key>, StoreError> {
    if named.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (owners, ids): (Vec<&str>, Vec<&str>) = named.iter().map(|(user, id)| (user.as_str(), id.as_str())).unzip();
    let rows = sqlx::query!(
        "select h.user_id, h.hold_id, h.point_type_id
        from unnest($2::text[], $3::text[]) k(u, i)
        join hold h on h.tenant_id = $1 and h.user_id = k.u and h.hold_id = k.i",
        tenant.as_str(),
        &owners as _,
        &ids as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let named = (rows::user(row.user_id)?, rows::event(row.hold_id)?);
            Ok((named, rows::key(row.point_type_id, "point_type_id")?))
        })
        .collect()
}

/// Adds holds, or stores what became of them, in one statement however many they are.
pub async fn write(conn: &mut PgConnection, tenant: &TenantId, holds: &[(UserId, Hold)]) -> Result<(), StoreError> {
    if holds.is_empty() {
        return Ok(());
    }
    let texts = |value: fn(&Hold) -> &str| holds.iter().map(|(_, hold)| value(hold)).collect::<Vec<_>>();
    let numbers = |value: fn(&Hold) -> i64| holds.iter().map(|(_, hold)| value(hold)).collect::<Vec<_>>();
    let users: Vec<&str> = holds.iter().map(|(user, _)| user.as_str()).collect();
    let (ids, point_types) = (texts(|it| it.id.as_str()), texts(|it| it.point_type.as_str()));
    let (reasons, orders) = (texts(|it| &it.origin.reason), texts(|it| &it.origin.order_id));
    let (amounts, captured) = (numbers(|it| it.amount), numbers(|it| it.captured));
    let (given_back, due_back) = (numbers(|it| it.given_back), numbers(|it| it.due_back));
    let states: Vec<i16> = holds.iter().map(|(_, hold)| hold.state.code()).collect();
    let late: Vec<bool> = holds.iter().map(|(_, hold)| hold.late).collect();
    let opened: Vec<_> = holds.iter().map(|(_, hold)| hold.opened_at).collect();
    let expires: Vec<_> = holds.iter().map(|(_, hold)| hold.expires_at).collect();
    let resolved: Vec<_> = holds.iter().map(|(_, hold)| hold.resolved_at).collect();
    let ended: Vec<_> = holds.iter().map(|(_, hold)| hold.ended_at).collect();
    let lots = FlatLots::of_lots(holds.iter().map(|(_, hold)| hold.lots.iter()));
    sqlx::query!(
        "insert into hold (tenant_id, user_id, hold_id, point_type_id, amount, state, lot_expires_at, lot_origin,
            lot_points, captured, given_back, due_back, late, reason, order_id, opened_at, expires_at, resolved_at,
            kept_expires_at, kept_points, ended_at)
        select $1, k.user_id, k.hold_id, k.point_type_id, k.amount, k.state,
            ($16::timestamptz[])[k.first:k.last], ($17::text[])[k.first:k.last], ($18::bigint[])[k.first:k.last],
            k.captured, k.given_back, k.due_back, k.late, k.reason, k.order_id, k.opened_at, k.expires_at, k.resolved_at,
            ($16::timestamptz[])[k.first:k.last], ($18::bigint[])[k.first:k.last], k.ended_at
        from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::smallint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::boolean[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[],
            $15::timestamptz[], $19::integer[], $20::integer[], $21::timestamptz[])
            k(user_id, hold_id, point_type_id, amount, state, captured, given_back, due_back, late, reason, order_id,
            opened_at, expires_at, resolved_at, first, last, ended_at)
        on conflict on constraint hold_pkey do update
        set state = excluded.state, lot_expires_at = excluded.lot_expires_at, lot_origin = excluded.lot_origin,
            lot_points = excluded.lot_points, captured = excluded.captured, given_back = excluded.given_back,
            due_back = excluded.due_back, late = excluded.late, resolved_at = excluded.resolved_at,
            ended_at = excluded.ended_at",
        tenant.as_str(),
        &users as _,
        &ids as _,
        &point_types as _,
        &amounts,
        &states,
        &captured,
        &given_back,
        &due_back,
        &late,
        &reasons as _,
        &orders as _,
        &opened,
        &expires,
        &resolved as _,
        &lots.expires_at as _,
        &lots.origin as _,
        &lots.points,
        &lots.first,
        &lots.last,
        &ended as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What holds of accounts kept at a past instant, each account with its own, in the order of the accounts.
pub async fn kept_at(
    conn: &mut PgConnection,
    tenant: &TenantId,
    asked: &[(&AccountKey, OffsetDateTime)],
) -> Result<Vec<Vec<Kept>>, StoreError> {
    let mut kept = vec![Vec::new(); asked.len()];
    let (users, point_types): (Vec<&str>, Vec<&str>) =
        asked.iter().map(|((user, point_type), _)| (user.as_str(), point_type.as_str())).unzip();
    let (times, since): (Vec<_>, Vec<_>) = asked.iter().map(|(_, at)| (*at, *at - TTL_MAX)).unzip();
    let rows = sqlx::query!(
        r#"select k.n as "n!", h.amount,
            case when h.state = 1 then h.lot_expires_at else h.kept_expires_at end
                as "expires_at!: Vec<Option<OffsetDateTime>>",
            case when h.state = 1 then h.lot_points else h.kept_points end as "points!"
        from unnest($2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) with ordinality k(u, p, at, since, n)
        join hold h on h.tenant_id = $1 and h.user_id = k.u and h.opened_at > k.since and h.opened_at <= k.at
        where h.point_type_id = k.p
            and coalesce(h.ended_at, least(h.resolved_at, h.expires_at)) > k.at"#,
        tenant.as_str(),
        &users as _,
        &point_types as _,
        &times,
        &since
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let place = usize::try_from(row.n - 1).map_err(|_| rows::unreadable("n"))?;
        kept[place].push(Kept { amount: row.amount, lots: row.expires_at.into_iter().zip(row.points).collect() });
    }
    Ok(kept)
}

/// A page of a user's holds: newest first, those before a place, in a state as it is at `at`; 0: in any.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    (state, at): (i16, OffsetDateTime),
    before: Option<(OffsetDateTime, &str)>,
    limit: i64,
) -> Result<Vec<Hold>, StoreError> {
    let (opened_at, hold_id) = before.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select user_id, hold_id, point_type_id, amount, state,
            lot_expires_at as "lot_expires_at: Vec<Option<OffsetDateTime>>", lot_origin, lot_points, captured, given_back,
            due_back, late, reason, order_id, opened_at, expires_at, resolved_at,
            ended_at
        from hold
        where tenant_id = $1 and user_id = $2
            and (opened_at, hold_id) < (coalesce($3::timestamptz, 'infinity'), coalesce($4::text, ''))
            and ($5::smallint = 0 or $5 = case when state = 1 and expires_at <= $6 then 4 else state end)
        order by opened_at desc, hold_id desc limit $7"#,
        tenant.as_str(),
        user.as_str(),
        opened_at,
        hold_id,
        state,
        at,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok(row.read()?.1)).collect()
}

/// Accounts with open holds that timed out by `at`, those first that did longest ago.
pub async fn timed_out(
    conn: &mut PgConnection,
    tenant: &TenantId,
    at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<AccountKey>, StoreError> {
    let rows = sqlx::query!(
        "select user_id, point_type_id from hold
        where tenant_id = $1 and state = 1 and expires_at <= $2
        order by expires_at limit $3",
        tenant.as_str(),
        at,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((rows::user(row.user_id)?, rows::key(row.point_type_id, "point_type_id")?))).collect()
}

/// When the next open hold of a tenant times out.
pub async fn next_time_out(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<OffsetDateTime>, StoreError> {
    let next = sqlx::query_scalar!(
        "select expires_at from hold
        where tenant_id = $1 and state = 1 and expires_at > '-infinity' order by expires_at limit 1",
        tenant.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(next)
}
