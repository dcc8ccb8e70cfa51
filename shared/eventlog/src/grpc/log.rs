use std::sync::Arc;

use proto::events::v1::event_log_service_server::EventLogService;
use proto::events::v1::{
    GetOutcomeRequest, GetOutcomeResponse, GetProgressRequest, GetProgressResponse, PullRequest, PullResponse,
};
use tonic::{Request, Response, Status};

use super::find;
use crate::Log;
use crate::pull::Reader;

/// `EventLogService` over the logs of a process.
pub struct Logs(Vec<Arc<Log>>);

impl Logs {
    /// Serves these logs.
    pub fn new(logs: Vec<Arc<Log>>) -> Self {
        Self(logs)
    }
}

#[tonic::async_trait]
impl EventLogService for Logs {
    async fn pull(&self, request: Request<PullRequest>) -> Result<Response<PullResponse>, Status> {
        let caller = authn::caller(&request)?;
        let reader = match &caller.tenant {
            Some(tenant) => Reader::Tenant(tenant.clone()),
            None => Reader::Service(format!("{}/{}", caller.subject, request.get_ref().consumer)),
        };
        let request = request.into_inner();
        let log = find(&self.0, &request.service)?;
        Ok(Response::new(log.pull(&reader, request).await?))
    }

    async fn get_progress(
        &self,
        request: Request<GetProgressRequest>,
    ) -> Result<Response<GetProgressResponse>, Status> {
        let tenant = authn::caller(&request)?.tenant.clone();
        let log = find(&self.0, &request.get_ref().service)?;
        Ok(Response::new(log.progress(tenant.as_ref()).await.map_err(status::from_store)?))
    }

    async fn get_outcome(&self, request: Request<GetOutcomeRequest>) -> Result<Response<GetOutcomeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let GetOutcomeRequest { service, event_id, position } = request.into_inner();
        let log = find(&self.0, &service)?;
        let outcome = log.outcome(&tenant, &event_id, position.as_ref()).await;
        Ok(Response::new(outcome.map_err(status::from_store)?))
    }
}
