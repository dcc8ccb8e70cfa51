use std::collections::BTreeSet;

use eventlog::Draft;
use ids::{Partition, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use proto::incentives::v1 as pb;
use requests::{Encoded, Keep, Request, first_of_each};
use service::{Answer, Core, Together, repeats, settled};
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
        let requests: Vec<&Request> = calls.iter().map(|call| call.request()).collect();
        let firsts = first_of_each(&requests);
        let mut tx = self.core.write(tenant).await?;
        let aliases = mirror::resolve(&mut tx, tenant, calls.iter().map(|call| call.user())).await?;
        let calls: Vec<_> = calls.iter().map(|call| (aliases.meant(call.user()), *call)).collect();
        let mut desk = desk::lock(&mut tx, tenant, &calls).await?;
        let known = requests::look_up::<Encoded, Refusal>(&mut tx, tenant, &requests).await?;
        let mut outcomes: Vec<Option<Outcome>> =
            known.into_iter().zip(&requests).map(|(known, request)| settled(request, known)).collect();
        let open: Vec<usize> = (0..calls.len()).filter(|n| firsts[*n] == *n && outcomes[*n].is_none()).collect();
        if !open.is_empty() {
            let at = self.core.decide(&mut tx, tenant).await?;
            if open.iter().any(|n| matches!(calls[*n].1.needs(), Needs::Coupons(_))) {
                desk.offers = store::offer::offers(&mut tx, tenant, desk.all_coupons(), at).await?;
            }
            let open_calls: Vec<_> = open.iter().map(|n| (&calls[*n].0, calls[*n].1)).collect();
            let decided = open_calls.iter().map(|(user, call)| call.decide(&mut desk, user, at)).collect();
            desk::write(&mut tx, tenant, desk.close()).await?;
            let answers = self.tell(tx, tenant, &open_calls, decided).await?;
            for (n, answer) in open.into_iter().zip(answers) {
                outcomes[n] = Some(answer);
            }
        }
        Ok(repeats(&requests, &firsts, outcomes))
    }

    /// Tells the log, keeps the answers and refusals, and commits.
    async fn tell(
        &self,
        mut tx: Tx,
        tenant: &TenantId,
        calls: &[(&UserId, &dyn Change)],
        mut decided: Vec<Result<Done, Refusal>>,
    ) -> Result<Vec<Outcome>, IncentivesError> {
        let take = |done: &mut Done| std::mem::take(&mut done.drafts);
        let told: Vec<Vec<Draft>> = decided.iter_mut().map(|it| it.as_mut().map(take).unwrap_or_default()).collect();
        let counts: Vec<usize> = told.iter().map(Vec::len).collect();
        let drafts: Vec<Draft> = told.into_iter().flatten().collect();
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        // where there was nothing to tell: all that was done before is told up to the end of the user's partition
        let partition = |n: usize| Partition::of(tenant, calls[n].0.as_str());
        let silent = (0..calls.len()).filter(|n| counts[*n] == 0 && decided[*n].is_ok()).map(partition);
        let ends = self.core.log.ends(&mut tx, &silent.collect::<BTreeSet<_>>()).await?;
        let mut answers: Vec<Result<Encoded, Refusal>> = Vec::with_capacity(calls.len());
        let mut before = 0;
        for (n, outcome) in decided.into_iter().enumerate() {
            let own = &positions[before..before + counts[n]];
            before += counts[n];
            let end = || {
                let (source, partition) = (self.core.log.source(), partition(n));
                eventlog::Position { source, partition, seq: ends.get(&partition).copied().unwrap_or(0) }
            };
            let position = |done: Done| (done.reply, own.last().copied().unwrap_or_else(end).into());
            answers.push(outcome.map(position).map(|(reply, position)| calls[n].1.answer(reply, position)));
        }
        let records: Vec<_> =
            calls.iter().zip(&answers).map(|((_, call), answer)| (call.request(), answer.as_ref())).collect();
        requests::record(&mut tx, tenant, Keep::Days30, &records).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        let fresh = |value| Answer { value, replayed: false };
        Ok(answers.into_iter().map(|answer| answer.map(fresh).map_err(IncentivesError::from)).collect())
    }
}
