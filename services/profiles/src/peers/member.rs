//! What the other services know of a user. Nothing of it is kept here.

use futures::future::try_join_all;
use host::Peers;
use ids::TenantId;
use proto::common::v1::{ErrorReason, Position};
use proto::feedback::v1::case_service_client::CaseServiceClient;
use proto::feedback::v1::{Case, ListCasesRequest};
use proto::incentives::v1::coupon_service_client::CouponServiceClient;
use proto::incentives::v1::penalty_service_client::PenaltyServiceClient;
use proto::incentives::v1::{CheckRestrictionsRequest, ListCouponsRequest, ListCouponsResponse, RestrictionStatus};
use proto::levels::v1::level_service_client::LevelServiceClient;
use proto::levels::v1::points_service_client::PointsServiceClient;
use proto::levels::v1::{
    GetBalanceRequest, GetBalanceResponse, GetMemberRequest, ListPointTypesRequest, ListSchemesRequest, Member,
    PointType, Scheme,
};
use rt::{Channel, repeatable};
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Request};

use super::peer;
use crate::error::ProfilesError;

/// Point types that a page looks at; also the most rows that lists answer unless asked for more.
const POINT_TYPES_MAX: i32 = 50;
/// Coupons and cases that a page looks at: the most that their lists answer at once.
const ROWS_MAX: i32 = 200;

/// Questions about one user, until a time.
pub(crate) struct About<'a> {
    peers: &'a Peers,
    tenant: &'a TenantId,
    user_id: &'a str,
    at_least: &'a [Position],
    until: Instant,
}

impl<'a> About<'a> {
    /// About a user of a tenant, by any id; answers include the positions.
    pub(crate) fn new(
        peers: &'a Peers,
        tenant: &'a TenantId,
        (user_id, at_least): (&'a str, &'a [Position]),
        until: Instant,
    ) -> Self {
        Self { peers, tenant, user_id, at_least, until }
    }

    /// The tenant's schemes, each with the user's standing.
    pub(crate) async fn levels(&self) -> Result<Vec<(Scheme, Member)>, ProfilesError> {
        let mut levels = LevelServiceClient::new(self.channel("levels")?);
        let all = levels.list_schemes(self.ask(ListSchemesRequest::default())).await.map_err(peer)?.into_inner();
        let standings = all.schemes.into_iter().map(|scheme| {
            let mut levels = levels.clone();
            async move {
                let request = GetMemberRequest {
                    user_id: self.user_id.to_owned(),
                    scheme_id: scheme.scheme_id.clone(),
                    at_least: self.at_least.to_vec(),
                };
                let found = levels.get_member(self.ask(request)).await.map_err(peer)?.into_inner();
                Ok((scheme, found.member.unwrap_or_default()))
            }
        });
        try_join_all(standings).await
    }

    /// The tenant's spendable point types, each with what the user has of it.
    pub(crate) async fn points(&self) -> Result<Vec<(PointType, GetBalanceResponse)>, ProfilesError> {
        let mut points = PointsServiceClient::new(self.channel("levels")?);
        let request = ListPointTypesRequest { page_size: POINT_TYPES_MAX, page_token: String::new() };
        let all = points.list_point_types(self.ask(request)).await.map_err(peer)?.into_inner();
        let balances = all.point_types.into_iter().filter(|point_type| point_type.spendable).map(|point_type| {
            let mut points = points.clone();
            async move {
                let request = GetBalanceRequest {
                    user_id: self.user_id.to_owned(),
                    point_type_id: point_type.point_type_id.clone(),
                    at: None,
                    at_least: self.at_least.to_vec(),
                };
                let balance = points.get_balance(self.ask(request)).await.map_err(peer)?.into_inner();
                Ok((point_type, balance))
            }
        });
        try_join_all(balances).await
    }

    /// The user's coupons, used and expired ones left out, soonest expiry first.
    pub(crate) async fn coupons(&self) -> Result<ListCouponsResponse, ProfilesError> {
        let mut coupons = CouponServiceClient::new(self.channel("incentives")?);
        let request = ListCouponsRequest {
            user_id: self.user_id.to_owned(),
            page_size: ROWS_MAX,
            at_least: self.at_least.to_vec(),
            ..ListCouponsRequest::default()
        };
        Ok(coupons.list_coupons(self.ask(request)).await.map_err(peer)?.into_inner())
    }

    /// The user's cases, newest first.
    pub(crate) async fn cases(&self) -> Result<Vec<Case>, ProfilesError> {
        let mut cases = CaseServiceClient::new(self.channel("feedback")?);
        let request = ListCasesRequest {
            user_id: self.user_id.to_owned(),
            page_size: ROWS_MAX,
            page_token: String::new(),
            at_least: self.at_least.to_vec(),
        };
        Ok(cases.list_cases(self.ask(request)).await.map_err(peer)?.into_inner().cases)
    }

