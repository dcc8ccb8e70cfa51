//! The moves of members; never changed.

use ids::{EventId, Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::member::{LevelMove, MoveCause};

/// A move of a user in a scheme, and the number of the event of profiles' log that it follows on.
pub type NewMove<'a> = (&'a UserId, &'a Key, &'a LevelMove, Option<i64>);

/// Adds moves, in one statement however many they are.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, moves: &[NewMove<'_>]) -> Result<(), StoreError> {
    if moves.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = moves.iter().map(|(user, ..)| user.as_str()).collect();
    let schemes: Vec<&str> = moves.iter().map(|(_, scheme, ..)| scheme.as_str()).collect();
    let numbers = |value: fn(&LevelMove) -> i64| moves.iter().map(|(_, _, it, _)| value(it)).collect::<Vec<_>>();
    let (seqs, counts) = (numbers(|it| it.seq), numbers(|it| it.counts.first().copied().unwrap_or(0)));
    let codes = |value: fn(&LevelMove) -> i16| moves.iter().map(|(_, _, it, _)| value(it)).collect::<Vec<_>>();
    let (from, to) = (codes(|it| small(it.from_rank)), codes(|it| small(it.to_rank)));
    let (causes, earned) = (codes(|it| it.cause.code()), codes(|it| small(it.earned_rank)));
    let versions: Vec<i32> = moves.iter().map(|(_, _, it, _)| it.scheme_version).collect();
    let moved: Vec<_> = moves.iter().map(|(_, _, it, _)| it.moved_at).collect();
    let recorded: Vec<_> = moves.iter().map(|(_, _, it, _)| it.recorded_at).collect();
    let until: Vec<_> = moves.iter().map(|(_, _, it, _)| it.valid_until).collect();
    let review: Vec<_> = moves.iter().map(|(_, _, it, _)| it.review_at).collect();
    let grants: Vec<Option<&str>> =
        moves.iter().map(|(_, _, it, _)| it.grant_id.as_ref().map(EventId::as_str)).collect();
    let sources: Vec<Option<i64>> = moves.iter().map(|(.., source)| *source).collect();
    // an array of arrays of different lengths there is not: as text, `{1,2}`
    let further: Vec<Option<String>> = moves.iter().map(|(_, _, it, _)| further(it)).collect();
    sqlx::query!(
        "insert into level_move (tenant_id, scheme_id, user_id, move_seq, from_rank, to_rank, cause, growth, scheme_version,
            moved_at, recorded_at, valid_until, earned_rank, review_at, grant_id, further_counts,
            source_seq)
        select $1, k.scheme_id, k.user_id, k.seq, k.from_rank, k.to_rank, k.cause, k.growth, k.version, k.moved_at,
            k.recorded_at, k.valid_until, k.earned_rank, k.review_at, k.grant_id, k.further::bigint[],
            k.source
        from unnest($2::text[], $3::text[], $4::bigint[], $5::smallint[], $6::smallint[], $7::smallint[], $8::bigint[],
            $9::integer[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::smallint[],
            $14::timestamptz[], $15::text[], $16::text[], $17::bigint[])
            k(user_id, scheme_id, seq, from_rank, to_rank, cause, growth, version, moved_at, recorded_at, valid_until,
                earned_rank, review_at, grant_id, further, source)",
        tenant.as_str(),
        &users as _,
        &schemes as _,
        &seqs,
        &from,
        &to,
        &causes,
        &counts,
        &versions,
        &moved,
        &recorded,
        &until as _,
        &earned,
        &review as _,
        &grants as _,
        &further as _,
        &sources as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A member's moves with a number below `before`, newest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, scheme): (&UserId, &Key),
    before: i64,
    limit: i64,
) -> Result<Vec<LevelMove>, StoreError> {
    let rows = sqlx::query!(
        "select move_seq, from_rank, to_rank, cause, growth, scheme_version, moved_at, recorded_at, valid_until, earned_rank,
            review_at, grant_id, further_counts
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
        let grant_id = row.grant_id.map(|id| EventId::new(id).map_err(|_| rows::unreadable("grant_id")));
        Ok(LevelMove {
            seq: row.move_seq,
            from_rank: rank(row.from_rank)?,
            to_rank: rank(row.to_rank)?,
            earned_rank: rank(row.earned_rank.unwrap_or(row.to_rank))?,
            cause: MoveCause::from_code(row.cause).ok_or_else(|| rows::unreadable("cause"))?,
            counts: std::iter::once(row.growth).chain(row.further_counts.unwrap_or_default()).collect(),
            grant_id: grant_id.transpose()?,
            scheme_version: row.scheme_version,
            moved_at: row.moved_at,
            recorded_at: row.recorded_at,
            valid_until: row.valid_until,
            review_at: row.review_at,
        })
    });
    moves.collect()
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

fn further(it: &LevelMove) -> Option<String> {
    let further = it.counts.get(1..).filter(|further| !further.is_empty())?;
    let further: Vec<String> = further.iter().map(i64::to_string).collect();
    Some(format!("{{{}}}", further.join(",")))
}

pub(super) fn rank(stored: i16) -> Result<usize, StoreError> {
    usize::try_from(stored).map_err(|_| rows::unreadable("rank"))
}

pub(super) fn small(rank: usize) -> i16 {
    i16::try_from(rank).unwrap_or(i16::MAX)
}
