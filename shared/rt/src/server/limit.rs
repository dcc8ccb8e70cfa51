use std::sync::Arc;
use std::time::Duration;

use proto::common::v1::ErrorReason;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status};

use super::methods::Lane;
use super::settings::ServerSettings;

/// When a refused caller should come back.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// How many calls are worked on at once. One limit for the whole server: a limit per connection would grow with the
/// number of clients, and one that queues would let every call become too late.
#[derive(Debug)]
pub(crate) struct Limit {
    calls: Arc<Semaphore>,
    pulls: Arc<Semaphore>,
}

impl Limit {
    pub(crate) fn new(settings: &ServerSettings) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { calls: semaphore(settings.calls_max), pulls: semaphore(settings.pulls_max) }
    }

    /// A place for a call, or OVERLOADED. Open methods need none.
    pub(crate) fn admit(&self, lane: Lane) -> Result<Option<Arc<OwnedSemaphorePermit>>, Status> {
        let places = match lane {
            Lane::Open => return Ok(None),
            Lane::Pull => &self.pulls,
            Lane::Usual => &self.calls,
        };
        match Arc::clone(places).try_acquire_owned() {
            Ok(place) => Ok(Some(Arc::new(place))),
            Err(_) => Err(status::refuse(Code::ResourceExhausted, ErrorReason::Overloaded, "the server is overloaded")
                .retry_after(RETRY_AFTER)
                .into()),
        }
    }
}
