//! Clients of the suite, with tokens, and with patience while it restarts.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use proto::admin::v1::tenant_service_client::TenantServiceClient;
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::levels::v1::{level_service_client::LevelServiceClient, points_service_client::PointsServiceClient};
use proto::profiles::v1::{
    event_service_client::EventServiceClient, insight_service_client::InsightServiceClient,
    lifecycle_service_client::LifecycleServiceClient, profile_service_client::ProfileServiceClient,
};
use proto::programme::v1::programme_service_client::ProgrammeServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::{Interceptor, interceptor::InterceptedService};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::child::Suite;

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

/// The suite, as an operator and as the tenant's own back end.
#[derive(Clone)]
pub(crate) struct Calls {
    channel: Channel,
    tenant: Bearer,
    operator: Bearer,
    suite: Suite,
}

impl Calls {
    /// Makes clients of the suite; connects with the first call.
    pub(crate) fn new(suite: Suite, tenant_token: &str, operator_token: &str) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", suite.port()))?
            .connect_timeout(Duration::from_secs(1))
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(10));
        let (tenant, operator) = (Bearer::new(tenant_token)?, Bearer::new(operator_token)?);
        Ok(Self { channel: endpoint.connect_lazy(), tenant, operator, suite })
    }

    pub(crate) fn tenants(&self) -> TenantServiceClient<Bearing> {
        TenantServiceClient::with_interceptor(self.channel.clone(), self.operator.clone())
    }

    pub(crate) fn logs(&self) -> EventLogServiceClient<Bearing> {
        EventLogServiceClient::with_interceptor(self.channel.clone(), self.operator.clone())
    }

    pub(crate) fn events(&self) -> EventServiceClient<Bearing> {
        EventServiceClient::with_interceptor(self.channel.clone(), self.tenant.clone())
    }

    pub(crate) fn profiles(&self) -> ProfileServiceClient<Bearing> {
        ProfileServiceClient::with_interceptor(self.channel.clone(), self.tenant.clone())
    }

    pub(crate) fn insights(&self) -> InsightServiceClient<Bearing> {
        InsightServiceClient::with_interceptor(self.channel.clone(), self.tenant.clone())
    }

    pub(crate) fn lifecycle(&self) -> LifecycleServiceClient<Bearing> {
        LifecycleServiceClient::with_interceptor(self.channel.clone(), self.tenant.clone())
    }

    pub(crate) fn points(&self) -> PointsServiceClient<Bearing> {
        PointsServiceClient::with_interceptor(self.channel.clone(), self.tenant.clone())
    }

    pub(crate) fn programmes(&self) -> ProgrammeServiceClient<Bearing> {
        ProgrammeServiceClient::with_interceptor(self.channel.clone(), self.tenant.clone())
    }

    pub(crate) fn levels(&self) -> LevelServiceClient<Bearing> {
        LevelServiceClient::with_interceptor(self.channel.clone(), self.tenant.clone())
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
            if !unsettled(status.code()) || begun.elapsed() > PATIENCE {
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

/// Whether a call that failed this way may or may not have had its effect, or was not taken for want of room.
pub(crate) fn unsettled(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Aborted
            | Code::Internal
            | Code::Unknown
            | Code::ResourceExhausted
    )
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
