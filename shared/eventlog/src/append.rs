use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ids::{Partition, TenantId};
use pg::{StoreError, Tx};
use prost::Message;
use proto::common::v1 as pb;

use crate::{Draft, Log};

/// A place in this service's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The service that owns the log.
    pub source: &'static str,
    /// The partition.
    pub partition: Partition,
    /// The event's number in it.
    pub seq: i64,
}

impl From<Position> for pb::Position {
    fn from(position: Position) -> Self {
        Self { source: position.source.to_owned(), partition: i32::from(position.partition.index()), seq: position.seq }
    }
}

impl Log {
    /// Appends events of one tenant, in one statement however many they are, and answers their positions in the same
    /// order. It is the **last** step before the commit: from here on, others who append to the same partitions wait.
    pub async fn append(&self, tx: &mut Tx, tenant: &TenantId, drafts: &[Draft]) -> Result<Vec<Position>, StoreError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let partitions: Vec<Partition> = drafts.iter().map(|draft| Partition::of(tenant, &draft.user)).collect();
        let mut taken = insert(tx, tenant, &partitions, drafts).await?;
        let next = |partition: &Partition| {
            let seq = taken.get_mut(partition).and_then(VecDeque::pop_front);
            let seq = seq.expect("the statement answers one number for every draft");
            Position { source: self.source(), partition: *partition, seq }
        };
        Ok(partitions.iter().map(next).collect())
    }

    /// Where a user's partition ends: all that was done for the user before is told up to there.
    pub async fn end_of(&self, tx: &mut Tx, tenant: &TenantId, user: &str) -> Result<Position, StoreError> {
        let partition = Partition::of(tenant, user);
        let ends = self.ends(tx, &BTreeSet::from([partition])).await?;
        Ok(Position { source: self.source(), partition, seq: ends.get(&partition).copied().unwrap_or(0) })
    }

    /// The newest numbers of partitions.
    pub async fn ends(
        &self,
        tx: &mut Tx,
        partitions: &BTreeSet<Partition>,
    ) -> Result<BTreeMap<Partition, i64>, StoreError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let wanted: Vec<i16> = partitions.iter().map(|partition| partition.index().into()).collect();
        let rows = sqlx::query!(
            r#"select partition as "partition!", seq as "seq!"
            from log_heads($1, array_fill('-infinity'::timestamptz, array[cardinality($1::smallint[])]))"#,
            &wanted
        );
        let rows = rows.fetch_all(&mut **tx).await?.into_iter();
        Ok(rows.filter_map(|row| Some((Partition::new(row.partition.into())?, row.seq))).collect())
    }
}

impl Log {
    /// Appends events of several tenants. Each needs a statement of its own, as its tenant, so the partitions of all are
    /// taken before the first, in their one order.
    pub(crate) async fn append_all(
        &self,
        tx: &mut Tx,
        told: &[(&TenantId, Vec<Draft>)],
    ) -> Result<Vec<Position>, StoreError> {
        let told: Vec<_> = told.iter().filter(|(_, drafts)| !drafts.is_empty()).collect();
        if told.len() > 1 {
            let of = |(tenant, drafts): &&(&TenantId, Vec<Draft>)| {
                drafts.iter().map(|draft| Partition::of(tenant, &draft.user)).collect::<Vec<_>>()
            };
            take(tx, told.iter().flat_map(of).collect()).await?;
        }
        let mut positions = Vec::new();
        for (tenant, drafts) in told {
            tx.enter(tenant).await?;
            positions.extend(self.append(tx, tenant, drafts).await?);
        }
        Ok(positions)
    }
}

/// Locks partitions until the end of the transaction, which may then append to them in any order.
async fn take(tx: &mut Tx, partitions: BTreeSet<Partition>) -> Result<(), StoreError> {
    let wanted: Vec<i16> = partitions.into_iter().map(|partition| partition.index().into()).collect();
    sqlx::query!("select partition from log_take($1)", &wanted).fetch_all(&mut **tx).await?;
    Ok(())
}

