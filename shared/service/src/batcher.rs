use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ids::{Partition, TenantId};
use lanes::{Lanes, Outcomes, Settings, Work};

use crate::{Core, Failure, Refuse, only};

/// A write that a service does for many callers in one transaction.
pub trait Together<C>: Send + Sync + 'static {
    /// What a call is answered.
    type Answer: Send + 'static;
    /// Why it is refused.
    type Refusal: Refuse;

    /// What the service stands on.
    fn core(&self) -> &Core;

    /// Does calls of one tenant: an outcome for each, or an error that means that none had an effect, or that the same
    /// calls again settle it.
    fn together(
        &self,
        tenant: &TenantId,
        calls: &[C],
    ) -> impl Future<Output = Result<Vec<Outcome<Self, C>>, Failure<Self::Refusal>>> + Send;
}

/// What came of a call.
type Outcome<S, C> = Result<<S as Together<C>>::Answer, Failure<<S as Together<C>>::Refusal>>;

/// Does calls of one kind: together while others wait, or each in a transaction of its own, as the settings say.
pub struct Batcher<S: Together<C>, C: Send + Sync + 'static> {
    service: Arc<S>,
    lanes: Option<Lanes<Calls<S, C>>>,
}

/// The work of the lanes.
struct Calls<S, C>(Arc<S>, PhantomData<fn(C)>);

impl<S: Together<C>, C: Send + Sync + 'static> Clone for Batcher<S, C> {
    fn clone(&self) -> Self {
        Self { service: Arc::clone(&self.service), lanes: self.lanes.clone() }
    }
}

impl<S: Together<C>, C: Send + Sync + 'static> Batcher<S, C> {
    /// Of a service; `name` names it in metrics.
    pub fn new(name: &'static str, service: Arc<S>, settings: Settings) -> Self {
        let calls = Calls(Arc::clone(&service), PhantomData);
        let lanes = settings.on.then(|| Lanes::new(name, calls, settings.waiting_max));
        Self { service, lanes }
    }

    /// Does a call that is about a user.
    pub async fn call(&self, tenant: &TenantId, user: &str, call: C) -> Outcome<S, C> {
        let Some(lanes) = &self.lanes else {
            return only(self.service.together(tenant, &[call]).await?);
        };
        // one that waits for its tenant to become known does so here, where it holds nobody up
        self.service.core().meet(tenant).await?;
        lanes.call(tenant, Partition::of(tenant, user), call, rt::deadline()).await
    }
}

impl<S: Together<C>, C: Send + Sync + 'static> Work for Calls<S, C> {
    type Call = C;
    type Answer = S::Answer;
    type Error = Failure<S::Refusal>;

    async fn work(&self, tenant: &TenantId, calls: &[C]) -> Result<Outcomes<Self>, Self::Error> {
        self.0.together(tenant, calls).await
    }

    fn common(error: &Self::Error) -> bool {
        error.is_common()
    }

    fn flush(&self) -> Duration {
        self.0.core().db.flush_time()
    }
}
