use std::sync::Arc;

use proto::profiles::v1::lifecycle_service_server::LifecycleService;
use proto::profiles::v1::{
    GetModelsRequest, GetModelsResponse, GetStandingRequest, GetStandingResponse, UpdateModelsRequest,
    UpdateModelsResponse,
};
use service::write;
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::wire;

#[tonic::async_trait]
impl LifecycleService for Api {
    async fn get_models(&self, request: Request<GetModelsRequest>) -> Result<Response<GetModelsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let models = self.profiles.get_models(&tenant).await?;
        Ok(Response::new(GetModelsResponse { models: Some(wire::models(&models)) }))
    }

    async fn update_models(
        &self,
        request: Request<UpdateModelsRequest>,
    ) -> Result<Response<UpdateModelsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::update_models(request.get_ref())?;
        let profiles = Arc::clone(&self.profiles);
        write(async move { profiles.update_models(&tenant, &command).await }).await
    }

    async fn get_standing(
        &self,
        request: Request<GetStandingRequest>,
    ) -> Result<Response<GetStandingResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let GetStandingRequest { user_id, at, at_least } = request.into_inner();
        let at = convert::at(at.as_ref())?;
        let (stage, rfm) = self.profiles.get_standing(&tenant, &user_id, at, &at_least).await?;
        let stage = wire::stage(stage).into();
        Ok(Response::new(GetStandingResponse { stage, rfm: rfm.as_ref().map(wire::score) }))
    }
}
