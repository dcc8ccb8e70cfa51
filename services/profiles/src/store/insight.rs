use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use super::lifecycle::four;
use crate::domain::insight::{CohortActivity, Month, Sales};
use crate::domain::lifecycle::Standing;
use crate::domain::rfm::{Cuts, Purchases};

/// How many users of each monthly cohort in a range paid an order in each month; and the last month that has orders.
/// Months are the zone's.
pub(crate) async fn cohorts(
    conn: &mut PgConnection,
    tenant: &TenantId,
    zone: &str,
    from: Month,
    to: Month,
) -> Result<(Vec<CohortActivity>, Option<Month>), StoreError> {
    let rows = sqlx::query!(
        r#"with paid as materialized (
            select user_id, (extract(year from m) * 12 + extract(month from m) - 1)::integer as month
            from (
                select distinct user_id, date_trunc('month', paid_at at time zone $2) as m
                from customer_order where tenant_id = $1 and paid_at is not null
            ) months
        ), cohort as (
            select user_id, min(month) as month from paid group by user_id
        )
        select c.month as "cohort!", p.month as "month!", count(*) as "users!", (select max(month) from paid) as "last!"
        from cohort c join paid p on p.user_id = c.user_id
        where c.month between $3 and $4
        group by c.month, p.month"#,
        tenant.as_str(),
        zone,
        from.index(),
        to.index()
    )
    .fetch_all(conn)
    .await?;
    let last = rows.first().map(|row| Month::from_index(row.last));
    let activity = |cohort, month, users| CohortActivity {
        cohort: Month::from_index(cohort),
        month: Month::from_index(month),
        users,
    };
    Ok((rows.into_iter().map(|row| activity(row.cohort, row.month, row.users)).collect(), last))
}

/// Sales of a span, by month of payment in the zone, oldest first and at most `limit` of them; the whole span stands
/// last, without a month.
pub(crate) async fn sales(
    conn: &mut PgConnection,
    tenant: &TenantId,
    zone: &str,
    (from, to): (Option<OffsetDateTime>, Option<OffsetDateTime>),
    limit: i64,
) -> Result<Vec<(Option<Month>, Sales)>, StoreError> {
    // sums of bigint are numeric: brought back without an overflow
    let rows = sqlx::query!(
        r#"with bought as materialized (
            select user_id, month, count(*) as orders, sum(total_minor) as revenue, sum(pieces) as pieces,
                sum(case state when 4 then total_minor else refunded_minor end) as refunded
            from (
                select user_id, state, total_minor, refunded_minor, pieces,
                    date_trunc('month', paid_at at time zone $2) as month
                from customer_order
                where tenant_id = $1 and paid_at >= coalesce($3::timestamptz, '-infinity')
                    and paid_at < coalesce($4::timestamptz, 'infinity')
            ) paid
            group by user_id, month
        ), figures as (
            select month, sum(orders) as orders, count(*) as buyers, count(*) filter (where orders > 1) as repeats,
                sum(revenue) as revenue, sum(refunded) as refunded, sum(pieces) as pieces
            from bought group by month
            union all
            select null, sum(orders), count(*), count(*) filter (where orders > 1), sum(revenue), sum(refunded),
                sum(pieces)
            from (
                select user_id, sum(orders) as orders, sum(revenue) as revenue, sum(refunded) as refunded,
                    sum(pieces) as pieces
                from bought group by user_id
            ) users
        ), chosen as (
            (select month, orders, buyers, repeats, revenue, refunded, pieces from figures where month is not null
            order by month limit $5)
            union all
            select month, orders, buyers, repeats, revenue, refunded, pieces from figures where month is null
        )
        select (extract(year from month) * 12 + extract(month from month) - 1)::integer as month,
            coalesce(orders, 0)::bigint as "orders!", buyers as "buyers!", repeats as "repeats!",
            least(coalesce(revenue, 0), 9223372036854775807)::bigint as "revenue!",
            least(coalesce(refunded, 0), 9223372036854775807)::bigint as "refunded!",
            least(coalesce(pieces, 0), 9223372036854775807)::bigint as "pieces!"
        from chosen order by chosen.month nulls last"#,
        tenant.as_str(),
        zone,
        from,
        to,
        limit
    )
    .fetch_all(conn)
    .await?;
    let figures = rows.into_iter().map(|row| {
        let sales = Sales {
            orders: row.orders,
            buyers: row.buyers,
            repeat_buyers: row.repeats,
            revenue: row.revenue,
            refunded: row.refunded,
            pieces: row.pieces,
        };
        (row.month.map(Month::from_index), sales)
    });
    Ok(figures.collect())
}

/// The moment that a standing is asked for, with its day in the zone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsOf<'a> {
    /// The moment.
    pub(crate) at: OffsetDateTime,
    /// Its day.
    pub(crate) day: Date,
    /// The tenant's zone.
    pub(crate) zone: &'a str,
}

