//! Totals by month, cost centre and funder, with what has lapsed or can be used and is not booked yet.

use std::collections::BTreeMap;

use ids::{Key, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::finance::{Line, Month, Moved};

/// The months that are asked for.
#[derive(Debug, Clone)]
pub struct Range {
    /// The first.
    pub from: Month,
    /// The last.
    pub until: Month,
    /// When each begins, and when the last ends: one more than there are months.
    pub starts: Vec<OffsetDateTime>,
    /// What has lapsed by then is counted, booked or not.
    pub now: OffsetDateTime,
}

impl Range {
    fn labels(&self) -> Vec<String> {
        self.from.to(self.until).map(|month| month.to_string()).collect()
    }

    fn end(&self) -> Result<OffsetDateTime, StoreError> {
        self.starts.last().copied().ok_or_else(|| rows::unreadable("starts"))
    }
}

/// What moved before the months and in each of them, with the change of what is pending.
pub async fn months(
    conn: &mut PgConnection,
    tenant: &TenantId,
    point_type: &Key,
    range: &Range,
) -> Result<((Moved, i64), BTreeMap<Month, (Moved, i64)>), StoreError> {
    let rows = sqlx::query!(
        r#"select m.month as "month!", m.contra as "contra!", sum(m.amount)::bigint as "amount!",
            sum(m.pending)::bigint as "pending!"
        from (
            select case when t.month < $3 then '' else t.month end as month, t.contra, t.amount, t.pending
            from point_total t
            where t.tenant_id = $1 and t.point_type_id = $2 and t.month <= $4
                and t.contra not in ('sent', 'received')
            union all
            select coalesce(($5::text[])[width_bucket(u.happened_at, $6::timestamptz[])], '') collate "C", u.contra,
                u.amount, u.pending
            from unbooked($1, $2, $7) u
            where u.happened_at < $8
        ) m
        group by m.month, m.contra"#,
        tenant.as_str(),
        point_type.as_str(),
        range.from.to_string(),
        range.until.to_string(),
        &range.labels(),
        &range.starts,
        range.now,
        range.end()?
    )
    .fetch_all(conn)
    .await?;
    let (mut before, mut of_months) = ((Moved::default(), 0), BTreeMap::<Month, (Moved, i64)>::new());
    for row in rows {
        let place = match Month::parse(&row.month) {
            Some(month) => of_months.entry(month).or_default(),
            None => &mut before,
        };
        place.1 += row.pending;
        match row.contra.as_str() {
            "issued" => place.0.issued += row.amount,
            "redeemed" => place.0.redeemed += row.amount,
            "expired" => place.0.expired += row.amount,
            "reversed" => place.0.reversed += row.amount,
            "returned" => place.0.returned += row.amount,
            "adjusted" => {
                place.0.adjusted += row.amount;
                place.0.activated -= row.pending;
            }
            "added" => place.0.added += row.amount,
            "taken" => place.0.taken += row.amount,
            "opened" => place.0.opened += row.amount,
            _ => return Err(rows::unreadable("contra")),
        }
    }
    Ok((before, of_months))
}

/// The same by cost centre and funder: lines after a place, in the order of month, cost centre and funder.
pub async fn lines(
    conn: &mut PgConnection,
    tenant: &TenantId,
    point_type: &Key,
    range: &Range,
    after: (&str, &str, i32),
    limit: i64,
) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query!(
        r#"select m.month as "month!", m.cost_centre as "cost_centre!", m.funder as "funder!",
            coalesce(sum(m.amount) filter (where m.contra = 'issued'), 0)::bigint as "issued!",
            coalesce(sum(-m.pending) filter (where m.contra = 'adjusted'), 0)::bigint as "activated!",
            coalesce(sum(m.amount) filter (where m.contra = 'redeemed'), 0)::bigint as "redeemed!",
            coalesce(sum(m.amount) filter (where m.contra = 'expired'), 0)::bigint as "expired!",
            coalesce(sum(m.amount) filter (where m.contra = 'reversed'), 0)::bigint as "reversed!",
            coalesce(sum(m.amount) filter (where m.contra = 'returned'), 0)::bigint as "returned!",
            coalesce(sum(m.amount) filter (where m.contra = 'adjusted'), 0)::bigint as "adjusted!",
            coalesce(sum(m.amount) filter (where m.contra = 'added'), 0)::bigint as "added!",
            coalesce(sum(m.amount) filter (where m.contra = 'taken'), 0)::bigint as "taken!",
            coalesce(sum(m.amount) filter (where m.contra = 'opened'), 0)::bigint as "opened!"
        from (
            select t.month, t.cost_centre, t.funder, t.contra, t.amount, t.pending
            from point_total t
            where t.tenant_id = $1 and t.point_type_id = $2 and t.month >= $3 and t.month <= $4
                and t.contra not in ('sent', 'received')
            union all
            select ($5::text[])[width_bucket(u.happened_at, $6::timestamptz[])] collate "C", '' collate "C", 0, u.contra,
                u.amount, u.pending
            from unbooked($1, $2, $7) u
            where u.happened_at < $8 and width_bucket(u.happened_at, $6::timestamptz[]) > 0
        ) m
        where (m.month, m.cost_centre, m.funder) > ($9, $10, $11)
        group by m.month, m.cost_centre, m.funder
        order by m.month, m.cost_centre, m.funder limit $12"#,
        tenant.as_str(),
        point_type.as_str(),
        range.from.to_string(),
        range.until.to_string(),
        &range.labels(),
        &range.starts,
        range.now,
        range.end()?,
        after.0,
        after.1,
        after.2,
        limit
    )
    .fetch_all(conn)
    .await?;
    let lines = rows.into_iter().map(|row| {
        let moved = Moved {
            issued: row.issued,
            activated: row.activated,
            redeemed: row.redeemed,
            expired: row.expired,
            reversed: row.reversed,
            returned: row.returned,
            adjusted: row.adjusted,
            added: row.added,
            taken: row.taken,
            opened: row.opened,
        };
        Line { month: row.month, cost_centre: row.cost_centre, funder: row.funder, moved }
    });
    Ok(lines.collect())
}
