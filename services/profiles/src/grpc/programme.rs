use std::sync::Arc;

use proto::programme::v1 as pb;
use proto::programme::v1::programme_service_server::ProgrammeService;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::domain::profile::etag;
use crate::wire;

#[tonic::async_trait]
impl ProgrammeService for Api {
    async fn plan_programme(
        &self,
        request: Request<pb::PlanProgrammeRequest>,
    ) -> Result<Response<pb::PlanProgrammeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let bundle = request.into_inner().bundle.unwrap_or_default();
        let plan = self.profiles.plan_programme(&tenant, &bundle).await?;
        Ok(Response::new(pb::PlanProgrammeResponse {
            violations: plan.violations.iter().map(wire::programme::violation).collect(),
            etag: etag(plan.newest.into()),
            ..wire::programme::plan(&plan)
        }))
    }

    async fn apply_programme(
        &self,
        request: Request<pb::ApplyProgrammeRequest>,
    ) -> Result<Response<pb::ApplyProgrammeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::apply_programme(request.get_ref(), &authn::caller(&request)?.subject)?;
        let profiles = Arc::clone(&self.profiles);
        write(async move { Box::pin(profiles.apply_programme(&tenant, &command)).await }).await
    }

    async fn rollback_programme(
        &self,
        request: Request<pb::RollbackProgrammeRequest>,
    ) -> Result<Response<pb::RollbackProgrammeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::rollback_programme(request.get_ref(), &authn::caller(&request)?.subject)?;
        let profiles = Arc::clone(&self.profiles);
        write(async move { Box::pin(profiles.apply_programme(&tenant, &command)).await }).await
    }

    async fn get_programme(
        &self,
        request: Request<pb::GetProgrammeRequest>,
    ) -> Result<Response<pb::GetProgrammeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let programme = self.profiles.get_programme(&tenant, request.into_inner().version).await?;
        Ok(Response::new(pb::GetProgrammeResponse { programme: Some(programme) }))
    }

    async fn list_programme_versions(
        &self,
        request: Request<pb::ListProgrammeVersionsRequest>,
    ) -> Result<Response<pb::ListProgrammeVersionsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let pb::ListProgrammeVersionsRequest { page_size, page_token } = request.into_inner();
        let list = List::new(&self.pages, "ProgrammeService/ListProgrammeVersions", &tenant, &[]);
        let before = list.open_number(&page_token)?;
        let page = self.profiles.list_programme_versions(&tenant, before, page_size).await?;
        let next_page_token = list.next(page.next.map(|version| vec![version.to_string()]));
        Ok(Response::new(pb::ListProgrammeVersionsResponse { versions: page.rows, next_page_token }))
    }

    async fn get_preset(
        &self,
        request: Request<pb::GetPresetRequest>,
    ) -> Result<Response<pb::GetPresetResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let preset = self.profiles.get_preset(&tenant, &sent.preset_id, sent.phase()).await?;
        Ok(Response::new(pb::GetPresetResponse { preset: Some(preset) }))
    }

    async fn list_presets(
        &self,
        request: Request<pb::ListPresetsRequest>,
    ) -> Result<Response<pb::ListPresetsResponse>, Status> {
        authn::tenant(&request)?;
        Ok(Response::new(pb::ListPresetsResponse { presets: self.profiles.list_presets() }))
    }
}
