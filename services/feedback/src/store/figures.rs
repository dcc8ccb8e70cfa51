//! Figures over the cases that came in within a period.

use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::unreadable;
use crate::domain::figures::{CaseFigures, Figures};
use crate::domain::triage::Quadrant;

/// Of the cases that came in from `from` on and before `until`, of one department or, where it is empty, of all.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (from, until): (OffsetDateTime, OffsetDateTime),
    department: &str,
) -> Result<CaseFigures, StoreError> {
    let rows = sqlx::query!(
        r#"select c.quadrant as "quadrant?", count(*) as "submitted!", count(c.first_answered_at) as "answered!",
            coalesce(round((percentile_cont(0.5) within group (order by c.first_elapsed_us)
                filter (where c.first_answered_at is not null) / 1000000)::numeric), 0)::bigint
                as "first_answer_median!",
            coalesce(round(avg(c.first_elapsed_us) filter (where c.first_answered_at is not null) / 1000000), 0)::bigint
                as "first_answer_mean!",
            count(*) filter (where c.state = 4) as "resolved!",
            coalesce(round((percentile_cont(0.5) within group (order by c.resolution_elapsed_us)
                filter (where c.state = 4) / 1000000)::numeric), 0)::bigint as "resolution_median!",
            coalesce(round(avg(c.resolution_elapsed_us) filter (where c.state = 4) / 1000000), 0)::bigint
                as "resolution_mean!",
            count(*) filter (where d.decided) as "sla_decided!",
            count(*) filter (where d.decided and not c.first_breached and not c.resolution_breached) as "within_sla!",
            coalesce(sum(r.ratings), 0)::bigint as "ratings!", coalesce(sum(r.satisfied), 0)::bigint as "satisfied!",
            count(*) filter (where c.state = 4 or c.attempt > 1) as "ever_resolved!",
            count(*) filter (where c.attempt > 1) as "reopened!"
        from feedback_case c
        cross join lateral (
            select (c.first_target_minutes > 0 or c.resolution_target_minutes > 0)
                and (c.state = 4 or c.first_breached or c.resolution_breached) as decided
        ) d
        cross join lateral (
            select count(*) as ratings, count(*) filter (where score >= 4) as satisfied
            from case_rating
            where tenant_id = $1 and user_id = c.user_id and case_id = c.case_id
        ) r
        where c.tenant_id = $1 and c.submitted_at >= $2 and c.submitted_at < $3 and ($4 = '' or c.department = $4)
        group by grouping sets ((c.quadrant), ())"#,
        tenant.as_str(),
        from,
        until,
        department
    )
    .fetch_all(conn)
    .await?;
    let mut figures = CaseFigures {
        total: Figures::default(),
        quadrants: Quadrant::ALL.iter().map(|quadrant| (*quadrant, Figures::default())).collect(),
    };
    for row in rows {
        let of = Figures {
            submitted: row.submitted,
            answered: row.answered,
            first_answer_median: row.first_answer_median,
            first_answer_mean: row.first_answer_mean,
            resolved: row.resolved,
            resolution_median: row.resolution_median,
            resolution_mean: row.resolution_mean,
            sla_decided: row.sla_decided,
            within_sla: row.within_sla,
            ratings: row.ratings,
            satisfied: row.satisfied,
            ever_resolved: row.ever_resolved,
            reopened: row.reopened,
        };
        let place = match row.quadrant.map(Quadrant::from_code) {
            None => &mut figures.total,
            Some(code) => {
                let found = figures.quadrants.iter_mut().find(|(quadrant, _)| Some(*quadrant) == code);
                &mut found.ok_or_else(|| unreadable("quadrant"))?.1
            }
        };
        *place = of;
    }
    Ok(figures)
}
