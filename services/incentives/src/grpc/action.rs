use proto::incentives::v1 as pb;
use proto::incentives::v1::action_service_server::ActionService;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, campaign_convert as convert};
use crate::campaign_wire;

#[tonic::async_trait]
impl ActionService for Api {
    async fn put_action(
        &self,
        request: Request<pb::PutActionRequest>,
    ) -> Result<Response<pb::PutActionResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::put_action(request.get_ref())?;
        if request.get_ref().validate_only {
            let action = pb::Action { etag: String::new(), ..campaign_wire::action(&command.action) };
            return Ok(Response::new(pb::PutActionResponse { action: Some(action), position: None }));
        }
        let incentives = self.incentives.clone();
        write(async move { incentives.put_action(&tenant, &command).await }).await
    }

    async fn list_actions(
        &self,
        request: Request<pb::ListActionsRequest>,
    ) -> Result<Response<pb::ListActionsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "ActionService/ListActions", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.incentives.list_actions(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListActionsResponse {
            actions: page.rows.iter().map(campaign_wire::action).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn get_gap_report(
        &self,
        request: Request<pb::GetGapReportRequest>,
    ) -> Result<Response<pb::GetGapReportResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let gaps = self.incentives.gap_report(&tenant).await?;
        Ok(Response::new(pb::GetGapReportResponse { report: Some(campaign_wire::gaps(gaps)) }))
    }
}
