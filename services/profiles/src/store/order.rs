use std::collections::BTreeMap;
use std::sync::Arc;

use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::order::{Basket, Discount, Line, Order, State};

const STATES: [State; 4] = [State::Created, State::Paid, State::Completed, State::Cancelled];

struct Row {
    user_id: String,
    order_id: String,
    parent_order_id: String,
    state: i16,
    total_minor: i64,
    freight_minor: Option<i64>,
    deposit_minor: Option<i64>,
    balance_minor: Option<i64>,
    refunded_minor: i64,
    line_count: i32,
    first_order: bool,
    created_at: OffsetDateTime,
    paid_at: Option<OffsetDateTime>,
    completed_at: Option<OffsetDateTime>,
    cancelled_at: Option<OffsetDateTime>,
    site: String,
}

impl Row {
    fn with(self, lines: &mut Lines) -> Result<(String, Order), StoreError> {
        let state = usize::try_from(self.state - 1).ok().and_then(|index| STATES.get(index));
        let state = *state.ok_or_else(|| sqlx::Error::Decode("no such order state".into()))?;
        let key = (self.user_id, self.order_id);
        let lines = lines.remove(&key).unwrap_or_default();
        let (user_id, order_id) = key;
        let basket = Basket {
            order_id,
            parent_order_id: self.parent_order_id,
            lines,
            freight: self.freight_minor,
            deposit: self.deposit_minor,
            balance: self.balance_minor,
            total: self.total_minor,
        };
        let Self { created_at, paid_at, completed_at, cancelled_at, site, .. } = self;
        let (first, refunded) = (self.first_order, self.refunded_minor);
        let basket = Arc::new(basket);
        let order = Order { basket, state, first, refunded, created_at, paid_at, completed_at, cancelled_at, site };
        Ok((user_id, order))
    }
}

/// By user and order, in the order's own order.
type Lines = BTreeMap<(String, String), Vec<Line>>;

/// The orders named by (user, order) that exist, each with its user.
pub(crate) async fn load(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &[(&str, &str)],
) -> Result<Vec<(String, Order)>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (users, orders): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
    let rows = sqlx::query_as!(
        Row,
        "select o.user_id, o.order_id, o.parent_order_id, o.state, o.total_minor, o.freight_minor, o.deposit_minor,
            o.balance_minor, o.refunded_minor, o.line_count, o.first_order, o.created_at, o.paid_at, o.completed_at,
            o.cancelled_at, o.site
        from unnest($2::text[], $3::text[]) k(user_id, order_id)
        join customer_order o on o.tenant_id = $1 and o.user_id = k.user_id and o.order_id = k.order_id",
        tenant.as_str(),
        &users as _,
        &orders as _
    )
    .fetch_all(&mut *conn)
    .await?;
    with_lines(conn, tenant, rows).await
}

/// A user's orders, newest first, after a place in that order.
pub(crate) async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user_id: &str,
    after: Option<(OffsetDateTime, &str)>,
    limit: i64,
) -> Result<Vec<(String, Order)>, StoreError> {
    let (created_at, order_id) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        "select user_id, order_id, parent_order_id, state, total_minor, freight_minor, deposit_minor, balance_minor,
            refunded_minor, line_count, first_order, created_at, paid_at, completed_at, cancelled_at, site
        from customer_order
        where tenant_id = $1 and user_id = $2
            and (created_at, order_id) < (coalesce($3::timestamptz, 'infinity'), coalesce($4::text, ''))
        order by created_at desc, order_id desc limit $5",
        tenant.as_str(),
        user_id,
        created_at,
        order_id,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    with_lines(conn, tenant, rows).await
}

async fn with_lines(
    conn: &mut PgConnection,
    tenant: &TenantId,
    rows: Vec<Row>,
) -> Result<Vec<(String, Order)>, StoreError> {
    let lined = rows.iter().filter(|row| row.line_count > 0);
    let keys: Vec<(&str, &str)> = lined.map(|row| (row.user_id.as_str(), row.order_id.as_str())).collect();
    let mut lines = if keys.is_empty() { Lines::new() } else { load_lines(conn, tenant, &keys).await? };
    rows.into_iter().map(|row| row.with(&mut lines)).collect()
}

async fn load_lines(conn: &mut PgConnection, tenant: &TenantId, keys: &[(&str, &str)]) -> Result<Lines, StoreError> {
    let (users, orders): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
    let rows = sqlx::query!(
        r#"select l.user_id, l.order_id, l.line_id, l.sku, l.category, l.quantity, l.list_price_minor, l.paid_minor,
            l.discounts as "discounts: Json<Vec<Discount>>"
        from unnest($2::text[], $3::text[]) k(user_id, order_id)
        join order_line l on l.tenant_id = $1 and l.user_id = k.user_id and l.order_id = k.order_id
        order by l.user_id, l.order_id, l.line_no"#,
        tenant.as_str(),
        &users as _,
        &orders as _
    );
    let mut lines = Lines::new();
    for row in rows.fetch_all(conn).await? {
        let line = Line {
            line_id: row.line_id,
            sku: row.sku,
            category: row.category,
            quantity: row.quantity,
            list_price: row.list_price_minor,
            paid: row.paid_minor,
            discounts: row.discounts.0,
        };
        lines.entry((row.user_id, row.order_id)).or_default().push(line);
    }
    Ok(lines)
}

