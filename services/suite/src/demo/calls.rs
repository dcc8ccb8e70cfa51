//! Clients of the suite, with tokens, and with patience while it restarts.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use proto::admin::v1::tenant_service_client::TenantServiceClient;
use proto::common::v1::ErrorReason;
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::feedback::v1::{
    case_insight_service_client::CaseInsightServiceClient, case_service_client::CaseServiceClient,
};
use proto::incentives::v1::{
    campaign_service_client::CampaignServiceClient, checkout_service_client::CheckoutServiceClient,
    coupon_service_client::CouponServiceClient, decision_service_client::DecisionServiceClient,
    penalty_service_client::PenaltyServiceClient,
};
use proto::levels::v1::{level_service_client::LevelServiceClient, points_service_client::PointsServiceClient};
use proto::profiles::v1::{
    event_service_client::EventServiceClient, insight_service_client::InsightServiceClient,
    lifecycle_service_client::LifecycleServiceClient, order_service_client::OrderServiceClient,
    profile_service_client::ProfileServiceClient,
};
use proto::programme::v1::programme_service_client::ProgrammeServiceClient;
use status::Reason as _;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::{Interceptor, interceptor::InterceptedService};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::child::Suite;

/// Clients of services, each with a token.
macro_rules! clients {
    ($($name:ident: $client:ident, $token:ident;)*) => {
        impl Calls {
            $(pub(crate) fn $name(&self) -> $client<Bearing> {
                $client::with_interceptor(self.channel.clone(), self.$token.clone())
            })*
        }
    };
}

clients! {
    tenants: TenantServiceClient, operator;
    logs: EventLogServiceClient, operator;
    own_logs: EventLogServiceClient, tenant;
    events: EventServiceClient, tenant;
    profiles: ProfileServiceClient, tenant;
    orders: OrderServiceClient, tenant;
    insights: InsightServiceClient, tenant;
    lifecycle: LifecycleServiceClient, tenant;
    points: PointsServiceClient, tenant;
    programmes: ProgrammeServiceClient, tenant;
    levels: LevelServiceClient, tenant;
    coupons: CouponServiceClient, tenant;
    checkouts: CheckoutServiceClient, tenant;
    campaigns: CampaignServiceClient, tenant;
    approvals: CampaignServiceClient, approver;
    decisions: DecisionServiceClient, tenant;
    penalties: PenaltyServiceClient, tenant;
    cases: CaseServiceClient, tenant;
    case_insights: CaseInsightServiceClient, tenant;
}

/// Calls a method until the answer is definite, see [`Calls::patiently`]: `call!(calls, cases, submit_case, request)`.
macro_rules! call {
    ($calls:expr, $client:ident, $method:ident, $request:expr) => {{
        let request = $request;
        let once = || {
            let (mut client, request) = ($calls.$client(), request.clone());
            async move { client.$method(request).await }
        };
        $calls.patiently(once).await
    }};
}
pub(crate) use call;

/// A connection that sends a token.
pub(crate) type Bearing = InterceptedService<Channel, Bearer>;

/// How long calls are repeated while the suite does not answer.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long one call may take.
const CALL_MAX: Duration = Duration::from_secs(30);
/// Pause between repetitions.
const PAUSE: Duration = Duration::from_millis(300);

/// Puts a token into every call.
#[derive(Clone)]
pub(crate) struct Bearer {
    value: MetadataValue<Ascii>,
}

impl Bearer {
    fn new(token: &str) -> anyhow::Result<Self> {
        let mut value: MetadataValue<Ascii> = format!("Bearer {token}").parse().context("the token is not a header")?;
        value.set_sensitive(true);
        Ok(Self { value })
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.value.clone());
        Ok(request)
    }
}

/// Tokens to call with.
pub(crate) struct Tokens {
    /// Of the tenant's own back end.
    pub tenant: String,
    /// Of a second person in the tenant, who approves what the first wrote.
    pub approver: String,
    /// Of the installation's operator.
    pub operator: String,
}

/// The suite, as an operator and as the tenant's own back end.
#[derive(Clone)]
pub(crate) struct Calls {
    channel: Channel,
    tenant: Bearer,
    approver: Bearer,
    operator: Bearer,
    suite: Suite,
}

impl Calls {
    /// Makes clients of the suite; connects with the first call.
    pub(crate) fn new(suite: Suite, tokens: &Tokens) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", suite.port()))?
            .connect_timeout(Duration::from_secs(1))
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(10));
        let tenant = Bearer::new(&tokens.tenant)?;
        let (approver, operator) = (Bearer::new(&tokens.approver)?, Bearer::new(&tokens.operator)?);
        Ok(Self { channel: endpoint.connect_lazy(), tenant, approver, operator, suite })
    }

    /// Calls until the answer is definite: a call whose outcome is unknown is repeated as it was, which has one effect
    /// because every write carries a request id. A suite of ours that died is started again meanwhile.
    pub(crate) async fn patiently<T, F, Fut>(&self, mut call: F) -> Result<T, Status>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let begun = Instant::now();
        loop {
            let status = match tokio::time::timeout(CALL_MAX, call()).await {
                Ok(Ok(response)) => return Ok(response.into_inner()),
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded("the suite did not answer in time"),
            };
            if !unsettled(&status) || begun.elapsed() > PATIENCE {
                return Err(status);
            }
            self.pause().await;
        }
    }

    /// Waits a moment before something is tried again, and sees to it that a suite of ours runs.
    pub(crate) async fn pause(&self) {
        tokio::time::sleep(PAUSE).await;
        self.suite.revive();
    }
}

/// Whether a call that failed this way may or may not have had its effect, or was not taken for want of room. A limit of
/// the programme, such as coupons per user, has the code of a server without room and is an answer all the same.
pub(crate) fn unsettled(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::Aborted
        | Code::Internal
        | Code::Unknown => true,
        Code::ResourceExhausted => {
            status::reason_of(status).is_none_or(|reason| reason == ErrorReason::Overloaded.name())
        }
        _ => false,
    }
}

/// Turns a status into an error that names the call.
pub(crate) fn told<T>(result: Result<T, Status>, call: &'static str) -> anyhow::Result<T> {
    match result {
        Ok(value) => Ok(value),
        Err(status) if status.code() == Code::Unauthenticated => bail!(
            "{call}: {}. The suite on this port runs on another data folder: name that one with --data, or another port \
             with --port",
            status.message()
        ),
        Err(status) => bail!("{call}: {:?}: {}", status.code(), status.message()),
    }
}

#[cfg(test)]
mod tests {
    use proto::incentives::v1::ErrorReason as Incentives;

    use super::*;

    #[test]
    fn a_server_without_room_is_asked_again_and_a_limit_of_the_programme_is_not() {
        let busy: Status = status::refuse(Code::ResourceExhausted, ErrorReason::Overloaded, "too many calls").into();
        let had: Status = status::refuse(Code::ResourceExhausted, Incentives::CouponLimitReached, "had two").into();
        assert!(unsettled(&busy) && unsettled(&Status::resource_exhausted("a proxy has no room")));
        assert!(!unsettled(&had));
    }
}
