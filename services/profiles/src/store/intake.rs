use std::collections::BTreeMap;

use ids::{Partition, TenantId};
use pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::refusal::Refusal;

/// What was answered to a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    /// Hash of the report.
    pub(crate) body: [u8; 32],
    /// The place in the log, or the refusal.
    pub(crate) outcome: Result<(Partition, i64), Refusal>,
}

/// The answers already given to reports with these ids, by (user, event id).
pub(crate) async fn look_up(
    conn: &mut PgConnection,
    tenant: &TenantId,
    keys: &[(&str, &str)],
) -> Result<BTreeMap<(String, String), Answered>, StoreError> {
    let (users, events): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
    let rows = sqlx::query!(
        r#"select i.user_id, i.event_id, i.body, i.partition, i.seq, i.refusal as "refusal: Json<Refusal>"
        from unnest($2::text[], $3::text[]) k(user_id, event_id)
        join intake_event i on i.tenant_id = $1 and i.user_id = k.user_id and i.event_id = k.event_id"#,
        tenant.as_str(),
        &users as _,
        &events as _
    );
    let mut answers = BTreeMap::new();
    for row in rows.fetch_all(conn).await? {
        let undecodable = |what: &'static str| sqlx::Error::Decode(what.into());
        let body = row.body.try_into().map_err(|_| undecodable("a body's hash does not have 32 bytes"))?;
        let partition = Partition::new(row.partition.into()).ok_or_else(|| undecodable("no such partition"))?;
        let outcome = row.refusal.map_or(Ok((partition, row.seq)), |refusal| Err(refusal.0));
        answers.insert((row.user_id, row.event_id), Answered { body, outcome });
    }
    Ok(answers)
}

/// A report's answer, to be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    /// The user's canonical id.
    pub(crate) user_id: &'a str,
    /// The reporter's id.
    pub(crate) event_id: &'a str,
    /// Hash of the report.
    pub(crate) body: &'a [u8; 32],
    /// The user's partition.
    pub(crate) partition: Partition,
    /// The place in the log, or the refusal.
    pub(crate) outcome: Result<i64, &'a Refusal>,
}

/// Keeps answers for ever. A key that exists by now is a conflict: the next attempt finds its answer.
pub(crate) async fn record(
    conn: &mut PgConnection,
    tenant: &TenantId,
    records: &[Record<'_>],
) -> Result<(), StoreError> {
    let users: Vec<&str> = records.iter().map(|record| record.user_id).collect();
    let events: Vec<&str> = records.iter().map(|record| record.event_id).collect();
    let bodies: Vec<&[u8]> = records.iter().map(|record| &record.body[..]).collect();
    let partitions: Vec<i16> = records.iter().map(|record| record.partition.index().into()).collect();
    let seqs: Vec<i64> = records.iter().map(|record| record.outcome.unwrap_or(0)).collect();
    let refusals: Vec<Option<Json<&Refusal>>> = records.iter().map(|record| record.outcome.err().map(Json)).collect();
    sqlx::query!(
        "insert into intake_event (tenant_id, user_id, event_id, body, partition, seq, refusal)
        select $1, u.user_id, u.event_id, u.body, u.partition, u.seq, u.refusal
        from unnest($2::text[], $3::text[], $4::bytea[], $5::smallint[], $6::bigint[], $7::jsonb[])
            u(user_id, event_id, body, partition, seq, refusal)",
        tenant.as_str(),
        &users as _,
        &events as _,
        &bodies as _,
        &partitions,
        &seqs,
        &refusals as _
    )
    .execute(conn)
    .await
    .map_err(StoreError::from)
    .map_err(|error| match error.constraint() {
        Some("intake_event_pkey") => error.into_conflict(),
        _ => error,
    })?;
    Ok(())
}
