//! Accounts with their lots.

use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::account::Account;
use crate::domain::book::AccountKey;
use crate::domain::lot::{Lot, LotChange, Lots};
use crate::domain::pending::{Pending, PendingLot, Release};

struct Row {
    user_id: String,
    point_type_id: String,
    lot_expires_at: Vec<Option<OffsetDateTime>>,
    lot_origin: Vec<String>,
    lot_points: Vec<i64>,
    pending_until: Vec<Option<OffsetDateTime>>,
    pending_order: Vec<String>,
    pending_origin: Vec<String>,
    pending_points: Vec<i64>,
    held: i64,
    claimed: i64,
    debt: i64,
    growth: i64,
    entry_seq: i64,
    last_decided_at: Option<OffsetDateTime>,
}

impl Row {
    fn read(self) -> Result<(AccountKey, Account), StoreError> {
        let lots = self.lot_expires_at.into_iter().zip(self.lot_origin).zip(self.lot_points);
        let lots =
            lots.map(|((expires_at, origin), points)| Ok(Lot { expires_at, origin: rows::user(origin)?, points }));
        let lots = Lots::new(lots.collect::<Result<_, StoreError>>()?);
        let waits = self.pending_until.into_iter().zip(self.pending_order);
        let waits = waits.map(|(until, order)| until.map_or(Release::Order(order), Release::At));
        let pending = waits.zip(self.pending_origin).zip(self.pending_points);
        let pending =
            pending.map(|((release, origin), points)| Ok(PendingLot { release, origin: rows::user(origin)?, points }));
        let account = Account {
            lots,
            pending: Pending::new(pending.collect::<Result<_, StoreError>>()?),
            held: self.held,
            claimed: self.claimed,
            debt: self.debt,
            growth: self.growth,
            entry_seq: self.entry_seq,
            decided_at: self.last_decided_at,
        };
        Ok(((rows::user(self.user_id)?, rows::key(self.point_type_id, "point_type_id")?), account))
    }
}

/// Lots or their changes of several rows, one row's after the other's: arrays of arrays can't be ragged in SQL, so each row
/// is sent with the place of its first lot and of its last, and takes that slice.
#[derive(Default)]
pub(super) struct FlatLots<'a> {
    pub(super) first: Vec<i32>,
    pub(super) last: Vec<i32>,
    pub(super) expires_at: Vec<Option<OffsetDateTime>>,
    pub(super) origin: Vec<&'a str>,
    pub(super) points: Vec<i64>,
}

/// When a lot lapses, whose it is, and its points or their change.
pub(super) type FlatLot<'a> = (Option<OffsetDateTime>, &'a UserId, i64);

impl<'a> FlatLots<'a> {
    pub(super) fn of<R: Iterator<Item = FlatLot<'a>>>(rows: impl Iterator<Item = R>) -> Self {
        let mut flat = Self::default();
        for lots in rows {
            flat.first.push(place(flat.points.len() + 1));
            for (expires_at, origin, points) in lots {
                flat.expires_at.push(expires_at);
                flat.origin.push(origin.as_str());
                flat.points.push(points);
            }
            flat.last.push(place(flat.points.len()));
        }
        flat
    }

    /// Of lots.
    pub(super) fn of_lots<R: Iterator<Item = &'a Lot>>(rows: impl Iterator<Item = R>) -> Self {
        Self::of(rows.map(|lots| lots.map(|lot| (lot.expires_at, &lot.origin, lot.points))))
    }

    /// Of their changes.
    pub(super) fn of_changes(rows: impl Iterator<Item = &'a [LotChange]>) -> Self {
        Self::of(rows.map(|changes| changes.iter().map(|it| (it.expires_at, &it.origin, it.points))))
    }
}

/// What is pending in several rows, sent likewise.
#[derive(Default)]
struct FlatPending<'a> {
    first: Vec<i32>,
    last: Vec<i32>,
    until: Vec<Option<OffsetDateTime>>,
    order: Vec<&'a str>,
    origin: Vec<&'a str>,
    points: Vec<i64>,
}

