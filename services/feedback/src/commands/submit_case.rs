use std::collections::BTreeSet;

use ids::TenantId;
use pg::Tx;
use proto::feedback::v1::SubmitCaseResponse;
use requests::{Keep, Request};
use service::{Answer, Batch, Core, Held, Together};

use crate::domain::case::{Case, CaseKey, Dealt};
use crate::domain::refusal::Refusal;
use crate::domain::rulebook::Rulebook;
use crate::domain::submission::{Desk, Submission};
use crate::error::FeedbackError;
use crate::wire::Reader;
use crate::{Feedback, store, wire};

/// Takes in a case.
#[derive(Debug, Clone)]
pub struct SubmitCase {
    /// Makes it idempotent.
    pub request: Request,
    /// What the caller says; the user may be named by an alias.
    pub submission: Submission,
}

type Outcome = Result<Answer<SubmitCaseResponse>, FeedbackError>;

impl Together<SubmitCase> for Feedback {
    type Answer = Answer<SubmitCaseResponse>;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn together(&self, tenant: &TenantId, calls: &[SubmitCase]) -> Result<Vec<Outcome>, FeedbackError> {
        self.submit_cases(tenant, calls).await
    }
}

impl Feedback {
    /// See `CaseService.SubmitCase`: a batch of calls of one tenant, each with its own outcome.
    #[tracing::instrument(skip_all, fields(calls = commands.len()))]
    pub async fn submit_cases(
        &self,
        tenant: &TenantId,
        commands: &[SubmitCase],
    ) -> Result<Vec<Outcome>, FeedbackError> {
        pg::retrying("submit_cases", || self.submit_cases_once(tenant, commands)).await
    }

    async fn submit_cases_once(
        &self,
        tenant: &TenantId,
        commands: &[SubmitCase],
    ) -> Result<Vec<Outcome>, FeedbackError> {
        let mut tx = self.core.write(tenant).await?;
        let users = super::users(&mut tx, tenant, commands.iter().map(|command| &command.submission.user)).await?;
        let canonical = |it: &Submission| Submission { user: users.meant(&it.user), ..it.clone() };
        let submissions: Vec<Submission> = commands.iter().map(|command| canonical(&command.submission)).collect();
        let keys: BTreeSet<CaseKey> = submissions.iter().map(Submission::key).collect();
        // before the ids are looked up: a case that is found is not this very request's, made meanwhile
        let taken = store::case::taken(&mut tx, tenant, &keys).await?;
        let requests = commands.iter().map(|command| &command.request).collect();
        let batch = Batch::<SubmitCaseResponse, Refusal>::look_up(&mut tx, tenant, requests).await?;
        let new: Vec<&Submission> = batch.open().into_iter().map(|n| &submissions[n]).collect();
        if new.is_empty() {
            return Ok(batch.outcomes());
        }
        let rules = self.rules.held(&mut tx, tenant).await?;
        let decided = self.take_in(&mut tx, tenant, &rules, &new, taken).await?;
        let decided = new.iter().zip(decided).map(|(it, outcome)| super::decided(&it.user, outcome)).collect();
        let answer = |_, case: Case, position| SubmitCaseResponse {
            case: Some(wire::case(&case, Reader::User)),
            position: Some(position),
        };
        batch.finish(&self.core, tx, tenant, Keep::Days30, decided, answer).await
    }

    async fn take_in(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        rules: &Held<Rulebook>,
        new: &[&Submission],
        taken: BTreeSet<CaseKey>,
    ) -> Result<Vec<Result<Dealt, Refusal>>, FeedbackError> {
        let users = new.iter().map(|submission| &submission.user).collect();
        let standings = store::standing::read(tx, tenant, &users).await?;
        let at = self.rules.decide(&self.core, tx, tenant, rules).await?;
        let mut desk = Desk { rules, standings, taken };
        let decided: Vec<_> = new.iter().map(|submission| desk.submit(submission, at)).collect();
        let dealt: Vec<_> = decided.iter().flatten().collect();
        if !dealt.is_empty() {
            store::case::insert(tx, tenant, dealt.iter().map(|(case, _)| case)).await?;
            store::entry::insert(tx, tenant, &dealt).await?;
            store::tenant::register(tx, tenant).await?;
        }
        Ok(decided)
    }
}
