use ids::{Partition, TenantId};
use pg::{StoreError, Tx};
use time::OffsetDateTime;

use crate::envelope::EventRow;

/// Where a partition ends.
pub(crate) struct HeadRow {
    pub(crate) partition: Partition,
    pub(crate) seq: i64,
    /// Absent where no event is left.
    pub(crate) recorded_at: Option<OffsetDateTime>,
    pub(crate) floor: i64,
    pub(crate) epoch: i64,
}

struct HeadRecord {
    seq: i64,
    recorded_at: Option<OffsetDateTime>,
    floor: i64,
    epoch: i64,
}

/// What to read of one partition: events after `after` up to `until`, none older than `since`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) partition: Partition,
    pub(crate) after: i64,
    pub(crate) until: i64,
    pub(crate) since: OffsetDateTime,
}

/// Which events of the windows are wanted.
pub(crate) struct Filter<'a> {
    pub(crate) tenant: Option<&'a TenantId>,
    /// Empty: all. Events that must be understood pass always.
    pub(crate) types: &'a [String],
    /// A window is cut after so many bytes; its first event passes whatever its size.
    pub(crate) window_bytes_max: i64,
}

/// A row of a window.
pub(crate) struct Found {
    pub(crate) partition: Partition,
    pub(crate) seq: i64,
    pub(crate) recorded_at: OffsetDateTime,
    /// What it and the rows before it weigh, in bytes.
    pub(crate) weight_to_here: i64,
    /// Absent where the filter holds it back.
    pub(crate) event: Option<EventRow>,
}

struct WindowRow {
    partition: i16,
    seq: i64,
    recorded_at: OffsetDateTime,
    wanted: bool,
    weight_to_here: i64,
    tenant_id: String,
    user_id: String,
    event_id: String,
    r#type: String,
    payload: Vec<u8>,
    facts: Vec<u8>,
    root_event_id: String,
    cause_source: Option<String>,
    cause_partition: Option<i16>,
    cause_seq: Option<i64>,
    hops: i16,
    occurred_at: OffsetDateTime,
    traceparent: String,
    must_understand: bool,
    mode: i16,
    site: String,
    sandbox_at: Option<OffsetDateTime>,
}

impl From<WindowRow> for Found {
    fn from(row: WindowRow) -> Self {
        let event = EventRow {
            partition: row.partition,
            seq: row.seq,
            recorded_at: row.recorded_at,
            tenant_id: row.tenant_id,
            user_id: row.user_id,
            event_id: row.event_id,
            r#type: row.r#type,
            payload: row.payload,
            facts: row.facts,
            root_event_id: row.root_event_id,
            cause_source: row.cause_source,
            cause_partition: row.cause_partition,
            cause_seq: row.cause_seq,
            hops: row.hops,
            occurred_at: row.occurred_at,
            traceparent: row.traceparent,
            must_understand: row.must_understand,
            mode: row.mode,
            site: row.site,
            sandbox_at: row.sandbox_at,
        };
        Self {
            partition: Partition::new(row.partition.into()).expect("one of those asked for"),
            seq: row.seq,
            recorded_at: row.recorded_at,
            weight_to_here: row.weight_to_here,
            event: row.wanted.then_some(event),
        }
    }
}

/// The heads of partitions, each with a time that its last event is not older than.
pub(crate) async fn heads(tx: &mut Tx, places: &[(Partition, OffsetDateTime)]) -> Result<Vec<HeadRow>, StoreError> {
    let partitions: Vec<i16> = places.iter().map(|(partition, _)| partition.index().into()).collect();
    let since: Vec<OffsetDateTime> = places.iter().map(|(_, since)| *since).collect();
    let rows = sqlx::query_as!(
        HeadRecord,
        r#"select h.seq as "seq!", h.recorded_at as "recorded_at?", coalesce(f.floor, 0) as "floor!", e.epoch as "epoch!"
           from log_heads($1, $2) with ordinality h(partition, seq, recorded_at, ord)
           cross join log_epoch e
           left join event_floor f on f.partition = h.partition
           order by h.ord"#,
        &partitions,
        &since,
    )
    .fetch_all(&mut **tx)
    .await?;
    let head = |(place, row): (&(Partition, OffsetDateTime), _)| {
        let HeadRecord { seq, recorded_at, floor, epoch } = row;
        HeadRow { partition: place.0, seq, recorded_at, floor, epoch }
    };
    Ok(places.iter().zip(rows).map(head).collect())
}

/// The rows of windows, by window and `seq`. Rows that the filter holds back come without their content, so that the
/// reader sees that none is missing.
pub(crate) async fn windows(tx: &mut Tx, windows: &[Window], filter: &Filter<'_>) -> Result<Vec<Found>, StoreError> {
    let partitions: Vec<i16> = windows.iter().map(|window| window.partition.index().into()).collect();
    let after: Vec<i64> = windows.iter().map(|window| window.after).collect();
    let until: Vec<i64> = windows.iter().map(|window| window.until).collect();
    let since: Vec<OffsetDateTime> = windows.iter().map(|window| window.since).collect();
    let rows = sqlx::query_as!(
        WindowRow,
        r#"select c.partition as "partition!", e.seq, e.recorded_at, e.wanted as "wanted!",
               e.weight_to_here as "weight_to_here!", e.tenant_id, e.user_id, e.event_id, e.type,
               e.payload as "payload!", e.facts as "facts!", e.root_event_id, e.cause_source, e.cause_partition,
               e.cause_seq, e.hops, e.occurred_at, e.traceparent, e.must_understand, e.mode, e.site,
               e.sandbox_at
           from unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::timestamptz[])
               with ordinality c(partition, after, until, since, ord)
           cross join lateral (
               select e.seq, e.recorded_at, f.wanted, w.weight,
                   sum(w.weight) over (order by e.seq)::bigint as weight_to_here,
                   case when f.wanted then e.payload else '' end as payload,
                   case when f.wanted then e.facts else '' end as facts,
                   e.tenant_id, e.user_id, e.event_id, e.type, e.root_event_id, e.cause_source, e.cause_partition,
                   e.cause_seq, e.hops, e.occurred_at, e.traceparent, e.must_understand, e.mode, e.site,
                   e.sandbox_at
               from event e
               cross join lateral (
                   select cardinality($5::text[]) = 0 or e.type = any($5) or e.must_understand as wanted
               ) f
               cross join lateral (
                   select case when f.wanted then 300 + octet_length(e.payload) + octet_length(e.facts) else 0 end
                       as weight
               ) w
               where e.partition = c.partition and e.seq > c.after and e.seq <= c.until
                   and e.recorded_at >= c.since and e.recorded_at >= $8 and ($6::text is null or e.tenant_id = $6)
           ) e
           where e.weight_to_here - e.weight < $7
           order by c.ord, e.seq"#,
        &partitions,
        &after,
        &until,
        &since,
        filter.types,
        filter.tenant.map(TenantId::as_str),
        filter.window_bytes_max,
        // says nothing that the windows do not, but is known before the tables of the days are opened
        since.iter().min().copied().unwrap_or(OffsetDateTime::UNIX_EPOCH),
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Found::from).collect())
}
