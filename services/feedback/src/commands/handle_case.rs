use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::feedback::v1 as pb;
use requests::Request;
use service::{Answer, earlier, refuse};
use time::OffsetDateTime;

use crate::domain::case::Dealing;
use crate::domain::case_type::CaseType;
use crate::domain::entry::{Message, Resolution};
use crate::domain::handling::Correction;
use crate::domain::refusal::Refusal;
use crate::error::FeedbackError;
use crate::wire::Reader;
use crate::{Feedback, events, store, wire};

/// What is done with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Corrects the classification.
    Correct(Correction),
    /// Gives it to an operator, or to nobody.
    Assign {
        /// The operator; empty: nobody.
        assignee: String,
        /// The department that it goes to; empty: stays.
        department: String,
    },
    /// Adds an internal note.
    Note,
    /// Answers the user.
    Answer,
    /// Gives an interim answer and promises the next.
    Promise {
        /// By when.
        until: OffsetDateTime,
    },
    /// Asks the user something and waits.
    AwaitUser,
    /// The user's next message.
    Reply,
    /// Ends it.
    Resolve(Resolution),
    /// Opens it again.
    Reopen,
    /// The user's answer to how satisfied they are, 1 to 5.
    Rate(i16),
}

impl Act {
    /// Whether its user does it, and so sees the answer.
    fn by_user(&self) -> bool {
        matches!(self, Self::Reply | Self::Reopen | Self::Rate(_))
    }

    fn decide(
        &self,
        dealing: &mut Dealing<'_>,
        case_type: Option<&CaseType>,
        important_from: i16,
        message: Message,
    ) -> Result<(), Refusal> {
        match self {
            Act::Correct(correction) => dealing.correct(correction, case_type, important_from, message),
            Act::Assign { assignee, department } => dealing.assign(assignee, department, message),
            Act::Note => dealing.note(message),
            Act::Answer => dealing.answer(message)?,
            Act::Promise { until } => dealing.promise(*until, message)?,
            Act::AwaitUser => dealing.await_user(message)?,
            Act::Reply => dealing.reply(message)?,
            Act::Resolve(resolution) => dealing.resolve(*resolution, message)?,
            Act::Reopen => dealing.reopen(message)?,
            Act::Rate(score) => dealing.rate(*score, message)?,
        }
        Ok(())
    }
}

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

/// An answer that holds the case and the place in the log: one per method, all alike.
pub trait CaseAnswer: prost::Message + Default {
    /// From its parts.
    fn of(case: pb::Case, position: Position) -> Self;
}

macro_rules! case_answers {
    ($($answer:ident),+ $(,)?) => {
        $(impl CaseAnswer for pb::$answer {
            fn of(case: pb::Case, position: Position) -> Self {
                Self { case: Some(case), position: Some(position) }
            }
        })+
    };
}

case_answers!(
    CorrectCaseResponse,
    AssignCaseResponse,
    AddNoteResponse,
    AnswerCaseResponse,
    PromiseAnswerResponse,
    AwaitUserResponse,
    ReplyToCaseResponse,
    ResolveCaseResponse,
    ReopenCaseResponse,
    RateCaseResponse,
);

impl Feedback {
    /// See the methods of `CaseService` about a case that there is.
    pub async fn handle_case<T: CaseAnswer>(
        &self,
        tenant: &TenantId,
        command: &HandleCase,
    ) -> Result<Answer<T>, FeedbackError> {
        // on the heap: ten handlers would each hold it
        pg::retrying("handle_case", || Box::pin(self.handle_case_once(tenant, command))).await
    }

    #[tracing::instrument(name = "handle_case", skip_all, fields(case = %command.case_id, method = command.request.method))]
    async fn handle_case_once<T: CaseAnswer>(
        &self,
        tenant: &TenantId,
        command: &HandleCase,
    ) -> Result<Answer<T>, FeedbackError> {
        let request = &command.request;
        let mut tx = self.core.write(tenant).await?;
        let user = super::user(&mut tx, tenant, &command.user).await?;
        let locked = store::case::lock(&mut tx, tenant, &user, &command.case_id).await?;
        if let Some(answer) = earlier(&mut tx, tenant, request).await? {
            return Ok(answer);
        }
        let Some(case) = locked else {
            let refusal = Refusal::CaseNotFound { case_id: command.case_id.to_string() };
            return Err(refuse(tx, tenant, request, refusal).await);
        };
        let policies = store::sla_policy::since(&mut tx, tenant, case.sla_version).await?;
        let (mut case_type, mut important_from) = (None, 0);
        if let Act::Correct(correction) = &command.act {
            important_from = store::classification::current(&mut tx, tenant).await?.important_from;
            case_type = store::case_type::read(&mut tx, tenant, &correction.case_type).await?;
            if case_type.is_none() && !correction.case_type.is_empty() {
                let refusal = Refusal::CaseTypeNotFound { case_type_id: correction.case_type.clone() };
                return Err(refuse(tx, tenant, request, refusal).await);
            }
        }
        let clock = self.core.decide(&mut tx, tenant).await?;
        let mut dealing = Dealing::take_up(case, &policies, clock);
        let decided = command.act.decide(&mut dealing, case_type.as_ref(), important_from, command.message.clone());
        if let Err(refusal) = decided {
            return Err(refuse(tx, tenant, request, refusal).await);
        }
        let dealt = dealing.close();
        super::write(&mut tx, tenant, std::slice::from_ref(&dealt)).await?;
        let (case, entries) = dealt;
        if let Act::Rate(score) = command.act {
            store::rating::insert(&mut tx, tenant, &case, score, case.decided_at).await?;
        }
        let drafts = events::told(&case, &entries);
        let reader = if command.act.by_user() { Reader::User } else { Reader::Desk(&policies, case.decided_at) };
        let message = wire::case(&case, reader);
        self.core.finish(tx, tenant, request, (case.user.as_str(), &drafts), |position| T::of(message, position)).await
    }
}
