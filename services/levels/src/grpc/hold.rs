//! The part of `PointsService` that is about holds.

use ids::{EventId, UserId};
use proto::levels::v1 as pb;
use requests::body_of;
use service::{List, Parse};
use status::Violations;
use time::Duration;
use tonic::{Request, Response, Status};

use super::Api;
use super::convert::{amount, origin};
use crate::commands::{CaptureHold, GiveBack, HoldPoints, ReleaseHold};
use crate::domain::account::Occasion;
use crate::domain::hold::{HoldState, TTL_MAX};
use crate::domain::point_type::AMOUNT_MAX;
use crate::wire;

impl Api {
    pub(super) async fn hold_points_of(
        &self,
        request: Request<pb::HoldPointsRequest>,
    ) -> Result<Response<pb::HoldPointsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = hold_points(request.get_ref())?;
        self.post(tenant, command).await
    }

    pub(super) async fn capture_hold_of(
        &self,
        request: Request<pb::CaptureHoldRequest>,
    ) -> Result<Response<pb::CaptureHoldResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = capture_hold(request.get_ref())?;
        self.post(tenant, command).await
    }

    pub(super) async fn release_hold_of(
        &self,
        request: Request<pb::ReleaseHoldRequest>,
    ) -> Result<Response<pb::ReleaseHoldResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = release_hold(request.get_ref())?;
        self.post(tenant, command).await
    }

    pub(super) async fn give_back_of(
        &self,
        request: Request<pb::GiveBackRequest>,
    ) -> Result<Response<pb::GiveBackResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = give_back(request.get_ref())?;
        self.post(tenant, command).await
    }

    pub(super) async fn hold_of(
        &self,
        request: Request<pb::GetHoldRequest>,
    ) -> Result<Response<pb::GetHoldResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, hold) = user_and_hold(&sent.user_id, &sent.hold_id)?;
        let hold = self.levels.hold(&tenant, (&user, &hold), &sent.at_least).await?;
        Ok(Response::new(pb::GetHoldResponse { hold: Some(wire::hold(&hold)) }))
    }

    pub(super) async fn holds_of(
        &self,
        request: Request<pb::ListHoldsRequest>,
    ) -> Result<Response<pb::ListHoldsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, state) = user_and_state(&sent.user_id, sent.state)?;
        let args = [sent.user_id.as_str(), &sent.state.to_string()];
        let list = List::new(&self.pages, "PointsService/ListHolds", &tenant, &args);
        let before = list.open_time(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let found = self.levels.list_holds(&tenant, (&user, state), before, size, &sent.at_least).await?;
        Ok(Response::new(pb::ListHoldsResponse {
            holds: found.rows.iter().map(wire::hold).collect(),
            next_page_token: list.next_time(found.next),
        }))
    }
}

fn within(parse: &mut Parse, field: &str, value: i64, (least, most): (i64, i64)) {
    if !(least..=most).contains(&value) {
        parse.refuse(field, format!("must lie between {least} and {most}"));
    }
}

fn hold_id(parse: &mut Parse, text: &str) -> Option<EventId> {
    EventId::new(text).map_err(|fault| parse.refuse("hold_id", fault.to_string())).ok()
}

fn hold_points(sent: &pb::HoldPointsRequest) -> Result<HoldPoints, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "PointsService/HoldPoints", &sent.request_id, body_of(sent));
    let (user, point_type) = (parse.user(&sent.user_id), parse.key("point_type_id", &sent.point_type_id));
    amount(&mut parse, sent.amount);
    within(&mut parse, "ttl_seconds", sent.ttl_seconds.into(), (1, TTL_MAX.whole_seconds()));
    let (ttl, origin) = (Duration::seconds(sent.ttl_seconds.into()), origin(&sent.reason, &sent.order_id));
    let read = (|| {
        let (request, user, point_type) = (request?, user?, point_type?);
        Some(HoldPoints { request, user, point_type, amount: sent.amount, ttl, origin })
    })();
    parse.done(read)
}

fn capture_hold(sent: &pb::CaptureHoldRequest) -> Result<CaptureHold, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "PointsService/CaptureHold", &sent.request_id, body_of(sent));
    let (user, hold) = (parse.user(&sent.user_id), hold_id(&mut parse, &sent.hold_id));
    within(&mut parse, "amount", sent.amount, (0, AMOUNT_MAX));
    let occasion = Occasion { occurred_at: None, origin: origin(&sent.reason, &sent.order_id) };
    let read = (|| Some(CaptureHold { request: request?, user: user?, hold: hold?, amount: sent.amount, occasion }))();
    parse.done(read)
}

fn release_hold(sent: &pb::ReleaseHoldRequest) -> Result<ReleaseHold, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "PointsService/ReleaseHold", &sent.request_id, body_of(sent));
    let (user, hold) = (parse.user(&sent.user_id), hold_id(&mut parse, &sent.hold_id));
    let read = (|| Some(ReleaseHold { request: request?, user: user?, hold: hold? }))();
    parse.done(read)
}

fn give_back(sent: &pb::GiveBackRequest) -> Result<GiveBack, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "PointsService/GiveBack", &sent.request_id, body_of(sent));
    let (user, hold) = (parse.user(&sent.user_id), hold_id(&mut parse, &sent.hold_id));
    amount(&mut parse, sent.amount);
    let occasion = Occasion { occurred_at: None, origin: origin(&sent.reason, "") };
    let read = (|| Some(GiveBack { request: request?, user: user?, hold: hold?, total: sent.amount, occasion }))();
    parse.done(read)
}

fn user_and_hold(user: &str, hold: &str) -> Result<(UserId, EventId), Violations> {
    let mut parse = Parse::default();
    let (user, hold) = (parse.user(user), hold_id(&mut parse, hold));
    parse.done(user.zip(hold))
}

fn user_and_state(user: &str, state: i32) -> Result<(UserId, Option<HoldState>), Violations> {
    let mut parse = Parse::default();
    let user = parse.user(user);
    within(&mut parse, "state", state.into(), (0, 4));
    let state = i16::try_from(state).ok().and_then(HoldState::from_code);
    parse.done(user.map(|user| (user, state)))
}
