use std::sync::Arc;

use ids::TenantId;
use proto::admin::v1::tenant_service_server::TenantService;
use proto::admin::v1::{
    AdvanceClockRequest, AdvanceClockResponse, CreateTenantRequest, CreateTenantResponse, GetTenantRequest,
    GetTenantResponse, ListTenantsRequest, ListTenantsResponse, UpdateTenantRequest, UpdateTenantResponse,
};
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::domain::refusal::Refusal;
use crate::error::ProfilesError;
use crate::wire;

#[tonic::async_trait]
impl TenantService for Api {
    async fn create_tenant(
        &self,
        request: Request<CreateTenantRequest>,
    ) -> Result<Response<CreateTenantResponse>, Status> {
        let (tenant, command) = convert::create_tenant(request.get_ref())?;
        let profiles = Arc::clone(&self.profiles);
        write(async move { profiles.create_tenant(&tenant, &command).await }).await
    }

    async fn get_tenant(&self, request: Request<GetTenantRequest>) -> Result<Response<GetTenantResponse>, Status> {
        let tenant_id = request.into_inner().tenant_id;
        let Ok(tenant) = TenantId::new(tenant_id.as_str()) else {
            return Err(ProfilesError::from(Refusal::TenantNotFound { tenant_id }).into());
        };
        let tenant = self.profiles.get_tenant(&tenant).await?;
        Ok(Response::new(GetTenantResponse { tenant: Some(wire::tenant(&tenant)) }))
    }

    async fn list_tenants(
        &self,
        request: Request<ListTenantsRequest>,
    ) -> Result<Response<ListTenantsResponse>, Status> {
        let ListTenantsRequest { page_size, page_token } = request.into_inner();
        let list = List::across(&self.pages, "TenantService/ListTenants");
        let [after] = list.open(&page_token)?.unwrap_or_default();
        let page = self.profiles.list_tenants(&after, page_size).await?;
        let tenants = page.rows.iter().map(wire::tenant).collect();
        Ok(Response::new(ListTenantsResponse { tenants, next_page_token: list.next(page.next.map(|id| vec![id])) }))
    }

    async fn advance_clock(
        &self,
        request: Request<AdvanceClockRequest>,
    ) -> Result<Response<AdvanceClockResponse>, Status> {
        let (tenant, command) = convert::advance_clock(request.get_ref())?;
        let profiles = Arc::clone(&self.profiles);
        write(async move { profiles.advance_clock(&tenant, &command).await }).await
    }

    async fn update_tenant(
        &self,
        request: Request<UpdateTenantRequest>,
    ) -> Result<Response<UpdateTenantResponse>, Status> {
        let (tenant, command) = convert::update_tenant(request.get_ref())?;
        let profiles = Arc::clone(&self.profiles);
        write(async move { profiles.update_tenant(&tenant, &command).await }).await
    }
}
