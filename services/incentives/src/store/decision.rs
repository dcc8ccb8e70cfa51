//! Decisions, and what campaigns saw of the events that they were made for.

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::decision::{Decision, Outcome, Undone, Verdict};
use crate::domain::incoming::Incoming;
use crate::domain::period::Period;
use crate::domain::trigger::{Happening, Inputs};

struct Row {
    user_id: String,
    campaign_id: String,
    source_event_id: String,
    version: i32,
    event_type: String,
    outcome: i16,
    amount: i64,
    used: i64,
    allowed: i64,
    period: Option<i16>,
    resumes_at: Option<OffsetDateTime>,
    other: String,
    coupon: bool,
    zone: String,
    occurred_at: OffsetDateTime,
    decided_at: OffsetDateTime,
    taken_back: Option<i64>,
    undone: Option<bool>,
}

impl TryFrom<Row> for Decision {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let period = row.period.map(|code| Period::from_code(code.into()).ok_or_else(|| rows::unreadable("period")));
        let verdict = Verdict {
            outcome: Outcome::from_code(row.outcome).ok_or_else(|| rows::unreadable("outcome"))?,
            amount: row.amount,
            used: row.used,
            limit: row.allowed,
            period: period.transpose()?,
            resumes_at: row.resumes_at,
            other: row.other,
        };
        Ok(Self {
            user: rows::user(row.user_id)?,
            campaign_id: rows::key(row.campaign_id, "campaign_id")?,
            version: row.version,
            source_event: rows::event(row.source_event_id)?,
            event_type: row.event_type,
            verdict,
            coupon: row.coupon,
            zone: row.zone,
            occurred_at: row.occurred_at,
            decided_at: row.decided_at,
            undone: Undone { taken_back: row.taken_back.unwrap_or(0), with_level: row.undone.unwrap_or(false) },
        })
    }
}

