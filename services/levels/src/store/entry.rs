//! Entries: only ever added.

use ids::TenantId;
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::account::FlatLots;
use crate::domain::balance::Since;
use crate::domain::book::AccountKey;
use crate::domain::entry::{Entry, EntryKind, Filter, Origin};
use crate::domain::lot::LotChange;
use crate::domain::pending::Release;

/// A column.
fn of<T>(entries: &[(&AccountKey, &Entry)], value: fn(&Entry) -> T) -> Vec<T> {
    entries.iter().map(|(_, entry)| value(entry)).collect()
}

/// Adds entries, in one statement however many they are.
pub async fn insert<'a>(
    conn: &mut PgConnection,
    tenant: &TenantId,
    entries: &[(&'a AccountKey, &Entry)],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let key = |((user, point_type), _): &(&'a AccountKey, &Entry)| (user.as_str(), point_type.as_str());
    let (users, point_types): (Vec<&str>, Vec<&str>) = entries.iter().map(key).unzip();
    let kinds: Vec<i16> = of(entries, |e| e.kind.code());
    let (seqs, amounts, balances) =
        (of(entries, |e| e.seq), of(entries, |e| e.amount), of(entries, |e| e.balance_after));
    let (growths, shortfalls) = (of(entries, |e| e.growth_change), of(entries, |e| e.shortfall));
    let (pending, reverses) = (of(entries, |e| e.pending), of(entries, |e| e.origin.reverses_seq));
    let (contras, funders) = (of(entries, Entry::contra), of(entries, |e| e.origin.funder));
    let texts =
        |value: fn(&Origin) -> &String| entries.iter().map(|(_, e)| value(&e.origin).as_str()).collect::<Vec<_>>();
    let (reasons, rules, orders) = (texts(|o| &o.reason), texts(|o| &o.rule_id), texts(|o| &o.order_id));
    let (holds, rewards, centres) = (texts(|o| &o.hold_id), texts(|o| &o.reward_id), texts(|o| &o.cost_centre));
    let (adjustments, counterparts) = (texts(|o| &o.adjustment_id), texts(|o| &o.counterpart));
    let (occurred, recorded) = (of(entries, |e| e.occurred_at), of(entries, |e| e.recorded_at));
    let activate = of(entries, |e| e.activates_at);
    let lots = FlatLots::of_changes(entries.iter().map(|(_, entry)| entry.lots.as_slice()));
    sqlx::query!(
        "insert into entry (tenant_id, user_id, point_type_id, entry_seq, kind, amount, balance_after, growth_change,
            contra, reason, rule_id, order_id, lot_expires_at, lot_origin, lot_points, shortfall, occurred_at, recorded_at,
            hold_id, reward_id, pending, activates_at, cost_centre, funder, reverses_seq, adjustment_id, counterpart)
        select $1, k.user_id, k.point_type_id, k.seq, k.kind, k.amount, k.balance, k.growth, k.contra, k.reason, k.rule_id,
            k.order_id, ($16::timestamptz[])[k.first:k.last], ($17::text[])[k.first:k.last],
            ($18::bigint[])[k.first:k.last], k.shortfall,
            k.occurred_at, k.recorded_at, k.hold_id, k.reward_id, k.pending, k.activates_at, k.cost_centre, k.funder,
            k.reverses_seq, k.adjustment_id, k.counterpart
        from unnest($2::text[], $3::text[], $4::bigint[], $5::smallint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::timestamptz[], $15::timestamptz[],
            $19::text[], $20::text[], $21::integer[], $22::integer[], $23::bigint[], $24::timestamptz[], $25::text[],
            $26::integer[], $27::bigint[], $28::text[], $29::text[])
            k(user_id, point_type_id, seq, kind, amount, balance, growth, contra, reason, rule_id, order_id, shortfall,
            occurred_at, recorded_at, hold_id, reward_id, first, last, pending, activates_at, cost_centre, funder,
            reverses_seq, adjustment_id, counterpart)",
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
        &centres as _,
        &funders,
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
    cost_centre: String,
    funder: i32,
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
                cost_centre: row.cost_centre,
                funder: row.funder,
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

/// Entries of an account with a number below `before`, newest first. Times are turned into numbers: entries are booked in
/// the order of time.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    key: &AccountKey,
    filter: &Filter,
    before: i64,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let kinds: Vec<i16> = filter.kinds.iter().map(|kind| kind.code()).collect();
    // the last that was booked before a time is the last that was by the microsecond before it
    let before_time = |at: Option<OffsetDateTime>| at.map(|at| at - Duration::MICROSECOND);
    let rows = sqlx::query_as!(
        Row,
        r#"with place as (
            select case when $7::timestamptz is null then 0 else entry_booked_by($1, $2, $3, $7, a.entry_seq) end as after,
                case when $8::timestamptz is null then a.entry_seq
                    else entry_booked_by($1, $2, $3, $8, a.entry_seq) end as last
            from account a where a.tenant_id = $1 and a.user_id = $2 and a.point_type_id = $3
        )
        select e.entry_seq, e.kind, e.amount, e.balance_after, e.growth_change, e.reason, e.rule_id, e.order_id, e.hold_id,
            e.reward_id, e.cost_centre, e.funder, e.lot_expires_at as "lot_expires_at: Vec<Option<OffsetDateTime>>",
            e.lot_origin, e.lot_points, e.pending, e.activates_at, e.shortfall, e.occurred_at, e.recorded_at,
            e.reverses_seq, e.adjustment_id, e.counterpart
        from place p
        cross join lateral (
            select n.entry_seq, n.kind, n.amount, n.balance_after, n.growth_change, n.reason, n.rule_id, n.order_id, n.hold_id,
                n.reward_id, n.cost_centre, n.funder, n.lot_expires_at, n.lot_origin, n.lot_points, n.pending,
                n.activates_at, n.shortfall, n.occurred_at, n.recorded_at, n.reverses_seq, n.adjustment_id, n.counterpart
            from entry n
            where n.tenant_id = $1 and n.user_id = $2 and n.point_type_id = $3 and n.entry_seq < $4
                and n.entry_seq > p.after and n.entry_seq <= p.last and (n.kind = any($6) or cardinality($6) = 0)
            order by n.entry_seq desc limit $5
        ) e
        order by e.entry_seq desc"#,
        tenant.as_str(),
        key.0.as_str(),
        key.1.as_str(),
        before,
        limit,
        &kinds,
        before_time(filter.from),
        before_time(filter.until)
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
            e.hold_id, e.reward_id, e.cost_centre, e.funder,
            e.lot_expires_at as "lot_expires_at: Vec<Option<OffsetDateTime>>", e.lot_origin, e.lot_points, e.pending,
            e.activates_at, e.shortfall, e.occurred_at, e.recorded_at, e.reverses_seq, e.adjustment_id, e.counterpart
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

/// What was done to accounts after a past instant, each account with its own and with the number of its last entry, in the
/// order of the accounts. Their entries are in the order of time, so that those booked by the instant are passed over
/// unread; of the others the first that took effect later is looked for, and it and all after it are added up.
pub async fn since(
    conn: &mut PgConnection,
    tenant: &TenantId,
    asked: &[(&AccountKey, OffsetDateTime, i64)],
) -> Result<Vec<Since>, StoreError> {
    let users: Vec<&str> = asked.iter().map(|((user, _), ..)| user.as_str()).collect();
    let point_types: Vec<&str> = asked.iter().map(|((_, point_type), ..)| point_type.as_str()).collect();
    let (times, last): (Vec<_>, Vec<_>) = asked.iter().map(|(_, at, last)| (*at, *last)).unzip();
    let rows = sqlx::query!(
        r#"with asked as (
            select k.n, k.u, k.p, k.at, k.last, entry_booked_by($1, k.u, k.p, k.at, k.last) as booked
            from unnest($2::text[], $3::text[], $4::timestamptz[], $5::bigint[]) with ordinality k(u, p, at, last, n)
        )
        select a.n as "n!", c.what as "what!", c.due, c.order_id as "order_id!", sum(c.points)::bigint as "points!",
            sum(c.growth)::bigint as "growth!"
        from asked a
        cross join lateral (
            select entry_seq from entry
            where tenant_id = $1 and user_id = a.u and point_type_id = a.p and entry_seq > a.booked
                and entry_seq <= a.last and entry_effective_at(kind, order_id, hold_id, occurred_at, recorded_at) > a.at
            order by entry_seq limit 1
        ) f
        cross join lateral (
            select kind, order_id, occurred_at, activates_at, amount, growth_change, pending, lot_expires_at, lot_points
            from entry
            where tenant_id = $1 and user_id = a.u and point_type_id = a.p and entry_seq >= f.entry_seq
                and entry_seq <= a.last
            offset 0 -- account by account
        ) e
        cross join lateral (
            select 1 as what, null::timestamptz as due, '' as order_id, e.amount as points, e.growth_change as growth
            union all
            select 2, l.expires_at, '', l.points, 0
            from unnest(e.lot_expires_at, e.lot_points) l(expires_at, points) where l.expires_at > a.at
            union all
            select 3, r.due, case when r.due is null then e.order_id else '' end, e.pending, 0
            from (select case when e.kind = 8 and e.order_id = '' then e.occurred_at else e.activates_at end) r(due)
            where e.pending <> 0
        ) c
        group by a.n, c.what, c.due, c.order_id"#,
        tenant.as_str(),
        &users as _,
        &point_types as _,
        &times,
        &last
    )
    .fetch_all(conn)
    .await?;
    let mut since = vec![Since::default(); asked.len()];
    for row in rows {
        let place = usize::try_from(row.n - 1).map_err(|_| rows::unreadable("n"))?;
        let of = &mut since[place];
        match (row.what, row.due) {
            (1, _) => (of.amount, of.growth) = (row.points, row.growth),
            (2, Some(date)) => of.lots.push((date, row.points)),
            (_, due) => of.pending.push((due.map_or(Release::Order(row.order_id), Release::At), row.points)),
        }
    }
    Ok(since)
}
