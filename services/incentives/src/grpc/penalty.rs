use proto::incentives::v1 as pb;
use proto::incentives::v1::penalty_service_server::PenaltyService;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::campaign_page::{micros, of_micros};
use super::{Api, campaign_convert as convert};
use crate::campaign_wire;
use crate::queries::AskedRestrictions;

#[tonic::async_trait]
impl PenaltyService for Api {
    async fn impose_penalty(
        &self,
        request: Request<pb::ImposePenaltyRequest>,
    ) -> Result<Response<pb::ImposePenaltyResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let by = authn::caller(&request)?.subject.clone();
        let command = convert::impose_penalty(request.get_ref(), &by)?;
        let incentives = self.incentives.clone();
        write(async move { incentives.impose_penalty(&tenant, &command).await }).await
    }

    async fn lift_penalty(
        &self,
        request: Request<pb::LiftPenaltyRequest>,
    ) -> Result<Response<pb::LiftPenaltyResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let by = authn::caller(&request)?.subject.clone();
        let command = convert::lift_penalty(request.get_ref(), &by)?;
        let incentives = self.incentives.clone();
        write(async move { incentives.lift_penalty(&tenant, &command).await }).await
    }

    async fn list_penalties(
        &self,
        request: Request<pb::ListPenaltiesRequest>,
    ) -> Result<Response<pb::ListPenaltiesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let user = convert::one_user(&sent.user_id)?;
        let list = List::new(&self.pages, "PenaltyService/ListPenalties", &tenant, &[sent.user_id.as_str()]);
        let before = list.open_time(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let page = self.incentives.list_penalties(&tenant, &user, before.as_ref(), size, &sent.at_least).await?;
        Ok(Response::new(pb::ListPenaltiesResponse {
            penalties: page.rows.iter().map(campaign_wire::penalty).collect(),
            next_page_token: list.next_time(page.next),
        }))
    }

    async fn list_public_notices(
        &self,
        request: Request<pb::ListPublicNoticesRequest>,
    ) -> Result<Response<pb::ListPublicNoticesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "PenaltyService/ListPublicNotices", &tenant, &[]);
        let before = match list.open(&sent.page_token)? {
            Some([at, user, id]) => Some((of_micros(&at)?, user, id)),
            None => None,
        };
        let size = page::size(sent.page_size, 50, 200);
        let page = self.incentives.list_notices(&tenant, before.as_ref(), size).await?;
        Ok(Response::new(pb::ListPublicNoticesResponse {
            notices: page.rows.iter().map(campaign_wire::notice).collect(),
            next_page_token: list.next(page.next.map(|(at, user, id)| vec![micros(at), user, id])),
        }))
    }

    async fn check_restrictions(
        &self,
        request: Request<pb::CheckRestrictionsRequest>,
    ) -> Result<Response<pb::CheckRestrictionsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let user = convert::one_user(&sent.user_id)?;
        let asked = AskedRestrictions { user, names: sent.restrictions };
        let found = self.restrictions.ask(&tenant, &sent.user_id, &sent.at_least, asked).await?;
        let statuses = found.iter().map(campaign_wire::restriction);
        Ok(Response::new(pb::CheckRestrictionsResponse { statuses: statuses.collect() }))
    }
}
