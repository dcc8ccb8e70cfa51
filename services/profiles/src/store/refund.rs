use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::event::{Mode, Origin};
use crate::domain::refund::{Refund, RefundLine, TakenRefund};

struct Row {
    user_id: String,
    order_id: String,
    refund_id: String,
    arrival: i32,
    amount_minor: i64,
    freight_minor: Option<i64>,
    lines: Json<Vec<RefundLine>>,
    applied: bool,
    event_id: String,
    occurred_at: OffsetDateTime,
    mode: i16,
    site: String,
}

impl TryFrom<Row> for (String, TakenRefund) {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let mode = Mode::from_number(row.mode.into()).ok_or_else(|| sqlx::Error::Decode("no such mode".into()))?;
        let Row { event_id, occurred_at, site, arrival, applied, .. } = row;
        let refund = Refund {
            refund_id: row.refund_id,
            order_id: row.order_id,
            lines: row.lines.0,
            freight: row.freight_minor,
            amount: row.amount_minor,
        };
        let origin = Origin { event_id, occurred_at, mode, site };
        Ok((row.user_id, TakenRefund { refund, origin, arrival, applied }))
    }
}

/// All refunds of orders named by (user, order), each with its user, in order of arrival.
pub(crate) async fn load(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &[(&str, &str)],
) -> Result<Vec<(String, TakenRefund)>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (users, orders): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select r.user_id, r.order_id, r.refund_id, r.arrival, r.amount_minor, r.freight_minor,
            r.lines as "lines: _", r.applied, r.event_id, r.occurred_at, r.mode, r.site
        from unnest($2::text[], $3::text[]) k(user_id, order_id)
        join order_refund r on r.tenant_id = $1 and r.user_id = k.user_id and r.order_id = k.order_id
        order by r.user_id, r.order_id, r.arrival"#,
        tenant.as_str(),
        &users as _,
        &orders as _
    );
    rows.fetch_all(conn).await?.into_iter().map(TryInto::try_into).collect()
}

/// Adds refunds, each with its user, or marks those there as applied.
pub(crate) async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    refunds: &[(&str, &TakenRefund)],
) -> Result<(), StoreError> {
    if refunds.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = refunds.iter().map(|(user, _)| *user).collect();
    let all = || refunds.iter().map(|(_, taken)| *taken);
    let orders: Vec<&str> = all().map(|taken| taken.refund.order_id.as_str()).collect();
    let ids: Vec<&str> = all().map(|taken| taken.refund.refund_id.as_str()).collect();
    let arrivals: Vec<i32> = all().map(|taken| taken.arrival).collect();
    let amounts: Vec<i64> = all().map(|taken| taken.refund.amount).collect();
    let freights: Vec<Option<i64>> = all().map(|taken| taken.refund.freight).collect();
    let lines: Vec<_> = all().map(|taken| Json(&taken.refund.lines)).collect();
    let applied: Vec<bool> = all().map(|taken| taken.applied).collect();
    let events: Vec<&str> = all().map(|taken| taken.origin.event_id.as_str()).collect();
    let occurred: Vec<OffsetDateTime> = all().map(|taken| taken.origin.occurred_at).collect();
    let modes: Vec<i16> = all().map(|taken| taken.origin.mode.number()).collect();
    let sites: Vec<&str> = all().map(|taken| taken.origin.site.as_str()).collect();
    sqlx::query!(
        "insert into order_refund (tenant_id, user_id, order_id, refund_id, arrival, amount_minor, freight_minor,
            lines, applied, event_id, occurred_at, mode, site)
        select $1, u.user_id, u.order_id, u.refund_id, u.arrival, u.amount, u.freight, u.lines, u.applied, u.event_id,
            u.occurred_at, u.mode, u.site
        from unnest($2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::bigint[], $8::jsonb[],
            $9::boolean[], $10::text[], $11::timestamptz[], $12::smallint[], $13::text[])
            u(user_id, order_id, refund_id, arrival, amount, freight, lines, applied, event_id, occurred_at, mode, site)
        on conflict (tenant_id, user_id, order_id, refund_id) do update set applied = excluded.applied",
        tenant.as_str(),
        &users as _,
        &orders as _,
        &ids as _,
        &arrivals,
        &amounts,
        &freights as _,
        &lines as _,
        &applied,
        &events as _,
        &occurred,
        &modes,
        &sites as _
    )
    .execute(conn)
    .await?;
    Ok(())
}
