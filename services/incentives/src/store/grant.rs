//! What campaigns gave to users, how often, and what came back.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::book::UseKey;
use crate::domain::campaign::Returns;
use crate::domain::exposure::{Arm, Exposure};
use crate::domain::grant::{Fate, Gift, Grant, GrantKey, Reached};
use crate::domain::incoming::Moved;
use crate::domain::order::Reversal;

struct Row {
    user_id: String,
    campaign_id: String,
    source_event_id: String,
    version: i32,
    order_id: String,
    level_scheme_id: String,
    level_rank: i32,
    undone: bool,
    coupon: bool,
    gift: String,
    gift_id: String,
    amount: i64,
    reserved: i64,
    cost: i64,
    taken_back: i64,
    fate: i16,
    buckets: Vec<String>,
    returns: i16,
    occurred_at: OffsetDateTime,
    granted_at: OffsetDateTime,
}

impl Row {
    fn read(self) -> Result<(GrantKey, Grant), StoreError> {
        let gift = rows::key(self.gift, "gift")?;
        let reached = Reached { scheme_id: self.level_scheme_id, rank: self.level_rank };
        let grant = Grant {
            version: self.version,
            order_id: self.order_id,
            level: Some(reached).filter(|reached| !reached.scheme_id.is_empty()),
            undone: self.undone,
            gift: if self.coupon { Gift::Coupon(gift) } else { Gift::Points(gift) },
            gift_id: self.gift_id,
            amount: self.amount,
            reserved: self.reserved,
            cost: self.cost,
            taken_back: self.taken_back,
            fate: Fate::from_code(self.fate).ok_or_else(|| rows::unreadable("fate"))?,
            buckets: self.buckets,
            returns: Returns::from_code(self.returns.into()).ok_or_else(|| rows::unreadable("returns"))?,
            occurred_at: self.occurred_at,
            granted_at: self.granted_at,
        };
        let user = rows::user(self.user_id)?;
        Ok(((user, rows::key(self.campaign_id, "campaign_id")?, rows::event(self.source_event_id)?), grant))
    }
}

/// Which campaigns and orders rewarded users for orders, or by gift: what has to be locked before [`read`].
#[derive(Debug, Default)]
pub struct Touched {
    /// Campaigns.
    pub campaigns: BTreeSet<Key>,
    /// Users with the orders of their grants.
    pub orders: BTreeSet<(UserId, String)>,
    /// Which grant has which gift.
    pub gifts: BTreeMap<String, GrantKey>,
}

/// Looks up the campaigns whose grants orders given back, gifts whose fate is known, or falls below levels concern.
pub async fn touched(
    conn: &mut PgConnection,
    tenant: &TenantId,
    orders: &[(&str, &str)],
    gifts: &[&str],
    falls: &[(&UserId, &Moved)],
) -> Result<Touched, StoreError> {
    let fallen: Vec<&str> = falls.iter().map(|(user, _)| user.as_str()).collect();
    let schemes: Vec<&str> = falls.iter().map(|(_, moved)| moved.scheme_id.as_str()).collect();
    let ranks: Vec<i32> = falls.iter().map(|(_, moved)| moved.to_rank).collect();
    let (users, order_ids): (Vec<&str>, Vec<&str>) = orders.iter().copied().unzip();
    let rows = sqlx::query!(
        r#"select g.user_id as "user_id!", g.campaign_id as "campaign_id!", g.source_event_id as "source_event_id!",
            g.order_id as "order_id!", g.gift_id as "gift_id!"
        from unnest($2::text[], $3::text[]) k(u, o)
        join campaign_grant g on g.tenant_id = $1 and g.user_id = k.u and g.order_id = k.o and g.order_id <> ''
        union
        select g.user_id, g.campaign_id, g.source_event_id, g.order_id, g.gift_id
        from unnest($4::text[]) k(id)
        join campaign_grant g on g.tenant_id = $1 and g.gift_id = k.id
        union
        select g.user_id, g.campaign_id, g.source_event_id, g.order_id, g.gift_id
        from unnest($5::text[], $6::text[], $7::integer[]) k(u, s, r)
        join campaign_grant g on g.tenant_id = $1 and g.user_id = k.u and g.level_scheme_id = k.s and g.level_rank > k.r
            and g.level_scheme_id <> ''"#,
        tenant.as_str(),
        &users as _,
        &order_ids as _,
        gifts as _,
        &fallen as _,
        &schemes as _,
        &ranks
    )
    .fetch_all(conn)
    .await?;
    let mut touched = Touched::default();
    for row in rows {
        let (user, campaign) = (rows::user(row.user_id)?, rows::key(row.campaign_id, "campaign_id")?);
        touched.campaigns.insert(campaign.clone());
        if !row.order_id.is_empty() {
            touched.orders.insert((user.clone(), row.order_id));
        }
        touched.gifts.insert(row.gift_id, (user, campaign, rows::event(row.source_event_id)?));
    }
    Ok(touched)
}

