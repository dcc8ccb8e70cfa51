//! Members of schemes. A member is guarded by the lock on the account of the scheme's first measure.

use std::collections::BTreeMap;

use ids::{EventId, Key, TenantId, UserId};
use pg::StoreError;
use serde::{Deserialize, Serialize};
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::level_move::{rank, small};
use crate::domain::book::{AccountKey, MemberKey};
use crate::domain::member::{Earned, Fall, GrantKind, LevelGrant, LevelLock, Member};

/// What few members have.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rest {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bases: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fall: Option<StoredFall>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    grants: Vec<StoredGrant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lock: Option<StoredLock>,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct StoredGrant {
    id: String,
    kind: i16,
    rank: usize,
    #[serde(with = "time::serde::rfc3339")]
    from: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
    started: bool,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct StoredLock {
    rank: usize,
    #[serde(with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
}

impl StoredGrant {
    fn of(it: &LevelGrant) -> Self {
        let LevelGrant { id, kind, rank, from, until, started } = it.clone();
        Self { id: id.to_string(), kind: kind.code(), rank, from, until, started }
    }

    fn read(self) -> Result<LevelGrant, StoreError> {
        let unreadable = || rows::unreadable("rest");
        let id = EventId::new(self.id).map_err(|_| unreadable())?;
        let kind = GrantKind::from_code(self.kind).ok_or_else(unreadable)?;
        Ok(LevelGrant { id, kind, rank: self.rank, from: self.from, until: self.until, started: self.started })
    }
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct StoredFall {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    to: usize,
}

struct Row {
    scheme_id: String,
    user_id: String,
    rank: i16,
    since: OffsetDateTime,
    valid_until: Option<OffsetDateTime>,
    scheme_version: i32,
    move_seq: i64,
    earned_rank: Option<i16>,
    earned_since: Option<OffsetDateTime>,
    supported_rank: Option<i16>,
    period_start: Option<OffsetDateTime>,
    review_at: Option<OffsetDateTime>,
    rest: Option<Json<Rest>>,
}

impl Row {
    fn read(self) -> Result<(MemberKey, Member), StoreError> {
        let Rest { bases, fall, grants, lock } = self.rest.map(|Json(rest)| rest).unwrap_or_default();
        let held = rank(self.rank)?;
        let earned = Earned {
            rank: self.earned_rank.map_or(Ok(held), rank)?,
            since: self.earned_since.unwrap_or(self.since),
            supported: self.supported_rank.map_or(Ok(held), rank)?,
            period_start: self.period_start,
            valid_until: self.valid_until,
            review_at: self.review_at,
            fall: fall.map(|StoredFall { at, to }| Fall { at, to }),
            bases,
        };
        let member = Member {
            rank: held,
            since: self.since,
            earned,
            grants: grants.into_iter().map(StoredGrant::read).collect::<Result<_, _>>()?,
            lock: lock.map(|StoredLock { rank, until }| LevelLock { rank, until }),
            scheme_version: self.scheme_version,
            move_seq: self.move_seq,
        };
        Ok(((rows::user(self.user_id)?, rows::key(self.scheme_id, "scheme_id")?), member))
    }
}

/// Those of the members that there are.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    members: &[(&UserId, &Key)],
) -> Result<BTreeMap<MemberKey, Member>, StoreError> {
    if members.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (users, schemes): (Vec<&str>, Vec<&str>) =
        members.iter().map(|(user, scheme)| (user.as_str(), scheme.as_str())).unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select m.scheme_id, m.user_id, m.rank, m.since, m.valid_until, m.scheme_version, m.move_seq, m.earned_rank,
            m.earned_since, m.supported_rank, m.period_start, m.review_at, m.rest as "rest: Json<Rest>"
        from unnest($2::text[], $3::text[]) k(user_id, scheme_id)
        join member m on m.tenant_id = $1 and m.scheme_id = k.scheme_id and m.user_id = k.user_id"#,
        tenant.as_str(),
        &users as _,
        &schemes as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Stores members, in one statement however many they are.
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    members: &[(MemberKey, Member)],
) -> Result<(), StoreError> {
    if members.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = members.iter().map(|((user, _), _)| user.as_str()).collect();
    let schemes: Vec<&str> = members.iter().map(|((_, scheme), _)| scheme.as_str()).collect();
    let ranks = |rank: fn(&Member) -> usize| members.iter().map(|(_, it)| small(rank(it))).collect::<Vec<i16>>();
    let (held, earned, supported) = (ranks(|it| it.rank), ranks(|it| it.earned.rank), ranks(|it| it.earned.supported));
    let since: Vec<_> = members.iter().map(|(_, it)| it.since).collect();
    let earned_since: Vec<_> = members.iter().map(|(_, it)| it.earned.since).collect();
    let times =
        |time: fn(&Member) -> Option<OffsetDateTime>| members.iter().map(|(_, it)| time(it)).collect::<Vec<_>>();
    let (until, review) = (times(|it| it.earned.valid_until), times(|it| it.earned.review_at));
    let (start, due) = (times(|it| it.earned.period_start), times(|it| it.next_due().map(|(at, _)| at)));
    let versions: Vec<i32> = members.iter().map(|(_, it)| it.scheme_version).collect();
    let seqs: Vec<i64> = members.iter().map(|(_, it)| it.move_seq).collect();
    let rest: Vec<Option<Json<Rest>>> = members.iter().map(|(_, it)| rest_of(it).map(Json)).collect();
    sqlx::query!(
        "insert into member (tenant_id, scheme_id, user_id, rank, since, valid_until, scheme_version, move_seq, earned_rank,
            earned_since, supported_rank, period_start, review_at, due_at, rest)
        select $1, k.scheme_id, k.user_id, k.rank, k.since, k.valid_until, k.version, k.seq, k.earned_rank, k.earned_since,
            k.supported, k.period_start, k.review_at, k.due_at, k.rest
        from unnest($2::text[], $3::text[], $4::smallint[], $5::timestamptz[], $6::timestamptz[], $7::integer[],
            $8::bigint[], $9::smallint[], $10::timestamptz[], $11::smallint[], $12::timestamptz[], $13::timestamptz[],
            $14::timestamptz[], $15::jsonb[])
            k(user_id, scheme_id, rank, since, valid_until, version, seq, earned_rank, earned_since, supported,
                period_start, review_at, due_at, rest)
        on conflict on constraint member_pkey do update
        set rank = excluded.rank, since = excluded.since, valid_until = excluded.valid_until,
            scheme_version = excluded.scheme_version, move_seq = excluded.move_seq, earned_rank = excluded.earned_rank,
            earned_since = excluded.earned_since, supported_rank = excluded.supported_rank,
            period_start = excluded.period_start, review_at = excluded.review_at, due_at = excluded.due_at,
            rest = excluded.rest",
        tenant.as_str(),
        &users as _,
        &schemes as _,
        &held,
        &since,
        &until as _,
        &versions,
        &seqs,
        &earned,
        &earned_since,
        &supported,
        &start as _,
        &review as _,
        &due as _,
        &rest as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn rest_of(it: &Member) -> Option<Rest> {
    let fall = it.earned.fall.map(|Fall { at, to }| StoredFall { at, to });
    let lock = it.lock.as_ref().map(|lock| StoredLock { rank: lock.rank, until: lock.until });
    let grants = it.grants.iter().map(StoredGrant::of).collect();
    let rest = Rest { bases: it.earned.bases.clone(), fall, grants, lock };
    (rest != Rest::default()).then_some(rest)
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

/// The accounts that guard members of whom something fell due by `at`, longest due first. `schemes` are the tenant's, each with
/// the point type of its first measure.
pub async fn due(
    conn: &mut PgConnection,
    tenant: &TenantId,
    schemes: &[(&Key, &Key)],
    at: OffsetDateTime,
    limit: i64,
) -> Result<Vec<AccountKey>, StoreError> {
    let (ids, guards): (Vec<&str>, Vec<&str>) = schemes.iter().map(|(id, guard)| (id.as_str(), guard.as_str())).unzip();
    let rows = sqlx::query!(
        r#"select m.user_id, a.point_type_id
        from member m
        join unnest($2::text[], $3::text[]) k(scheme_id, guard) on k.scheme_id = m.scheme_id
        join account a on a.tenant_id = $1 and a.user_id = m.user_id and a.point_type_id = k.guard
        where m.tenant_id = $1 and m.due_at <= $4
        order by m.due_at limit $5"#,
        tenant.as_str(),
        &ids as _,
        &guards as _,
        at,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((rows::user(row.user_id)?, rows::key(row.point_type_id, "point_type_id")?))).collect()
}

/// When something of a member of the tenant falls due next.
pub async fn next_due(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<OffsetDateTime>, StoreError> {
    let next = sqlx::query_scalar!(
        r#"select due_at as "due_at!" from member where tenant_id = $1 and due_at > '-infinity' order by due_at limit 1"#,
        tenant.as_str()
    );
    Ok(next.fetch_optional(conn).await?)
}
