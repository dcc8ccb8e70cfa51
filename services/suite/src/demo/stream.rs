//! Sends one part of the events through StreamEvents, in order, and sends again what was not answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::bail;
use proto::events::v1::EventMode;
use proto::profiles::v1::{EventOutcome, StreamEventsRequest, StreamEventsResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::calls::{Calls, unsettled};
use super::deed::Deed;
use super::figures::Refused;
use super::progress::Bar;

/// Events per message.
const MESSAGE: usize = 256;
/// Messages sent ahead of their answers; the server reads at most 16.
const AHEAD: usize = 8;
/// How long an answer may take before the stream counts as broken.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// How long streams may break one after the other without a single answer.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often one event is sent again because its own outcome was not definite.
const ATTEMPTS: u32 = 20;

/// What became of the events of one part.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) taken: u64,
    pub(crate) replayed: u64,
    pub(crate) reconnects: u64,
    pub(crate) refused: Vec<Refused>,
}

/// One part of the events on its way.
pub(crate) struct Lane<'a> {
    calls: &'a Calls,
    currency: &'a str,
    bar: &'a Bar,
    waiting: VecDeque<Message<'a>>,
    unanswered: VecDeque<Message<'a>>,
    tally: Tally,
}

struct Message<'a> {
    deeds: Vec<&'a Deed>,
    attempts: u32,
}

impl Message<'_> {
    fn to_proto(&self, currency: &str) -> StreamEventsRequest {
        let events = self.deeds.iter().map(|deed| deed.to_proto(currency)).collect();
        StreamEventsRequest { mode: EventMode::FactsEarn.into(), events }
    }
}

impl<'a> Lane<'a> {
    pub(crate) fn new(calls: &'a Calls, currency: &'a str, bar: &'a Bar, deeds: &[&'a Deed]) -> Self {
        let waiting = deeds.chunks(MESSAGE).map(|deeds| Message { deeds: deeds.to_vec(), attempts: 0 }).collect();
        Self { calls, currency, bar, waiting, unanswered: VecDeque::new(), tally: Tally::default() }
    }

    /// Sends everything; streams that break are opened again.
    pub(crate) async fn run(mut self) -> anyhow::Result<Tally> {
        let mut answered = Instant::now();
        while !self.waiting.is_empty() || !self.unanswered.is_empty() {
            // What was sent and not answered goes first again: the answers settle it, and order is kept.
            while let Some(message) = self.unanswered.pop_back() {
                self.waiting.push_front(message);
            }
            let Err(status) = self.one_stream(&mut answered).await else { continue };
            if !unsettled(&status) || answered.elapsed() > PATIENCE {
                bail!("StreamEvents: {:?}: {}", status.code(), status.message());
            }
            self.tally.reconnects += 1;
            self.calls.pause().await;
        }
        Ok(self.tally)
    }

    async fn one_stream(&mut self, answered: &mut Instant) -> Result<(), Status> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        self.send_ahead(&sender); // before the call: a server may wait for the first message before it answers
        let mut client = self.calls.events();
        let call = client.stream_events(ReceiverStream::new(receiver));
        let mut answers = timely(call).await?.into_inner();
        while !self.unanswered.is_empty() {
            match timely(answers.message()).await? {
                Some(answer) => {
                    *answered = Instant::now();
                    self.take(answer)?;
                }
                None => return Err(Status::unavailable("the stream ended before all was answered")),
            }
            self.send_ahead(&sender);
        }
        Ok(())
    }

    fn send_ahead(&mut self, sender: &mpsc::Sender<StreamEventsRequest>) {
        while self.unanswered.len() < AHEAD {
            let Some(message) = self.waiting.front() else { return };
            if sender.try_send(message.to_proto(self.currency)).is_err() {
                return;
            }
            self.unanswered.extend(self.waiting.pop_front());
        }
    }

    fn take(&mut self, answer: StreamEventsResponse) -> Result<(), Status> {
        let message = self.unanswered.pop_front().ok_or_else(|| Status::data_loss("an answer to no message"))?;
        if answer.outcomes.len() != message.deeds.len() {
            return Err(Status::data_loss("an answer with more or fewer outcomes than events"));
        }
        let mut again = Vec::new();
        for (deed, outcome) in message.deeds.iter().copied().zip(&answer.outcomes) {
            if self.settle(deed, outcome, message.attempts) {
                self.bar.add(1);
            } else {
                again.push(deed);
            }
        }
        if !again.is_empty() {
            self.waiting.push_front(Message { deeds: again, attempts: message.attempts + 1 });
        }
        Ok(())
    }

    /// Counts an outcome; false where it is not definite and the event must be sent again.
    fn settle(&mut self, deed: &Deed, outcome: &EventOutcome, attempts: u32) -> bool {
        match &outcome.error {
            None if outcome.replayed => self.tally.replayed += 1,
            None => self.tally.taken += 1,
            Some(error) => {
                if unsettled(&status::from_rpc(error)) && attempts < ATTEMPTS {
                    return false;
                }
                let code = Code::from(error.code);
                let reason = format!("{code:?}: {}", error.message);
                self.tally.refused.push(Refused { line: deed.line, event_id: deed.event_id.clone(), reason });
            }
        }
        true
    }
}

async fn timely<T>(answer: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    match tokio::time::timeout(ANSWER_MAX, answer).await {
        Ok(result) => result,
        Err(_) => Err(Status::deadline_exceeded("the stream did not answer in time")),
    }
}