/// Reads grants by their keys, and those of orders; their campaigns are locked.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &BTreeSet<GrantKey>,
    orders: &BTreeSet<(UserId, String)>,
) -> Result<BTreeMap<GrantKey, Grant>, StoreError> {
    let users: Vec<&str> = keys.iter().map(|key| key.0.as_str()).collect();
    let campaigns: Vec<&str> = keys.iter().map(|key| key.1.as_str()).collect();
    let events: Vec<&str> = keys.iter().map(|key| key.2.as_str()).collect();
    let (order_users, order_ids): (Vec<&str>, Vec<&str>) =
        orders.iter().map(|(user, order)| (user.as_str(), order.as_str())).unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select g.user_id as "user_id!", g.campaign_id as "campaign_id!", g.source_event_id as "source_event_id!",
            g.version as "version!", g.order_id as "order_id!", g.level_scheme_id as "level_scheme_id!",
            g.level_rank as "level_rank!", g.undone as "undone!", g.coupon as "coupon!", g.gift as "gift!",
            g.gift_id as "gift_id!", g.amount as "amount!", g.reserved as "reserved!", g.cost as "cost!",
            g.taken_back as "taken_back!", g.fate as "fate!", g.buckets as "buckets!", g.returns as "returns!",
            g.occurred_at as "occurred_at!", g.granted_at as "granted_at!"
        from (
            select n.* from unnest($2::text[], $3::text[], $4::text[]) k(u, c, e)
            join campaign_grant n on n.tenant_id = $1 and n.user_id = k.u and n.campaign_id = k.c
                and n.source_event_id = k.e
            union
            select n.* from unnest($5::text[], $6::text[]) k(u, o)
            join campaign_grant n on n.tenant_id = $1 and n.user_id = k.u and n.order_id = k.o and n.order_id <> ''
        ) g"#,
        tenant.as_str(),
        &users as _,
        &campaigns as _,
        &events as _,
        &order_users as _,
        &order_ids as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Adds grants, or stores what became of them.
pub async fn write(conn: &mut PgConnection, tenant: &TenantId, grants: &[(GrantKey, Grant)]) -> Result<(), StoreError> {
    if grants.is_empty() {
        return Ok(());
    }
    let texts = |value: fn(&(GrantKey, Grant)) -> &str| grants.iter().map(value).collect::<Vec<_>>();
    let numbers = |value: fn(&Grant) -> i64| grants.iter().map(|(_, it)| value(it)).collect::<Vec<_>>();
    let (users, campaigns) = (texts(|it| it.0.0.as_str()), texts(|it| it.0.1.as_str()));
    let (events, orders, gift_ids) =
        (texts(|it| it.0.2.as_str()), texts(|it| &it.1.order_id), texts(|it| &it.1.gift_id));
    let gifts = texts(|(_, it)| match &it.gift {
        Gift::Coupon(id) | Gift::Points(id) => id.as_str(),
    });
    let versions: Vec<i32> = grants.iter().map(|(_, it)| it.version).collect();
    let coupons: Vec<bool> = grants.iter().map(|(_, it)| matches!(it.gift, Gift::Coupon(_))).collect();
    let fates: Vec<i16> = grants.iter().map(|(_, it)| it.fate.code()).collect();
    let returns: Vec<i16> = grants.iter().map(|(_, it)| it.returns.code()).collect();
    // arrays of arrays can't be ragged in SQL; no bucket's name holds a comma
    let buckets: Vec<String> = grants.iter().map(|(_, it)| it.buckets.join(",")).collect();
    let schemes = texts(|(_, it)| it.level.as_ref().map_or("", |reached| reached.scheme_id.as_str()));
    let ranks: Vec<i32> = grants.iter().map(|(_, it)| it.level.as_ref().map_or(0, |reached| reached.rank)).collect();
    let undone: Vec<bool> = grants.iter().map(|(_, it)| it.undone).collect();
    let occurred: Vec<_> = grants.iter().map(|(_, it)| it.occurred_at).collect();
    let granted: Vec<_> = grants.iter().map(|(_, it)| it.granted_at).collect();
    sqlx::query!(
        "insert into campaign_grant (tenant_id, user_id, campaign_id, source_event_id, version, order_id, coupon, gift,
            gift_id, amount, reserved, cost, taken_back, fate, buckets, returns, occurred_at, granted_at,
            level_scheme_id, level_rank, undone)
        select $1, k.user_id, k.campaign_id, k.event_id, k.version, k.order_id, k.coupon, k.gift, k.gift_id, k.amount,
            k.reserved, k.cost, k.taken_back, k.fate, coalesce(string_to_array(nullif(k.buckets, ''), ','), '{}'),
            k.returns, k.occurred_at, k.granted_at, k.scheme_id, k.rank, k.undone
        from unnest($2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::boolean[], $8::text[],
            $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::smallint[], $15::text[],
            $16::smallint[], $17::timestamptz[], $18::timestamptz[], $19::text[], $20::integer[], $21::boolean[])
            k(user_id, campaign_id, event_id, version, order_id, coupon, gift, gift_id, amount, reserved, cost,
            taken_back, fate, buckets, returns, occurred_at, granted_at, scheme_id, rank, undone)
        on conflict on constraint campaign_grant_pkey do update
        set taken_back = excluded.taken_back, fate = excluded.fate, gift_id = excluded.gift_id,
            level_scheme_id = excluded.level_scheme_id, level_rank = excluded.level_rank, undone = excluded.undone",
        tenant.as_str(),
        &users as _,
        &campaigns as _,
        &events as _,
        &versions,
        &orders as _,
        &coupons,
        &gifts as _,
        &gift_ids as _,
        &numbers(|it| it.amount),
        &numbers(|it| it.reserved),
        &numbers(|it| it.cost),
        &numbers(|it| it.taken_back),
        &fates,
        &buckets,
        &returns,
        &occurred,
        &granted,
        &schemes as _,
        &ranks,
        &undone
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How often users were given something in buckets; their campaigns are locked.
pub async fn uses(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &BTreeSet<UseKey>,
) -> Result<BTreeMap<UseKey, i64>, StoreError> {
    let users: Vec<&str> = keys.iter().map(|key| key.0.as_str()).collect();
    let campaigns: Vec<&str> = keys.iter().map(|key| key.1.as_str()).collect();
    let buckets: Vec<&str> = keys.iter().map(|key| key.2.as_str()).collect();
    let rows = sqlx::query!(
        "select n.user_id, n.campaign_id, n.bucket, n.used
        from unnest($2::text[], $3::text[], $4::text[]) k(u, c, b)
        join campaign_use n on n.tenant_id = $1 and n.user_id = k.u and n.campaign_id = k.c and n.bucket = k.b",
        tenant.as_str(),
        &users as _,
        &campaigns as _,
        &buckets as _
    )
    .fetch_all(conn)
    .await?;
    let read =
        |(user, campaign, bucket, used)| Ok(((rows::user(user)?, rows::key(campaign, "campaign_id")?, bucket), used));
    rows.into_iter().map(|row| read((row.user_id, row.campaign_id, row.bucket, row.used))).collect()
}

/// Stores counts of users.
pub async fn write_uses(
    conn: &mut PgConnection,
    tenant: &TenantId,
    uses: &BTreeMap<UseKey, i64>,
) -> Result<(), StoreError> {
    if uses.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = uses.keys().map(|key| key.0.as_str()).collect();
    let campaigns: Vec<&str> = uses.keys().map(|key| key.1.as_str()).collect();
    let buckets: Vec<&str> = uses.keys().map(|key| key.2.as_str()).collect();
    let used: Vec<i64> = uses.values().copied().collect();
    sqlx::query!(
        "insert into campaign_use (tenant_id, user_id, campaign_id, bucket, used)
        select $1, k.u, k.c, k.b, k.used from unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) k(u, c, b, used)
        on conflict on constraint campaign_use_pkey do update set used = excluded.used",
        tenant.as_str(),
        &users as _,
        &campaigns as _,
        &buckets as _,
        &used
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is known to have been given back of orders.
pub async fn reversals(
    conn: &mut PgConnection,
    tenant: &TenantId,
    orders: &BTreeSet<(UserId, String)>,
) -> Result<BTreeMap<(UserId, String), Reversal>, StoreError> {
    let (users, ids): (Vec<&str>, Vec<&str>) = orders.iter().map(|(user, id)| (user.as_str(), id.as_str())).unzip();
    let rows = sqlx::query!(
        "select r.user_id, r.order_id, r.refunded_minor, r.total_minor, r.cancelled
        from unnest($2::text[], $3::text[]) k(u, o)
        join order_return r on r.tenant_id = $1 and r.user_id = k.u and r.order_id = k.o",
        tenant.as_str(),
        &users as _,
        &ids as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let reversal =
                Reversal { refunded_minor: row.refunded_minor, total_minor: row.total_minor, cancelled: row.cancelled };
            Ok(((rows::user(row.user_id)?, row.order_id), reversal))
        })
        .collect()
}

/// Stores what is known to have been given back of orders.
pub async fn write_reversals(
    conn: &mut PgConnection,
    tenant: &TenantId,
    reversals: &[((UserId, String), Reversal)],
) -> Result<(), StoreError> {
    if reversals.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = reversals.iter().map(|((user, _), _)| user.as_str()).collect();
    let orders: Vec<&str> = reversals.iter().map(|((_, order), _)| order.as_str()).collect();
    let refunded: Vec<i64> = reversals.iter().map(|(_, it)| it.refunded_minor).collect();
    let totals: Vec<i64> = reversals.iter().map(|(_, it)| it.total_minor).collect();
    let cancelled: Vec<bool> = reversals.iter().map(|(_, it)| it.cancelled).collect();
    sqlx::query!(
        "insert into order_return (tenant_id, user_id, order_id, refunded_minor, total_minor, cancelled)
        select $1, k.user_id, k.order_id, k.refunded, k.total, k.cancelled
        from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::boolean[])
            k(user_id, order_id, refunded, total, cancelled)
        on conflict on constraint order_return_pkey do update
        set refunded_minor = excluded.refunded_minor, total_minor = excluded.total_minor, cancelled = excluded.cancelled",
        tenant.as_str(),
        &users as _,
        &orders as _,
        &refunded,
        &totals,
        &cancelled
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How campaigns met users first.
pub async fn exposures(
    conn: &mut PgConnection,
    tenant: &TenantId,
    users: &BTreeSet<&UserId>,
) -> Result<BTreeMap<(UserId, Key), Exposure>, StoreError> {
    let users: Vec<&str> = users.iter().map(|user| user.as_str()).collect();
    let rows = sqlx::query!(
        "select e.user_id, e.campaign_id, e.arm, e.exposed_at, e.orders, e.spend_minor
        from unnest($2::text[]) k(u) join campaign_exposure e on e.tenant_id = $1 and e.user_id = k.u",
        tenant.as_str(),
        &users as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let exposure = Exposure {
                arm: Arm::from_code(row.arm).ok_or_else(|| rows::unreadable("arm"))?,
                at: row.exposed_at,
                orders: row.orders,
                spend_minor: row.spend_minor,
            };
            Ok(((rows::user(row.user_id)?, rows::key(row.campaign_id, "campaign_id")?), exposure))
        })
        .collect()
}

/// Stores how campaigns met users first, or what they bought since.
pub async fn write_exposures(
    conn: &mut PgConnection,
    tenant: &TenantId,
    exposures: &[((UserId, Key), Exposure)],
) -> Result<(), StoreError> {
    if exposures.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = exposures.iter().map(|((user, _), _)| user.as_str()).collect();
    let campaigns: Vec<&str> = exposures.iter().map(|((_, campaign), _)| campaign.as_str()).collect();
    let arms: Vec<i16> = exposures.iter().map(|(_, it)| it.arm.code()).collect();
    let at: Vec<_> = exposures.iter().map(|(_, it)| it.at).collect();
    let orders: Vec<i64> = exposures.iter().map(|(_, it)| it.orders).collect();
    let spend: Vec<i64> = exposures.iter().map(|(_, it)| it.spend_minor).collect();
    sqlx::query!(
        "insert into campaign_exposure (tenant_id, user_id, campaign_id, arm, exposed_at, orders, spend_minor)
        select $1, k.u, k.c, k.arm, k.at, k.orders, k.spend
        from unnest($2::text[], $3::text[], $4::smallint[], $5::timestamptz[], $6::bigint[], $7::bigint[])
            k(u, c, arm, at, orders, spend)
        on conflict on constraint campaign_exposure_pkey do update
        set orders = excluded.orders, spend_minor = excluded.spend_minor",
        tenant.as_str(),
        &users as _,
        &campaigns as _,
        &arms,
        &at,
        &orders,
        &spend
    )
    .execute(conn)
    .await?;
    Ok(())
}
