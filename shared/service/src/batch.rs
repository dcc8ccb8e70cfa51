use eventlog::{Draft, Position};
use ids::{Partition, TenantId, UserId};
use pg::{StoreError, Tx};
use proto::common::v1 as pb;
use requests::{Keep, Recorded, Request, first_of_each};

use crate::{Answer, Core, Failure, Refuse, settled};

/// The calls of one tenant that one transaction does, by their request ids: what each has come to already, and which are
/// open. Calls that repeat an earlier one of the batch get its outcome.
///
/// A transaction locks what its calls are about, looks their ids up ([`Batch::look_up`]), decides those that are open,
/// writes one statement per table, and finishes ([`Batch::finish`]).
pub struct Batch<'a, T, R: Refuse> {
    requests: Vec<&'a Request>,
    firsts: Vec<usize>,
    outcomes: Vec<Option<Result<Answer<T>, Failure<R>>>>,
}

/// What an open call came to.
pub struct Decided<D, R> {
    /// The user it is about, by canonical id.
    pub user: UserId,
    /// What is told of it, in order; of a refused call too: what fell due before it.
    pub drafts: Vec<Draft>,
    /// What it is answered with, or why it is refused.
    pub outcome: Result<D, R>,
}

impl<'a, T: Recorded + Clone, R: Refuse> Batch<'a, T, R> {
    /// Looks the ids up: after the locks, in a statement of its own, so that it sees what those who held them recorded.
    pub async fn look_up(tx: &mut Tx, tenant: &TenantId, requests: Vec<&'a Request>) -> Result<Self, StoreError> {
        let known = requests::look_up::<T, R>(tx, tenant, &requests).await?;
        let outcomes = known.into_iter().zip(&requests).map(|(known, request)| settled(request, known)).collect();
        Ok(Self { firsts: first_of_each(&requests), requests, outcomes })
    }

    /// The places of the calls that are to be decided, in order.
    pub fn open(&self) -> Vec<usize> {
        (0..self.requests.len()).filter(|place| self.is_open(*place)).collect()
    }

    /// Fails an open call and keeps no record of it, so that the caller can correct it.
    pub fn fail(&mut self, place: usize, failure: Failure<R>) {
        self.outcomes[place] = Some(Err(failure));
    }

    /// Tells the log of all calls in one statement, keeps the outcome of each in another, and commits. `decided` is what
    /// the open calls came to, in their order; `answer` makes what a call, by its place, is answered. Its position is that
    /// of the last event told of it. Where nothing was to be told it is the end of the user's partition: all that was done
    /// before is told up to there.
    pub async fn finish<D>(
        mut self,
        core: &Core,
        mut tx: Tx,
        tenant: &TenantId,
        keep: Keep,
        decided: Vec<Decided<D, R>>,
        mut answer: impl FnMut(usize, D, pb::Position) -> T,
    ) -> Result<Vec<Result<Answer<T>, Failure<R>>>, Failure<R>> {
        let mut drafts = Vec::new();
        let mut placed = Vec::with_capacity(decided.len());
        for (place, it) in self.open().into_iter().zip(decided) {
            let told = drafts.len()..drafts.len() + it.drafts.len();
            drafts.extend(it.drafts);
            placed.push((place, Partition::of(tenant, it.user.as_str()), told, it.outcome));
        }
        let positions = core.log.append(&mut tx, tenant, &drafts).await?;
        let silent = placed.iter().filter(|(_, _, told, outcome)| told.is_empty() && outcome.is_ok());
        let ends = core.log.ends(&mut tx, &silent.map(|(_, partition, ..)| *partition).collect()).await?;
        let mut answers = Vec::with_capacity(placed.len());
        for (place, partition, told, outcome) in placed {
            let end = || {
                let seq = ends.get(&partition).copied().unwrap_or(0);
                Position { source: core.log.source(), partition, seq }
            };
            let position = positions[told].last().copied().unwrap_or_else(end);
            answers.push((place, outcome.map(|done| answer(place, done, position.into()))));
        }
        let records: Vec<_> = answers.iter().map(|(place, answer)| (self.requests[*place], answer.as_ref())).collect();
        requests::record(&mut tx, tenant, keep, &records).await?;
        tx.commit().await?;
        core.log.wake(&positions);
        for (place, answer) in answers {
            let fresh = |value| Answer { value, replayed: false };
            self.outcomes[place] = Some(answer.map(fresh).map_err(Failure::from));
        }
        Ok(self.outcomes())
    }

    /// The outcome of each call, where none is left open.
    pub fn outcomes(self) -> Vec<Result<Answer<T>, Failure<R>>> {
        let Self { requests, firsts, mut outcomes } = self;
        for place in 0..requests.len() {
            if outcomes[place].is_none() {
                let first = firsts[place];
                let same = requests[first].body == requests[place].body;
                let repeated = outcomes[first].as_ref().filter(|_| same).and_then(again);
                let reused = || Err(Failure::RequestIdReused { request_id: requests[place].id.to_string() });
                outcomes[place] = Some(repeated.unwrap_or_else(reused));
            }
        }
        outcomes.into_iter().flatten().collect()
    }

    fn is_open(&self, place: usize) -> bool {
        self.firsts[place] == place && self.outcomes[place].is_none()
    }
}

/// An outcome as a repeat of its call within the batch gets it; `None`: the id stands for another body.
fn again<T: Clone, R: Refuse>(outcome: &Result<Answer<T>, Failure<R>>) -> Option<Result<Answer<T>, Failure<R>>> {
    match outcome {
        Ok(answer) => Some(Ok(Answer { value: answer.value.clone(), replayed: true })),
        Err(Failure::Refused { refusal, .. }) => {
            Some(Err(Failure::Refused { refusal: refusal.clone(), replayed: true }))
        }
        Err(Failure::Invalid(violations)) => Some(Err(Failure::Invalid(violations.clone()))),
        Err(_) => None,
    }
}
