//! Coupons that users hold.

use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::coupon::{CouponState, HeldCoupon};

/// A user and a coupon.
pub type CouponKey = (UserId, String);

struct Row {
    user_id: String,
    coupon_id: String,
    template_id: String,
    template_version: i32,
    state: i16,
    claimed_at: OffsetDateTime,
    valid_from: OffsetDateTime,
    valid_until: OffsetDateTime,
    campaign_id: String,
    source_event_id: String,
    checkout_id: String,
    reserved_until: Option<OffsetDateTime>,
    order_id: String,
    revoked: bool,
}

impl TryFrom<Row> for HeldCoupon {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            user: rows::user(row.user_id)?,
            coupon_id: row.coupon_id,
            template: rows::key(row.template_id, "template_id")?,
            template_version: row.template_version,
            state: CouponState::from_code(row.state).ok_or_else(|| rows::unreadable("state"))?,
            claimed_at: row.claimed_at,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            campaign_id: row.campaign_id,
            source_event_id: row.source_event_id,
            checkout_id: row.checkout_id,
            reserved_until: row.reserved_until,
            order_id: row.order_id,
            revoked: row.revoked,
        })
    }
}

fn read(found: Vec<Row>) -> Result<Vec<HeldCoupon>, StoreError> {
    found.into_iter().map(HeldCoupon::try_from).collect()
}

fn columns(keys: &[CouponKey]) -> (Vec<&str>, Vec<&str>) {
    keys.iter().map(|(user, coupon)| (user.as_str(), coupon.as_str())).unzip()
}

/// Locks those of the coupons that there are, in key order, and reads them.
pub async fn lock(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &[CouponKey],
) -> Result<Vec<HeldCoupon>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (users, coupons) = columns(keys);
    let found = sqlx::query_as!(
        Row,
        "select c.user_id, c.coupon_id, c.template_id, c.template_version, c.state, c.claimed_at, c.valid_from,
            c.valid_until, c.campaign_id, c.source_event_id, c.checkout_id, c.reserved_until, c.order_id, c.revoked
        from held_coupon c
        where c.tenant_id = $1
            and (c.user_id, c.coupon_id) in (select k.u, k.c from unnest($2::text[], $3::text[]) k(u, c))
        order by c.user_id, c.coupon_id
        for no key update of c",
        tenant.as_str(),
        &users as _,
        &coupons as _
    )
    .fetch_all(conn)
    .await?;
    read(found)
}

/// Reads those of the coupons that there are, without a lock.
pub async fn named(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &[CouponKey],
) -> Result<Vec<HeldCoupon>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (users, coupons) = columns(keys);
    let found = sqlx::query_as!(
        Row,
        "select user_id, coupon_id, template_id, template_version, state, claimed_at, valid_from, valid_until,
            campaign_id, source_event_id, checkout_id, reserved_until, order_id, revoked
        from held_coupon
        where tenant_id = $1 and (user_id, coupon_id) in (select k.u, k.c from unnest($2::text[], $3::text[]) k(u, c))",
        tenant.as_str(),
        &users as _,
        &coupons as _
    )
    .fetch_all(conn)
    .await?;
    read(found)
}

/// A part of a user's coupons in the order of their ends, soonest first.
#[derive(Debug, Clone)]
pub struct Range {
    /// Whose.
    pub user: UserId,
    /// Those after this end and id.
    pub after: (OffsetDateTime, String),
    /// Only those that are held or reserved.
    pub open: bool,
    /// At most so many.
    pub limit: i64,
}

