//! What is known of orders: their confirmed checkouts, and what came back.

use std::collections::BTreeMap;

use ids::{TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::checkout::columns;
use crate::domain::checkout::{Key, Order};
use crate::domain::refund::Returns;

/// Gives orders of which nothing is known a row, so that two who come at once see each other when they lock it.
pub async fn open(conn: &mut PgConnection, tenant: &TenantId, keys: &[Key]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let (users, orders) = columns(keys);
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
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks what is known of orders, in key order, and reads it.
pub async fn lock(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &[Key],
) -> Result<BTreeMap<Key, Order>, StoreError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (users, orders) = columns(keys);
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
pub async fn read(
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
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    orders: &BTreeMap<Key, Order>,
) -> Result<(), StoreError> {
    if orders.is_empty() {
        return Ok(());
    }
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

/// Takes away the rows of locked orders of which nothing is known after all.
pub async fn forget(conn: &mut PgConnection, tenant: &TenantId, keys: &[Key]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let (users, orders) = columns(keys);
    sqlx::query!(
        "delete from checkout_order t using unnest($2::text[], $3::text[]) k(u, o)
        where t.tenant_id = $1 and t.user_id = k.u and t.order_id = k.o",
        tenant.as_str(),
        &users as _,
        &orders as _
    )
    .execute(conn)
    .await?;
    Ok(())
}