/// Users grouped by all that decides their stage, by the orders known now that were paid up to the moment. Orders from
/// `loyal_orders` up are one group. `user_id` narrows it to one user.
pub(crate) async fn standings(
    conn: &mut PgConnection,
    tenant: &TenantId,
    as_of: AsOf<'_>,
    loyal_orders: i32,
    user_id: Option<&str>,
) -> Result<Vec<(Standing, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"with bought as (
            select user_id, max((paid_at at time zone $2)::date) as day,
                count(*) filter (where state <> 4 and (total_minor = 0 or refunded_minor < total_minor)) as orders
            from customer_order
            where tenant_id = $1 and paid_at <= $3 and ($6::text is null or user_id = $6)
            group by user_id
        ), visited as (
            select user_id, max(day) as day
            from visit_day where tenant_id = $1 and day <= $4 and ($6::text is null or user_id = $6)
            group by user_id
        )
        select coalesce(p.registered_at <= $3, false) as "registered!",
            least(coalesce(b.orders, 0), $5) as "orders!", greatest(b.day, v.day) as last_active, count(*) as "users!"
        from profile p
        left join bought b on b.user_id = p.user_id
        left join visited v on v.user_id = p.user_id
        where p.tenant_id = $1 and p.alias_of is null and ($6::text is null or p.user_id = $6)
        group by 1, 2, 3"#,
        tenant.as_str(),
        as_of.zone,
        as_of.at,
        as_of.day,
        i64::from(loyal_orders),
        user_id
    );
    let standing = |registered, orders, last_active| Standing { registered, orders, last_active };
    let rows = rows.fetch_all(conn).await?.into_iter();
    Ok(rows.map(|row| (standing(row.registered, row.orders, row.last_active), row.users)).collect())
}

/// The cuts between the fifths of the payers of a window of days that ends with the day asked. `None` without payers.
pub(crate) async fn quintiles(
    conn: &mut PgConnection,
    tenant: &TenantId,
    as_of: AsOf<'_>,
    window_days: i32,
) -> Result<Option<Cuts>, StoreError> {
    let row = sqlx::query!(
        r#"select percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by days) as days,
            percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by orders) as orders,
            percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by net) as net
        from (
            select $4::date - max((paid_at at time zone $2)::date) as days, count(*)::integer as orders,
                least(sum(total_minor - refunded_minor), 9223372036854775807)::bigint as net
            from customer_order
            where tenant_id = $1 and paid_at <= $3 and (paid_at at time zone $2)::date > $4::date - $5::integer
                and state <> 4 and (total_minor = 0 or refunded_minor < total_minor)
            group by user_id
        ) payers"#,
        tenant.as_str(),
        as_of.zone,
        as_of.at,
        as_of.day,
        window_days
    )
    .fetch_one(conn)
    .await?;
    match (row.days, row.orders, row.net) {
        (Some(days), Some(orders), Some(net)) => Ok(Some(Cuts::quintiles(four(days)?, four(orders)?, four(net)?))),
        _ => Ok(None),
    }
}

/// Payers with the same scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payers {
    /// What one of them bought: no cut lies between them.
    pub(crate) bought: Purchases,
    /// How many they are.
    pub(crate) users: i64,
    /// Their net spend together.
    pub(crate) net: i64,
}

/// The payers of a window, grouped so that no cut lies inside a group. `user_id` narrows it to one user.
pub(crate) async fn payers(
    conn: &mut PgConnection,
    tenant: &TenantId,
    as_of: AsOf<'_>,
    (window_days, cuts): (i32, &Cuts),
    user_id: Option<&str>,
) -> Result<Vec<Payers>, StoreError> {
    // buckets are between rising limits, so days count backwards
    let recency: Vec<i32> = cuts.recency_days.iter().map(|days| -days).collect();
    let rows = sqlx::query!(
        r#"select min(days) as "days!", min(orders) as "orders!", min(net)::bigint as "net!", count(*) as "users!",
            least(sum(net), 9223372036854775807)::bigint as "all_net!"
        from (
            select $4::date - max((paid_at at time zone $2)::date) as days, count(*) as orders,
                least(sum(total_minor - refunded_minor), 9223372036854775807)::bigint as net
            from customer_order
            where tenant_id = $1 and paid_at <= $3 and (paid_at at time zone $2)::date > $4::date - $5::integer
                and state <> 4 and (total_minor = 0 or refunded_minor < total_minor)
                and ($9::text is null or user_id = $9)
            group by user_id
        ) payers
        group by width_bucket(-days, $6::integer[]), width_bucket(least(orders, 2147483647)::integer, $7::integer[]),
            width_bucket(net, $8::bigint[])"#,
        tenant.as_str(),
        as_of.zone,
        as_of.at,
        as_of.day,
        window_days,
        &recency,
        &cuts.frequency_orders[..],
        &cuts.monetary_minor[..],
        user_id
    );
    let rows = rows.fetch_all(conn).await?.into_iter();
    let bought = |days, orders, net| Purchases { days, orders, net };
    Ok(rows
        .map(|row| Payers { bought: bought(row.days, row.orders, row.net), users: row.users, net: row.all_net })
        .collect())
}
