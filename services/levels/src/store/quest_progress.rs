//! How far users have come with quests, and what that gave them.

use std::collections::BTreeSet;

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::holding;
use super::order::{release, release_columns};
use crate::domain::bonus::Landed;
use crate::domain::book::{AccountKey, Book, Programme};
use crate::domain::entry::Payer;
use crate::domain::order::OrderCourse;
use crate::domain::pending::Landing;
use crate::domain::quest::progress::{Count, CountKey, Round, RoundKey};
use crate::domain::quest::reward::{Given, GivenKey};
use crate::domain::quest::window::Window;
use crate::domain::scheme::Scheme;

struct Row {
    user_id: String,
    quest_id: String,
    starts_at: OffsetDateTime,
    ends_at: Option<OffsetDateTime>,
    counted: Vec<i64>,
    completions: i32,
    completed_at: Option<OffsetDateTime>,
}

impl Row {
    fn read(self) -> Result<(RoundKey, Round), StoreError> {
        let key = (rows::user(self.user_id)?, rows::key(self.quest_id, "quest_id")?, self.starts_at);
        let window = Window { start: self.starts_at, end: self.ends_at };
        let (counted, completions, completed_at) = (self.counted, self.completions, self.completed_at);
        Ok((key, Round { window, counted, completions, completed_at }))
    }
}

/// The rounds of users' quests around times (the last that began by then, and the last there is), and those that are named.
pub async fn rounds(
    conn: &mut PgConnection,
    tenant: &TenantId,
    around: &[(&UserId, &Key, OffsetDateTime)],
    named: &[RoundKey],
) -> Result<Vec<(RoundKey, Round)>, StoreError> {
    if around.is_empty() && named.is_empty() {
        return Ok(Vec::new());
    }
    let users: Vec<&str> = around.iter().map(|(user, ..)| user.as_str()).collect();
    let quests: Vec<&str> = around.iter().map(|(_, quest, _)| quest.as_str()).collect();
    let times: Vec<OffsetDateTime> = around.iter().map(|(.., at)| *at).collect();
    let named_users: Vec<&str> = named.iter().map(|(user, ..)| user.as_str()).collect();
    let named_quests: Vec<&str> = named.iter().map(|(_, quest, _)| quest.as_str()).collect();
    let named_starts: Vec<OffsetDateTime> = named.iter().map(|(.., start)| *start).collect();
    let found = sqlx::query_as!(
        Row,
        r#"select r.user_id as "user_id!", r.quest_id as "quest_id!", r.starts_at as "starts_at!", r.ends_at,
            r.counted as "counted!", r.completions as "completions!", r.completed_at
        from (
            select n.user_id, n.quest_id, n.starts_at, n.ends_at, n.counted, n.completions, n.completed_at
            from unnest($2::text[], $3::text[], $4::timestamptz[]) k(u, q, at)
            cross join lateral (
                select user_id, quest_id, starts_at, ends_at, counted, completions, completed_at from quest_round
                where tenant_id = $1 and user_id = k.u and quest_id = k.q and starts_at <= k.at
                order by starts_at desc limit 1
            ) n
            union
            select n.user_id, n.quest_id, n.starts_at, n.ends_at, n.counted, n.completions, n.completed_at
            from unnest($2::text[], $3::text[]) k(u, q)
            cross join lateral (
                select user_id, quest_id, starts_at, ends_at, counted, completions, completed_at from quest_round
                where tenant_id = $1 and user_id = k.u and quest_id = k.q
                order by starts_at desc limit 1
            ) n
            union
            select n.user_id, n.quest_id, n.starts_at, n.ends_at, n.counted, n.completions, n.completed_at
            from unnest($5::text[], $6::text[], $7::timestamptz[]) k(u, q, start)
            join quest_round n
                on n.tenant_id = $1 and n.user_id = k.u and n.quest_id = k.q and n.starts_at = k.start
        ) r"#,
        tenant.as_str(),
        &users as _,
        &quests as _,
        &times,
        &named_users as _,
        &named_quests as _,
        &named_starts
    )
    .fetch_all(conn)
    .await?;
    found.into_iter().map(Row::read).collect()
}