impl<'a> FlatPending<'a> {
    fn of(rows: impl Iterator<Item = &'a Pending>) -> Self {
        let mut flat = Self::default();
        for pending in rows {
            flat.first.push(place(flat.points.len() + 1));
            for lot in pending.iter() {
                let (until, order) = match &lot.release {
                    Release::At(time) => (Some(*time), ""),
                    Release::Order(order) => (None, order.as_str()),
                };
                flat.until.push(until);
                flat.order.push(order);
                flat.origin.push(lot.origin.as_str());
                flat.points.push(lot.points);
            }
            flat.last.push(place(flat.points.len()));
        }
        flat
    }
}

/// A place in an array of SQL.
fn place(count: usize) -> i32 {
    i32::try_from(count).expect("fewer lots than SQL counts in an array")
}

fn columns<'a>(keys: impl IntoIterator<Item = &'a AccountKey>) -> (Vec<&'a str>, Vec<&'a str>) {
    keys.into_iter().map(|(user, point_type)| (user.as_str(), point_type.as_str())).unzip()
}

/// Locks those of the accounts that there are, in key order, and reads them.
pub async fn lock(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: impl IntoIterator<Item = &AccountKey>,
) -> Result<BTreeMap<AccountKey, Account>, StoreError> {
    let (users, point_types) = columns(keys);
    let rows = sqlx::query_as!(
        Row,
        r#"select a.user_id, a.point_type_id, a.lot_expires_at as "lot_expires_at: Vec<Option<OffsetDateTime>>",
            a.lot_origin, a.lot_points, a.pending_until as "pending_until: Vec<Option<OffsetDateTime>>",
            a.pending_order, a.pending_origin, a.pending_points, a.held, a.claimed, a.debt, a.growth, a.entry_seq, a.last_decided_at
        from account a
        where a.tenant_id = $1
            and (a.user_id, a.point_type_id) in (select k.u, k.p from unnest($2::text[], $3::text[]) k(u, p))
        order by a.user_id, a.point_type_id
        for no key update of a"#,
        tenant.as_str(),
        &users as _,
        &point_types as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// As [`lock`], passing over accounts that somebody else holds.
pub async fn lock_free(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: impl IntoIterator<Item = &AccountKey>,
) -> Result<BTreeMap<AccountKey, Account>, StoreError> {
    let (users, point_types) = columns(keys);
    let rows = sqlx::query_as!(
        Row,
        r#"select a.user_id, a.point_type_id, a.lot_expires_at as "lot_expires_at: Vec<Option<OffsetDateTime>>",
            a.lot_origin, a.lot_points, a.pending_until as "pending_until: Vec<Option<OffsetDateTime>>",
            a.pending_order, a.pending_origin, a.pending_points, a.held, a.claimed, a.debt, a.growth, a.entry_seq, a.last_decided_at
        from account a
        where a.tenant_id = $1
            and (a.user_id, a.point_type_id) in (select k.u, k.p from unnest($2::text[], $3::text[]) k(u, p))
        order by a.user_id, a.point_type_id
        for no key update of a skip locked"#,
        tenant.as_str(),
        &users as _,
        &point_types as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Opens accounts that there are not yet, in key order.
pub async fn open(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: impl IntoIterator<Item = &AccountKey>,
) -> Result<(), StoreError> {
    let (users, point_types) = columns(keys);
    sqlx::query!(
        "insert into account (tenant_id, user_id, point_type_id)
        select $1, k.u, k.p from unnest($2::text[], $3::text[]) k(u, p)
        order by k.u collate \"C\", k.p collate \"C\"
        on conflict on constraint account_pkey do nothing",
        tenant.as_str(),
        &users as _,
        &point_types as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Reads accounts without a lock; those that there are not are left out.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: impl IntoIterator<Item = &AccountKey>,
) -> Result<BTreeMap<AccountKey, Account>, StoreError> {
    let (users, point_types) = columns(keys);
    let rows = sqlx::query_as!(
        Row,
        r#"select a.user_id, a.point_type_id, a.lot_expires_at as "lot_expires_at: Vec<Option<OffsetDateTime>>",
            a.lot_origin, a.lot_points, a.pending_until as "pending_until: Vec<Option<OffsetDateTime>>",
            a.pending_order, a.pending_origin, a.pending_points, a.held, a.claimed, a.debt, a.growth, a.entry_seq, a.last_decided_at
        from unnest($2::text[], $3::text[]) k(u, p)
        join account a on a.tenant_id = $1 and a.user_id = k.u and a.point_type_id = k.p"#,
        tenant.as_str(),
        &users as _,
        &point_types as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// The users after one who have an account of a type, in order of their ids.
pub async fn users_after(
    conn: &mut PgConnection,
    tenant: &TenantId,
    point_type: &Key,
    after: &str,
    limit: i64,
) -> Result<Vec<UserId>, StoreError> {
    let users = sqlx::query_scalar!(
        "select user_id from account where tenant_id = $1 and point_type_id = $2 and user_id > $3
        order by user_id limit $4",
        tenant.as_str(),
        point_type.as_str(),
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    users.into_iter().map(rows::user).collect()
}

/// Stores locked accounts, in one statement however many they are.
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    accounts: &[(AccountKey, Account)],
) -> Result<(), StoreError> {
    let (users, point_types) = columns(accounts.iter().map(|(key, _)| key));
    let of = |value: fn(&Account) -> i64| accounts.iter().map(|(_, account)| value(account)).collect::<Vec<_>>();
    let (debts, growths, seqs) = (of(|a| a.debt), of(|a| a.growth), of(|a| a.entry_seq));
    let (held, claimed) = (of(|a| a.held), of(|a| a.claimed));
    let next: Vec<_> = accounts.iter().map(|(_, account)| account.next_due()).collect();
    let decided: Vec<_> = accounts.iter().map(|(_, account)| account.decided_at).collect();
    let lots = FlatLots::of_lots(accounts.iter().map(|(_, account)| account.lots.iter()));
    let pending = FlatPending::of(accounts.iter().map(|(_, account)| &account.pending));
    let done = sqlx::query!(
        "update account a
        set lot_expires_at = ($9::timestamptz[])[k.first:k.last], lot_origin = ($10::text[])[k.first:k.last],
            lot_points = ($11::bigint[])[k.first:k.last], held = k.held, claimed = k.claimed, debt = k.debt, growth = k.growth,
            entry_seq = k.entry_seq, next_expiry = k.next_expiry, last_decided_at = k.decided_at,
            pending_until = ($16::timestamptz[])[k.wait:k.waits], pending_order = ($17::text[])[k.wait:k.waits],
            pending_origin = ($18::text[])[k.wait:k.waits], pending_points = ($19::bigint[])[k.wait:k.waits]
        from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[],
            $8::timestamptz[], $12::bigint[], $13::bigint[], $14::integer[], $15::integer[],
            $20::integer[], $21::integer[])
            k(user_id, point_type_id, debt, growth, entry_seq, next_expiry, decided_at, held, claimed, first, last, wait,
            waits)
        where a.tenant_id = $1 and a.user_id = k.user_id and a.point_type_id = k.point_type_id",
        tenant.as_str(),
        &users as _,
        &point_types as _,
        &debts,
        &growths,
        &seqs,
        &next as _,
        &decided as _,
        &lots.expires_at as _,
        &lots.origin as _,
        &lots.points,
        &held,
        &claimed,
        &lots.first,
        &lots.last,
        &pending.until as _,
        &pending.order as _,
        &pending.origin as _,
        &pending.points,
        &pending.first,
        &pending.last
    )
    .execute(conn)
    .await?;
    // an entry without its account would be lost to every balance
    if done.rows_affected() != accounts.len() as u64 {
        return Err(rows::unreadable("account"));
    }
    Ok(())
}

/// Accounts with lots that lapsed by `at`, or with pending points that can be used since, longest due first.
pub async fn due(
    conn: &mut PgConnection,
    tenant: &TenantId,
    at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<AccountKey>, StoreError> {
    let rows = sqlx::query!(
        "select user_id, point_type_id from account
        where tenant_id = $1 and next_expiry <= $2
        order by next_expiry limit $3",
        tenant.as_str(),
        at,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((rows::user(row.user_id)?, rows::key(row.point_type_id, "point_type_id")?))).collect()
}

/// When the next lot of any account lapses, or something pending can be used.
pub async fn next_due(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<OffsetDateTime>, StoreError> {
    let next = sqlx::query_scalar!(
        r#"select next_expiry as "next_expiry!" from account
        where tenant_id = $1 and next_expiry > '-infinity'
        order by next_expiry limit 1"#,
        tenant.as_str()
    );
    Ok(next.fetch_optional(conn).await?)
}
