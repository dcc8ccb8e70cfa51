//! Entries: only ever added.

use ids::TenantId;
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::account::FlatLots;
use crate::domain::book::AccountKey;
use crate::domain::entry::{Entry, EntryKind, Origin};
use crate::domain::lot::LotChange;

/// Adds entries, in one statement however many they are.
pub async fn insert(
    conn: &mut PgConnection,
    tenant: &TenantId,
    entries: &[(&AccountKey, &Entry)],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = entries.iter().map(|((user, _), _)| user.as_str()).collect();
    let point_types: Vec<&str> = entries.iter().map(|((_, point_type), _)| point_type.as_str()).collect();
    let kinds: Vec<i16> = entries.iter().map(|(_, entry)| entry.kind.code()).collect();
    let numbers = |value: fn(&Entry) -> i64| entries.iter().map(|(_, entry)| value(entry)).collect::<Vec<_>>();
    let (seqs, amounts, balances) = (numbers(|e| e.seq), numbers(|e| e.amount), numbers(|e| e.balance_after));
    let (growths, shortfalls) = (numbers(|e| e.growth_change), numbers(|e| e.shortfall));
    let contras: Vec<&str> = entries.iter().map(|(_, entry)| entry.contra()).collect();
    let texts =
        |value: fn(&Origin) -> &String| entries.iter().map(|(_, e)| value(&e.origin).as_str()).collect::<Vec<_>>();
    let (reasons, rules, orders) = (texts(|o| &o.reason), texts(|o| &o.rule_id), texts(|o| &o.order_id));
    let (holds, rewards) = (texts(|o| &o.hold_id), texts(|o| &o.reward_id));
    let (adjustments, counterparts) = (texts(|o| &o.adjustment_id), texts(|o| &o.counterpart));
    let occurred: Vec<_> = entries.iter().map(|(_, entry)| entry.occurred_at).collect();
    let recorded: Vec<_> = entries.iter().map(|(_, entry)| entry.recorded_at).collect();
    let lots = FlatLots::of_changes(entries.iter().map(|(_, entry)| entry.lots.as_slice()));
    let pending = numbers(|e| e.pending);
    let activate: Vec<_> = entries.iter().map(|(_, entry)| entry.activates_at).collect();
    let reverses = numbers(|e| e.origin.reverses_seq);
    sqlx::query!(
        "insert into entry (tenant_id, user_id, point_type_id, entry_seq, kind, amount, balance_after, growth_change,
            contra, reason, rule_id, order_id, lot_expires_at, lot_origin, lot_points, shortfall, occurred_at, recorded_at,
            hold_id, reward_id, pending, activates_at, reverses_seq, adjustment_id, counterpart)
        select $1, k.user_id, k.point_type_id, k.seq, k.kind, k.amount, k.balance, k.growth, k.contra, k.reason, k.rule_id,
            k.order_id, ($16::timestamptz[])[k.first:k.last], ($17::text[])[k.first:k.last],
            ($18::bigint[])[k.first:k.last], k.shortfall,
            k.occurred_at, k.recorded_at, k.hold_id, k.reward_id, k.pending, k.activates_at, k.reverses_seq,
            k.adjustment_id, k.counterpart
        from unnest($2::text[], $3::text[], $4::bigint[], $5::smallint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::timestamptz[], $15::timestamptz[],
            $19::text[], $20::text[], $21::integer[], $22::integer[], $23::bigint[], $24::timestamptz[], $25::bigint[],
            $26::text[], $27::text[])
            k(user_id, point_type_id, seq, kind, amount, balance, growth, contra, reason, rule_id, order_id, shortfall,
            occurred_at, recorded_at, hold_id, reward_id, first, last, pending, activates_at, reverses_seq, adjustment_id,
            counterpart)",
        tenant.as_str(),
        &users as _,
        &point_types as _,
        &seqs,
        &kinds,
        &amounts,
        &balances,
        &growths,
        &contras as _,
        &reasons as _,
        &rules as _,
        &orders as _,
        &shortfalls,
        &occurred,
        &recorded,
        &lots.expires_at as _,
        &lots.origin as _,
        &lots.points,
        &holds as _,
        &rewards as _,
        &lots.first,
        &lots.last,
        &pending,
        &activate as _,
        &reverses,
        &adjustments as _,
        &counterparts as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Row {
    entry_seq: i64,
    kind: i16,
    amount: i64,
    balance_after: i64,
    growth_change: i64,
    reason: String,
    rule_id: String,
    order_id: String,
    hold_id: String,
    reward_id: String,
    lot_expires_at: Vec<Option<OffsetDateTime>>,
    lot_origin: Vec<String>,
    lot_points: Vec<i64>,
    pending: i64,
    activates_at: Option<OffsetDateTime>,
    shortfall: i64,
    occurred_at: OffsetDateTime,
    recorded_at: OffsetDateTime,
    reverses_seq: i64,
    adjustment_id: String,
    counterpart: String,
}

impl TryFrom<Row> for Entry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let lots = row.lot_expires_at.into_iter().zip(row.lot_origin).zip(row.lot_points);
        let lots = lots
            .map(|((expires_at, origin), points)| Ok(LotChange { expires_at, origin: rows::user(origin)?, points }));
        Ok(Self {
            seq: row.entry_seq,
            kind: EntryKind::from_code(row.kind).ok_or_else(|| rows::unreadable("kind"))?,
            amount: row.amount,
            balance_after: row.balance_after,
            growth_change: row.growth_change,
            origin: Origin {
                reason: row.reason,
                rule_id: row.rule_id,
                order_id: row.order_id,
                hold_id: row.hold_id,
                reward_id: row.reward_id,
                reverses_seq: row.reverses_seq,
                adjustment_id: row.adjustment_id,
                counterpart: row.counterpart,
            },
            lots: lots.collect::<Result<_, StoreError>>()?,
            pending: row.pending,
            activates_at: row.activates_at,
            shortfall: row.shortfall,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
        })
    }
}