/// Stores rounds.
pub async fn write_rounds(
    conn: &mut PgConnection,
    tenant: &TenantId,
    rounds: &[(&RoundKey, &Round)],
) -> Result<(), StoreError> {
    if rounds.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = rounds.iter().map(|((user, ..), _)| user.as_str()).collect();
    let quests: Vec<&str> = rounds.iter().map(|((_, quest, _), _)| quest.as_str()).collect();
    let starts: Vec<OffsetDateTime> = rounds.iter().map(|((.., start), _)| *start).collect();
    let ends: Vec<_> = rounds.iter().map(|(_, it)| it.window.end).collect();
    // arrays of arrays must be of one length in SQL, so each travels as text
    let counted = rounds.iter().map(|(_, it)| {
        let sums: Vec<String> = it.counted.iter().map(ToString::to_string).collect();
        format!("{{{}}}", sums.join(","))
    });
    let counted: Vec<String> = counted.collect();
    let completions: Vec<i32> = rounds.iter().map(|(_, it)| it.completions).collect();
    let completed: Vec<_> = rounds.iter().map(|(_, it)| it.completed_at).collect();
    sqlx::query!(
        "insert into quest_round (tenant_id, user_id, quest_id, starts_at, ends_at, counted, completions, completed_at)
        select $1, k.user_id, k.quest_id, k.starts_at, k.ends_at, k.counted::bigint[], k.completions, k.completed_at
        from unnest($2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::integer[],
            $8::timestamptz[]) k(user_id, quest_id, starts_at, ends_at, counted, completions, completed_at)
        on conflict on constraint quest_round_pkey do update
        set counted = excluded.counted, completions = excluded.completions, completed_at = excluded.completed_at",
        tenant.as_str(),
        &users as _,
        &quests as _,
        &starts,
        &ends as _,
        &counted,
        &completions,
        &completed as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was counted for sources of users.
pub async fn counts(
    conn: &mut PgConnection,
    tenant: &TenantId,
    sources: &[(&str, &str)],
) -> Result<Vec<(CountKey, Count)>, StoreError> {
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let (users, names): (Vec<&str>, Vec<&str>) = sources.iter().copied().unzip();
    let found = sqlx::query!(
        "select c.user_id, c.source, c.quest_id, c.step, c.starts_at, c.amount, c.lowered
        from unnest($2::text[], $3::text[]) k(u, s)
        join quest_count c on c.tenant_id = $1 and c.user_id = k.u and c.source = k.s",
        tenant.as_str(),
        &users as _,
        &names as _
    )
    .fetch_all(conn)
    .await?;
    let read = found.into_iter().map(|row| {
        let step = usize::try_from(row.step).map_err(|_| rows::unreadable("step"))?;
        let key = (rows::user(row.user_id)?, row.source, rows::key(row.quest_id, "quest_id")?, step);
        Ok((key, Count { start: row.starts_at, amount: row.amount, lowered: row.lowered }))
    });
    read.collect()
}

/// Adds counts, or stores how much of them is lowered.
pub async fn write_counts(
    conn: &mut PgConnection,
    tenant: &TenantId,
    counts: &[(&CountKey, &Count)],
) -> Result<(), StoreError> {
    if counts.is_empty() {
        return Ok(());
    }
    let texts = |value: fn(&CountKey) -> &str| counts.iter().map(|(key, _)| value(key)).collect::<Vec<_>>();
    let (users, sources, quests) = (texts(|key| key.0.as_str()), texts(|key| &key.1), texts(|key| key.2.as_str()));
    let steps: Vec<i16> = counts.iter().map(|(key, _)| i16::try_from(key.3).unwrap_or(i16::MAX)).collect();
    let starts: Vec<OffsetDateTime> = counts.iter().map(|(_, it)| it.start).collect();
    let amounts: Vec<i64> = counts.iter().map(|(_, it)| it.amount).collect();
    let lowered: Vec<i64> = counts.iter().map(|(_, it)| it.lowered).collect();
    sqlx::query!(
        "insert into quest_count (tenant_id, user_id, source, quest_id, step, starts_at, amount, lowered)
        select $1, k.user_id, k.source, k.quest_id, k.step, k.starts_at, k.amount, k.lowered
        from unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::timestamptz[], $7::bigint[], $8::bigint[])
            k(user_id, source, quest_id, step, starts_at, amount, lowered)
        on conflict on constraint quest_count_pkey do update set lowered = excluded.lowered",
        tenant.as_str(),
        &users as _,
        &sources as _,
        &quests as _,
        &steps,
        &starts,
        &amounts,
        &lowered
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is known of orders' refunds.
pub async fn courses(
    conn: &mut PgConnection,
    tenant: &TenantId,
    orders: &[(&str, &str)],
) -> Result<Vec<((UserId, String), OrderCourse)>, StoreError> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let (users, ids): (Vec<&str>, Vec<&str>) = orders.iter().copied().unzip();
    let found = sqlx::query!(
        "select o.user_id, o.order_id, o.refunded_minor, o.total_minor, o.cancelled
        from unnest($2::text[], $3::text[]) k(u, o)
        join quest_order o on o.tenant_id = $1 and o.user_id = k.u and o.order_id = k.o",
        tenant.as_str(),
        &users as _,
        &ids as _
    )
    .fetch_all(conn)
    .await?;
    let read = found.into_iter().map(|row| {
        let (refunded_minor, total_minor, cancelled) = (row.refunded_minor, row.total_minor, row.cancelled);
        let course = OrderCourse { refunded_minor, total_minor, cancelled, ..OrderCourse::default() };
        Ok(((rows::user(row.user_id)?, row.order_id), course))
    });
    read.collect()
}

/// Stores what is known of orders' refunds.
pub async fn write_courses(
    conn: &mut PgConnection,
    tenant: &TenantId,
    courses: &[(&(UserId, String), &OrderCourse)],
) -> Result<(), StoreError> {
    if courses.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = courses.iter().map(|((user, _), _)| user.as_str()).collect();
    let orders: Vec<&str> = courses.iter().map(|((_, order), _)| order.as_str()).collect();
    let refunded: Vec<i64> = courses.iter().map(|(_, it)| it.refunded_minor).collect();
    let totals: Vec<i64> = courses.iter().map(|(_, it)| it.total_minor).collect();
    let cancelled: Vec<bool> = courses.iter().map(|(_, it)| it.cancelled).collect();
    sqlx::query!(
        "insert into quest_order (tenant_id, user_id, order_id, refunded_minor, total_minor, cancelled)
        select $1, k.user_id, k.order_id, k.refunded, k.total, k.cancelled
        from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::boolean[])
            k(user_id, order_id, refunded, total, cancelled)
        on conflict on constraint quest_order_pkey do update
        set refunded_minor = excluded.refunded_minor, total_minor = excluded.total_minor,
            cancelled = excluded.cancelled",
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

/// What completions of rounds gave.
pub async fn given(
    conn: &mut PgConnection,
    tenant: &TenantId,
    rounds: &[(&RoundKey, i32)],
) -> Result<Vec<(GivenKey, Given)>, StoreError> {
    if rounds.is_empty() {
        return Ok(Vec::new());
    }
    let users: Vec<&str> = rounds.iter().map(|((user, ..), _)| user.as_str()).collect();
    let quests: Vec<&str> = rounds.iter().map(|((_, quest, _), _)| quest.as_str()).collect();
    let starts: Vec<OffsetDateTime> = rounds.iter().map(|((.., start), _)| *start).collect();
    let numbers: Vec<i32> = rounds.iter().map(|(_, round)| *round).collect();
    let found = sqlx::query!(
        "select b.user_id, b.quest_id, b.starts_at, b.round, b.point_type_id, b.points, b.given, b.entry_seq,
            b.lot_expires_at, b.lot_origin, b.activates_at, b.cost_centre, b.funder
        from unnest($2::text[], $3::text[], $4::timestamptz[], $5::integer[]) k(u, q, start, round)
        join quest_bonus b on b.tenant_id = $1 and b.user_id = k.u and b.quest_id = k.q and b.starts_at = k.start
            and b.round = k.round",
        tenant.as_str(),
        &users as _,
        &quests as _,
        &starts,
        &numbers
    )
    .fetch_all(conn)
    .await?;
    let read = found.into_iter().map(|row| {
        let round = (rows::user(row.user_id)?, rows::key(row.quest_id, "quest_id")?, row.starts_at);
        let key = (round, row.round, rows::key(row.point_type_id, "point_type_id")?);
        let landed = match (row.entry_seq, row.lot_origin) {
            (Some(entry_seq), Some(origin)) => {
                let release = release(row.activates_at, false, "");
                let landing = Landing { release, expires_at: row.lot_expires_at, origin: rows::user(origin)? };
                Some(Landed { entry_seq, landing })
            }
            _ => None,
        };
        let payer = Payer { cost_centre: row.cost_centre, funder: row.funder };
        Ok((key, Given { points: row.points, landed, given: row.given, payer }))
    });
    read.collect()
}

/// Stores what completions gave, or that it was taken back.
pub async fn write_given(
    conn: &mut PgConnection,
    tenant: &TenantId,
    given: &[(&GivenKey, &Given)],
) -> Result<(), StoreError> {
    if given.is_empty() {
        return Ok(());
    }
    let texts = |value: fn(&GivenKey) -> &str| given.iter().map(|(key, _)| value(key)).collect::<Vec<_>>();
    let users = texts(|(round, ..)| round.0.as_str());
    let (quests, types) = (texts(|(round, ..)| round.1.as_str()), texts(|(.., point_type)| point_type.as_str()));
    let starts: Vec<OffsetDateTime> = given.iter().map(|((round, ..), _)| round.2).collect();
    let numbers: Vec<i32> = given.iter().map(|((_, round, _), _)| *round).collect();
    let points: Vec<i64> = given.iter().map(|(_, it)| it.points).collect();
    let stands: Vec<bool> = given.iter().map(|(_, it)| it.given).collect();
    let landed = || given.iter().map(|(_, it)| it.landed.as_ref());
    let seqs: Vec<Option<i64>> = landed().map(|it| it.map(|it| it.entry_seq)).collect();
    let expires: Vec<_> = landed().map(|it| it.and_then(|it| it.landing.expires_at)).collect();
    let origins: Vec<Option<&str>> = landed().map(|it| it.map(|it| it.landing.origin.as_str())).collect();
    // never for an order: a bonus is about none
    let activate: Vec<_> =
        landed().map(|it| release_columns(it.and_then(|it| it.landing.release.as_ref())).0).collect();
    let centres: Vec<&str> = given.iter().map(|(_, it)| it.payer.cost_centre.as_str()).collect();
    let funders: Vec<i32> = given.iter().map(|(_, it)| it.payer.funder).collect();
    sqlx::query!(
        "insert into quest_bonus (tenant_id, user_id, quest_id, starts_at, round, point_type_id, points, given, entry_seq,
            lot_expires_at, lot_origin, activates_at, cost_centre, funder)
        select $1, k.user_id, k.quest_id, k.starts_at, k.round, k.point_type_id, k.points, k.given, k.entry_seq,
            k.expires_at, k.origin, k.activates_at, k.cost_centre, k.funder
        from unnest($2::text[], $3::text[], $4::timestamptz[], $5::integer[], $6::text[], $7::bigint[], $8::boolean[],
            $9::bigint[], $10::timestamptz[], $11::text[], $12::timestamptz[], $13::text[], $14::integer[])
            k(user_id, quest_id, starts_at, round, point_type_id, points, given, entry_seq, expires_at, origin,
            activates_at, cost_centre, funder)
        on conflict on constraint quest_bonus_pkey do update
        set points = excluded.points, given = excluded.given, entry_seq = excluded.entry_seq,
            lot_expires_at = excluded.lot_expires_at, lot_origin = excluded.lot_origin,
            activates_at = excluded.activates_at, cost_centre = excluded.cost_centre, funder = excluded.funder",
        tenant.as_str(),
        &users as _,
        &quests as _,
        &starts,
        &numbers,
        &types as _,
        &points,
        &stands,
        &seqs as _,
        &expires as _,
        &origins as _,
        &activate as _,
        &centres as _,
        &funders
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where the schemes of the programme have users, as quests ask for it: read, not locked.
pub async fn standing<'p>(
    conn: &mut PgConnection,
    tenant: &TenantId,
    programme: &'p Programme,
    users: &[&UserId],
) -> Result<Book<'p>, StoreError> {
    let guards: BTreeSet<&Key> = programme.schemes.values().map(Scheme::guard).collect();
    let keys = users.iter().flat_map(|user| guards.iter().map(|guard| ((*user).clone(), (*guard).clone())));
    let held = holding::read(conn, tenant, programme, &keys.collect::<Vec<AccountKey>>()).await?;
    Ok(held.into_book(programme))
}