/// The numbers that each partition gave, in order; its drafts took them in order.
async fn insert(
    tx: &mut Tx,
    tenant: &TenantId,
    partitions: &[Partition],
    drafts: &[Draft],
) -> Result<BTreeMap<Partition, VecDeque<i64>>, StoreError> {
    let small = |partition: &Partition| i16::from(partition.index());
    let wanted: Vec<i16> = partitions.iter().collect::<BTreeSet<_>>().into_iter().map(small).collect();
    let partitions: Vec<i16> = partitions.iter().map(small).collect();
    let users: Vec<&str> = drafts.iter().map(|d| d.user.as_str()).collect();
    let ids: Vec<&str> = drafts.iter().map(|d| d.event_id.as_str()).collect();
    let kinds: Vec<&str> = drafts.iter().map(|d| d.kind).collect();
    let payloads: Vec<&[u8]> = drafts.iter().map(|d| d.payload.as_slice()).collect();
    let facts: Vec<Vec<u8>> = drafts.iter().map(|d| d.facts.encode_to_vec()).collect();
    let roots: Vec<&str> = drafts.iter().map(Draft::root_event_id).collect();
    let causes = || drafts.iter().map(|d| d.cause.as_ref().map(|link| &link.cause));
    let cause_sources: Vec<Option<&str>> = causes().map(|cause| Some(cause?.source.as_str())).collect();
    let cause_partitions: Vec<Option<i16>> = causes().map(|cause| i16::try_from(cause?.partition).ok()).collect();
    let cause_seqs: Vec<Option<i64>> = causes().map(|cause| Some(cause?.seq)).collect();
    let hops: Vec<i16> = drafts.iter().map(|d| i16::try_from(d.hops()).unwrap_or(i16::MAX)).collect();
    let occurred: Vec<_> = drafts.iter().map(|d| d.occurred_at).collect();
    let traceparents: Vec<&str> = drafts.iter().map(|d| d.traceparent.as_str()).collect();
    let musts: Vec<bool> = drafts.iter().map(|d| d.must_understand).collect();
    let modes: Vec<i16> = drafts.iter().map(|d| d.mode as i16).collect();
    let sites: Vec<&str> = drafts.iter().map(|d| d.site.as_str()).collect();
    let rows = sqlx::query!(
        r#"with head as materialized (select partition, seq, recorded_at from log_take($1)),
        draft as (
            select partition, row_number() over (partition by partition order by ord) as nth, user_id, event_id, type,
                payload, facts, root_event_id, cause_source, cause_partition, cause_seq, hops, occurred_at, traceparent,
                must_understand, mode, site
            from unnest($3::smallint[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::text[],
                $10::text[], $11::smallint[], $12::bigint[], $13::smallint[], $14::timestamptz[], $15::text[],
                $16::boolean[], $17::smallint[], $18::text[])
            with ordinality as d(partition, user_id, event_id, type, payload, facts, root_event_id, cause_source,
                cause_partition, cause_seq, hops, occurred_at, traceparent, must_understand, mode, site, ord)
        )
        insert into event (partition, seq, recorded_at, tenant_id, user_id, event_id, type, payload, facts,
            root_event_id, cause_source, cause_partition, cause_seq, hops, occurred_at, traceparent, must_understand,
            mode, site, sandbox_at)
        select d.partition, h.seq + d.nth, h.recorded_at, $2, d.user_id, d.event_id, d.type, d.payload, d.facts,
            d.root_event_id, d.cause_source, d.cause_partition, d.cause_seq, d.hops, d.occurred_at, d.traceparent,
            d.must_understand, d.mode, d.site, (select t.sandbox_at from tenant_state t where t.tenant_id = $2)
        from draft d join head h on h.partition = d.partition
        returning partition, seq"#,
        &wanted,
        tenant.as_str(),
        &partitions,
        &users as _,
        &ids as _,
        &kinds as _,
        &payloads as _,
        &facts,
        &roots as _,
        &cause_sources as _,
        &cause_partitions as _,
        &cause_seqs as _,
        &hops,
        &occurred,
        &traceparents as _,
        &musts,
        &modes,
        &sites as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut taken: BTreeMap<Partition, VecDeque<i64>> = BTreeMap::new();
    for row in rows {
        let partition = Partition::new(row.partition.into()).expect("the table checks the range");
        taken.entry(partition).or_default().push_back(row.seq);
    }
    taken.values_mut().for_each(|seqs| seqs.make_contiguous().sort_unstable());
    Ok(taken)
}
