use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

tokio::task_local! {
    static CALL: Call;
}

/// What belongs to the call that a task works for.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// When its time is over.
    pub(crate) deadline: Option<Instant>,
    /// Its place among the calls that the server works on; kept by a write that outlives its caller, so that abandoned
    /// work counts against the limit.
    pub(crate) place: Option<Arc<OwnedSemaphorePermit>>,
    /// Where its writes are kept track of.
    pub(crate) writes: TaskTracker,
}

impl Call {
    /// The call that the current task works for.
    pub(crate) fn current() -> Option<Self> {
        CALL.try_with(Clone::clone).ok()
    }

    /// Runs a future as part of this call.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CALL.scope(self, work)
    }

    /// Runs a closure as part of this call.
    pub(crate) fn sync_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        CALL.sync_scope(self.clone(), work)
    }
}

/// When the time of the current call is over. `None` outside of a call.
pub fn deadline() -> Option<Instant> {
    CALL.try_with(|call| call.deadline).ok().flatten()
}

/// How much time the current call has left; zero when it is over. `None` outside of a call.
pub fn remaining() -> Option<Duration> {
    deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}