/// Parts of users' coupons, in the order in which they are asked for.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    asked: &[Range],
) -> Result<Vec<Vec<HeldCoupon>>, StoreError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let users: Vec<&str> = asked.iter().map(|it| it.user.as_str()).collect();
    let (ends, ids): (Vec<OffsetDateTime>, Vec<&str>) =
        asked.iter().map(|it| (it.after.0, it.after.1.as_str())).unzip();
    let open: Vec<bool> = asked.iter().map(|it| it.open).collect();
    let limits: Vec<i64> = asked.iter().map(|it| it.limit).collect();
    let found = sqlx::query!(
        r#"select k.n as "n!", c.user_id, c.coupon_id, c.template_id, c.template_version, c.state, c.claimed_at,
            c.valid_from, c.valid_until, c.campaign_id, c.source_event_id, c.checkout_id, c.reserved_until, c.order_id,
            c.revoked
        from unnest($2::text[], $3::timestamptz[], $4::text[], $5::boolean[], $6::bigint[]) with ordinality
            k(u, valid_until, coupon_id, open, size, n)
        cross join lateral (
            select h.user_id, h.coupon_id, h.template_id, h.template_version, h.state, h.claimed_at, h.valid_from,
                h.valid_until, h.campaign_id, h.source_event_id, h.checkout_id, h.reserved_until, h.order_id, h.revoked
            from held_coupon h
            where h.tenant_id = $1 and h.user_id = k.u and (h.valid_until, h.coupon_id) > (k.valid_until, k.coupon_id)
                and (not k.open or h.state <= 2)
            order by h.valid_until, h.coupon_id limit k.size
        ) c
        order by k.n, c.valid_until, c.coupon_id"#,
        tenant.as_str(),
        &users as _,
        &ends,
        &ids as _,
        &open,
        &limits
    )
    .fetch_all(conn)
    .await?;
    let mut lists = vec![Vec::new(); asked.len()];
    for row in found {
        let place = usize::try_from(row.n - 1).map_err(|_| rows::unreadable("n"))?;
        let row = Row {
            user_id: row.user_id,
            coupon_id: row.coupon_id,
            template_id: row.template_id,
            template_version: row.template_version,
            state: row.state,
            claimed_at: row.claimed_at,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            campaign_id: row.campaign_id,
            source_event_id: row.source_event_id,
            checkout_id: row.checkout_id,
            reserved_until: row.reserved_until,
            order_id: row.order_id,
            revoked: row.revoked,
        };
        lists[place].push(HeldCoupon::try_from(row)?);
    }
    Ok(lists)
}

/// Coupons that campaigns granted for events, locked in key order.
pub async fn lock_by_source(
    conn: &mut PgConnection,
    tenant: &TenantId,
    sources: &[(&str, &str, &str)],
) -> Result<Vec<HeldCoupon>, StoreError> {
    let users: Vec<&str> = sources.iter().map(|(user, ..)| *user).collect();
    let campaigns: Vec<&str> = sources.iter().map(|(_, campaign, _)| *campaign).collect();
    let events: Vec<&str> = sources.iter().map(|(.., event)| *event).collect();
    let found = sqlx::query_as!(
        Row,
        "select c.user_id, c.coupon_id, c.template_id, c.template_version, c.state, c.claimed_at, c.valid_from,
            c.valid_until, c.campaign_id, c.source_event_id, c.checkout_id, c.reserved_until, c.order_id, c.revoked
        from held_coupon c
        where c.tenant_id = $1 and c.campaign_id <> '' and (c.user_id, c.campaign_id, c.source_event_id) in (
            select s.u, s.c, s.e from unnest($2::text[], $3::text[], $4::text[]) s(u, c, e)
        )
        order by c.user_id, c.coupon_id
        for no key update of c",
        tenant.as_str(),
        &users as _,
        &campaigns as _,
        &events as _
    )
    .fetch_all(conn)
    .await?;
    read(found)
}

