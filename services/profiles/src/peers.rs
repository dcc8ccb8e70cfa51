//! The other services: here as moving a sandbox's clock needs them, in `member` as a member page does.

pub(crate) mod member;

use std::collections::HashMap;
use std::time::Duration;

use futures::future::try_join_all;
use host::Peers;
use ids::TenantId;
use proto::admin::v1::timer_service_client::TimerServiceClient;
use proto::admin::v1::{GetNextTimerRequest, RunTimersRequest};
use proto::common::v1::ErrorReason;
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::events::v1::{GetProgressRequest, GetProgressResponse};
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
            if !self.quiet(&names).await? {
                return Ok(Settled::Late);
            }
            let dues = try_join_all(names.iter().map(|service| self.next_due(service))).await?;
            let due = names.iter().zip(&dues).filter(|(_, due)| due.is_some_and(|due| due <= clock));
            let done: i64 = try_join_all(due.map(|(service, _)| self.run(service))).await?.into_iter().sum();
            if done == 0 {
                // what is due still waits for somebody else
                return Ok(Settled::Until(dues.into_iter().flatten().filter(|due| *due > clock).min()));
            }
        }
    }

    /// When a service has something to do for the tenant next.
    async fn next_due(&self, service: &str) -> Result<Option<OffsetDateTime>, ProfilesError> {
        let request = GetNextTimerRequest { service: service.to_owned(), tenant_id: self.tenant.to_string() };
        let mut timers = TimerServiceClient::new(self.channel(service)?);
        let answer = timers.get_next_timer(repeatable(request)).await.map_err(peer)?.into_inner();
        Ok(answer.due_at.as_ref().and_then(|at| units::time::from_proto(at).ok()))
    }

    /// Has a service do a part of what is due; answers how much it did.
    async fn run(&self, service: &str) -> Result<i64, ProfilesError> {
        let request = RunTimersRequest { service: service.to_owned(), tenant_id: self.tenant.to_string() };
        let mut timers = TimerServiceClient::new(self.channel(service)?);
        Ok(timers.run_timers(repeatable(request)).await.map_err(peer)?.into_inner().done)
    }

    /// Waits until every consumer has come to the head of its source; false where the time was over first.
    async fn quiet(&self, names: &[String]) -> Result<bool, ProfilesError> {
        let mut pause = LOOK_AGAIN.0;
        while !self.is_late() {
            if self.is_quiet(names).await? {
                return Ok(true);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_AGAIN.1);
        }
        Ok(false)
    }

    /// Whether every consumer has come to the head of its source. Consumers are asked before heads, so that an event which
    /// one of them led to in between counts; where they are behind what is known already, heads are not asked again.
    async fn is_quiet(&self, names: &[String]) -> Result<bool, ProfilesError> {
        let before = try_join_all(names.iter().map(|service| self.progress(service))).await?;
        for consumer in before.iter().flat_map(|progress| &progress.consumers) {
            if !consumer.stopped.is_empty() {
                return Err(peer(stopped(&consumer.consumer, &consumer.source)));
            }
        }
        if is_behind(names, &before, &before) {
            return Ok(false);
        }
        let after = try_join_all(names.iter().map(|service| self.progress(service))).await?;
        Ok(!is_behind(names, &before, &after))
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
fn is_behind(names: &[String], consumers: &[GetProgressResponse], heads: &[GetProgressResponse]) -> bool {
    consumers.iter().flat_map(|progress| &progress.consumers).any(|consumer| {
        let come: HashMap<i32, i64> = consumer.cursors.iter().map(|at| (at.partition, at.after_seq)).collect();
        let source = names.iter().zip(heads).filter(|(service, _)| **service == consumer.source);
        let mut heads = source.flat_map(|(_, progress)| &progress.heads);
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
