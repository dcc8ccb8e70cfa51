//! Members of schemes and their moves. A member is guarded by the lock on the account that measures it.

use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::member::{LevelMove, Member, MoveCause};

/// The members among these users.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    scheme: &Key,
    users: &[&str],
) -> Result<BTreeMap<UserId, Member>, StoreError> {
    let rows = sqlx::query!(
        "select user_id, rank, since, valid_until, scheme_version, move_seq
        from member where tenant_id = $1 and scheme_id = $2 and user_id = any($3)",
        tenant.as_str(),
        scheme.as_str(),
        users as _
    )
    .fetch_all(conn)
    .await?;
    let mut members = BTreeMap::new();
    for row in rows {
        let member = Member {
            rank: rank(row.rank)?,
            since: row.since,
            valid_until: row.valid_until,
            scheme_version: row.scheme_version,
            move_seq: row.move_seq,
        };
        members.insert(rows::user(row.user_id)?, member);
    }
    Ok(members)
}

/// Stores members, in one statement however many they are.
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    scheme: &Key,
    members: &[(UserId, Member)],
) -> Result<(), StoreError> {
    if members.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = members.iter().map(|(user, _)| user.as_str()).collect();
    let ranks: Vec<i16> = members.iter().map(|(_, member)| small(member.rank)).collect();
    let since: Vec<_> = members.iter().map(|(_, member)| member.since).collect();
    let until: Vec<_> = members.iter().map(|(_, member)| member.valid_until).collect();
    let versions: Vec<i32> = members.iter().map(|(_, member)| member.scheme_version).collect();
    let seqs: Vec<i64> = members.iter().map(|(_, member)| member.move_seq).collect();
    sqlx::query!(
        "insert into member (tenant_id, scheme_id, user_id, rank, since, valid_until, scheme_version, move_seq)
        select $1, $2, k.user_id, k.rank, k.since, k.valid_until, k.version, k.seq
        from unnest($3::text[], $4::smallint[], $5::timestamptz[], $6::timestamptz[], $7::integer[], $8::bigint[])
            k(user_id, rank, since, valid_until, version, seq)
        on conflict on constraint member_pkey do update
        set rank = excluded.rank, since = excluded.since, valid_until = excluded.valid_until,
            scheme_version = excluded.scheme_version, move_seq = excluded.move_seq",
        tenant.as_str(),
        scheme.as_str(),
        &users as _,
        &ranks,
        &since,
        &until as _,
        &versions,
        &seqs
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds moves, in one statement however many they are.
pub async fn insert_moves(
    conn: &mut PgConnection,
    tenant: &TenantId,
    scheme: &Key,
    moves: &[(&UserId, &LevelMove)],
) -> Result<(), StoreError> {
    if moves.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = moves.iter().map(|(user, _)| user.as_str()).collect();
    let numbers = |value: fn(&LevelMove) -> i64| moves.iter().map(|(_, it)| value(it)).collect::<Vec<_>>();
    let (seqs, growths) = (numbers(|it| it.seq), numbers(|it| it.growth));
    let codes = |value: fn(&LevelMove) -> i16| moves.iter().map(|(_, it)| value(it)).collect::<Vec<_>>();
    let (from, to) = (codes(|it| small(it.from_rank)), codes(|it| small(it.to_rank)));
    let causes = codes(|it| it.cause.code());
    let versions: Vec<i32> = moves.iter().map(|(_, it)| it.scheme_version).collect();
    let moved: Vec<_> = moves.iter().map(|(_, it)| it.moved_at).collect();
    let recorded: Vec<_> = moves.iter().map(|(_, it)| it.recorded_at).collect();
    let until: Vec<_> = moves.iter().map(|(_, it)| it.valid_until).collect();
    sqlx::query!(
        "insert into level_move (tenant_id, scheme_id, user_id, move_seq, from_rank, to_rank, cause, growth, scheme_version,
            moved_at, recorded_at, valid_until)
        select $1, $2, k.user_id, k.seq, k.from_rank, k.to_rank, k.cause, k.growth, k.version, k.moved_at, k.recorded_at,
            k.valid_until
        from unnest($3::text[], $4::bigint[], $5::smallint[], $6::smallint[], $7::smallint[], $8::bigint[], $9::integer[],
            $10::timestamptz[], $11::timestamptz[], $12::timestamptz[])
            k(user_id, seq, from_rank, to_rank, cause, growth, version, moved_at, recorded_at, valid_until)",
        tenant.as_str(),
        scheme.as_str(),
        &users as _,
        &seqs,
        &from,
        &to,
        &causes,
        &growths,
        &versions,
        &moved,
        &recorded,
        &until as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A member's moves with a number below `before`, newest first.
pub async fn list_moves(
    conn: &mut PgConnection,
    tenant: &TenantId,
    scheme: &Key,
    user: &UserId,
    before: i64,
    limit: i64,
) -> Result<Vec<LevelMove>, StoreError> {
    let rows = sqlx::query!(
        "select move_seq, from_rank, to_rank, cause, growth, scheme_version, moved_at, recorded_at, valid_until
        from level_move
        where tenant_id = $1 and scheme_id = $2 and user_id = $3 and move_seq < $4
        order by move_seq desc limit $5",
        tenant.as_str(),
        scheme.as_str(),
        user.as_str(),
        before,
        limit
    )
    .fetch_all(conn)
    .await?;
    let moves = rows.into_iter().map(|row| {
        Ok(LevelMove {
            seq: row.move_seq,
            from_rank: rank(row.from_rank)?,
            to_rank: rank(row.to_rank)?,
            cause: MoveCause::from_code(row.cause).ok_or_else(|| rows::unreadable("cause"))?,
            growth: row.growth,
            scheme_version: row.scheme_version,
            moved_at: row.moved_at,
            recorded_at: row.recorded_at,
            valid_until: row.valid_until,
        })
    });
    moves.collect()
}

/// Notes which events of profiles' log, by their numbers, moves of users followed on.
pub async fn note_sources(
    conn: &mut PgConnection,
    tenant: &TenantId,
    scheme: &Key,
    moves: &[(&str, i64, i64)],
) -> Result<(), StoreError> {
    if moves.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = moves.iter().map(|it| it.0).collect();
    let (seqs, sources): (Vec<i64>, Vec<i64>) = moves.iter().map(|it| (it.1, it.2)).unzip();
    sqlx::query!(
        "update level_move m set source_seq = k.source
        from unnest($3::text[], $4::bigint[], $5::bigint[]) k(user_id, seq, source)
        where m.tenant_id = $1 and m.scheme_id = $2 and m.user_id = k.user_id and m.move_seq = k.seq",
        tenant.as_str(),
        scheme.as_str(),
        &users as _,
        &seqs,
        &sources
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The ranks that users held before what was booked at a time, or of that very time by an event of profiles' log with a
/// smaller number, in the order asked; 0 where none was reached yet.
pub async fn ranks_before(
    conn: &mut PgConnection,
    tenant: &TenantId,
    scheme: &Key,
    asked: &[(&str, OffsetDateTime, i64)],
) -> Result<Vec<i64>, StoreError> {
    let users: Vec<&str> = asked.iter().map(|it| it.0).collect();
    let times: Vec<OffsetDateTime> = asked.iter().map(|it| it.1).collect();
    let seqs: Vec<i64> = asked.iter().map(|it| it.2).collect();
    let ranks = sqlx::query_scalar!(
        r#"select coalesce((
            select m.to_rank from level_move m
            where m.tenant_id = $1 and m.scheme_id = $2 and m.user_id = k.user_id
                and (m.recorded_at < k.at or (m.recorded_at = k.at and m.source_seq < k.seq))
            order by m.move_seq desc limit 1
        ), 0)::bigint as "rank!"
        from unnest($3::text[], $4::timestamptz[], $5::bigint[]) with ordinality k(user_id, at, seq, ord)
        order by k.ord"#,
        tenant.as_str(),
        scheme.as_str(),
        &users as _,
        &times,
        &seqs
    )
    .fetch_all(conn)
    .await?;
    Ok(ranks)
}

/// When a member's validity last ended, as far as that is booked.
pub async fn last_period_end(
    conn: &mut PgConnection,
    tenant: &TenantId,
    scheme: &Key,
    user: &UserId,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let last = sqlx::query_scalar!(
        "select moved_at from level_move where tenant_id = $1 and scheme_id = $2 and user_id = $3 and cause = $4
        order by move_seq desc limit 1",
        tenant.as_str(),
        scheme.as_str(),
        user.as_str(),
        MoveCause::PeriodEnd.code()
    );
    Ok(last.fetch_optional(conn).await?)
}

/// How many members hold each rank that is held.
pub async fn count(conn: &mut PgConnection, tenant: &TenantId, scheme: &Key) -> Result<Vec<(usize, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select rank, count(*) as "members!" from member where tenant_id = $1 and scheme_id = $2
        group by rank order by rank"#,
        tenant.as_str(),
        scheme.as_str()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((rank(row.rank)?, row.members))).collect()
}

/// Members with an account that measures them whose validity ended by `at`, longest ended first.
pub async fn ended(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (scheme, point_type): (&Key, &Key),
    at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<UserId>, StoreError> {
    let users = sqlx::query_scalar!(
        "select m.user_id
        from member m
        join account a on a.tenant_id = $1 and a.user_id = m.user_id and a.point_type_id = $3
        where m.tenant_id = $1 and m.scheme_id = $2 and m.valid_until <= $4
        order by m.valid_until limit $5",
        tenant.as_str(),
        scheme.as_str(),
        point_type.as_str(),
        at,
        limit
    )
    .fetch_all(conn)
    .await?;
    users.into_iter().map(rows::user).collect()
}

/// When the validity of the next member's level ends.
pub async fn next_end(
    conn: &mut PgConnection,
    tenant: &TenantId,
    scheme: &Key,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let next = sqlx::query_scalar!(
        r#"select valid_until as "valid_until!" from member
        where tenant_id = $1 and scheme_id = $2 and valid_until > '-infinity'
        order by valid_until limit 1"#,
        tenant.as_str(),
        scheme.as_str()
    );
    Ok(next.fetch_optional(conn).await?)
}

fn rank(stored: i16) -> Result<usize, StoreError> {
    usize::try_from(stored).map_err(|_| rows::unreadable("rank"))
}

fn small(rank: usize) -> i16 {
    i16::try_from(rank).unwrap_or(i16::MAX)
}
