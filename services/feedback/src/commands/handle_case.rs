use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use proto::feedback::v1 as pb;
use requests::{Encoded, Request, first_of_each};
use service::{Answer, Core, Together, repeats, settled};

use crate::domain::act::{Act, Handling};
use crate::domain::case::{Case, CaseKey};
use crate::domain::entry::Message;
use crate::domain::refusal::Refusal;
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
        let requests: Vec<&Request> = commands.iter().map(|command| &command.request).collect();
        let firsts = first_of_each(&requests);
        let mut tx = self.core.write(tenant).await?;
        let users = super::users(&mut tx, tenant, commands.iter().map(|command| &command.user)).await?;
        let key = |command: &HandleCase| (users.meant(&command.user), command.case_id.clone());
        let keys: Vec<CaseKey> = commands.iter().map(key).collect();
        let cases = store::case::lock(&mut tx, tenant, &keys.iter().cloned().collect()).await?;
        let known = requests::look_up::<Encoded, Refusal>(&mut tx, tenant, &requests).await?;
        let mut outcomes: Vec<Option<Outcome>> =
            known.into_iter().zip(&requests).map(|(known, request)| settled(request, known)).collect();
        let open: Vec<usize> = (0..commands.len()).filter(|n| firsts[*n] == *n && outcomes[*n].is_none()).collect();
        if !open.is_empty() {
            let new: Vec<_> = open.iter().map(|n| (&commands[*n], &keys[*n])).collect();
            let answers = self.deal(tx, tenant, &new, cases).await?;
            for (n, answer) in open.into_iter().zip(answers) {
                outcomes[n] = Some(answer);
            }
        }
        Ok(repeats(&requests, &firsts, outcomes))
    }

    async fn deal(
        &self,
        mut tx: Tx,
        tenant: &TenantId,
        new: &[(&HandleCase, &CaseKey)],
        cases: BTreeMap<CaseKey, Case>,
    ) -> Result<Vec<Outcome>, FeedbackError> {
        let mut handling = Handling { cases, ..Handling::default() };
        if let Some(oldest) = handling.cases.values().map(|case| case.sla_version).min() {
            handling.policies = store::sla_policy::since(&mut tx, tenant, oldest).await?;
        }
        if new.iter().any(|(command, _)| matches!(command.act, Act::Correct(_))) {
            handling.important_from = store::classification::current(&mut tx, tenant).await?.important_from;
            let types: BTreeSet<&str> = new.iter().map(|(command, _)| command.act.case_type()).collect();
            handling.case_types = store::case_type::read(&mut tx, tenant, &types).await?;
        }
        let clock = self.core.decide(&mut tx, tenant).await?;
        let decided: Vec<_> = new
            .iter()
            .map(|(command, key)| handling.handle(key, &command.act, command.message.clone(), clock))
            .collect();
        super::write(&mut tx, tenant, &decided.iter().flatten().collect::<Vec<_>>()).await?;
        let rated: Vec<_> = new
            .iter()
            .zip(&decided)
            .filter_map(|((command, _), dealt)| match (&command.act, dealt) {
                (Act::Rate(score), Ok((case, _))) => Some((case, *score)),
                _ => None,
            })
            .collect();
        store::rating::insert(&mut tx, tenant, &rated).await?;
        let requests: Vec<&Request> = new.iter().map(|(command, _)| &command.request).collect();
        super::finish(&self.core, tx, tenant, &requests, decided, |place, case, position| {
            new[place].0.answer(case, &handling.policies, position)
        })
        .await
    }
}
