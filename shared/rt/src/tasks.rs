use std::sync::LazyLock;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tracing::Instrument as _;

use crate::call::Call;

/// Every task of the process that does not belong to a call of a server.
static TASKS: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// Runs a write to its end on a task of its own and awaits its answer. A caller that goes away, or whose time runs out,
/// stops waiting and nothing else: tonic would drop the handler in the middle, and a transaction with it.
///
/// The write keeps the span, the deadline and the place under the server's limit of the call that it belongs to, and a
/// drain waits for it. A panic becomes INTERNAL.
pub async fn write<T, E, F>(work: F) -> Result<T, Status>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Into<Status> + Send + 'static,
{
    let task = match Call::current() {
        Some(call) => {
            let writes = call.writes.clone();
            writes.spawn(call.scope(work).in_current_span())
        }
        None => TASKS.spawn(work.in_current_span()),
    };
    match task.await {
        Ok(answer) => answer.map_err(Into::into),
        Err(panic) => Err(status::internal(&panic)),
    }
}

/// Starts a task in the background that [`finished`] knows of. It must end by itself soon after
/// [`Shutdown::stopping`](crate::Shutdown::stopping).
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    TASKS.spawn(work.in_current_span())
}

/// Waits until every task started by [`spawn`] has ended, `max` at most. Says whether they have.
pub async fn finished(max: Duration) -> bool {
    all_of(&TASKS, max).await
}

/// Waits for the tasks of a tracker, `max` at most.
pub(crate) async fn all_of(tasks: &TaskTracker, max: Duration) -> bool {
    tasks.close();
    tokio::time::timeout(max, tasks.wait()).await.is_ok()
}

/// Starts a task that lives as long as the process and holds nothing that must be put away.
pub(crate) fn detach(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}
