use std::collections::BTreeSet;

use ids::TenantId;
use pg::Tx;
use proto::feedback::v1::SubmitCaseResponse;
use requests::{Request, first_of_each};
use service::{Answer, Core, Together, repeats, settled};

use crate::domain::case::CaseKey;
use crate::domain::refusal::Refusal;
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
        let requests: Vec<&Request> = commands.iter().map(|command| &command.request).collect();
        let firsts = first_of_each(&requests);
        let mut tx = self.core.write(tenant).await?;
        let users = super::users(&mut tx, tenant, commands.iter().map(|command| &command.submission.user)).await?;
        let canonical = |it: &Submission| Submission { user: users.meant(&it.user), ..it.clone() };
        let submissions: Vec<Submission> = commands.iter().map(|command| canonical(&command.submission)).collect();
        let keys: BTreeSet<CaseKey> = submissions.iter().map(Submission::key).collect();
        // before the ids are looked up: a case that is found is not this very request's, made meanwhile
        let taken = store::case::taken(&mut tx, tenant, &keys).await?;
        let known = requests::look_up::<SubmitCaseResponse, Refusal>(&mut tx, tenant, &requests).await?;
        let mut outcomes: Vec<Option<Outcome>> =
            known.into_iter().zip(&requests).map(|(known, request)| settled(request, known)).collect();
        let open: Vec<usize> = (0..commands.len()).filter(|n| firsts[*n] == *n && outcomes[*n].is_none()).collect();
        if !open.is_empty() {
            let new: Vec<_> = open.iter().map(|n| (requests[*n], &submissions[*n])).collect();
            let answers = self.take_in(tx, tenant, &new, taken).await?;
            for (n, answer) in open.into_iter().zip(answers) {
                outcomes[n] = Some(answer);
            }
        }
        Ok(repeats(&requests, &firsts, outcomes))
    }

    async fn take_in(
        &self,
        mut tx: Tx,
        tenant: &TenantId,
        new: &[(&Request, &Submission)],
        taken: BTreeSet<CaseKey>,
    ) -> Result<Vec<Outcome>, FeedbackError> {
        let classification = store::classification::current(&mut tx, tenant).await?;
        let verdicts: Vec<_> = new.iter().map(|(_, submission)| submission.verdict(&classification)).collect();
        let types: BTreeSet<&str> = verdicts.iter().map(|verdict| verdict.case_type.as_str()).collect();
        let case_types = store::case_type::read(&mut tx, tenant, &types).await?;
        let users = new.iter().map(|(_, submission)| &submission.user).collect();
        let standings = store::standing::read(&mut tx, tenant, &users).await?;
        let policies = store::sla_policy::current(&mut tx, tenant).await?;
        let at = self.core.decide(&mut tx, tenant).await?;
        let mut desk = Desk { classification, case_types, standings, policies, taken };
        let decided: Vec<_> = new.iter().zip(verdicts).map(|((_, it), verdict)| desk.submit(it, verdict, at)).collect();
        let dealt: Vec<_> = decided.iter().flatten().collect();
        if !dealt.is_empty() {
            store::case::insert(&mut tx, tenant, dealt.iter().map(|(case, _)| case)).await?;
            store::entry::insert(&mut tx, tenant, &dealt).await?;
            store::tenant::register(&mut tx, tenant).await?;
        }
        let requests: Vec<&Request> = new.iter().map(|(request, _)| *request).collect();
        super::finish(&self.core, tx, tenant, &requests, decided, |_, case, position| SubmitCaseResponse {
            case: Some(wire::case(case, Reader::User)),
            position: Some(position),
        })
        .await
    }
}
