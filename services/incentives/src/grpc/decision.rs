use proto::incentives::v1 as pb;
use proto::incentives::v1::decision_service_server::DecisionService;
use service::List;
use tonic::{Request, Response, Status};

use super::campaign_page::{micros, of_micros};
use super::{Api, campaign_convert as convert};
use crate::campaign_wire;

#[tonic::async_trait]
impl DecisionService for Api {
    async fn list_decisions(
        &self,
        request: Request<pb::ListDecisionsRequest>,
    ) -> Result<Response<pb::ListDecisionsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let user = convert::one_user(&sent.user_id)?;
        let list = List::new(&self.pages, "DecisionService/ListDecisions", &tenant, &[sent.user_id.as_str()]);
        let before = match list.open(&sent.page_token)? {
            Some([at, campaign, event]) => Some((of_micros(&at)?, campaign, event)),
            None => None,
        };
        let size = page::size(sent.page_size, 50, 200);
        let page = self.incentives.list_decisions(&tenant, &user, before.as_ref(), size, &sent.at_least).await?;
        Ok(Response::new(pb::ListDecisionsResponse {
            decisions: page.rows.iter().map(campaign_wire::decision).collect(),
            next_page_token: list.next(page.next.map(|(at, campaign, event)| vec![micros(at), campaign, event])),
        }))
    }

    async fn explain_decision(
        &self,
        request: Request<pb::ExplainDecisionRequest>,
    ) -> Result<Response<pb::ExplainDecisionResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, campaign) = convert::user_and_campaign(&sent.user_id, &sent.campaign_id)?;
        let asked = (&user, &campaign, sent.source_event_id.as_str());
        Ok(Response::new(self.incentives.explain_decision(&tenant, asked, &sent.at_least).await?))
    }
}
