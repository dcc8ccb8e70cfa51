//! Rewards that incentives grants.

use std::collections::BTreeMap;

use ids::{TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::order::{release, release_columns};
use crate::domain::pending::Landing;
use crate::domain::reward::{Fault, Grant, Progress, Reward};

struct Row {
    user_id: String,
    reward_id: String,
    state: i16,
    point_type_id: Option<String>,
    amount: Option<i64>,
    reason: String,
    campaign_id: String,
    funder: i32,
    cost_centre: String,
    order_id: String,
    refusal: Option<String>,
    entry_seq: Option<i64>,
    lot_expires_at: Option<OffsetDateTime>,
    lot_origin: Option<String>,
    activates_at: Option<OffsetDateTime>,
    awaits_order: bool,
    revoked: i64,
    taken_back: i64,
}

impl Row {
    fn read(self) -> Result<((UserId, String), Reward), StoreError> {
        let progress = match (self.state, self.entry_seq, self.lot_origin, self.refusal) {
            (1, ..) => Progress::Awaited,
            (2, Some(entry_seq), Some(origin), _) => {
                let release = release(self.activates_at, self.awaits_order, &self.order_id);
                let landing = Landing { release, expires_at: self.lot_expires_at, origin: rows::user(origin)? };
                Progress::Fulfilled { entry_seq, landing }
            }
            (3, _, _, Some(name)) => {
                Progress::Refused(Fault::from_name(&name).ok_or_else(|| rows::unreadable("refusal"))?)
            }
            _ => return Err(rows::unreadable("state")),
        };
        let grant = self.point_type_id.zip(self.amount).map(|(point_type, amount)| Grant {
            point_type,
            amount,
            reason: self.reason,
            campaign_id: self.campaign_id,
            funder: self.funder,
            cost_centre: self.cost_centre,
            order_id: self.order_id,
        });
        let reward = Reward { grant, progress, revoked: self.revoked, taken_back: self.taken_back };
        Ok(((rows::user(self.user_id)?, self.reward_id), reward))
    }
}

/// What is known of rewards.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    rewards: &[(&UserId, &str)],
) -> Result<BTreeMap<(UserId, String), Reward>, StoreError> {
    if rewards.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (users, ids): (Vec<&str>, Vec<&str>) = rewards.iter().map(|(user, id)| (user.as_str(), *id)).unzip();
    let rows = sqlx::query_as!(
        Row,
        "select r.user_id, r.reward_id, r.state, r.point_type_id, r.amount, r.reason, r.campaign_id, r.funder,
            r.cost_centre, r.order_id, r.refusal, r.entry_seq, r.lot_expires_at, r.lot_origin, r.activates_at,
            r.awaits_order, r.revoked, r.taken_back
        from unnest($2::text[], $3::text[]) k(u, i)
        join reward r on r.tenant_id = $1 and r.user_id = k.u and r.reward_id = k.i",
        tenant.as_str(),
        &users as _,
        &ids as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Adds rewards, or stores what became of them.
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    rewards: &[(&(UserId, String), &Reward)],
) -> Result<(), StoreError> {
    if rewards.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = rewards.iter().map(|((user, _), _)| user.as_str()).collect();
    let ids: Vec<&str> = rewards.iter().map(|((_, id), _)| id.as_str()).collect();
    let texts = |value: fn(&Grant) -> &str| {
        rewards.iter().map(|(_, it)| it.grant.as_ref().map_or("", value)).collect::<Vec<_>>()
    };
    let (reasons, campaigns) = (texts(|it| &it.reason), texts(|it| &it.campaign_id));
    let (cost_centres, orders) = (texts(|it| &it.cost_centre), texts(|it| &it.order_id));
    let point_types: Vec<_> =
        rewards.iter().map(|(_, it)| it.grant.as_ref().map(|it| it.point_type.as_str())).collect();
    let amounts: Vec<_> = rewards.iter().map(|(_, it)| it.grant.as_ref().map(|it| it.amount)).collect();
    let funders: Vec<i32> = rewards.iter().map(|(_, it)| it.grant.as_ref().map_or(0, |it| it.funder)).collect();
    let revoked: Vec<i64> = rewards.iter().map(|(_, it)| it.revoked).collect();
    let taken_back: Vec<i64> = rewards.iter().map(|(_, it)| it.taken_back).collect();
    let progress = Columns::of(rewards.iter().map(|(_, it)| &it.progress));
    sqlx::query!(
        "insert into reward (tenant_id, user_id, reward_id, state, point_type_id, amount, reason, campaign_id, funder,
            cost_centre, order_id, refusal, entry_seq, lot_expires_at, lot_origin, revoked, taken_back, activates_at,
            awaits_order)
        select $1, k.user_id, k.reward_id, k.state, k.point_type_id, k.amount, k.reason, k.campaign_id, k.funder,
            k.cost_centre, k.order_id, k.refusal, k.entry_seq, k.lot_expires_at, k.lot_origin, k.revoked, k.taken_back,
            k.activates_at, k.awaits_order
        from unnest($2::text[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::text[], $8::text[],
            $9::integer[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::timestamptz[], $15::text[],
            $16::bigint[], $17::bigint[], $18::timestamptz[], $19::boolean[])
            k(user_id, reward_id, state, point_type_id, amount, reason, campaign_id, funder, cost_centre, order_id,
            refusal, entry_seq, lot_expires_at, lot_origin, revoked, taken_back, activates_at, awaits_order)
        on conflict on constraint reward_pkey do update
        set state = excluded.state, point_type_id = excluded.point_type_id, amount = excluded.amount,
            reason = excluded.reason, campaign_id = excluded.campaign_id, funder = excluded.funder,
            cost_centre = excluded.cost_centre, order_id = excluded.order_id, refusal = excluded.refusal,
            entry_seq = excluded.entry_seq, lot_expires_at = excluded.lot_expires_at, lot_origin = excluded.lot_origin,
            revoked = excluded.revoked, taken_back = excluded.taken_back, activates_at = excluded.activates_at,
            awaits_order = excluded.awaits_order",
        tenant.as_str(),
        &users as _,
        &ids as _,
        &progress.state,
        &point_types as _,
        &amounts as _,
        &reasons as _,
        &campaigns as _,
        &funders,
        &cost_centres as _,
        &orders as _,
        &progress.refusal as _,
        &progress.entry_seq as _,
        &progress.lot_expires_at as _,
        &progress.lot_origin as _,
        &revoked,
        &taken_back,
        &progress.activates_at as _,
        &progress.awaits_order
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Default)]
struct Columns<'a> {
    state: Vec<i16>,
    refusal: Vec<Option<&'static str>>,
    entry_seq: Vec<Option<i64>>,
    lot_expires_at: Vec<Option<OffsetDateTime>>,
    lot_origin: Vec<Option<&'a str>>,
    activates_at: Vec<Option<OffsetDateTime>>,
    awaits_order: Vec<bool>,
}

impl<'a> Columns<'a> {
    fn of(rewards: impl Iterator<Item = &'a Progress>) -> Self {
        let mut columns = Self::default();
        for progress in rewards {
            let (state, refusal, fulfilled) = match progress {
                Progress::Awaited => (1, None, None),
                Progress::Fulfilled { entry_seq, landing } => (2, None, Some((*entry_seq, landing))),
                Progress::Refused(fault) => (3, Some(fault.name()), None),
            };
            let landing = fulfilled.map(|(_, landing)| landing);
            let (activates_at, awaits_order) = release_columns(landing.and_then(|it| it.release.as_ref()));
            columns.state.push(state);
            columns.refusal.push(refusal);
            columns.entry_seq.push(fulfilled.map(|(seq, _)| seq));
            columns.lot_expires_at.push(landing.and_then(|it| it.expires_at));
            columns.lot_origin.push(landing.map(|it| it.origin.as_str()));
            columns.activates_at.push(activates_at);
            columns.awaits_order.push(awaits_order);
        }
        columns
    }
}
