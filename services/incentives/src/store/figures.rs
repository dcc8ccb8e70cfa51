//! Figures of campaigns: the rows that everything about their grants is serialised on.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;

use crate::domain::decision::Outcome;
use crate::domain::exposure::Arm;
use crate::domain::grant::Figures;

struct Row {
    campaign_id: String,
    granted: i64,
    standing: i64,
    refused: i64,
    committed: i64,
    released: i64,
    spent: i64,
    coupons: i64,
    coupons_used: i64,
}

impl Row {
    fn read(self) -> Result<(Key, Figures), StoreError> {
        let figures = Figures {
            granted: self.granted,
            standing: self.standing,
            refused: self.refused,
            committed: self.committed,
            released: self.released,
            spent: self.spent,
            coupons: self.coupons,
            coupons_used: self.coupons_used,
        };
        Ok((rows::key(self.campaign_id, "campaign_id")?, figures))
    }
}

/// Locks the figures of campaigns in key order and reads them.
pub async fn lock(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &BTreeSet<Key>,
) -> Result<BTreeMap<Key, Figures>, StoreError> {
    let ids: Vec<&str> = ids.iter().map(Key::as_str).collect();
    let rows = sqlx::query_as!(
        Row,
        "select campaign_id, granted, standing, refused, committed, released, spent, coupons, coupons_used
        from campaign_figures where tenant_id = $1 and campaign_id = any($2)
        order by campaign_id for no key update",
        tenant.as_str(),
        &ids as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Figures of one campaign, without a lock.
pub async fn read(conn: &mut PgConnection, tenant: &TenantId, id: &str) -> Result<Figures, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select campaign_id, granted, standing, refused, committed, released, spent, coupons, coupons_used
        from campaign_figures where tenant_id = $1 and campaign_id = $2",
        tenant.as_str(),
        id
    )
    .fetch_optional(conn)
    .await?;
    row.map_or_else(|| Ok(Figures::default()), |row| Ok(row.read()?.1))
}

/// Adds changes to locked figures: one statement, each row once.
pub async fn add(
    conn: &mut PgConnection,
    tenant: &TenantId,
    changes: &BTreeMap<Key, Figures>,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = changes.keys().map(Key::as_str).collect();
    let of = |value: fn(&Figures) -> i64| changes.values().map(value).collect::<Vec<_>>();
    sqlx::query!(
        "update campaign_figures f
        set granted = f.granted + k.granted, standing = f.standing + k.standing, refused = f.refused + k.refused,
            committed = f.committed + k.committed, released = f.released + k.released, spent = f.spent + k.spent,
            coupons = f.coupons + k.coupons, coupons_used = f.coupons_used + k.coupons_used
        from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[])
            k(id, granted, standing, refused, committed, released, spent, coupons, coupons_used)
        where f.tenant_id = $1 and f.campaign_id = k.id",
        tenant.as_str(),
        &ids as _,
        &of(|it| it.granted),
        &of(|it| it.standing),
        &of(|it| it.refused),
        &of(|it| it.committed),
        &of(|it| it.released),
        &of(|it| it.spent),
        &of(|it| it.coupons),
        &of(|it| it.coupons_used)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts outcomes of campaigns whose figures are locked.
pub async fn tally(
    conn: &mut PgConnection,
    tenant: &TenantId,
    counts: &BTreeMap<(&Key, Outcome), i64>,
) -> Result<(), StoreError> {
    if counts.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = counts.keys().map(|(id, _)| id.as_str()).collect();
    let outcomes: Vec<i16> = counts.keys().map(|(_, outcome)| outcome.code()).collect();
    let times: Vec<i64> = counts.values().copied().collect();
    sqlx::query!(
        "insert into campaign_tally (tenant_id, campaign_id, outcome, times)
        select $1, k.id, k.outcome, k.times from unnest($2::text[], $3::smallint[], $4::bigint[]) k(id, outcome, times)
        on conflict on constraint campaign_tally_pkey do update set times = campaign_tally.times + excluded.times",
        tenant.as_str(),
        &ids as _,
        &outcomes,
        &times
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How often what came of events.
pub async fn tallies(conn: &mut PgConnection, tenant: &TenantId, id: &str) -> Result<Vec<(Outcome, i64)>, StoreError> {
    let rows = sqlx::query!(
        "select outcome, times from campaign_tally where tenant_id = $1 and campaign_id = $2 order by outcome",
        tenant.as_str(),
        id
    )
    .fetch_all(conn)
    .await?;
    let read = |(code, times)| Ok((Outcome::from_code(code).ok_or_else(|| rows::unreadable("outcome"))?, times));
    rows.into_iter().map(|row| read((row.outcome, row.times))).collect()
}

/// What users of a group did since they were met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Group {
    /// Users.
    pub users: i64,
    /// Those who bought.
    pub buyers: i64,
    /// Their orders.
    pub orders: i64,
    /// What they paid.
    pub spend_minor: i64,
}

/// What the users of an arm did.
pub async fn group(conn: &mut PgConnection, tenant: &TenantId, id: &str, arm: Arm) -> Result<Group, StoreError> {
    Ok(sqlx::query_as!(
        Group,
        r#"select count(*) as "users!", count(*) filter (where orders > 0) as "buyers!",
            coalesce(sum(orders), 0)::bigint as "orders!", coalesce(sum(spend_minor), 0)::bigint as "spend_minor!"
        from campaign_exposure where tenant_id = $1 and campaign_id = $2 and arm = $3"#,
        tenant.as_str(),
        id,
        arm.code()
    )
    .fetch_one(conn)
    .await?)
}
