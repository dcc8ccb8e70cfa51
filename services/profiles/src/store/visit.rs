use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use time::Date;

use crate::domain::user::Visits;

/// Adds visits to the days on which they happened; each (user, day) stands once.
pub(crate) async fn add(
    conn: &mut PgConnection,
    tenant: &TenantId,
    visits: &[(&str, Date, Visits)],
) -> Result<(), StoreError> {
    if visits.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = visits.iter().map(|(user, ..)| *user).collect();
    let days: Vec<Date> = visits.iter().map(|(_, day, _)| *day).collect();
    let counts: Vec<i64> = visits.iter().map(|(.., visits)| visits.count).collect();
    let seconds: Vec<i64> = visits.iter().map(|(.., visits)| visits.seconds).collect();
    sqlx::query!(
        "insert into visit_day (tenant_id, user_id, day, visits, seconds)
        select $1, u.id, u.day, u.visits, u.seconds
        from unnest($2::text[], $3::date[], $4::bigint[], $5::bigint[]) u(id, day, visits, seconds)
        on conflict (tenant_id, user_id, day) do update
        set visits = visit_day.visits + excluded.visits, seconds = visit_day.seconds + excluded.seconds",
        tenant.as_str(),
        &users as _,
        &days,
        &counts,
        &seconds
    )
    .execute(conn)
    .await?;
    Ok(())
}