/// Adds orders, each with its user, or moves those there forward. Lines are for [`add_lines`].
pub(crate) async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    orders: &[(&str, &Order)],
) -> Result<(), StoreError> {
    if orders.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = orders.iter().map(|(user, _)| *user).collect();
    let all = || orders.iter().map(|(_, order)| *order);
    let baskets = || all().map(|order| &*order.basket);
    let ids: Vec<&str> = baskets().map(|basket| basket.order_id.as_str()).collect();
    let parents: Vec<&str> = baskets().map(|basket| basket.parent_order_id.as_str()).collect();
    let states: Vec<i16> = all().map(|order| number(order.state)).collect();
    let totals: Vec<i64> = baskets().map(|basket| basket.total).collect();
    let freights: Vec<Option<i64>> = baskets().map(|basket| basket.freight).collect();
    let deposits: Vec<Option<i64>> = baskets().map(|basket| basket.deposit).collect();
    let balances: Vec<Option<i64>> = baskets().map(|basket| basket.balance).collect();
    let refunded: Vec<i64> = all().map(|order| order.refunded).collect();
    let counts: Vec<i32> = baskets().map(|basket| i32::try_from(basket.lines.len()).unwrap_or(i32::MAX)).collect();
    let pieces: Vec<i64> = baskets().map(Basket::pieces).collect();
    let firsts: Vec<bool> = all().map(|order| order.first).collect();
    let created: Vec<OffsetDateTime> = all().map(|order| order.created_at).collect();
    let paid: Vec<Option<OffsetDateTime>> = all().map(|order| order.paid_at).collect();
    let completed: Vec<Option<OffsetDateTime>> = all().map(|order| order.completed_at).collect();
    let cancelled: Vec<Option<OffsetDateTime>> = all().map(|order| order.cancelled_at).collect();
    let sites: Vec<&str> = all().map(|order| order.site.as_str()).collect();
    sqlx::query!(
        "insert into customer_order (tenant_id, user_id, order_id, parent_order_id, state, total_minor, freight_minor,
            deposit_minor, balance_minor, refunded_minor, line_count, pieces, first_order, created_at, paid_at,
            completed_at, cancelled_at, site)
        select $1, u.user_id, u.order_id, u.parent, u.state, u.total, u.freight, u.deposit, u.balance, u.refunded,
            u.line_count, u.pieces, u.first, u.created_at, u.paid_at, u.completed_at, u.cancelled_at, u.site
        from unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::integer[], $12::bigint[], $13::boolean[], $14::timestamptz[],
            $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::text[])
            u(user_id, order_id, parent, state, total, freight, deposit, balance, refunded, line_count, pieces, first,
                created_at, paid_at, completed_at, cancelled_at, site)
        on conflict (tenant_id, user_id, order_id) do update set state = excluded.state,
            refunded_minor = excluded.refunded_minor, first_order = excluded.first_order, paid_at = excluded.paid_at,
            completed_at = excluded.completed_at, cancelled_at = excluded.cancelled_at",
        tenant.as_str(),
        &users as _,
        &ids as _,
        &parents as _,
        &states,
        &totals,
        &freights as _,
        &deposits as _,
        &balances as _,
        &refunded,
        &counts,
        &pieces,
        &firsts,
        &created,
        &paid as _,
        &completed as _,
        &cancelled as _,
        &sites as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn number(state: State) -> i16 {
    match state {
        State::Created => 1,
        State::Paid => 2,
        State::Completed => 3,
        State::Cancelled => 4,
    }
}

/// Adds the lines of new orders, each with its user.
pub(crate) async fn add_lines(
    conn: &mut PgConnection,
    tenant: &TenantId,
    baskets: &[(&str, &Basket)],
) -> Result<(), StoreError> {
    let numbered =
        baskets.iter().flat_map(|(user, basket)| (1_i32..).zip(&basket.lines).map(move |l| (*user, *basket, l)));
    let rows: Vec<(&str, &Basket, (i32, &Line))> = numbered.collect();
    if rows.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = rows.iter().map(|(user, ..)| *user).collect();
    let orders: Vec<&str> = rows.iter().map(|(_, basket, _)| basket.order_id.as_str()).collect();
    let numbers: Vec<i32> = rows.iter().map(|(.., (number, _))| *number).collect();
    let lines = || rows.iter().map(|(.., (_, line))| *line);
    let ids: Vec<&str> = lines().map(|line| line.line_id.as_str()).collect();
    let skus: Vec<&str> = lines().map(|line| line.sku.as_str()).collect();
    let categories: Vec<&str> = lines().map(|line| line.category.as_str()).collect();
    let quantities: Vec<i64> = lines().map(|line| line.quantity).collect();
    let prices: Vec<Option<i64>> = lines().map(|line| line.list_price).collect();
    let paid: Vec<i64> = lines().map(|line| line.paid).collect();
    let discounts: Vec<_> = lines().map(|line| Json(&line.discounts)).collect();
    sqlx::query!(
        "insert into order_line (tenant_id, user_id, order_id, line_no, line_id, sku, category, quantity,
            list_price_minor, paid_minor, discounts)
        select $1, u.user_id, u.order_id, u.line_no, u.line_id, u.sku, u.category, u.quantity, u.price, u.paid,
            u.discounts
        from unnest($2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::jsonb[])
            u(user_id, order_id, line_no, line_id, sku, category, quantity, price, paid, discounts)",
        tenant.as_str(),
        &users as _,
        &orders as _,
        &numbers,
        &ids as _,
        &skus as _,
        &categories as _,
        &quantities,
        &prices as _,
        &paid,
        &discounts as _
    )
    .execute(conn)
    .await?;
    Ok(())
}
