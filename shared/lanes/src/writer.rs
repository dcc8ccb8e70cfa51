use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use ids::{Partition, TenantId};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Span;

use crate::pace::{AT_ONCE, Pace};
use crate::waiting::{Batch, Waiting};
use crate::{Outcomes, Unserved, Work};

/// Writes calls in batches. The type that callers hold; clones share everything.
pub struct Lanes<W: Work>(Arc<Inner<W>>);

struct Inner<W: Work> {
    /// Names it in metrics.
    name: &'static str,
    work: W,
    state: Mutex<State<W>>,
}

struct State<W: Work> {
    waiting: Waiting<Waiter<W>>,
    pace: Pace,
    /// How many writers share the lanes: writer `n` has those whose index is `n` modulo this.
    writers: usize,
    /// Which writers run.
    running: [bool; AT_ONCE.1],
}

/// A call and whoever waits for its outcome.
struct Waiter<W: Work> {
    call: W::Call,
    /// When its caller will have gone away.
    deadline: Option<Instant>,
    answer: oneshot::Sender<Result<W::Answer, W::Error>>,
}

impl<W: Work> Clone for Lanes<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W: Work> Lanes<W> {
    /// Lanes for this work, in which `waiting_max` calls may wait.
    pub fn new(name: &'static str, work: W, waiting_max: usize) -> Self {
        let state = State {
            waiting: Waiting::new(waiting_max),
            pace: Pace::default(),
            writers: AT_ONCE.0,
            running: [false; AT_ONCE.1],
        };
        Self(Arc::new(Inner { name, work, state: Mutex::new(state) }))
    }

    /// Does a call and answers its outcome. Once it waits it is done, whether or not the caller stays; only one whose
    /// `deadline` passes while it waits is not begun.
    pub async fn call(
        &self,
        tenant: &TenantId,
        lane: Partition,
        call: W::Call,
        deadline: Option<Instant>,
    ) -> Result<W::Answer, W::Error> {
        let (answer, outcome) = oneshot::channel();
        let waiter = Waiter { call, deadline, answer };
        let pushed = {
            let mut state = self.0.state();
            let pushed = state.waiting.push(tenant, lane, waiter).is_ok();
            if pushed {
                self.start(&mut state, lane);
            }
            pushed
        };
        if !pushed {
            metrics::counter!("lanes.calls.shed", "lanes" => self.0.name).increment(1);
            return Err(Unserved::Full.into());
        }
        outcome.await.unwrap_or_else(|_| broken())
    }

    /// Starts the writer of a lane unless it runs.
    fn start(&self, state: &mut State<W>, lane: Partition) {
        let writer = usize::from(lane.index()) % state.writers;
        if !std::mem::replace(&mut state.running[writer], true) {
            let lanes = self.clone();
            // no part of the call that happens to start it
            Span::none().in_scope(|| rt::spawn(async move { lanes.write(writer).await }));
        }
    }

    /// Writes what waits in a writer's lanes until nothing does.
    async fn write(self, writer: usize) {
        while let Some(batch) = self.next(writer) {
            let (lanes, begun) = (batch.lanes.clone(), Instant::now());
            self.0.serve(batch).await;
            let mut state = self.0.state();
            state.pace.took(begun.elapsed());
            state.writers = state.pace.at_once(self.0.work.flush());
            state.waiting.free(&lanes);
            // some may have become another writer's, which may have found them busy and ended
            for lane in state.waiting.ready().collect::<Vec<_>>() {
                self.start(&mut state, lane);
            }
        }
    }

    fn next(&self, writer: usize) -> Option<Batch<Waiter<W>>> {
        let mut state = self.0.state();
        let writers = state.writers;
        let batch = state.waiting.take(|lane| usize::from(lane.index()) % writers == writer);
        state.running[writer] = batch.is_some();
        batch
    }
}

impl<W: Work> Inner<W> {
    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a batch and answers everybody in it.
    async fn serve(&self, batch: Batch<Waiter<W>>) {
        let now = Instant::now();
        let (late, timely): (Vec<_>, Vec<_>) =
            batch.calls.into_iter().partition(|waiter| waiter.deadline.is_some_and(|deadline| deadline <= now));
        for waiter in late {
            drop(waiter.answer.send(Err(Unserved::Late.into())));
        }
        let mut calls = Vec::with_capacity(timely.len());
        let mut answers = Vec::with_capacity(timely.len());
        for waiter in timely {
            calls.push(waiter.call);
            answers.push(waiter.answer);
        }
        if calls.is_empty() {
            return;
        }
        metrics::histogram!("lanes.batch.calls", "lanes" => self.name).record(calls.len() as f64);
        for (answer, outcome) in answers.into_iter().zip(self.outcomes(&batch.tenant, &calls).await) {
            drop(answer.send(outcome)); // nobody is there any more: the call is done all the same
        }
    }

    /// An outcome for each call. Where they fail together, each is done on its own, until that fails for all.
    async fn outcomes(&self, tenant: &TenantId, calls: &[W::Call]) -> Outcomes<W> {
        let mut outcomes = Vec::with_capacity(calls.len());
        match self.attempt(tenant, calls).await {
            Ok(outcomes) => return outcomes,
            Err(error) if calls.len() == 1 || W::common(&error) => outcomes.push(Err(error)),
            Err(_) => {
                metrics::counter!("lanes.batches.split", "lanes" => self.name).increment(1);
                for call in calls {
                    let alone = self.attempt(tenant, std::slice::from_ref(call)).await;
                    let outcome = alone.and_then(|mut outcomes| outcomes.pop().unwrap_or_else(broken));
                    let over = outcome.as_ref().is_err_and(W::common);
                    outcomes.push(outcome);
                    if over {
                        break;
                    }
                }
            }
        }
        outcomes.resize_with(calls.len(), || Err(Unserved::Unreached.into()));
        outcomes
    }

    /// Does calls together. A panic is an error, and so is an answer that is not one for each.
    async fn attempt(&self, tenant: &TenantId, calls: &[W::Call]) -> Result<Outcomes<W>, W::Error> {
        match AssertUnwindSafe(self.work.work(tenant, calls)).catch_unwind().await {
            Ok(Ok(outcomes)) if outcomes.len() == calls.len() => Ok(outcomes),
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => {
                tracing::error!(lanes = self.name, calls = calls.len(), "a batch broke off");
                broken()
            }
        }
    }
}

fn broken<T, E: From<Unserved>>() -> Result<T, E> {
    Err(Unserved::Broken.into())
}
