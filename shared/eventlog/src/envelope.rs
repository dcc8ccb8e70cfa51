use prost::Message;
use proto::events::v1::{Cause, Event, Facts};
use time::OffsetDateTime;

/// An event as the table holds it.
pub(crate) struct EventRow {
    pub(crate) partition: i16,
    pub(crate) seq: i64,
    pub(crate) recorded_at: OffsetDateTime,
    pub(crate) tenant_id: String,
    pub(crate) user_id: String,
    pub(crate) event_id: String,
    pub(crate) r#type: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) facts: Vec<u8>,
    pub(crate) root_event_id: String,
    pub(crate) cause_source: Option<String>,
    pub(crate) cause_partition: Option<i16>,
    pub(crate) cause_seq: Option<i64>,
    pub(crate) hops: i16,
    pub(crate) occurred_at: OffsetDateTime,
    pub(crate) traceparent: String,
    pub(crate) must_understand: bool,
    pub(crate) mode: i16,
    pub(crate) site: String,
    pub(crate) sandbox_at: Option<OffsetDateTime>,
}

impl EventRow {
    /// The event as it travels. The epoch is the log's.
    pub(crate) fn into_event(self, epoch: i64) -> Event {
        let cause = match (self.cause_source, self.cause_partition, self.cause_seq) {
            (Some(source), Some(partition), Some(seq)) => Some(Cause { source, partition: partition.into(), seq }),
            _ => None,
        };
        // written by ourselves, so it decodes; facts that did not would be missing, never wrong
        let facts = Facts::decode(self.facts.as_slice()).unwrap_or_default();
        Event {
            partition: self.partition.into(),
            seq: self.seq,
            epoch,
            tenant_id: self.tenant_id,
            user_id: self.user_id,
            event_id: self.event_id,
            r#type: self.r#type,
            payload: self.payload,
            facts: Some(facts),
            root_event_id: self.root_event_id,
            cause,
            hops: self.hops.into(),
            occurred_at: Some(units::time::to_proto(self.occurred_at)),
            recorded_at: Some(units::time::to_proto(self.sandbox_at.unwrap_or(self.recorded_at))),
            traceparent: self.traceparent,
            must_understand: self.must_understand,
            mode: self.mode.into(),
            site: self.site,
        }
    }
}
