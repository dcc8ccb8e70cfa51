//! What the other services know of a user. Nothing of it is kept here.

use host::Peers;
use ids::TenantId;
use proto::common::v1::{ErrorReason, Position};
use proto::feedback::v1::case_service_client::CaseServiceClient;
use proto::feedback::v1::{Case, ListCasesRequest};
use proto::incentives::v1::coupon_service_client::CouponServiceClient;
use proto::incentives::v1::penalty_service_client::PenaltyServiceClient;
use proto::incentives::v1::{CheckRestrictionsRequest, ListCouponsRequest, ListCouponsResponse, RestrictionStatus};
use proto::levels::v1::benefit_service_client::BenefitServiceClient;
use proto::levels::v1::level_service_client::LevelServiceClient;
use proto::levels::v1::{GetStandingRequest, GetStandingResponse, ListUserBenefitsRequest, UserBenefit};
use rt::{Channel, repeatable};
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Request, Status};

use super::peer;
use crate::error::ProfilesError;

/// Coupons, cases and benefits that a page looks at: the most that their lists answer at once.
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

    /// The user's standings in the tenant's schemes, and what the user has of its spendable point types.
    pub(crate) async fn standing(&self) -> Result<GetStandingResponse, ProfilesError> {
        let mut levels = LevelServiceClient::new(self.channel("levels")?);
        let request = GetStandingRequest { user_id: self.user_id.to_owned(), at_least: self.at_least.to_vec() };
        Ok(levels.get_standing(self.ask(request)).await.map_err(peer)?.into_inner())
    }

    /// The tenant's benefits as they stand for the user.
    pub(crate) async fn benefits(&self) -> Result<Vec<UserBenefit>, ProfilesError> {
        let mut benefits = BenefitServiceClient::new(self.channel("levels")?);
        let request = ListUserBenefitsRequest {
            user_id: self.user_id.to_owned(),
            page_size: ROWS_MAX,
            page_token: String::new(),
            at_least: self.at_least.to_vec(),
        };
        Ok(benefits.list_user_benefits(self.ask(request)).await.map_err(peer)?.into_inner().benefits)
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
) -> Result<T, Box<Status>> {
    let status = match timeout_at(until, part).await {
        Ok(Ok(part)) => return Ok(part),
        Ok(Err(ProfilesError::Peer(status))) if status.code() == Code::DeadlineExceeded => late(service),
        Ok(Err(ProfilesError::Peer(status))) if status.code() == Code::Unavailable && status.details().is_empty() => {
            unreached(service)
        }
        Ok(Err(error)) => error.into(),
        Err(_) => late(service),
    };
    Err(Box::new(status))
}

fn late(service: &str) -> Status {
    let message = format!("{service} did not answer in the time that a page gives it");
    status::refuse(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, message).with("service", service).into()
}

fn unreached(service: &str) -> Status {
    let message = format!("{service} cannot be reached now");
    status::refuse(Code::Unavailable, ErrorReason::StoreUnavailable, message).with("service", service).into()
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::*;

    type Outcome = Result<(), ProfilesError>;

    /// Code and reason of a part that was not gathered.
    async fn refusal(until: Instant, part: impl Future<Output = Outcome>) -> (Code, Option<String>) {
        let ended = tokio::time::timeout(Duration::from_secs(10), by(until, "levels", part));
        let status = ended.await.expect("a part ends in its time").expect_err("the part is not there");
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
