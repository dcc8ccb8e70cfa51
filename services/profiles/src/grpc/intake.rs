use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt, unfold};
use ids::TenantId;
use proto::common::v1::Position;
use proto::events::v1::EventMode;
use proto::profiles::v1::event_service_server::EventService;
use proto::profiles::v1::{
    EventOutcome, RecordEventRequest, RecordEventResponse, RecordEventsRequest, RecordEventsResponse,
    StreamEventsRequest, StreamEventsResponse, UserEvent,
};
use status::{Violations, to_rpc};
use tonic::{Request, Response, Status, Streaming};

use super::{Api, convert};
use crate::Profiles;
use crate::commands::{NotTaken, Taken};
use crate::domain::event::Mode;

#[tonic::async_trait]
impl EventService for Api {
    async fn record_event(
        &self,
        request: Request<RecordEventRequest>,
    ) -> Result<Response<RecordEventResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner().event.unwrap_or_default();
        let event = convert::event(&sent, Mode::Live).map_err(of_event)?;
        let (intake, user) = (self.intake.clone(), event.user_id.clone());
        let outcome = rt::write(async move { intake.call(&tenant, user.as_str(), event).await }).await?;
        let taken = outcome.map_err(|why| not_taken(&sent, why))?;
        let response = Response::new(RecordEventResponse { position: Some(taken.position.into()) });
        Ok(if taken.replayed { rt::replayed(response) } else { response })
    }

    async fn record_events(
        &self,
        request: Request<RecordEventsRequest>,
    ) -> Result<Response<RecordEventsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let RecordEventsRequest { mode, events } = request.into_inner();
        let outcomes = batch(&self.profiles, &tenant, mode, events).await?;
        Ok(Response::new(RecordEventsResponse { outcomes }))
    }

    type StreamEventsStream = BoxStream<'static, Result<StreamEventsResponse, Status>>;

    /// One message is worked on at a time, so that the events of a user stay in order; what the client sends ahead waits
    /// in the connection's window. An error ends the stream: what was not answered can be sent again.
    async fn stream_events(
        &self,
        request: Request<Streaming<StreamEventsRequest>>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let tenant = authn::tenant(&request)?;
        let begin = Some((Arc::clone(&self.profiles), tenant, request.into_inner()));
        let answers = unfold(begin, |state| async move {
            let (profiles, tenant, mut messages) = state?;
            let message = match messages.message().await {
                Ok(message) => message?,
                Err(status) => return Some((Err(status), None)),
            };
            match batch(&profiles, &tenant, message.mode, message.events).await {
                Ok(outcomes) => Some((Ok(StreamEventsResponse { outcomes }), Some((profiles, tenant, messages)))),
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(answers.boxed()))
    }
}

/// Records a batch on a task of its own and wraps the outcomes.
async fn batch(
    profiles: &Arc<Profiles>,
    tenant: &TenantId,
    mode: i32,
    events: Vec<UserEvent>,
) -> Result<Vec<EventOutcome>, Status> {
    let mode = Mode::from_number(mode).ok_or_else(|| {
        let mut violations = Violations::new();
        violations.add("mode", format!("must not be {}", EventMode::Unspecified.as_str_name()));
        Status::from(violations)
    })?;
    let ids: Vec<String> = events.iter().map(|event| event.event_id.clone()).collect();
    let (profiles, tenant) = (Arc::clone(profiles), tenant.clone());
    let outcomes = rt::write(async move { record(&profiles, &tenant, mode, &events).await }).await?;
    Ok(ids.into_iter().zip(outcomes).map(|(event_id, outcome)| outcome_of(event_id, outcome)).collect())
}

fn outcome_of(event_id: String, outcome: Result<Taken, Status>) -> EventOutcome {
    match outcome {
        Ok(taken) => {
            let position = Some(Position::from(taken.position));
            EventOutcome { event_id, position, replayed: taken.replayed, error: None }
        }
        Err(status) => {
            let replayed = status.metadata().contains_key(rt::REPLAYED_TRAILER);
            EventOutcome { event_id, position: None, replayed, error: Some(to_rpc(&status)) }
        }
    }
}

/// Records what can be read; what can't is refused on its own.
async fn record(
    profiles: &Profiles,
    tenant: &TenantId,
    mode: Mode,
    sent: &[UserEvent],
) -> Result<Vec<Result<Taken, Status>>, Status> {
    let read: Vec<_> = sent.iter().map(|event| convert::event(event, mode)).collect();
    let events: Vec<_> = read.iter().flatten().cloned().collect();
    let mut recorded = profiles.record_events(tenant, &events).await?.into_iter();
    let outcome = |(sent, read)| match read {
        Err(violations) => Err(of_event(violations)),
        Ok(_) => match recorded.next() {
            None => Err(missing()),
            Some(outcome) => outcome.map_err(|why| not_taken(sent, why)),
        },
    };
    Ok(sent.iter().zip(read).map(outcome).collect())
}

fn not_taken(sent: &UserEvent, why: NotTaken) -> Status {
    match why {
        NotTaken::WrongCurrency { currency } => of_event(convert::wrong_currency(sent, &currency)),
        NotTaken::Ahead => of_event(convert::ahead()),
        NotTaken::Failed(error) => error.into(),
    }
}

/// The details that a single call would have had.
fn of_event(violations: Violations) -> Status {
    let mut all = Violations::new();
    all.merge("event", violations);
    all.into()
}

/// A report without an outcome.
fn missing() -> Status {
    status::internal(&Missing)
}

#[derive(Debug, thiserror::Error)]
#[error("a report of a batch has no outcome")]
struct Missing;