/// Entries of an account with a number below `before`, newest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    key: &AccountKey,
    before: i64,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select entry_seq, kind, amount, balance_after, growth_change, reason, rule_id, order_id, hold_id, reward_id,
            lot_expires_at as "lot_expires_at: Vec<Option<OffsetDateTime>>", lot_origin, lot_points, pending,
            activates_at, shortfall, occurred_at, recorded_at, reverses_seq, adjustment_id, counterpart
        from entry
        where tenant_id = $1 and user_id = $2 and point_type_id = $3 and entry_seq < $4
        order by entry_seq desc limit $5"#,
        tenant.as_str(),
        key.0.as_str(),
        key.1.as_str(),
        before,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// Those of the numbered entries that there are, in the order in which they are named.
pub async fn numbered(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (users, point_types, seqs): (&[&str], &[&str], &[i64]),
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select e.entry_seq, e.kind, e.amount, e.balance_after, e.growth_change, e.reason, e.rule_id, e.order_id,
            e.hold_id, e.reward_id, e.lot_expires_at as "lot_expires_at: Vec<Option<OffsetDateTime>>", e.lot_origin,
            e.lot_points, e.pending, e.activates_at, e.shortfall, e.occurred_at, e.recorded_at, e.reverses_seq,
            e.adjustment_id, e.counterpart
        from unnest($2::text[], $3::text[], $4::bigint[]) with ordinality k(u, p, s, n)
        join entry e on e.tenant_id = $1 and e.user_id = k.u and e.point_type_id = k.p and e.entry_seq = k.s
        order by k.n"#,
        tenant.as_str(),
        users as _,
        point_types as _,
        seqs
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// What is booked as lapsed of accounts' lots with a date after a time, each account with its own, by date: what an answer
/// as of that time counts as still there. A lot lapses at its date or, where it was held then, later. Answered in the order
/// of the accounts.
pub async fn lapsed_after(
    conn: &mut PgConnection,
    tenant: &TenantId,
    asked: &[(&AccountKey, OffsetDateTime)],
) -> Result<Vec<Vec<(OffsetDateTime, i64)>>, StoreError> {
    let mut lapsed = vec![Vec::new(); asked.len()];
    if asked.is_empty() {
        return Ok(lapsed);
    }
    let (users, point_types): (Vec<&str>, Vec<&str>) =
        asked.iter().map(|((user, point_type), _)| (user.as_str(), point_type.as_str())).unzip();
    let times: Vec<OffsetDateTime> = asked.iter().map(|(_, at)| *at).collect();
    let rows = sqlx::query!(
        r#"select k.n as "n!", l.expires_at as "date!", sum(-l.points)::bigint as "points!"
        from unnest($2::text[], $3::text[], $4::timestamptz[]) with ordinality k(u, p, at, n)
        cross join lateral (
            select lot_expires_at, lot_points from entry
            where tenant_id = $1 and user_id = k.u and point_type_id = k.p and kind = 3 and occurred_at > k.at
            offset 0 -- account by account
        ) e
        cross join unnest(e.lot_expires_at, e.lot_points) l(expires_at, points)
        where l.expires_at > k.at
        group by k.n, l.expires_at order by k.n, l.expires_at"#,
        tenant.as_str(),
        &users as _,
        &point_types as _,
        &times
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let place = usize::try_from(row.n - 1).map_err(|_| rows::unreadable("n"))?;
        lapsed[place].push((row.date, row.points));
    }
    Ok(lapsed)
}
