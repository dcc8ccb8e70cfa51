use std::collections::BTreeMap;
use std::sync::Arc;

use eventlog::Log;
use futures::future::BoxFuture;
use ids::TenantId;
use proto::admin::v1::timer_service_server::TimerService;
use proto::admin::v1::{GetNextTimerRequest, GetNextTimerResponse, RunTimersRequest, RunTimersResponse};
use proto::events::v1::ErrorReason;
use status::Violations;
use time::OffsetDateTime;
use tonic::{Code, Request, Response, Status};

/// What a service does for a tenant when a time comes.
pub trait Timers: Send + Sync + 'static {
    /// When the next is due, perhaps in the past; `None`: nothing is planned.
    fn next<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Option<OffsetDateTime>, Status>>;

    /// Does a bounded part of what is due by the tenant's clock; says how much, 0: nothing more was due.
    fn run<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<u64, Status>>;
}

/// `TimerService` over the services of a process.
pub(crate) struct HostedTimers(pub(crate) BTreeMap<&'static str, Hosted>);

/// One of the services.
pub(crate) struct Hosted {
    pub(crate) log: Arc<Log>,
    /// `None` where it has no timers.
    pub(crate) timers: Option<Arc<dyn Timers>>,
}

impl HostedTimers {
    fn of(&self, service: &str) -> Result<&Hosted, Status> {
        self.0.get(service).ok_or_else(|| {
            let message = "this process does not serve that service";
            status::refuse(Code::NotFound, ErrorReason::LogNotHosted, message).with("service", service).into()
        })
    }
}

fn tenant(id: String) -> Result<TenantId, Violations> {
    TenantId::new(id).map_err(|fault| {
        let mut violations = Violations::new();
        violations.add("tenant_id", fault.to_string());
        violations
    })
}

#[tonic::async_trait]
impl TimerService for HostedTimers {
    async fn get_next_timer(
        &self,
        request: Request<GetNextTimerRequest>,
    ) -> Result<Response<GetNextTimerResponse>, Status> {
        let GetNextTimerRequest { service, tenant_id } = request.into_inner();
        let tenant = tenant(tenant_id)?;
        let hosted = self.of(&service)?;
        let due_at = match &hosted.timers {
            Some(timers) => timers.next(&tenant).await?.map(units::time::to_proto),
            None => None,
        };
        let heads = hosted.log.heads().await.map_err(status::from_store)?;
        Ok(Response::new(GetNextTimerResponse { due_at, heads }))
    }

    async fn run_timers(&self, request: Request<RunTimersRequest>) -> Result<Response<RunTimersResponse>, Status> {
        let RunTimersRequest { service, tenant_id } = request.into_inner();
        let tenant = tenant(tenant_id)?;
        let done = match self.of(&service)?.timers.clone() {
            Some(timers) => rt::write(async move { timers.run(&tenant).await }).await?,
            None => 0,
        };
        Ok(Response::new(RunTimersResponse { done: i64::try_from(done).unwrap_or(i64::MAX) }))
    }
}
