use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ids::{Partition, TenantId};
use lanes::{Lanes, Outcomes, Settings, Work};
use pg::Tx;
use proto::common::v1::Position;

use crate::{Core, Failure, Refuse, only};

/// A read that a service does for many callers at once.
pub trait Gather<Q>: Send + Sync + 'static {
    /// What a question is answered.
    type Answer: Send + 'static;
    /// Why it is refused.
    type Refusal: Refuse;

    /// What the service stands on.
    fn core(&self) -> &Core;

    /// Answers questions of one tenant from one state of the store, with as many statements as one question needs: an
    /// outcome for each, or an error for all.
    fn gather(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        asked: &[Q],
    ) -> impl Future<Output = Result<Vec<Told<Self, Q>>, Failure<Self::Refusal>>> + Send;

    /// Answers these questions together; the answers show the effects of these positions.
    fn answers(
        &self,
        tenant: &TenantId,
        at_least: &[Position],
        asked: &[Q],
    ) -> impl Future<Output = Result<Vec<Told<Self, Q>>, Failure<Self::Refusal>>> + Send
    where
        Self: Sized,
        Q: Sync,
    {
        async move {
            let mut tx = self.core().read(tenant, at_least).await?;
            let told = self.gather(&mut tx, tenant, asked).await?;
            tx.rollback().await?;
            Ok(told)
        }
    }

    /// Answers one question by itself.
    fn answer(
        &self,
        tenant: &TenantId,
        at_least: &[Position],
        question: Q,
    ) -> impl Future<Output = Told<Self, Q>> + Send
    where
        Self: Sized,
        Q: Send + Sync,
    {
        async move { only(self.answers(tenant, at_least, &[question]).await?) }
    }
}

/// What came of a question.
type Told<S, Q> = Result<<S as Gather<Q>>::Answer, Failure<<S as Gather<Q>>::Refusal>>;

/// Answers questions of one kind: those that come while others are being answered together, or each from a transaction of
/// its own, as the settings say.
pub struct Gatherer<S: Gather<Q>, Q: Send + Sync + 'static> {
    service: Arc<S>,
    lanes: Option<Lanes<Questions<S, Q>>>,
}

/// The work of the lanes.
struct Questions<S, Q>(Arc<S>, PhantomData<fn(Q)>);

impl<S: Gather<Q>, Q: Send + Sync + 'static> Clone for Gatherer<S, Q> {
    fn clone(&self) -> Self {
        Self { service: Arc::clone(&self.service), lanes: self.lanes.clone() }
    }
}

impl<S: Gather<Q>, Q: Send + Sync + 'static> Gatherer<S, Q> {
    /// Of a service; `name` names it in metrics.
    pub fn new(name: &'static str, service: Arc<S>, settings: Settings) -> Self {
        let questions = Questions(Arc::clone(&service), PhantomData);
        let lanes = settings.on.then(|| Lanes::new(name, questions, settings.waiting_max));
        Self { service, lanes }
    }

    /// Answers a question about a user; the answer shows the effects of these positions.
    pub async fn ask(&self, tenant: &TenantId, user: &str, at_least: &[Position], question: Q) -> Told<S, Q> {
        let Some(lanes) = &self.lanes else { return self.service.answer(tenant, at_least, question).await };
        self.service.core().reach(at_least).await?;
        lanes.call(tenant, Partition::of(tenant, user), question, rt::deadline()).await
    }
}

impl<S: Gather<Q>, Q: Send + Sync + 'static> Work for Questions<S, Q> {
    type Call = Q;
    type Answer = S::Answer;
    type Error = Failure<S::Refusal>;

    async fn work(&self, tenant: &TenantId, asked: &[Q]) -> Result<Outcomes<Self>, Self::Error> {
        self.0.answers(tenant, &[], asked).await
    }

    fn common(error: &Self::Error) -> bool {
        error.is_common()
    }

    /// Nothing is flushed.
    fn flush(&self) -> Duration {
        Duration::ZERO
    }
}
