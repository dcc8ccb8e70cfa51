use proto::feedback::v1 as pb;
use proto::feedback::v1::case_service_server::CaseService;
use service::{List, decoded, write};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::commands::HandleCase;
use crate::domain::queue::Place;
use crate::wire::{self, Reader};

impl Api {
    /// Does something with a case that there is.
    async fn handle<T: prost::Message + Default + 'static>(
        &self,
        tenant: ids::TenantId,
        command: HandleCase,
    ) -> Result<Response<T>, Status> {
        let (handlings, user) = (self.handlings.clone(), command.user.clone());
        write(async move { decoded(handlings.call(&tenant, user.as_str(), command).await?) }).await
    }
}

#[tonic::async_trait]
impl CaseService for Api {
    async fn submit_case(
        &self,
        request: Request<pb::SubmitCaseRequest>,
    ) -> Result<Response<pb::SubmitCaseResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let by_user = authn::caller(&request)?.user.is_some();
        let command = convert::case::submit_case(request.get_ref(), by_user)?;
        let (submissions, user) = (self.submissions.clone(), command.submission.user.clone());
        write(async move { submissions.call(&tenant, user.as_str(), command).await }).await
    }

    async fn get_case(&self, request: Request<pb::GetCaseRequest>) -> Result<Response<pb::GetCaseResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let by_user = authn::caller(&request)?.user.is_some();
        let sent = request.into_inner();
        let (user, case_id) = convert::case::user_and_case(&sent.user_id, &sent.case_id)?;
        let view = self.feedback.case(&tenant, (&user, &case_id), &sent.at_least).await?;
        let reader = if by_user { Reader::User } else { Reader::Desk(&view.policies, view.at) };
        Ok(Response::new(pb::GetCaseResponse {
            case: Some(wire::case(&view.case, reader)),
            messages: view.messages.iter().map(|entry| wire::entry(entry, by_user)).collect(),
        }))
    }

    async fn list_cases(
        &self,
        request: Request<pb::ListCasesRequest>,
    ) -> Result<Response<pb::ListCasesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let by_user = authn::caller(&request)?.user.is_some();
        let sent = request.into_inner();
        let user = convert::case::user(&sent.user_id)?;
        let list = List::new(&self.pages, "CaseService/ListCases", &tenant, &[&sent.user_id]);
        let before = list.open_time(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let found = self.feedback.list_cases(&tenant, &user, before, size, &sent.at_least).await?;
        let reader = if by_user { Reader::User } else { Reader::Desk(&found.policies, found.at) };
        Ok(Response::new(pb::ListCasesResponse {
            cases: found.page.rows.iter().map(|case| wire::case(case, reader)).collect(),
            next_page_token: list.next_time(found.page.next),
        }))
    }

    async fn list_queue(
        &self,
        request: Request<pb::ListQueueRequest>,
    ) -> Result<Response<pb::ListQueueResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let filter = convert::case::filter(&sent)?;
        let (state, quadrant) = (sent.state.to_string(), sent.quadrant.to_string());
        let unassigned = sent.unassigned.to_string();
        let args = [sent.department.as_str(), &state, &quadrant, &sent.assignee_id, &unassigned];
        let list = List::new(&self.pages, "CaseService/ListQueue", &tenant, &args);
        let after = list.open(&sent.page_token)?.and_then(place);
        let size = page::size(sent.page_size, 50, 200);
        let found = self.feedback.list_queue(&tenant, &filter, after, size, &sent.at_least).await?;
        let reader = Reader::Desk(&found.policies, found.at);
        Ok(Response::new(pb::ListQueueResponse {
            cases: found.page.rows.iter().map(|case| wire::case(case, reader)).collect(),
            next_page_token: list.next(found.page.next.map(|place| {
                vec![(place.queue_at.unix_timestamp_nanos() / 1_000).to_string(), place.user_id, place.case_id]
            })),
        }))
    }

    async fn get_case_timeline(
        &self,
        request: Request<pb::GetCaseTimelineRequest>,
    ) -> Result<Response<pb::GetCaseTimelineResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, case_id) = convert::case::user_and_case(&sent.user_id, &sent.case_id)?;
        let args = [sent.user_id.as_str(), sent.case_id.as_str()];
        let list = List::new(&self.pages, "CaseService/GetCaseTimeline", &tenant, &args);
        let after = list.open_number(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let page = self.feedback.timeline(&tenant, (&user, &case_id), after, size, &sent.at_least).await?;
        Ok(Response::new(pb::GetCaseTimelineResponse {
            entries: page.rows.iter().map(|entry| wire::entry(entry, false)).collect(),
            next_page_token: list.next(page.next.map(|seq| vec![seq.to_string()])),
        }))
    }

    async fn correct_case(
        &self,
        request: Request<pb::CorrectCaseRequest>,
    ) -> Result<Response<pb::CorrectCaseResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        self.handle(tenant, convert::handling::correct_case(request.get_ref())?).await
    }

    async fn assign_case(
        &self,
        request: Request<pb::AssignCaseRequest>,
    ) -> Result<Response<pb::AssignCaseResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        self.handle(tenant, convert::handling::assign_case(request.get_ref())?).await
    }

    async fn add_note(&self, request: Request<pb::AddNoteRequest>) -> Result<Response<pb::AddNoteResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        self.handle(tenant, convert::handling::add_note(request.get_ref())?).await
    }

    async fn answer_case(
        &self,
        request: Request<pb::AnswerCaseRequest>,
    ) -> Result<Response<pb::AnswerCaseResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        self.handle(tenant, convert::handling::answer_case(request.get_ref())?).await
    }

    async fn promise_answer(
        &self,
        request: Request<pb::PromiseAnswerRequest>,
    ) -> Result<Response<pb::PromiseAnswerResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        self.handle(tenant, convert::handling::promise_answer(request.get_ref())?).await
    }

    async fn await_user(
        &self,
        request: Request<pb::AwaitUserRequest>,
    ) -> Result<Response<pb::AwaitUserResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        self.handle(tenant, convert::handling::await_user(request.get_ref())?).await
    }

    async fn reply_to_case(
        &self,
        request: Request<pb::ReplyToCaseRequest>,
    ) -> Result<Response<pb::ReplyToCaseResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        self.handle(tenant, convert::handling::reply_to_case(request.get_ref())?).await
    }

    async fn resolve_case(
        &self,
        request: Request<pb::ResolveCaseRequest>,
    ) -> Result<Response<pb::ResolveCaseResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        self.handle(tenant, convert::handling::resolve_case(request.get_ref())?).await
    }

    async fn reopen_case(
        &self,
        request: Request<pb::ReopenCaseRequest>,
    ) -> Result<Response<pb::ReopenCaseResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        self.handle(tenant, convert::handling::reopen_case(request.get_ref())?).await
    }

    async fn rate_case(&self, request: Request<pb::RateCaseRequest>) -> Result<Response<pb::RateCaseResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        self.handle(tenant, convert::handling::rate_case(request.get_ref())?).await
    }
}

/// A place in a queue from its token. The token was signed here, so its parts can be read.
fn place([queue_at, user_id, case_id]: [String; 3]) -> Option<Place> {
    let nanos = queue_at.parse::<i128>().ok()?.checked_mul(1_000)?;
    let queue_at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    Some(Place { queue_at, user_id, case_id })
}