/// Adds coupons, in one statement however many they are.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, coupons: &[HeldCoupon]) -> Result<(), StoreError> {
    let text = |of: fn(&HeldCoupon) -> &str| coupons.iter().map(of).collect::<Vec<_>>();
    let time = |of: fn(&HeldCoupon) -> OffsetDateTime| coupons.iter().map(of).collect::<Vec<_>>();
    let versions: Vec<i32> = coupons.iter().map(|coupon| coupon.template_version).collect();
    sqlx::query!(
        "insert into held_coupon (tenant_id, user_id, coupon_id, template_id, template_version, state, claimed_at,
            valid_from, valid_until, campaign_id, source_event_id, checkout_id, order_id, revoked)
        select $1, n.user_id, n.coupon_id, n.template_id, n.version, 1, n.claimed_at, n.valid_from, n.valid_until,
            n.campaign_id, n.source_event_id, '', '', false
        from unnest($2::text[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[], $7::timestamptz[],
            $8::timestamptz[], $9::text[], $10::text[])
            n(user_id, coupon_id, template_id, version, claimed_at, valid_from, valid_until, campaign_id, source_event_id)",
        tenant.as_str(),
        &text(|it| it.user.as_str()) as _,
        &text(|it| &it.coupon_id) as _,
        &text(|it| it.template.as_str()) as _,
        &versions,
        &time(|it| it.claimed_at),
        &time(|it| it.valid_from),
        &time(|it| it.valid_until),
        &text(|it| &it.campaign_id) as _,
        &text(|it| &it.source_event_id) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores what became of locked coupons, in one statement however many they are.
pub async fn write(conn: &mut PgConnection, tenant: &TenantId, coupons: &[HeldCoupon]) -> Result<(), StoreError> {
    if coupons.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&HeldCoupon) -> &str| coupons.iter().map(of).collect::<Vec<_>>();
    let states: Vec<i16> = coupons.iter().map(|coupon| coupon.state.code()).collect();
    let until: Vec<_> = coupons.iter().map(|coupon| coupon.reserved_until).collect();
    let revoked: Vec<bool> = coupons.iter().map(|coupon| coupon.revoked).collect();
    sqlx::query!(
        "update held_coupon c
        set state = n.state, checkout_id = n.checkout_id, reserved_until = n.reserved_until, order_id = n.order_id,
            revoked = n.revoked
        from unnest($2::text[], $3::text[], $4::smallint[], $5::text[], $6::timestamptz[], $7::text[], $8::boolean[])
            n(user_id, coupon_id, state, checkout_id, reserved_until, order_id, revoked)
        where c.tenant_id = $1 and c.user_id = n.user_id and c.coupon_id = n.coupon_id",
        tenant.as_str(),
        &text(|it| it.user.as_str()) as _,
        &text(|it| &it.coupon_id) as _,
        &states,
        &text(|it| &it.checkout_id) as _,
        &until as _,
        &text(|it| &it.order_id) as _,
        &revoked
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Coupons of templates that users ever got; users without any are left out.
pub async fn counts(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &[(UserId, Key)],
) -> Result<BTreeMap<(UserId, Key), i32>, StoreError> {
    let (users, templates): (Vec<&str>, Vec<&str>) = keys.iter().map(|(u, t)| (u.as_str(), t.as_str())).unzip();
    let found = sqlx::query!(
        "select user_id, template_id, claimed from coupon_count
        where tenant_id = $1 and (user_id, template_id) in (select k.u, k.t from unnest($2::text[], $3::text[]) k(u, t))",
        tenant.as_str(),
        &users as _,
        &templates as _
    )
    .fetch_all(conn)
    .await?;
    let read = |user, template| Ok::<_, StoreError>((rows::user(user)?, rows::key(template, "template_id")?));
    found.into_iter().map(|row| Ok((read(row.user_id, row.template_id)?, row.claimed))).collect()
}

/// Stores these counts, under the locks of their templates.
pub async fn write_counts(
    conn: &mut PgConnection,
    tenant: &TenantId,
    counts: &BTreeMap<(UserId, Key), i32>,
) -> Result<(), StoreError> {
    let (users, templates): (Vec<&str>, Vec<&str>) = counts.keys().map(|(u, t)| (u.as_str(), t.as_str())).unzip();
    let claimed: Vec<i32> = counts.values().copied().collect();
    sqlx::query!(
        "insert into coupon_count (tenant_id, user_id, template_id, claimed)
        select $1, n.user_id, n.template_id, n.claimed
        from unnest($2::text[], $3::text[], $4::integer[]) n(user_id, template_id, claimed)
        on conflict on constraint coupon_count_pkey do update set claimed = excluded.claimed",
        tenant.as_str(),
        &users as _,
        &templates as _,
        &claimed
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Held coupons whose time was over at `at`, longest over first; those that somebody else holds locked are passed over.
pub async fn lock_due(
    conn: &mut PgConnection,
    tenant: &TenantId,
    at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<HeldCoupon>, StoreError> {
    let found = sqlx::query_as!(
        Row,
        "select user_id, coupon_id, template_id, template_version, state, claimed_at, valid_from, valid_until,
            campaign_id, source_event_id, checkout_id, reserved_until, order_id, revoked
        from held_coupon
        where tenant_id = $1 and state = 1 and valid_until <= $2
        order by valid_until limit $3
        for no key update skip locked",
        tenant.as_str(),
        at,
        limit
    )
    .fetch_all(conn)
    .await?;
    read(found)
}

/// When the next held coupon's time is over.
pub async fn next_due(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<OffsetDateTime>, StoreError> {
    let next = sqlx::query_scalar!(
        "select valid_until from held_coupon where tenant_id = $1 and state = 1 order by valid_until limit 1",
        tenant.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(next)
}
