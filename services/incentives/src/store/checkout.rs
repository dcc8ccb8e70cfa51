//! Checkouts, and what came back of their orders.

use std::collections::BTreeMap;

use ids::{TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::basket::Basket;
use crate::domain::checkout::{Checkout, CheckoutState};
use crate::domain::refund::Returns;
use crate::domain::waterfall::Quote;

/// A user and a checkout, or a user and an order.
pub type Key = (UserId, String);

/// What is known of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// The checkout that was confirmed for it; empty: none yet.
    pub checkout_id: String,
    /// What came back.
    pub returns: Returns,
}

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

fn columns(keys: &[Key]) -> (Vec<&str>, Vec<&str>) {
    keys.iter().map(|(user, id)| (user.as_str(), id.as_str())).unzip()
}

/// Adds a checkout.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Checkout) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into checkout (tenant_id, user_id, checkout_id, state, order_id, basket, quote, point_type_id, hold_id,
            create_time, expire_time)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        tenant.as_str(),
        it.user.as_str(),
        it.checkout_id,
        it.state.code(),
        it.order_id,
        Json(&it.basket) as _,
        Json(&it.quote) as _,
        it.point_type_id,
        it.hold_id,
        it.create_time,
        it.expire_time
    )
    .execute(conn)
    .await?;
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

/// Locks what is known of orders, in key order, and reads it. With `open`, orders of which nothing is known get a row
/// first, so that two who come at once see each other.
pub async fn lock_orders(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &[Key],
    open: bool,
) -> Result<BTreeMap<Key, Order>, StoreError> {
    let (users, orders) = columns(keys);
    if open {
        sqlx::query!(
            "insert into checkout_order (tenant_id, user_id, order_id, checkout_id, returns)
            select $1, k.u, k.o, '', '{}'::jsonb
            from (
                select distinct n.u collate \"C\" as u, n.o collate \"C\" as o from unnest($2::text[], $3::text[]) n(u, o)
            ) k
            order by k.u, k.o
            on conflict on constraint checkout_order_pkey do nothing",
            tenant.as_str(),
            &users as _,
            &orders as _
        )
        .execute(&mut *conn)
        .await?;
    }
    let found = sqlx::query!(
        r#"select o.user_id, o.order_id, o.checkout_id, o.returns as "returns: Json<Returns>"
        from checkout_order o
        where o.tenant_id = $1
            and (o.user_id, o.order_id) in (select k.u, k.o from unnest($2::text[], $3::text[]) k(u, o))
        order by o.user_id, o.order_id
        for no key update of o"#,
        tenant.as_str(),
        &users as _,
        &orders as _
    )
    .fetch_all(conn)
    .await?;
    let read = |user, order| Ok::<_, StoreError>((rows::user(user)?, order));
    let known = |checkout_id, returns: Json<Returns>| Order { checkout_id, returns: returns.0 };
    found.into_iter().map(|row| Ok((read(row.user_id, row.order_id)?, known(row.checkout_id, row.returns)))).collect()
}

/// Reads what is known of an order without a lock.
pub async fn order(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    order_id: &str,
) -> Result<Order, StoreError> {
    let row = sqlx::query!(
        r#"select checkout_id, returns as "returns: Json<Returns>" from checkout_order
        where tenant_id = $1 and user_id = $2 and order_id = $3"#,
        tenant.as_str(),
        user.as_str(),
        order_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Order { checkout_id: row.checkout_id, returns: row.returns.0 }).unwrap_or_default())
}

/// Stores what is known of locked orders, in one statement however many they are.
pub async fn write_orders(
    conn: &mut PgConnection,
    tenant: &TenantId,
    orders: &BTreeMap<Key, Order>,
) -> Result<(), StoreError> {
    let keys: Vec<Key> = orders.keys().cloned().collect();
    let (users, ids) = columns(&keys);
    let checkouts: Vec<&str> = orders.values().map(|order| order.checkout_id.as_str()).collect();
    let returns: Vec<Json<&Returns>> = orders.values().map(|order| Json(&order.returns)).collect();
    sqlx::query!(
        "update checkout_order o set checkout_id = n.checkout_id, returns = n.returns
        from unnest($2::text[], $3::text[], $4::text[], $5::jsonb[]) n(user_id, order_id, checkout_id, returns)
        where o.tenant_id = $1 and o.user_id = n.user_id and o.order_id = n.order_id",
        tenant.as_str(),
        &users as _,
        &ids as _,
        &checkouts as _,
        &returns as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes away the row of an order of which nothing is known after all.
pub async fn forget_order(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, order_id): &Key,
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from checkout_order
        where tenant_id = $1 and user_id = $2 and order_id = $3 and checkout_id = '' and returns = '{}'::jsonb",
        tenant.as_str(),
        user.as_str(),
        order_id
    )
    .execute(conn)
    .await?;
    Ok(())
}
