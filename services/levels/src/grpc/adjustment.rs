use ids::EventId;
use proto::levels::v1 as pb;
use proto::levels::v1::adjustment_service_server::AdjustmentService;
use requests::body_of;
use service::{List, Parse, write};
use status::Violations;
use tonic::{Request, Response, Status};

use super::Api;
use crate::commands::{AdjustPoints, DecideAdjustment, Verdict};
use crate::domain::adjustment::AdjustmentState;
use crate::domain::point_type::AMOUNT_MAX;
use crate::wire;

#[tonic::async_trait]
impl AdjustmentService for Api {
    async fn adjust_points(
        &self,
        request: Request<pb::AdjustPointsRequest>,
    ) -> Result<Response<pb::AdjustPointsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let subject = authn::caller(&request)?.subject.clone();
        let command = adjust_points(request.get_ref(), subject)?;
        let levels = self.levels.clone();
        write(async move { levels.adjust_points(&tenant, &command).await }).await
    }

    async fn approve_adjustment(
        &self,
        request: Request<pb::ApproveAdjustmentRequest>,
    ) -> Result<Response<pb::ApproveAdjustmentResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let subject = authn::caller(&request)?.subject.clone();
        let sent = request.get_ref();
        let call = ("AdjustmentService/ApproveAdjustment", sent.request_id.as_str(), body_of(sent));
        let command = decide_adjustment(call, &sent.adjustment_id, Verdict::Approve, subject)?;
        let levels = self.levels.clone();
        write(async move { levels.decide_adjustment(&tenant, &command).await }).await
    }

    async fn reject_adjustment(
        &self,
        request: Request<pb::RejectAdjustmentRequest>,
    ) -> Result<Response<pb::RejectAdjustmentResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let subject = authn::caller(&request)?.subject.clone();
        let sent = request.get_ref();
        let call = ("AdjustmentService/RejectAdjustment", sent.request_id.as_str(), body_of(sent));
        let command = decide_adjustment(call, &sent.adjustment_id, Verdict::Reject(sent.note.clone()), subject)?;
        let levels = self.levels.clone();
        write(async move { levels.decide_adjustment(&tenant, &command).await }).await
    }

    async fn get_adjustment(
        &self,
        request: Request<pb::GetAdjustmentRequest>,
    ) -> Result<Response<pb::GetAdjustmentResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let mut parse = Parse::default();
        let id = adjustment_id(&mut parse, &sent.adjustment_id);
        let found = self.levels.adjustment(&tenant, &parse.done(id)?, &sent.at_least).await?;
        Ok(Response::new(pb::GetAdjustmentResponse { adjustment: Some(wire::adjustment(&found)) }))
    }

    async fn list_adjustments(
        &self,
        request: Request<pb::ListAdjustmentsRequest>,
    ) -> Result<Response<pb::ListAdjustmentsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let state = i16::try_from(sent.state).ok().and_then(AdjustmentState::from_code);
        let args = [sent.state.to_string()];
        let list = List::new(&self.pages, "AdjustmentService/ListAdjustments", &tenant, &[args[0].as_str()]);
        let before = list.open_time(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let found = self.levels.list_adjustments(&tenant, state, before, size, &sent.at_least).await?;
        Ok(Response::new(pb::ListAdjustmentsResponse {
            adjustments: found.rows.iter().map(wire::adjustment).collect(),
            next_page_token: list.next_time(found.next),
        }))
    }
}

fn adjustment_id(parse: &mut Parse, id: &str) -> Option<EventId> {
    EventId::new(id).map_err(|fault| parse.refuse("adjustment_id", fault.to_string())).ok()
}

fn adjust_points(sent: &pb::AdjustPointsRequest, subject: String) -> Result<AdjustPoints, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "AdjustmentService/AdjustPoints", &sent.request_id, body_of(sent));
    let (user, point_type) = (parse.user(&sent.user_id), parse.key("point_type_id", &sent.point_type_id));
    if sent.amount == 0 || !(-AMOUNT_MAX..=AMOUNT_MAX).contains(&sent.amount) {
        parse.refuse("amount", format!("must lie between 1 and {AMOUNT_MAX}, or be as much below 0"));
    }
    parse.require(!sent.reason.is_empty(), "reason", "is required");
    let (amount, reason) = (sent.amount, sent.reason.clone());
    let parts = request.zip(user).zip(point_type);
    let command = |((request, user), point_type)| AdjustPoints { request, user, point_type, amount, reason, subject };
    parse.done(parts.map(command))
}

fn decide_adjustment(
    (method, request_id, body): (&'static str, &str, [u8; 32]),
    id: &str,
    verdict: Verdict,
    subject: String,
) -> Result<DecideAdjustment, Violations> {
    let mut parse = Parse::default();
    let (request, id) = (parse.request("", method, request_id, body), adjustment_id(&mut parse, id));
    parse.done(request.zip(id).map(|(request, id)| DecideAdjustment { request, id, verdict, subject }))
}
