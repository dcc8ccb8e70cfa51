//! Entries that are taken back, and how much of them was.

use ids::TenantId;
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::entry;
use crate::domain::book::AccountKey;
use crate::domain::reversal::Reversible;

/// Those of the entries that there are, and how much of each was taken back.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    named: &[(&AccountKey, i64)],
) -> Result<Vec<(AccountKey, Reversible)>, StoreError> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let users: Vec<&str> = named.iter().map(|((user, _), _)| user.as_str()).collect();
    let point_types: Vec<&str> = named.iter().map(|((_, point_type), _)| point_type.as_str()).collect();
    let seqs: Vec<i64> = named.iter().map(|(_, seq)| *seq).collect();
    let known = sqlx::query!(
        r#"select k.n as "n!", coalesce(r.reversed, 0) as "reversed!"
        from unnest($2::text[], $3::text[], $4::bigint[]) with ordinality k(u, p, s, n)
        join entry e on e.tenant_id = $1 and e.user_id = k.u and e.point_type_id = k.p and e.entry_seq = k.s
        left join entry_reversal r
            on r.tenant_id = $1 and r.user_id = k.u and r.point_type_id = k.p and r.entry_seq = k.s
        order by k.n"#,
        tenant.as_str(),
        &users as _,
        &point_types as _,
        &seqs
    )
    .fetch_all(&mut *conn)
    .await?;
    let found = entry::numbered(conn, tenant, (&users, &point_types, &seqs)).await?;
    let read = |((n, reversed), entry)| {
        let place = usize::try_from(n - 1).map_err(|_| rows::unreadable("n"))?;
        Ok((named[place].0.clone(), Reversible { entry, reversed }))
    };
    known.into_iter().map(|row| (row.n, row.reversed)).zip(found).map(read).collect()
}

/// Stores how much of entries was taken back.
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    reversals: &[(AccountKey, i64, i64)],
) -> Result<(), StoreError> {
    if reversals.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = reversals.iter().map(|((user, _), ..)| user.as_str()).collect();
    let point_types: Vec<&str> = reversals.iter().map(|((_, point_type), ..)| point_type.as_str()).collect();
    let (seqs, reversed): (Vec<i64>, Vec<i64>) = reversals.iter().map(|(_, seq, reversed)| (*seq, *reversed)).unzip();
    sqlx::query!(
        "insert into entry_reversal (tenant_id, user_id, point_type_id, entry_seq, reversed)
        select $1, k.u, k.p, k.s, k.r from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) k(u, p, s, r)
        on conflict on constraint entry_reversal_pkey do update set reversed = excluded.reversed",
        tenant.as_str(),
        &users as _,
        &point_types as _,
        &seqs,
        &reversed
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a user moved to others from an account since a time.
pub async fn sent_since(
    conn: &mut PgConnection,
    tenant: &TenantId,
    key: &AccountKey,
    since: OffsetDateTime,
) -> Result<i64, StoreError> {
    let sent = sqlx::query_scalar!(
        r#"select coalesce(sum(-amount), 0)::bigint as "sent!" from entry
        where tenant_id = $1 and user_id = $2 and point_type_id = $3 and kind = 10 and recorded_at >= $4"#,
        tenant.as_str(),
        key.0.as_str(),
        key.1.as_str(),
        since
    );
    Ok(sent.fetch_one(conn).await?)
}
