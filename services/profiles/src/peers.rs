//! The other services: here as moving a sandbox's clock needs them, in `member` as a member page does.

pub(crate) mod member;

use std::collections::HashMap;
use std::time::Duration;

use host::Peers;
use ids::TenantId;
use proto::admin::v1::timer_service_client::TimerServiceClient;
use proto::admin::v1::{GetNextTimerRequest, RunTimersRequest};
use proto::common::v1::ErrorReason;
use proto::events::v1::GetProgressRequest;
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use rt::{Channel, repeatable};
use time::OffsetDateTime;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::error::ProfilesError;

/// How often quiet is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);

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

    /// The next time at which any service has something to do for the tenant.
    pub(crate) async fn next_due(&self) -> Result<Option<OffsetDateTime>, ProfilesError> {
        let mut next: Option<OffsetDateTime> = None;
        for service in self.peers.names() {
            let request = GetNextTimerRequest { service: service.clone(), tenant_id: self.tenant.to_string() };
            let mut timers = TimerServiceClient::new(self.channel(&service)?);
            let answer = timers.get_next_timer(repeatable(request)).await.map_err(peer)?.into_inner();
            let due = answer.due_at.as_ref().and_then(|at| units::time::from_proto(at).ok());
            next = match (next, due) {
                (Some(next), Some(due)) => Some(next.min(due)),
                (next, due) => next.or(due),
            };
        }
        Ok(next)
    }

    /// Waits for quiet, has every service do what is due, and again, until nothing is due and all is quiet. Answers false
    /// where the time was over first.
    pub(crate) async fn settle(&self) -> Result<bool, ProfilesError> {
        loop {
            if !self.quiet().await? {
                return Ok(false);
            }
            let mut done = 0;
            for service in self.peers.names() {
                let request = RunTimersRequest { service: service.clone(), tenant_id: self.tenant.to_string() };
                let mut timers = TimerServiceClient::new(self.channel(&service)?);
                done += timers.run_timers(repeatable(request)).await.map_err(peer)?.into_inner().done;
            }
            if done == 0 {
                return Ok(true);
            }
        }
    }

    /// Waits until every consumer has come to the head of its source; false where the time was over first.
    async fn quiet(&self) -> Result<bool, ProfilesError> {
        while !self.is_late() {
            if self.lag().await? == 0 {
                return Ok(true);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(false)
    }

    /// Events that some consumer has not come to. Consumers are asked before heads, so that an event which one of them
    /// led to in between counts.
    async fn lag(&self) -> Result<i64, ProfilesError> {
        let mut consumers = Vec::new();
        let mut heads = HashMap::new();
        for pass in [0, 1] {
            for service in self.peers.names() {
                let mut logs = EventLogServiceClient::new(self.channel(&service)?);
                let request = repeatable(GetProgressRequest { service: service.clone() });
                let progress = logs.get_progress(request).await.map_err(peer)?.into_inner();
                if pass == 0 {
                    consumers.extend(progress.consumers);
                }
                heads
                    .extend(progress.heads.into_iter().map(|head| ((service.clone(), head.partition), head.after_seq)));
            }
        }
        let mut lag = 0;
        for consumer in consumers {
            if !consumer.stopped.is_empty() {
                return Err(peer(stopped(&consumer.consumer, &consumer.source)));
            }
            let come: HashMap<i32, i64> = consumer.cursors.iter().map(|at| (at.partition, at.after_seq)).collect();
            let of_source = heads.iter().filter(|((source, _), _)| *source == consumer.source);
            lag += of_source
                .map(|((_, partition), head)| (head - come.get(partition).copied().unwrap_or(0)).max(0))
                .sum::<i64>();
        }
        Ok(lag)
    }

    fn channel(&self, service: &str) -> Result<Channel, ProfilesError> {
        self.peers.channel(service).map_err(peer)
    }
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