/// Adds decisions; one that is stored already stays.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, decisions: &[Decision]) -> Result<(), StoreError> {
    if decisions.is_empty() {
        return Ok(());
    }
    let texts = |value: fn(&Decision) -> &str| decisions.iter().map(value).collect::<Vec<_>>();
    let numbers = |value: fn(&Verdict) -> i64| decisions.iter().map(|it| value(&it.verdict)).collect::<Vec<_>>();
    let (users, campaigns) = (texts(|it| it.user.as_str()), texts(|it| it.campaign_id.as_str()));
    let (events, types) = (texts(|it| it.source_event.as_str()), texts(|it| &it.event_type));
    let (others, zones) = (texts(|it| &it.verdict.other), texts(|it| &it.zone));
    let versions: Vec<i32> = decisions.iter().map(|it| it.version).collect();
    let outcomes: Vec<i16> = decisions.iter().map(|it| it.verdict.outcome.code()).collect();
    let code = |it: &Decision| it.verdict.period.and_then(|period| i16::try_from(period.code()).ok());
    let periods: Vec<Option<i16>> = decisions.iter().map(code).collect();
    let resumes: Vec<_> = decisions.iter().map(|it| it.verdict.resumes_at).collect();
    let coupons: Vec<bool> = decisions.iter().map(|it| it.coupon).collect();
    let occurred: Vec<_> = decisions.iter().map(|it| it.occurred_at).collect();
    let decided: Vec<_> = decisions.iter().map(|it| it.decided_at).collect();
    sqlx::query!(
        "insert into decision (tenant_id, user_id, campaign_id, source_event_id, version, event_type, outcome, amount,
            used, allowed, period, resumes_at, other, coupon, zone, occurred_at, decided_at)
        select $1, k.u, k.c, k.e, k.version, k.type, k.outcome, k.amount, k.used, k.allowed, k.period, k.resumes_at,
            k.other, k.coupon, k.zone, k.occurred_at, k.decided_at
        from unnest($2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::smallint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::smallint[], $12::timestamptz[], $13::text[], $14::boolean[], $15::text[],
            $16::timestamptz[], $17::timestamptz[])
            k(u, c, e, version, type, outcome, amount, used, allowed, period, resumes_at, other, coupon, zone,
            occurred_at, decided_at)
        on conflict on constraint decision_pkey do nothing",
        tenant.as_str(),
        &users as _,
        &campaigns as _,
        &events as _,
        &versions,
        &types as _,
        &outcomes,
        &numbers(|it| it.amount),
        &numbers(|it| it.used),
        &numbers(|it| it.limit),
        &periods as _,
        &resumes as _,
        &others as _,
        &coupons,
        &zones as _,
        &occurred,
        &decided
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps what campaigns saw of events.
pub async fn insert_inputs(conn: &mut PgConnection, tenant: &TenantId, events: &[&Incoming]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = events.iter().map(|it| it.user.as_str()).collect();
    let ids: Vec<&str> = events.iter().map(|it| it.event_id.as_str()).collect();
    let types: Vec<&str> = events.iter().map(|it| it.event_type.as_str()).collect();
    let inputs: Vec<Json<Inputs>> =
        events.iter().map(|it| Json(it.triggers.as_ref().map(Happening::inputs).unwrap_or_default())).collect();
    let occurred: Vec<_> = events.iter().map(|it| it.occurred_at).collect();
    let recorded: Vec<_> = events.iter().map(|it| it.recorded_at).collect();
    sqlx::query!(
        "insert into decision_input (tenant_id, user_id, source_event_id, event_type, inputs, occurred_at, recorded_at)
        select $1, k.u, k.e, k.type, k.inputs, k.occurred_at, k.recorded_at
        from unnest($2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::timestamptz[])
            k(u, e, type, inputs, occurred_at, recorded_at)
        on conflict on constraint decision_input_pkey do nothing",
        tenant.as_str(),
        &users as _,
        &ids as _,
        &types as _,
        &inputs as _,
        &occurred,
        &recorded
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The key of a decision in a user's list.
pub type ListKey = (OffsetDateTime, String, String);

/// Decisions of a user before a key, newest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    before: Option<&ListKey>,
    limit: i64,
) -> Result<Vec<Decision>, StoreError> {
    let (at, campaign, event) = match before {
        Some((at, campaign, event)) => (*at, campaign.as_str(), event.as_str()),
        None => (super::LATEST, "", ""),
    };
    let rows = sqlx::query_as!(
        Row,
        r#"select d.user_id, d.campaign_id, d.source_event_id, d.version, d.event_type, d.outcome, d.amount, d.used,
            d.allowed, d.period, d.resumes_at, d.other, d.coupon, d.zone, d.occurred_at, d.decided_at,
            g.taken_back as "taken_back?", g.undone as "undone?"
        from decision d
        left join campaign_grant g on g.tenant_id = $1 and g.user_id = d.user_id and g.campaign_id = d.campaign_id
            and g.source_event_id = d.source_event_id
        where d.tenant_id = $1 and d.user_id = $2
            and (d.decided_at, d.campaign_id, d.source_event_id) < ($3, $4, $5)
        order by d.decided_at desc, d.campaign_id desc, d.source_event_id desc limit $6"#,
        tenant.as_str(),
        user.as_str(),
        at,
        campaign,
        event,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Decision::try_from).collect()
}

/// The decision of a campaign for a user and an event.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, campaign, event): (&UserId, &Key, &str),
) -> Result<Option<Decision>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select d.user_id, d.campaign_id, d.source_event_id, d.version, d.event_type, d.outcome, d.amount, d.used,
            d.allowed, d.period, d.resumes_at, d.other, d.coupon, d.zone, d.occurred_at, d.decided_at,
            g.taken_back as "taken_back?", g.undone as "undone?"
        from decision d
        left join campaign_grant g on g.tenant_id = $1 and g.user_id = d.user_id and g.campaign_id = d.campaign_id
            and g.source_event_id = d.source_event_id
        where d.tenant_id = $1 and d.user_id = $2 and d.campaign_id = $3 and d.source_event_id = $4"#,
        tenant.as_str(),
        user.as_str(),
        campaign.as_str(),
        event
    )
    .fetch_optional(conn)
    .await?;
    row.map(Decision::try_from).transpose()
}

/// What campaigns saw of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its type.
    pub event_type: String,
    /// Its values.
    pub happening: Happening,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// When it was recorded.
    pub recorded_at: OffsetDateTime,
}

/// What campaigns saw of an event, where that was kept.
pub async fn seen(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    event: &str,
) -> Result<Option<Seen>, StoreError> {
    let row = sqlx::query!(
        r#"select event_type, inputs as "inputs: Json<Inputs>", occurred_at, recorded_at
        from decision_input where tenant_id = $1 and user_id = $2 and source_event_id = $3"#,
        tenant.as_str(),
        user.as_str(),
        event
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Seen {
        event_type: row.event_type,
        happening: Happening::of(row.inputs.0),
        occurred_at: row.occurred_at,
        recorded_at: row.recorded_at,
    }))
}
