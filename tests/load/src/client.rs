//! Clients of a suite.

use std::time::Duration;

use proto::admin::v1::tenant_service_client::TenantServiceClient;
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::feedback::v1::case_service_client::CaseServiceClient;
use proto::incentives::v1::{
    campaign_service_client::CampaignServiceClient, checkout_service_client::CheckoutServiceClient,
    coupon_service_client::CouponServiceClient, penalty_service_client::PenaltyServiceClient,
};
use proto::levels::v1::points_service_client::PointsServiceClient;
use proto::profiles::v1::{
    event_service_client::EventServiceClient, member_service_client::MemberServiceClient,
    profile_service_client::ProfileServiceClient,
};
use proto::programme::v1::programme_service_client::ProgrammeServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_health::pb::health_client::HealthClient;

/// How long a call may take before the benchmark gives up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A connection with a token.
#[derive(Clone)]
pub(crate) struct Client {
    channel: Channel,
    token: Bearer,
}

/// Puts the token on every request.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection whose requests carry the token.
pub(crate) type Authorized = InterceptedService<Channel, Bearer>;

macro_rules! clients {
    ($($name:ident: $client:ident;)*) => {
        impl Client {
            $(pub(crate) fn $name(&self) -> $client<Authorized> {
                $client::with_interceptor(self.channel.clone(), self.token.clone())
            })*
        }
    };
}

clients! {
    tenants: TenantServiceClient;
    logs: EventLogServiceClient;
    programmes: ProgrammeServiceClient;
    events: EventServiceClient;
    profiles: ProfileServiceClient;
    members: MemberServiceClient;
    points: PointsServiceClient;
    coupons: CouponServiceClient;
    checkouts: CheckoutServiceClient;
    campaigns: CampaignServiceClient;
    penalties: PenaltyServiceClient;
    cases: CaseServiceClient;
}

impl Client {
    pub(crate) fn new(channel: Channel, token: &str) -> anyhow::Result<Self> {
        Ok(Self { channel, token: Bearer(format!("Bearer {token}").parse()?) })
    }

    /// The same connection for somebody else.
    pub(crate) fn with_token(&self, token: &str) -> anyhow::Result<Self> {
        Self::new(self.channel.clone(), token)
    }

    pub(crate) fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel.clone())
    }
}

/// A request with a deadline.
pub(crate) fn fresh<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}
