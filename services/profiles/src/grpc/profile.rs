use std::sync::Arc;

use proto::profiles::v1::profile_service_server::ProfileService;
use proto::profiles::v1::{
    BatchGetProfilesRequest, BatchGetProfilesResponse, GetProfileRequest, GetProfileResponse, LinkAliasRequest,
    LinkAliasResponse, ListProfilesRequest, ListProfilesResponse, UpdateProfileRequest, UpdateProfileResponse,
    UpsertProfileRequest, UpsertProfileResponse,
};
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::queries::profile::AskedProfile;
use crate::wire;

#[tonic::async_trait]
impl ProfileService for Api {
    async fn upsert_profile(
        &self,
        request: Request<UpsertProfileRequest>,
    ) -> Result<Response<UpsertProfileResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::upsert_profile(request.get_ref())?;
        let profiles = Arc::clone(&self.profiles);
        write(async move { profiles.upsert_profile(&tenant, &command).await }).await
    }

    async fn update_profile(
        &self,
        request: Request<UpdateProfileRequest>,
    ) -> Result<Response<UpdateProfileResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::update_profile(request.get_ref())?;
        let profiles = Arc::clone(&self.profiles);
        write(async move { profiles.update_profile(&tenant, &command).await }).await
    }

    async fn get_profile(&self, request: Request<GetProfileRequest>) -> Result<Response<GetProfileResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let GetProfileRequest { user_id, at_least } = request.into_inner();
        let asked = AskedProfile { user_id: user_id.clone() };
        let (profile, terms) = self.by_id.ask(&tenant, &user_id, &at_least, asked).await?;
        Ok(Response::new(GetProfileResponse { profile: Some(wire::profile(&profile, &terms.currency)) }))
    }

    async fn batch_get_profiles(
        &self,
        request: Request<BatchGetProfilesRequest>,
    ) -> Result<Response<BatchGetProfilesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let BatchGetProfilesRequest { user_ids, at_least } = request.into_inner();
        let (found, terms) = self.profiles.batch_get_profiles(&tenant, &user_ids, &at_least).await?;
        let profiles = found.profiles.iter().map(|profile| wire::profile(profile, &terms.currency)).collect();
        Ok(Response::new(BatchGetProfilesResponse { profiles, missing: found.missing }))
    }

    async fn list_profiles(
        &self,
        request: Request<ListProfilesRequest>,
    ) -> Result<Response<ListProfilesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let ListProfilesRequest { page_size, page_token, at_least } = request.into_inner();
        let list = List::new(&self.pages, "ProfileService/ListProfiles", &tenant, &[]);
        let [after] = list.open(&page_token)?.unwrap_or_default();
        let (page, terms) = self.profiles.list_profiles(&tenant, (&after, page_size), &at_least).await?;
        let profiles = page.rows.iter().map(|profile| wire::profile(profile, &terms.currency)).collect();
        Ok(Response::new(ListProfilesResponse { profiles, next_page_token: list.next(page.next.map(|id| vec![id])) }))
    }

    async fn link_alias(&self, request: Request<LinkAliasRequest>) -> Result<Response<LinkAliasResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::link_alias(request.get_ref())?;
        let profiles = Arc::clone(&self.profiles);
        write(async move { profiles.link_alias(&tenant, &command).await }).await
    }
}
