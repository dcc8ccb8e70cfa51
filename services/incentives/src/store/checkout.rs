//! Checkouts.

use std::collections::BTreeMap;

use ids::{TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::basket::Basket;
use crate::domain::checkout::{Checkout, CheckoutState, Key};
use crate::domain::waterfall::Quote;

struct Row {
    user_id: String,
    checkout_id: String,
    state: i16,
    order_id: String,
    basket: Json<Basket>,
    quote: Json<Quote>,
    point_type_id: String,
    hold_id: String,
    create_time: OffsetDateTime,
    expire_time: OffsetDateTime,
}

impl TryFrom<Row> for Checkout {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            user: rows::user(row.user_id)?,
            checkout_id: row.checkout_id,
            state: CheckoutState::from_code(row.state).ok_or_else(|| rows::unreadable("state"))?,
            order_id: row.order_id,
            basket: row.basket.0,
            quote: row.quote.0,
            point_type_id: row.point_type_id,
            hold_id: row.hold_id,
            create_time: row.create_time,
            expire_time: row.expire_time,
        })
    }
}

pub(super) fn columns(keys: &[Key]) -> (Vec<&str>, Vec<&str>) {
    keys.iter().map(|(user, id)| (user.as_str(), id.as_str())).unzip()
}

/// Adds checkouts, in one statement however many they are. [`StoreError::Conflict`] says that another transaction took one
/// of the ids meanwhile.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, checkouts: &[Checkout]) -> Result<(), StoreError> {
    if checkouts.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&Checkout) -> &str| checkouts.iter().map(of).collect::<Vec<_>>();
    let time = |of: fn(&Checkout) -> OffsetDateTime| checkouts.iter().map(of).collect::<Vec<_>>();
    let states: Vec<i16> = checkouts.iter().map(|checkout| checkout.state.code()).collect();
    let baskets: Vec<Json<&Basket>> = checkouts.iter().map(|checkout| Json(&checkout.basket)).collect();
    let quotes: Vec<Json<&Quote>> = checkouts.iter().map(|checkout| Json(&checkout.quote)).collect();
    sqlx::query!(
        "insert into checkout (tenant_id, user_id, checkout_id, state, order_id, basket, quote, point_type_id, hold_id,
            create_time, expire_time)
        select $1, n.user_id, n.checkout_id, n.state, n.order_id, n.basket, n.quote, n.point_type_id, n.hold_id,
            n.create_time, n.expire_time
        from unnest($2::text[], $3::text[], $4::smallint[], $5::text[], $6::jsonb[], $7::jsonb[], $8::text[],
            $9::text[], $10::timestamptz[], $11::timestamptz[])
            n(user_id, checkout_id, state, order_id, basket, quote, point_type_id, hold_id, create_time, expire_time)",
        tenant.as_str(),
        &text(|it| it.user.as_str()) as _,
        &text(|it| &it.checkout_id) as _,
        &states,
        &text(|it| &it.order_id) as _,
        &baskets as _,
        &quotes as _,
        &text(|it| &it.point_type_id) as _,
        &text(|it| &it.hold_id) as _,
        &time(|it| it.create_time),
        &time(|it| it.expire_time)
    )
    .execute(conn)
    .await
    .map_err(|error| match StoreError::from(error) {
        error if error.constraint() == Some("checkout_pkey") => error.into_conflict(),
        other => other,
    })?;
    Ok(())
}

/// Reads one checkout without a lock.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    checkout_id: &str,
) -> Result<Option<Checkout>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select user_id, checkout_id, state, order_id, basket as "basket: Json<Basket>",
            quote as "quote: Json<Quote>", point_type_id, hold_id, create_time, expire_time
        from checkout where tenant_id = $1 and user_id = $2 and checkout_id = $3"#,
        tenant.as_str(),
        user.as_str(),
        checkout_id
    )
    .fetch_optional(conn)
    .await?;
    row.map(Checkout::try_from).transpose()
}

/// The orders of those of the checkouts that there are, without a lock; empty: not known yet.
pub async fn orders_of(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &[Key],
) -> Result<BTreeMap<Key, String>, StoreError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (users, checkouts) = columns(keys);
    let found = sqlx::query!(
        "select user_id, checkout_id, order_id from checkout
        where tenant_id = $1 and (user_id, checkout_id) in (select k.u, k.c from unnest($2::text[], $3::text[]) k(u, c))",
        tenant.as_str(),
        &users as _,
        &checkouts as _
    )
    .fetch_all(conn)
    .await?;
    found.into_iter().map(|row| Ok(((rows::user(row.user_id)?, row.checkout_id), row.order_id))).collect()
}

/// Locks those of the checkouts that there are, in key order, and reads them.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId, keys: &[Key]) -> Result<Vec<Checkout>, StoreError> {
    let (users, checkouts) = columns(keys);
    let found = sqlx::query_as!(
        Row,
        r#"select c.user_id, c.checkout_id, c.state, c.order_id, c.basket as "basket: Json<Basket>",
            c.quote as "quote: Json<Quote>", c.point_type_id, c.hold_id, c.create_time, c.expire_time
        from checkout c
        where c.tenant_id = $1
            and (c.user_id, c.checkout_id) in (select k.u, k.c from unnest($2::text[], $3::text[]) k(u, c))
        order by c.user_id, c.checkout_id
        for no key update of c"#,
        tenant.as_str(),
        &users as _,
        &checkouts as _
    )
    .fetch_all(conn)
    .await?;
    found.into_iter().map(Checkout::try_from).collect()
}

/// Stores state and order of locked checkouts, in one statement however many they are.
pub async fn write(conn: &mut PgConnection, tenant: &TenantId, checkouts: &[Checkout]) -> Result<(), StoreError> {
    if checkouts.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&Checkout) -> &str| checkouts.iter().map(of).collect::<Vec<_>>();
    let states: Vec<i16> = checkouts.iter().map(|checkout| checkout.state.code()).collect();
    sqlx::query!(
        "update checkout c set state = n.state, order_id = n.order_id
        from unnest($2::text[], $3::text[], $4::smallint[], $5::text[]) n(user_id, checkout_id, state, order_id)
        where c.tenant_id = $1 and c.user_id = n.user_id and c.checkout_id = n.checkout_id",
        tenant.as_str(),
        &text(|it| it.user.as_str()) as _,
        &text(|it| &it.checkout_id) as _,
        &states,
        &text(|it| &it.order_id) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Open checkouts whose time was over at `at`, longest over first; those that somebody else holds locked are passed over.
pub async fn lock_due(
    conn: &mut PgConnection,
    tenant: &TenantId,
    at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Checkout>, StoreError> {
    let found = sqlx::query_as!(
        Row,
        r#"select user_id, checkout_id, state, order_id, basket as "basket: Json<Basket>",
            quote as "quote: Json<Quote>", point_type_id, hold_id, create_time, expire_time
        from checkout
        where tenant_id = $1 and state = 1 and expire_time <= $2
        order by expire_time limit $3
        for no key update skip locked"#,
        tenant.as_str(),
        at,
        limit
    )
    .fetch_all(conn)
    .await?;
    found.into_iter().map(Checkout::try_from).collect()
}

/// When the next open checkout's time is over.
pub async fn next_due(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<OffsetDateTime>, StoreError> {
    let next = sqlx::query_scalar!(
        "select expire_time from checkout where tenant_id = $1 and state = 1 order by expire_time limit 1",
        tenant.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(next)
}
