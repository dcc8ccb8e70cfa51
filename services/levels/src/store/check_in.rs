//! Check-ins, and the runs that they make. Guarded by the lock of [`super::held_badge::lock_users`].

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use units::zone::Zone;

use crate::domain::streak::CheckInDay;
use crate::domain::streak::run::{CheckedIn, Last, Run, Visitor};

/// A user of a streak; `None`: one who never checked in.
pub async fn visitor(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, streak): (&UserId, &Key),
) -> Result<Option<Visitor>, StoreError> {
    let row = sqlx::query!(
        r#"select last_day, last_at, last_zone, total_days, last_decided_at,
            (select max(r.length) from streak_run r
                where r.tenant_id = $1 and r.user_id = $2 and r.streak_id = $3) as "longest?"
        from streak_user where tenant_id = $1 and user_id = $2 and streak_id = $3"#,
        tenant.as_str(),
        user.as_str(),
        streak.as_str()
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let zone = Zone::new(&row.last_zone).map_err(|_| rows::unreadable("last_zone"))?;
    let last = Last { day: row.last_day, at: row.last_at, zone };
    let (total_days, last_decided_at, longest) = (row.total_days, row.last_decided_at, row.longest.unwrap_or(0));
    Ok(Some(Visitor { last, total_days, last_decided_at, longest }))
}

/// Stores what is known of a user who has checked in.
pub async fn write_visitor(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, streak): (&UserId, &Key),
    it: &Visitor,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into streak_user (tenant_id, user_id, streak_id, last_day, last_at, last_zone, total_days, last_decided_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict on constraint streak_user_pkey do update
        set last_day = excluded.last_day, last_at = excluded.last_at, last_zone = excluded.last_zone,
            total_days = excluded.total_days, last_decided_at = excluded.last_decided_at",
        tenant.as_str(),
        user.as_str(),
        streak.as_str(),
        it.last.day,
        it.last.at,
        it.last.zone.name(),
        it.total_days,
        it.last_decided_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The last run of a user that begins by a day, or of all; and the next one.
pub async fn runs(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, streak): (&UserId, &Key),
    day: Option<Date>,
) -> Result<(Option<Run>, Option<Run>), StoreError> {
    let mut found = sqlx::query_as!(
        Run,
        r#"select r.first_day as "first_day!", r.last_day as "last_day!", r.length as "length!", r.forgiven as "forgiven!"
        from (
            (select first_day, last_day, length, forgiven from streak_run
                where tenant_id = $1 and user_id = $2 and streak_id = $3 and first_day <= coalesce($4::date, 'infinity')
                order by first_day desc limit 1)
            union all
            (select first_day, last_day, length, forgiven from streak_run
                where tenant_id = $1 and user_id = $2 and streak_id = $3 and first_day > $4::date
                order by first_day limit 1)
        ) r"#,
        tenant.as_str(),
        user.as_str(),
        streak.as_str(),
        day
    )
    .fetch_all(conn)
    .await?;
    let begins_by = |run: &Run| day.is_none_or(|day| run.first_day <= day);
    let after = found.iter().position(|run| !begins_by(run)).map(|place| found.remove(place));
    Ok((found.pop(), after))
}

/// Adds a check-in, and stores the run after it in the place of those that it is made of.
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, streak): (&UserId, &Key),
    (it, day): (&CheckedIn, &CheckInDay),
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into check_in (tenant_id, user_id, streak_id, day, made_up, checked_in_at, zone)
        values ($1, $2, $3, $4, $5, $6, $7)",
        tenant.as_str(),
        user.as_str(),
        streak.as_str(),
        day.day,
        day.made_up,
        day.at,
        day.zone
    )
    .execute(&mut *conn)
    .await?;
    if !it.gone.is_empty() {
        sqlx::query!(
            "delete from streak_run
            where tenant_id = $1 and user_id = $2 and streak_id = $3 and first_day = any($4::date[])",
            tenant.as_str(),
            user.as_str(),
            streak.as_str(),
            &it.gone
        )
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query!(
        "insert into streak_run (tenant_id, user_id, streak_id, first_day, last_day, length, forgiven)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict on constraint streak_run_pkey do update
        set last_day = excluded.last_day, length = excluded.length, forgiven = excluded.forgiven",
        tenant.as_str(),
        user.as_str(),
        streak.as_str(),
        it.run.first_day,
        it.run.last_day,
        it.run.length,
        it.run.forgiven
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a user has a check-in on a day.
pub async fn is_checked_in(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, streak): (&UserId, &Key),
    day: Date,
) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"select exists (
            select from check_in where tenant_id = $1 and user_id = $2 and streak_id = $3 and day = $4
        ) as "found!""#,
        tenant.as_str(),
        user.as_str(),
        streak.as_str(),
        day
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// How many days a user has made up for since a time.
pub async fn made_up_since(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, streak): (&UserId, &Key),
    since: OffsetDateTime,
) -> Result<i32, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*)::integer as "count!" from check_in
        where tenant_id = $1 and user_id = $2 and streak_id = $3 and made_up and checked_in_at >= $4"#,
        tenant.as_str(),
        user.as_str(),
        streak.as_str(),
        since
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// A user's check-ins on days from one to before another, first to last.
pub async fn days(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, streak): (&UserId, &Key),
    (from, until): (Date, Date),
) -> Result<Vec<CheckInDay>, StoreError> {
    let found = sqlx::query_as!(
        CheckInDay,
        "select day, made_up, checked_in_at as at, zone from check_in
        where tenant_id = $1 and user_id = $2 and streak_id = $3 and day >= $4 and day < $5 order by day",
        tenant.as_str(),
        user.as_str(),
        streak.as_str(),
        from,
        until
    )
    .fetch_all(conn)
    .await?;
    Ok(found)
}
