use std::sync::Arc;

use ids::{Partition, TenantId};
use page::Tokens;
use pg::StoreError;
use prost::Message;
use proto::admin::v1::consumer_service_server::ConsumerService;
use proto::admin::v1::{
    Consumer, DeadLetter, DiscardDeadLetterRequest, DiscardDeadLetterResponse, ListConsumersRequest,
    ListConsumersResponse, ListDeadLettersRequest, ListDeadLettersResponse, ReplayDeadLettersRequest,
    ReplayDeadLettersResponse,
};
use proto::common::v1::ErrorReason;
use proto::events::v1::Event;
use tonic::{Code, Request, Response, Status};

use super::{convert, find};
use crate::{Log, dead_letters};

const LIST: &str = "ConsumerService/ListDeadLetters";

/// `ConsumerService` over the consumers of a process.
pub struct Consumers {
    logs: Vec<Arc<Log>>,
    tokens: Tokens,
}

impl Consumers {
    /// Serves the consumers of these logs' services; lists continue by tokens of `tokens`.
    pub fn new(logs: Vec<Arc<Log>>, tokens: Tokens) -> Self {
        Self { logs, tokens }
    }

    fn open(&self, request: &ListDeadLettersRequest) -> Result<dead_letters::Place, Status> {
        if request.page_token.is_empty() {
            return Ok(dead_letters::Place::default());
        }
        let key = self.tokens.open(LIST, args_of(request), &request.page_token);
        key.ok().and_then(|key| dead_letters::Place::from_key(&key)).ok_or_else(|| {
            let message = "the page token does not continue this list";
            status::refuse(Code::InvalidArgument, ErrorReason::PageTokenInvalid, message).into()
        })
    }
}

/// A list over all tenants is bound to its other arguments alone.
fn args_of(request: &ListDeadLettersRequest) -> [u8; 16] {
    let everyone = TenantId::new("0").expect("a digit is a tenant id");
    page::args_hash(&everyone, [request.service.as_bytes(), request.consumer.as_bytes()])
}

#[tonic::async_trait]
impl ConsumerService for Consumers {
    async fn list_consumers(
        &self,
        request: Request<ListConsumersRequest>,
    ) -> Result<Response<ListConsumersResponse>, Status> {
        let service = request.into_inner().service;
        let log = find(&self.logs, &service)?;
        let standings = log.all_standings().await.map_err(status::from_store)?;
        let consumer = |((consumer, source), standing): (_, crate::progress::Standing)| Consumer {
            service: service.clone(),
            consumer,
            source,
            lag: standing.lag(),
            dead_letters: standing.dead_letters,
            stopped: standing.stopped,
        };
        Ok(Response::new(ListConsumersResponse { consumers: standings.into_iter().map(consumer).collect() }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        let request = request.into_inner();
        let log = find(&self.logs, &request.service)?;
        let after = self.open(&request)?;
        let size = page::size(request.page_size, 50, 200);
        let mut rows = log.dead_letters(&request.consumer, &after, size + 1).await.map_err(status::from_store)?;
        let more = rows.len() as i64 > size;
        rows.truncate(usize::try_from(size).unwrap_or_default());
        let next = rows.last().filter(|_| more).map(|last| self.tokens.seal(LIST, args_of(&request), &last.key()));
        let letter = |row: dead_letters::Row| DeadLetter {
            event: Event::decode(row.event.as_slice()).ok(),
            reason: row.reason,
            parked_at: Some(units::time::to_proto(row.parked_at)),
            attempts: row.attempts,
        };
        Ok(Response::new(ListDeadLettersResponse {
            dead_letters: rows.into_iter().map(letter).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<ReplayDeadLettersRequest>,
    ) -> Result<Response<ReplayDeadLettersResponse>, Status> {
        let request = request.into_inner();
        let log = find(&self.logs, &request.service)?.clone();
        let tenant =
            TenantId::new(request.tenant_id).map_err(|error| convert::field("tenant_id", &error.to_string()))?;
        let replay = replay(log, request.consumer, tenant, request.user_id);
        Ok(Response::new(replay.await?))
    }

    async fn discard_dead_letter(
        &self,
        request: Request<DiscardDeadLetterRequest>,
    ) -> Result<Response<DiscardDeadLetterResponse>, Status> {
        let request = request.into_inner();
        let log = find(&self.logs, &request.service)?;
        let partition = Partition::new(request.partition.into());
        let partition = partition.ok_or_else(|| convert::field("partition", "must be 0 to 31"))?;
        let discard = log.discard(&request.consumer, &request.source, partition, request.seq);
        discard.await.map_err(status::from_store)?;
        Ok(Response::new(DiscardDeadLetterResponse {}))
    }
}

/// Over every source that the consumer reads.
async fn replay(
    log: Arc<Log>,
    consumer: String,
    tenant: TenantId,
    user: String,
) -> Result<ReplayDeadLettersResponse, Status> {
    let hosted: Vec<_> = log.hosted().into_iter().filter(|hosted| hosted.name() == consumer).collect();
    if hosted.is_empty() {
        return Err(convert::field("consumer", "must be a consumer of the service that runs in this process"));
    }
    let mut done = ReplayDeadLettersResponse::default();
    for consumer in hosted {
        let one = pg::retrying("replay_dead_letters", || consumer.replay(&tenant, &user)).await;
        let one = one.map_err(|error: StoreError| status::from_store(error))?;
        done.applied += one.applied;
        done.remaining += one.remaining;
        if done.reason.is_empty() {
            done.reason = one.reason;
        }
    }
    Ok(done)
}
