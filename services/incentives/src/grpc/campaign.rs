use proto::incentives::v1 as pb;
use proto::incentives::v1::campaign_service_server::CampaignService;
use requests::body_of;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, campaign_convert as convert};
use crate::campaign_wire;
use crate::commands::How;

/// The handlers of the four decisions about a campaign. They differ in their messages alone.
macro_rules! turn {
    ($self:ident, $request:ident, $method:literal, $how:expr, $etag:expr) => {{
        let tenant = authn::tenant(&$request)?;
        let subject = authn::caller(&$request)?.subject.clone();
        let sent = $request.get_ref();
        let (id, body) = ((sent.request_id.as_str(), sent.campaign_id.as_str()), body_of(sent));
        let command = convert::turn_campaign(($method, $how), (id.0, body), (id.1, $etag), &subject)?;
        let incentives = $self.incentives.clone();
        write(async move { incentives.turn_campaign(&tenant, &command).await }).await
    }};
}

#[tonic::async_trait]
impl CampaignService for Api {
    async fn save_campaign(
        &self,
        request: Request<pb::SaveCampaignRequest>,
    ) -> Result<Response<pb::SaveCampaignResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let author = authn::caller(&request)?.subject.clone();
        let command = convert::save_campaign(request.get_ref(), &author)?;
        if request.get_ref().validate_only {
            let campaign = Some(campaign_wire::defined(&command.id, &command.definition));
            return Ok(Response::new(pb::SaveCampaignResponse { campaign, position: None }));
        }
        let incentives = self.incentives.clone();
        write(async move { incentives.save_campaign(&tenant, &command).await }).await
    }

    async fn approve_campaign(
        &self,
        request: Request<pb::ApproveCampaignRequest>,
    ) -> Result<Response<pb::ApproveCampaignResponse>, Status> {
        turn!(self, request, "CampaignService/ApproveCampaign", How::Approve, &request.get_ref().etag)
    }

    async fn pause_campaign(
        &self,
        request: Request<pb::PauseCampaignRequest>,
    ) -> Result<Response<pb::PauseCampaignResponse>, Status> {
        turn!(self, request, "CampaignService/PauseCampaign", How::Pause, "")
    }

    async fn resume_campaign(
        &self,
        request: Request<pb::ResumeCampaignRequest>,
    ) -> Result<Response<pb::ResumeCampaignResponse>, Status> {
        turn!(self, request, "CampaignService/ResumeCampaign", How::Resume, "")
    }

    async fn end_campaign(
        &self,
        request: Request<pb::EndCampaignRequest>,
    ) -> Result<Response<pb::EndCampaignResponse>, Status> {
        turn!(self, request, "CampaignService/EndCampaign", How::End, "")
    }

    async fn get_campaign(
        &self,
        request: Request<pb::GetCampaignRequest>,
    ) -> Result<Response<pb::GetCampaignResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::one_key("campaign_id", &request.get_ref().campaign_id)?;
        let campaign = Some(self.incentives.campaign(&tenant, &id).await?);
        Ok(Response::new(pb::GetCampaignResponse { campaign }))
    }

    async fn list_campaigns(
        &self,
        request: Request<pb::ListCampaignsRequest>,
    ) -> Result<Response<pb::ListCampaignsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "CampaignService/ListCampaigns", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.incentives.list_campaigns(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListCampaignsResponse {
            campaigns: page.rows,
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn get_campaign_results(
        &self,
        request: Request<pb::GetCampaignResultsRequest>,
    ) -> Result<Response<pb::GetCampaignResultsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let id = convert::one_key("campaign_id", &sent.campaign_id)?;
        let results = Some(self.incentives.campaign_results(&tenant, &id, &sent.at_least).await?);
        Ok(Response::new(pb::GetCampaignResultsResponse { results }))
    }

    async fn dry_run_campaign(
        &self,
        request: Request<pb::DryRunCampaignRequest>,
    ) -> Result<Response<pb::DryRunCampaignResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let run = convert::dry_run(request.get_ref())?;
        Ok(Response::new(self.incentives.dry_run(&tenant, &run).await?))
    }

    async fn get_campaign_settings(
        &self,
        request: Request<pb::GetCampaignSettingsRequest>,
    ) -> Result<Response<pb::GetCampaignSettingsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let settings = Some(self.incentives.campaign_settings(&tenant).await?);
        Ok(Response::new(pb::GetCampaignSettingsResponse { settings }))
    }

    async fn update_campaign_settings(
        &self,
        request: Request<pb::UpdateCampaignSettingsRequest>,
    ) -> Result<Response<pb::UpdateCampaignSettingsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::update_settings(request.get_ref())?;
        if request.get_ref().validate_only {
            let settings = pb::CampaignSettings { etag: String::new(), ..campaign_wire::setting(&command.setting) };
            return Ok(Response::new(pb::UpdateCampaignSettingsResponse { settings: Some(settings), position: None }));
        }
        let incentives = self.incentives.clone();
        write(async move { incentives.update_campaign_settings(&tenant, &command).await }).await
    }
}
