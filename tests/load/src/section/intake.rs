//! Events reported one by one, in batches and over streams.

use std::collections::VecDeque;

use proto::events::v1::EventMode;
use proto::profiles::v1::{
    EventOutcome, RecordEventRequest, RecordEventsRequest, StreamEventsRequest, UserEvent, VisitReport, user_event,
};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tonic::Status;
use units::time::to_proto;

use super::{Done, Scene, fresh, right, wrong};
use crate::client::Client;

/// Events of a message: the most that the contract allows.
pub(crate) const MESSAGE: usize = 256;
/// Messages of a stream.
const MESSAGES: u64 = 16;
/// Messages sent ahead of their answers.
const AHEAD: usize = 8;

fn visit(scene: &Scene, event_id: String) -> UserEvent {
    UserEvent {
        event_id,
        user_id: format!("u{}", scene.user()),
        occurred_at: Some(to_proto(OffsetDateTime::now_utc())),
        report: Some(user_event::Report::Visit(VisitReport { duration_seconds: 30 })),
        ..Default::default()
    }
}

fn visits(scene: &Scene, number: u64, message: u64) -> Vec<UserEvent> {
    (0..MESSAGE).map(|nth| visit(scene, format!("{number}-{message}-{nth}"))).collect()
}

pub(super) async fn single(client: &Client, scene: &Scene, number: u64) -> Result<Done, Status> {
    let request = RecordEventRequest { event: Some(visit(scene, number.to_string())) };
    let position = client.events().record_event(fresh(request)).await?.into_inner().position;
    right(position.is_some(), "the log does not tell of the event")?;
    Ok(Done::All(1))
}

pub(super) async fn batch(client: &Client, scene: &Scene, number: u64) -> Result<Done, Status> {
    let request = RecordEventsRequest { mode: EventMode::Live.into(), events: visits(scene, number, 0) };
    let answer = client.events().record_events(fresh(request)).await?.into_inner();
    taken(&answer.outcomes)?;
    Ok(Done::All(MESSAGE as u64))
}

pub(super) async fn stream(client: &Client, scene: &Scene, number: u64) -> Result<Done, Status> {
    let messages = (0..MESSAGES).map(|message| visits(scene, number, message)).collect();
    send(client, messages).await?;
    Ok(Done::All(MESSAGES * MESSAGE as u64))
}

/// Sends messages over one stream and takes their answers, as a shop's back end would.
pub(crate) async fn send(client: &Client, messages: VecDeque<Vec<UserEvent>>) -> Result<(), Status> {
    let (sender, mut receiver) = mpsc::channel(AHEAD);
    let mut waiting = messages.into_iter();
    let mut under_way = 0_usize;
    let mut next = || {
        let events = waiting.next()?;
        sender.try_send(StreamEventsRequest { mode: EventMode::Live.into(), events }).ok()
    };
    while under_way < AHEAD && next().is_some() {
        under_way += 1;
    }
    let sent = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut answers = client.events().stream_events(sent).await?.into_inner();
    while under_way > 0 {
        let answer = answers.message().await?.ok_or_else(|| wrong("the stream ended early"))?;
        taken(&answer.outcomes)?;
        under_way -= 1;
        if next().is_some() {
            under_way += 1;
        }
    }
    Ok(())
}

fn taken(outcomes: &[EventOutcome]) -> Result<(), Status> {
    match outcomes.iter().find_map(|outcome| outcome.error.as_ref()) {
        Some(error) => Err(status::from_rpc(error)),
        None => right(
            outcomes.len() == MESSAGE && outcomes.iter().all(|outcome| !outcome.replayed),
            "some events were known already, or not answered",
        ),
    }
}
