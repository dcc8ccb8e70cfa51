//! The log of cases. Entries are only ever added.

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::unreadable;
use crate::domain::case::{Case, CaseState, Dealt};
use crate::domain::entry::{Attachment, Entry, Message, What};
use crate::domain::triage::Quadrant;

struct Row {
    entry_seq: i64,
    what: Json<What>,
    agent_id: String,
    text: String,
    attachments: Json<Vec<Attachment>>,
    state: i16,
    quadrant: i16,
    occurred_at: OffsetDateTime,
    recorded_at: OffsetDateTime,
}

impl TryFrom<Row> for Entry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.entry_seq,
            what: row.what.0,
            message: Message { agent: row.agent_id, text: row.text, attachments: row.attachments.0 },
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
            state: CaseState::from_code(row.state).ok_or_else(|| unreadable("state"))?,
            quadrant: Quadrant::from_code(row.quadrant).ok_or_else(|| unreadable("quadrant"))?,
        })
    }
}

/// Adds what happened to cases, in one statement however much it is.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, dealt: &[&Dealt]) -> Result<(), StoreError> {
    let entries = dealt.iter().flat_map(|(case, entries)| entries.iter().map(move |entry| (case, entry)));
    let entries: Vec<(&Case, &Entry)> = entries.collect();
    if entries.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = entries.iter().map(|(case, _)| case.user.as_str()).collect();
    let cases: Vec<&str> = entries.iter().map(|(case, _)| case.id.as_str()).collect();
    let seqs: Vec<i64> = entries.iter().map(|(_, it)| it.seq).collect();
    let codes = |value: fn(&Entry) -> i16| entries.iter().map(|(_, it)| value(it)).collect::<Vec<_>>();
    let kinds = codes(|it| it.what.code());
    let (states, quadrants) = (codes(|it| it.state.code()), codes(|it| it.quadrant.code()));
    let whats: Vec<_> = entries.iter().map(|(_, it)| Json(&it.what)).collect();
    let visible: Vec<bool> = entries.iter().map(|(_, it)| it.what.visible()).collect();
    let agents: Vec<&str> = entries.iter().map(|(_, it)| it.message.agent.as_str()).collect();
    let texts: Vec<&str> = entries.iter().map(|(_, it)| it.message.text.as_str()).collect();
    let attachments: Vec<_> = entries.iter().map(|(_, it)| Json(&it.message.attachments)).collect();
    let occurred: Vec<_> = entries.iter().map(|(_, it)| it.occurred_at).collect();
    let recorded: Vec<_> = entries.iter().map(|(_, it)| it.recorded_at).collect();
    sqlx::query!(
        "insert into case_entry (tenant_id, user_id, case_id, entry_seq, kind, what, visible, agent_id, text, attachments,
            state, quadrant, occurred_at, recorded_at)
        select $1, k.user_id, k.case_id, k.seq, k.kind, k.what, k.visible, k.agent_id, k.text, k.attachments, k.state,
            k.quadrant, k.occurred_at, k.recorded_at
        from unnest($2::text[], $3::text[], $4::bigint[], $5::smallint[], $6::jsonb[], $7::boolean[], $8::text[],
            $9::text[], $10::jsonb[], $11::smallint[], $12::smallint[], $13::timestamptz[], $14::timestamptz[])
            k(user_id, case_id, seq, kind, what, visible, agent_id, text, attachments, state, quadrant, occurred_at,
                recorded_at)",
        tenant.as_str(),
        &users as _,
        &cases as _,
        &seqs,
        &kinds,
        &whats as _,
        &visible,
        &agents as _,
        &texts as _,
        &attachments as _,
        &states,
        &quadrants,
        &occurred,
        &recorded
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A case's entries with a number above `after`, oldest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, case): (&UserId, &Key),
    after: i64,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select entry_seq, what as "what: Json<What>", agent_id, text,
            attachments as "attachments: Json<Vec<Attachment>>", state, quadrant, occurred_at, recorded_at
        from case_entry
        where tenant_id = $1 and user_id = $2 and case_id = $3 and entry_seq > $4
        order by entry_seq limit $5"#,
        tenant.as_str(),
        user.as_str(),
        case.as_str(),
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// The newest entries of a case that its user sees, oldest first.
pub async fn messages(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (user, case): (&UserId, &Key),
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select entry_seq, what as "what: Json<What>", agent_id, text,
            attachments as "attachments: Json<Vec<Attachment>>", state, quadrant, occurred_at, recorded_at
        from case_entry
        where tenant_id = $1 and user_id = $2 and case_id = $3 and visible
        order by entry_seq desc limit $4"#,
        tenant.as_str(),
        user.as_str(),
        case.as_str(),
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().rev().map(Entry::try_from).collect()
}
