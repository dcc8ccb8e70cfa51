//! The other services: here as moving a sandbox's clock needs them, in `member` as a member page does.

pub(crate) mod member;

use std::collections::HashMap;
use std::time::Duration;

use futures::future::try_join_all;
use host::Peers;
use ids::TenantId;
use proto::admin::v1::timer_service_client::TimerServiceClient;
use proto::admin::v1::{GetNextTimerRequest, GetNextTimerResponse, RunTimersRequest};
use proto::common::v1::ErrorReason;
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::events::v1::{Cursor, GetProgressRequest, GetProgressResponse};
use rt::{Channel, repeatable};
use time::OffsetDateTime;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::error::ProfilesError;

/// Pauses between two looks for quiet: the first, which doubles each time, and the longest.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(40));

/// How a wait for quiet ended.
pub(crate) enum Settled {
    /// The time was over first.
    Late,
    /// All is quiet and nothing is due before this time; `None`: nothing is planned.
    Until(Option<OffsetDateTime>),
}

/// One call's dealings with every service of the suite.
pub(crate) struct Round<'a> {
    peers: &'a Peers,
    tenant: &'a TenantId,
    until: Instant,
}

impl<'a> Round<'a> {
    /// About a tenant, until a time.
    pub(crate) fn new(peers: &'a Peers, tenant: &'a TenantId, until: Instant) -> Self {
        Self { peers, tenant, until }
    }

    /// Whether its time is over.
    pub(crate) fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Waits for quiet, has the services do what is due by the tenant's clock, and again, until nothing is due and all is
    /// quiet.
    pub(crate) async fn settle(&self, clock: OffsetDateTime) -> Result<Settled, ProfilesError> {
        let names = self.peers.names();
        loop {
            let Some(dues) = self.quiet(&names).await? else { return Ok(Settled::Late) };
            let due = names.iter().zip(&dues).filter(|(_, due)| due.is_some_and(|due| due <= clock));
            let done: i64 = try_join_all(due.map(|(service, _)| self.run(service))).await?.into_iter().sum();
            if done == 0 {
                // what is due still waits for somebody else
                return Ok(Settled::Until(dues.into_iter().flatten().filter(|due| *due > clock).min()));
            }
        }
    }

    /// Waits until every consumer has come to the head of its source; answers when each service has something to do for
    /// the tenant next, or `None` where the time was over first.
    async fn quiet(&self, names: &[String]) -> Result<Option<Vec<Option<OffsetDateTime>>>, ProfilesError> {
        let mut pause = LOOK_AGAIN.0;
        while !self.is_late() {
            if let Some(dues) = self.look(names).await? {
                return Ok(Some(dues));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_AGAIN.1);
        }
        Ok(None)
    }

    /// When each service has something to do next, if every consumer has come to the head of its source. Consumers are
    /// asked before heads, so that an event which one of them led to in between counts, and a service reads its head
    /// after its next timer, so that none was planned behind our back.
    async fn look(&self, names: &[String]) -> Result<Option<Vec<Option<OffsetDateTime>>>, ProfilesError> {
        let progress = try_join_all(names.iter().map(|service| self.progress(service))).await?;
        for consumer in progress.iter().flat_map(|progress| &progress.consumers) {
            if !consumer.stopped.is_empty() {
                return Err(peer(stopped(&consumer.consumer, &consumer.source)));
            }
        }
        if is_behind(names, &progress, progress.iter().map(|progress| &progress.heads)) {
            return Ok(None);
        }
        let next = try_join_all(names.iter().map(|service| self.next_timer(service))).await?;
        if is_behind(names, &progress, next.iter().map(|next| &next.heads)) {
            return Ok(None);
        }
        let due = |next: &GetNextTimerResponse| next.due_at.as_ref().and_then(|at| units::time::from_proto(at).ok());
        Ok(Some(next.iter().map(due).collect()))
    }

    async fn next_timer(&self, service: &str) -> Result<GetNextTimerResponse, ProfilesError> {
        let request = GetNextTimerRequest { service: service.to_owned(), tenant_id: self.tenant.to_string() };
        let mut timers = TimerServiceClient::new(self.channel(service)?);
        Ok(timers.get_next_timer(repeatable(request)).await.map_err(peer)?.into_inner())
    }

    /// Has a service do a part of what is due; answers how much it did.
    async fn run(&self, service: &str) -> Result<i64, ProfilesError> {
        let request = RunTimersRequest { service: service.to_owned(), tenant_id: self.tenant.to_string() };
        let mut timers = TimerServiceClient::new(self.channel(service)?);
        Ok(timers.run_timers(repeatable(request)).await.map_err(peer)?.into_inner().done)
    }

    async fn progress(&self, service: &str) -> Result<GetProgressResponse, ProfilesError> {
        let mut logs = EventLogServiceClient::new(self.channel(service)?);
        let request = repeatable(GetProgressRequest { service: service.to_owned() });
        Ok(logs.get_progress(request).await.map_err(peer)?.into_inner())
    }

    fn channel(&self, service: &str) -> Result<Channel, ProfilesError> {
        self.peers.channel(service).map_err(peer)
    }
}

/// Whether any consumer has not come to the head of its source.
fn is_behind<'h>(
    names: &[String],
    consumers: &[GetProgressResponse],
    heads: impl Iterator<Item = &'h Vec<Cursor>> + Clone,
) -> bool {
    consumers.iter().flat_map(|progress| &progress.consumers).any(|consumer| {
        let come: HashMap<i32, i64> = consumer.cursors.iter().map(|at| (at.partition, at.after_seq)).collect();
        let source = names.iter().zip(heads.clone()).filter(|(service, _)| **service == consumer.source);
        let mut heads = source.flat_map(|(_, heads)| heads);
        heads.any(|head| head.after_seq > come.get(&head.partition).copied().unwrap_or(0))
    })
}

fn peer(status: Status) -> ProfilesError {
    ProfilesError::Peer(Box::new(status))
}

fn stopped(consumer: &str, source: &str) -> Status {
    let message = format!("the consumer {consumer} of {source} has stopped: see ConsumerService.ListConsumers");
    status::refuse(Code::Unavailable, ErrorReason::PositionNotReached, message)
        .with("consumer", consumer)
        .with("source", source)
        .into()
}
