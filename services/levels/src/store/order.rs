//! What orders earned, and how much of them was given back.

use ids::{TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::entry::Payer;
use crate::domain::order::{Earning, OrderCourse};
use crate::domain::parts::{Parts, Returned};
use crate::domain::pending::{Landing, Release};

struct Row {
    user_id: String,
    rule_id: String,
    source_event_id: String,
    rule_version: i32,
    point_type_id: String,
    order_id: String,
    earned: i64,
    cut_from: Option<i64>,
    taken_back: i64,
    lot_expires_at: Option<OffsetDateTime>,
    lot_origin: String,
    activates_at: Option<OffsetDateTime>,
    awaits_order: bool,
    cost_centre: String,
    funder: i32,
    parts: Option<Json<Parts>>,
}

impl Row {
    fn read(self) -> Result<(UserId, Earning), StoreError> {
        let earning = Earning {
            rule_id: rows::key(self.rule_id, "rule_id")?,
            rule_version: self.rule_version,
            source_event: rows::event(self.source_event_id)?,
            point_type: rows::key(self.point_type_id, "point_type_id")?,
            order_id: self.order_id.clone(),
            asked: self.cut_from.unwrap_or(self.earned),
            earned: self.earned,
            taken_back: self.taken_back,
            landing: Landing {
                release: release(self.activates_at, self.awaits_order, &self.order_id),
                expires_at: self.lot_expires_at,
                origin: rows::user(self.lot_origin)?,
            },
            payer: Payer { cost_centre: self.cost_centre, funder: self.funder },
            parts: self.parts.map(|parts| parts.0),
        };
        Ok((rows::user(self.user_id)?, earning))
    }
}

/// What earned points waited for, by what is stored of it beside their order.
pub(super) fn release(activates_at: Option<OffsetDateTime>, awaits_order: bool, order_id: &str) -> Option<Release> {
    match activates_at {
        Some(time) => Some(Release::At(time)),
        None => awaits_order.then(|| Release::Order(order_id.to_owned())),
    }
}

/// The time that something waits for, and whether it waits for an order.
pub(super) fn release_columns(release: Option<&Release>) -> (Option<OffsetDateTime>, bool) {
    match release {
        Some(Release::At(time)) => (Some(*time), false),
        Some(Release::Order(_)) => (None, true),
        None => (None, false),
    }
}

/// What users earned for orders, or for events that are about none.
pub async fn earnings(
    conn: &mut PgConnection,
    tenant: &TenantId,
    orders: &[(&str, &str)],
    events: &[(&str, &str)],
) -> Result<Vec<(UserId, Earning)>, StoreError> {
    let (order_users, order_ids): (Vec<&str>, Vec<&str>) = orders.iter().copied().unzip();
    let (event_users, event_ids): (Vec<&str>, Vec<&str>) = events.iter().copied().unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select e.user_id as "user_id!", e.rule_id as "rule_id!", e.source_event_id as "source_event_id!",
            e.rule_version as "rule_version!", e.point_type_id as "point_type_id!", e.order_id as "order_id!",
            e.earned as "earned!", e.cut_from, e.taken_back as "taken_back!", e.lot_expires_at, e.lot_origin as "lot_origin!",
            e.activates_at, e.awaits_order as "awaits_order!", e.cost_centre as "cost_centre!", e.funder as "funder!",
            e.parts as "parts: Json<Parts>"
        from (
            select n.user_id, n.rule_id, n.source_event_id, n.rule_version, n.point_type_id, n.order_id, n.earned,
                n.cut_from, n.taken_back, n.lot_expires_at, n.lot_origin, n.activates_at, n.awaits_order, n.cost_centre,
                n.funder, n.parts
            from unnest($2::text[], $3::text[]) k(u, o)
            join earning n on n.tenant_id = $1 and n.user_id = k.u and n.order_id = k.o and n.order_id <> ''
            union
            select n.user_id, n.rule_id, n.source_event_id, n.rule_version, n.point_type_id, n.order_id, n.earned,
                n.cut_from, n.taken_back, n.lot_expires_at, n.lot_origin, n.activates_at, n.awaits_order, n.cost_centre,
                n.funder, n.parts
            from unnest($4::text[], $5::text[]) k(u, s)
            join earning n on n.tenant_id = $1 and n.user_id = k.u and n.source_event_id = k.s
        ) e
        order by e.user_id, e.order_id, e.rule_id, e.source_event_id"#,
        tenant.as_str(),
        &order_users as _,
        &order_ids as _,
        &event_users as _,
        &event_ids as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Adds earnings, or stores how much of them is taken back.
pub async fn write_earnings(
    conn: &mut PgConnection,
    tenant: &TenantId,
    earnings: &[(&UserId, &Earning)],
) -> Result<(), StoreError> {
    if earnings.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = earnings.iter().map(|(user, _)| user.as_str()).collect();
    let texts = |value: fn(&Earning) -> &str| earnings.iter().map(|(_, it)| value(it)).collect::<Vec<_>>();
    let (rules, events) = (texts(|it| it.rule_id.as_str()), texts(|it| it.source_event.as_str()));
    let (point_types, orders) = (texts(|it| it.point_type.as_str()), texts(|it| &it.order_id));
    let centres = texts(|it| &it.payer.cost_centre);
    let funders: Vec<i32> = earnings.iter().map(|(_, it)| it.payer.funder).collect();
    let origins = texts(|it| it.landing.origin.as_str());
    let versions: Vec<i32> = earnings.iter().map(|(_, it)| it.rule_version).collect();
    let earned: Vec<i64> = earnings.iter().map(|(_, it)| it.earned).collect();
    let cut_from: Vec<Option<i64>> =
        earnings.iter().map(|(_, it)| (it.asked > it.earned).then_some(it.asked)).collect();
    let taken_back: Vec<i64> = earnings.iter().map(|(_, it)| it.taken_back).collect();
    let expires: Vec<_> = earnings.iter().map(|(_, it)| it.landing.expires_at).collect();
    let releases = earnings.iter().map(|(_, it)| release_columns(it.landing.release.as_ref()));
    let parts: Vec<_> = earnings.iter().map(|(_, it)| it.parts.as_ref().map(Json)).collect();
    let (activate, await_order): (Vec<_>, Vec<bool>) = releases.unzip();
    sqlx::query!(
        "insert into earning (tenant_id, user_id, rule_id, source_event_id, rule_version, point_type_id, order_id, earned,
            taken_back, lot_expires_at, lot_origin, activates_at, awaits_order, cut_from, cost_centre,
            funder, parts)
        select $1, k.user_id, k.rule_id, k.event_id, k.version, k.point_type_id, k.order_id, k.earned, k.taken_back,
            k.expires_at, k.origin, k.activates_at, k.awaits_order, k.cut_from, k.cost_centre, k.funder, k.parts
        from unnest($2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::bigint[], $9::bigint[],
            $10::timestamptz[], $11::text[], $12::timestamptz[], $13::boolean[], $14::bigint[], $15::text[],
            $16::integer[], $17::jsonb[])
            k(user_id, rule_id, event_id, version, point_type_id, order_id, earned, taken_back, expires_at, origin,
            activates_at, awaits_order, cut_from, cost_centre, funder, parts)
        on conflict on constraint earning_pkey do update set taken_back = excluded.taken_back",
        tenant.as_str(),
        &users as _,
        &rules as _,
        &events as _,
        &versions,
        &point_types as _,
        &orders as _,
        &earned,
        &taken_back,
        &expires as _,
        &origins as _,
        &activate as _,
        &await_order,
        &cut_from as _,
        &centres as _,
        &funders,
        &parts as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is known of orders.
pub async fn courses(
    conn: &mut PgConnection,
    tenant: &TenantId,
    orders: &[(&str, &str)],
) -> Result<Vec<((UserId, String), OrderCourse)>, StoreError> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let (users, ids): (Vec<&str>, Vec<&str>) = orders.iter().copied().unzip();
    let rows = sqlx::query!(
        r#"select r.user_id, r.order_id, r.refunded_minor, r.total_minor, r.cancelled, r.completed_at,
            r.returned as "returned: Json<Returned>"
        from unnest($2::text[], $3::text[]) k(u, o)
        join order_reversal r on r.tenant_id = $1 and r.user_id = k.u and r.order_id = k.o"#,
        tenant.as_str(),
        &users as _,
        &ids as _
    )
    .fetch_all(conn)
    .await?;
    let mut courses = Vec::with_capacity(rows.len());
    for row in rows {
        let course = OrderCourse {
            refunded_minor: row.refunded_minor,
            total_minor: row.total_minor,
            cancelled: row.cancelled,
            completed_at: row.completed_at,
            // refunds of before lines were looked at named none
            returned: row.returned.map_or_else(|| unnamed(row.refunded_minor), |returned| returned.0),
        };
        courses.push(((rows::user(row.user_id)?, row.order_id), course));
    }
    Ok(courses)
}

fn unnamed(refunded_minor: i64) -> Returned {
    Returned { unnamed_minor: refunded_minor, ..Returned::default() }
}

/// Stores what is known of orders.
pub async fn write_courses(
    conn: &mut PgConnection,
    tenant: &TenantId,
    courses: &[(&(UserId, String), &OrderCourse)],
) -> Result<(), StoreError> {
    if courses.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = courses.iter().map(|((user, _), _)| user.as_str()).collect();
    let orders: Vec<&str> = courses.iter().map(|((_, order), _)| order.as_str()).collect();
    let refunded: Vec<i64> = courses.iter().map(|(_, it)| it.refunded_minor).collect();
    let totals: Vec<i64> = courses.iter().map(|(_, it)| it.total_minor).collect();
    let cancelled: Vec<bool> = courses.iter().map(|(_, it)| it.cancelled).collect();
    let returned: Vec<_> = courses.iter().map(|(_, it)| Json(&it.returned)).collect();
    let completed: Vec<_> = courses.iter().map(|(_, it)| it.completed_at).collect();
    sqlx::query!(
        "insert into order_reversal (tenant_id, user_id, order_id, refunded_minor, total_minor, cancelled, completed_at,
            returned)
        select $1, k.user_id, k.order_id, k.refunded, k.total, k.cancelled, k.completed_at, k.returned
        from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::boolean[], $7::timestamptz[],
            $8::jsonb[])
            k(user_id, order_id, refunded, total, cancelled, completed_at, returned)
        on conflict on constraint order_reversal_pkey do update
        set refunded_minor = excluded.refunded_minor, total_minor = excluded.total_minor,
            cancelled = excluded.cancelled, completed_at = excluded.completed_at, returned = excluded.returned",
        tenant.as_str(),
        &users as _,
        &orders as _,
        &refunded,
        &totals,
        &cancelled,
        &completed as _,
        &returned as _
    )
    .execute(conn)
    .await?;
    Ok(())
}
