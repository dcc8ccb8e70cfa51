use eventlog::Draft;
use ids::{TenantId, UserId};
use proto::common::v1::Position;
use proto::incentives::v1 as pb;
use requests::{Encoded, Keep, Request};
use service::{Answer, Batch, Core, Decided, Together};
use time::OffsetDateTime;

use super::desk;
use crate::domain::desk::Desk;
use crate::domain::refusal::Refusal;
use crate::error::IncentivesError;
use crate::{Incentives, store};

/// What a call looks at beside its checkout and the coupons that this has.
#[derive(Debug, Clone, Copy)]
pub enum Needs<'a> {
    /// Nothing.
    Nothing,
    /// Coupons of the user, and prices.
    Coupons(&'a [String]),
    /// This order, of which nothing may be known yet.
    Order(&'a str),
    /// The order that the checkout is for.
    ItsOrder,
}

/// A call that makes or changes one checkout.
pub trait Change: Send + Sync + 'static {
    /// Makes it idempotent.
    fn request(&self) -> &Request;

    /// The user as named by the caller.
    fn user(&self) -> &UserId;

    /// The checkout.
    fn checkout_id(&self) -> &str;

    /// What it looks at.
    fn needs(&self) -> Needs<'_>;

    /// Decides it for the user, by canonical id, and puts what it changes back on the desk.
    fn decide(&self, desk: &mut Desk, user: &UserId, at: OffsetDateTime) -> Result<Done, Refusal>;

    /// The answer in the message of its method.
    fn answer(&self, reply: Reply, position: Position) -> Encoded;
}

/// What came of a change that was not refused.
#[derive(Debug)]
pub struct Done {
    pub(super) reply: Reply,
    /// To be told, in order.
    pub(super) drafts: Vec<Draft>,
}

/// What changes answer.
#[derive(Debug)]
pub struct Reply {
    pub(super) checkout: pb::Checkout,
    /// Of a return.
    pub(super) outcome: Option<pb::ReturnOutcome>,
}

/// What came of a call: its answer, still encoded, or why not.
type Outcome = Result<Answer<Encoded>, IncentivesError>;

/// A change on its way through the lanes: of any kind, so that all of a user share them.
pub struct AnyChange(Box<dyn Change>);

impl AnyChange {
    /// Of a call.
    pub fn of(call: impl Change) -> Self {
        Self(Box::new(call))
    }
}

impl Together<AnyChange> for Incentives {
    type Answer = Answer<Encoded>;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    /// Changes of any kinds, each with its own outcome. Repeats of an id within the batch get their first's outcome.
    #[tracing::instrument(name = "change_checkouts", skip_all, fields(calls = calls.len()))]
    async fn together(&self, tenant: &TenantId, calls: &[AnyChange]) -> Result<Vec<Outcome>, IncentivesError> {
        let calls: Vec<&dyn Change> = calls.iter().map(|call| call.0.as_ref()).collect();
        pg::retrying("change_checkouts", || self.change_once(tenant, &calls)).await
    }
}

impl Incentives {
    async fn change_once(&self, tenant: &TenantId, calls: &[&dyn Change]) -> Result<Vec<Outcome>, IncentivesError> {
        let mut tx = self.core.write(tenant).await?;
        let aliases = mirror::resolve(&mut tx, tenant, calls.iter().map(|call| call.user())).await?;
        let calls: Vec<_> = calls.iter().map(|call| (aliases.meant(call.user()), *call)).collect();
        let mut desk = desk::lock(&mut tx, tenant, &calls).await?;
        let requests = calls.iter().map(|(_, call)| call.request()).collect();
        let batch = Batch::<Encoded, Refusal>::look_up(&mut tx, tenant, requests).await?;
        let open = batch.open();
        if open.is_empty() {
            return Ok(batch.outcomes());
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        if open.iter().any(|n| matches!(calls[*n].1.needs(), Needs::Coupons(_))) {
            desk.offers = store::offer::offers(&mut tx, tenant, desk.all_coupons(), at).await?;
        }
        let mut decide = |n: usize| {
            let (user, call) = &calls[n];
            let (drafts, outcome) = match call.decide(&mut desk, user, at) {
                Ok(Done { reply, drafts }) => (drafts, Ok(reply)),
                Err(refusal) => (Vec::new(), Err(refusal)),
            };
            Decided { user: user.clone(), drafts, outcome }
        };
        let decided = open.into_iter().map(&mut decide).collect();
        desk::write(&mut tx, tenant, desk.close()).await?;
        let answer = |n: usize, reply, position| calls[n].1.answer(reply, position);
        batch.finish(&self.core, tx, tenant, Keep::Days30, decided, answer).await
    }
}
