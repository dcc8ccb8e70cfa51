use std::sync::Arc;

use ids::TenantId;
use proto::admin::v1::tenant_service_server::TenantService;
use proto::admin::v1::{
    CreateTenantRequest, CreateTenantResponse, GetTenantRequest, GetTenantResponse, ListTenantsRequest,
    ListTenantsResponse, UpdateTenantRequest, UpdateTenantResponse,
};
use tonic::{Request, Response, Status};

use super::{Api, answered, convert};
use crate::domain::refusal::Refusal;
use crate::error::ProfilesError;
use crate::queries::PageRequest;
use crate::wire;

#[tonic::async_trait]
impl TenantService for Api {
    async fn create_tenant(
        &self,
        request: Request<CreateTenantRequest>,
    ) -> Result<Response<CreateTenantResponse>, Status> {
        let (tenant, command) = convert::create_tenant(request.get_ref())?;
        let profiles = Arc::clone(&self.0);
        rt::write(async move { profiles.create_tenant(&tenant, &command).await }).await.map(answered)
    }

    async fn get_tenant(&self, request: Request<GetTenantRequest>) -> Result<Response<GetTenantResponse>, Status> {
        let tenant_id = request.into_inner().tenant_id;
        let Ok(tenant) = TenantId::new(tenant_id.as_str()) else {
            return Err(ProfilesError::from(Refusal::TenantNotFound { tenant_id }).into());
        };
        let tenant = self.0.get_tenant(&tenant).await?;
        Ok(Response::new(GetTenantResponse { tenant: Some(wire::tenant(&tenant)) }))
    }

    async fn list_tenants(
        &self,
        request: Request<ListTenantsRequest>,
    ) -> Result<Response<ListTenantsResponse>, Status> {
        let ListTenantsRequest { page_size: size, page_token: token } = request.into_inner();
        let page = self.0.list_tenants(&PageRequest { size, token }).await?;
        let tenants = page.rows.iter().map(wire::tenant).collect();
        Ok(Response::new(ListTenantsResponse { tenants, next_page_token: page.next_page_token }))
    }

    async fn update_tenant(
        &self,
        request: Request<UpdateTenantRequest>,
    ) -> Result<Response<UpdateTenantResponse>, Status> {
        let (tenant, command) = convert::update_tenant(request.get_ref())?;
        let profiles = Arc::clone(&self.0);
        rt::write(async move { profiles.update_tenant(&tenant, &command).await }).await.map(answered)
    }
}
