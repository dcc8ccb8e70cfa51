use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use proto::feedback::v1 as pb;
use requests::{Encoded, Keep, Request};
use service::{Answer, Batch, Core, Held, Together};

use crate::domain::act::{Act, Handling};
use crate::domain::case::{Case, CaseKey, Dealt};
use crate::domain::entry::Message;
use crate::domain::refusal::Refusal;
use crate::domain::rulebook::Rulebook;
use crate::domain::sla_policy::Policies;
use crate::error::FeedbackError;
use crate::wire::Reader;
use crate::{Feedback, store, wire};

/// Does something with a case.
#[derive(Debug, Clone)]
pub struct HandleCase {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The case.
    pub case_id: Key,
    /// What is written with it, and by whom.
    pub message: Message,
    /// What is done.
    pub act: Act,
}

impl HandleCase {
    /// The answer in the message of its method.
    fn answer(&self, case: &Case, policies: &Policies, position: Position) -> Encoded {
        let reader = if self.act.by_user() { Reader::User } else { Reader::Desk(policies, case.decided_at) };
        let (case, position) = (Some(wire::case(case, reader)), Some(position));
        match &self.act {
            Act::Correct(_) => Encoded::of(&pb::CorrectCaseResponse { case, position }),
            Act::Assign { .. } => Encoded::of(&pb::AssignCaseResponse { case, position }),
            Act::Note => Encoded::of(&pb::AddNoteResponse { case, position }),
            Act::Answer => Encoded::of(&pb::AnswerCaseResponse { case, position }),
            Act::Promise { .. } => Encoded::of(&pb::PromiseAnswerResponse { case, position }),
            Act::AwaitUser => Encoded::of(&pb::AwaitUserResponse { case, position }),
            Act::Reply => Encoded::of(&pb::ReplyToCaseResponse { case, position }),
            Act::Resolve(_) => Encoded::of(&pb::ResolveCaseResponse { case, position }),
            Act::Reopen => Encoded::of(&pb::ReopenCaseResponse { case, position }),
            Act::Rate(_) => Encoded::of(&pb::RateCaseResponse { case, position }),
        }
    }
}

/// What came of a call: its answer, still encoded, or why not.
type Outcome = Result<Answer<Encoded>, FeedbackError>;

impl Together<HandleCase> for Feedback {
    type Answer = Answer<Encoded>;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn together(&self, tenant: &TenantId, calls: &[HandleCase]) -> Result<Vec<Outcome>, FeedbackError> {
        self.handle_cases(tenant, calls).await
    }
}

impl Feedback {
    /// See the methods of `CaseService` about a case that there is: a batch of calls of any of them, of one tenant, each
    /// with its own outcome.
    #[tracing::instrument(skip_all, fields(calls = commands.len()))]
    pub async fn handle_cases(
        &self,
        tenant: &TenantId,
        commands: &[HandleCase],
    ) -> Result<Vec<Outcome>, FeedbackError> {
        pg::retrying("handle_cases", || self.handle_cases_once(tenant, commands)).await
    }

    async fn handle_cases_once(
        &self,
        tenant: &TenantId,
        commands: &[HandleCase],
    ) -> Result<Vec<Outcome>, FeedbackError> {
        let mut tx = self.core.write(tenant).await?;
        let users = super::users(&mut tx, tenant, commands.iter().map(|command| &command.user)).await?;
        let key = |command: &HandleCase| (users.meant(&command.user), command.case_id.clone());
        let keys: Vec<CaseKey> = commands.iter().map(key).collect();
        let cases = store::case::lock(&mut tx, tenant, &keys.iter().cloned().collect()).await?;
        let requests = commands.iter().map(|command| &command.request).collect();
        let batch = Batch::<Encoded, Refusal>::look_up(&mut tx, tenant, requests).await?;
        let new: Vec<_> = batch.open().into_iter().map(|n| (&commands[n], &keys[n])).collect();
        if new.is_empty() {
            return Ok(batch.outcomes());
        }
        let rules = self.rules.held(&mut tx, tenant).await?;
        let decided = self.deal(&mut tx, tenant, &rules, &new, cases).await?;
        let decided = new.iter().zip(decided).map(|((_, (user, _)), it)| super::decided(user, it)).collect();
        let answer = |n: usize, case: Case, position| commands[n].answer(&case, &rules.policies, position);
        batch.finish(&self.core, tx, tenant, Keep::Days30, decided, answer).await
    }

    async fn deal(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        rules: &Held<Rulebook>,
        new: &[(&HandleCase, &CaseKey)],
        cases: BTreeMap<CaseKey, Case>,
    ) -> Result<Vec<Result<Dealt, Refusal>>, FeedbackError> {
        let clock = self.rules.decide(&self.core, tx, tenant, rules).await?;
        let mut handling = Handling { rules, cases };
        let decided: Vec<_> = new
            .iter()
            .map(|(command, key)| handling.handle(key, &command.act, command.message.clone(), clock))
            .collect();
        super::write(tx, tenant, &decided.iter().flatten().collect::<Vec<_>>()).await?;
        let rated: Vec<_> = new
            .iter()
            .zip(&decided)
            .filter_map(|((command, _), dealt)| match (&command.act, dealt) {
                (Act::Rate(score), Ok((case, _))) => Some((case, *score)),
                _ => None,
            })
            .collect();
        store::rating::insert(tx, tenant, &rated).await?;
        Ok(decided)
    }
}