    /// What the user may not do now.
    pub(crate) async fn restrictions(&self) -> Result<Vec<RestrictionStatus>, ProfilesError> {
        let mut penalties = PenaltyServiceClient::new(self.channel("incentives")?);
        let request = CheckRestrictionsRequest {
            user_id: self.user_id.to_owned(),
            restrictions: Vec::new(),
            at_least: self.at_least.to_vec(),
        };
        Ok(penalties.check_restrictions(self.ask(request)).await.map_err(peer)?.into_inner().statuses)
    }

    fn channel(&self, service: &str) -> Result<Channel, ProfilesError> {
        self.peers.on_behalf(service, self.tenant).map_err(peer)
    }

    /// A read that its service gives up when the time is over.
    fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = repeatable(Request::new(message));
        request.set_timeout(self.until.saturating_duration_since(Instant::now()));
        request
    }
}

/// What comes of a part, which a service gathers, by a time. Where the channel to the service gave up it knows no reason of
/// ours; here it gets one.
pub(crate) async fn by<T>(
    until: Instant,
    service: &str,
    part: impl Future<Output = Result<T, ProfilesError>>,
) -> Result<T, ProfilesError> {
    match timeout_at(until, part).await {
        Ok(Err(ProfilesError::Peer(status))) if status.code() == Code::DeadlineExceeded => Err(late(service)),
        Ok(Err(ProfilesError::Peer(status))) if status.code() == Code::Unavailable && status.details().is_empty() => {
            Err(unreached(service))
        }
        Ok(done) => done,
        Err(_) => Err(late(service)),
    }
}

fn late(service: &str) -> ProfilesError {
    let message = format!("{service} did not answer in the time that a page gives it");
    peer(status::refuse(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, message).with("service", service).into())
}

fn unreached(service: &str) -> ProfilesError {
    let message = format!("{service} cannot be reached now");
    peer(status::refuse(Code::Unavailable, ErrorReason::StoreUnavailable, message).with("service", service).into())
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::*;
    use tonic::Status;

    type Outcome = Result<(), ProfilesError>;

    /// Code and reason of a part that was not gathered.
    async fn refusal(until: Instant, part: impl Future<Output = Outcome>) -> (Code, Option<String>) {
        let ended = tokio::time::timeout(Duration::from_secs(10), by(until, "levels", part));
        let status = Status::from(ended.await.expect("a part ends in its time").expect_err("the part is not there"));
        (status.code(), status::reason_of(&status))
    }

    fn says(status: Status) -> impl Future<Output = Outcome> {
        ready(Err(peer(status)))
    }

    #[tokio::test]
    async fn a_part_that_is_not_there_in_time_is_late_whoever_notices() {
        let late = (Code::DeadlineExceeded, Some("DEADLINE_EXCEEDED".to_owned()));
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(refusal(soon, pending()).await, late);
        let far = Instant::now() + Duration::from_secs(60);
        assert_eq!(refusal(far, says(Status::deadline_exceeded("the channel gave up"))).await, late);
    }

    #[tokio::test]
    async fn a_service_that_is_not_reached_gets_a_reason_and_one_that_refused_keeps_its_own() {
        let far = Instant::now() + Duration::from_secs(60);
        let unreached = (Code::Unavailable, Some("STORE_UNAVAILABLE".to_owned()));
        assert_eq!(refusal(far, says(Status::unavailable("connection refused"))).await, unreached);
        let overloaded = status::refuse(Code::Unavailable, ErrorReason::PositionNotReached, "not yet").into();
        let own = (Code::Unavailable, Some("POSITION_NOT_REACHED".to_owned()));
        assert_eq!(refusal(far, says(overloaded)).await, own);
        let denied = status::refuse(Code::PermissionDenied, ErrorReason::ScopeMissing, "no scope").into();
        assert_eq!(refusal(far, says(denied)).await, (Code::PermissionDenied, Some("SCOPE_MISSING".to_owned())));
    }

    #[tokio::test]
    async fn a_service_is_told_until_when_its_answer_is_of_use() {
        let (peers, tenant) = (Peers::default(), TenantId::new("shop").expect("a tenant id"));
        let about = About::new(&peers, &tenant, ("u1", &[]), Instant::now() + Duration::from_secs(1));
        let told = about.ask(()).metadata().get("grpc-timeout").cloned().expect("a time-out is sent");
        let micros: u64 =
            told.to_str().ok().and_then(|text| text.strip_suffix('u')?.parse().ok()).expect("microseconds");
        assert!((1..=1_000_000).contains(&micros), "{told:?}");
    }
}
