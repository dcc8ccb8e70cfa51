use proto::levels::v1 as pb;
use proto::levels::v1::level_service_server::LevelService;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, convert, level_convert};
use crate::queries::AskedStanding;
use crate::wire;

#[tonic::async_trait]
impl LevelService for Api {
    async fn publish_scheme(
        &self,
        request: Request<pb::PublishSchemeRequest>,
    ) -> Result<Response<pb::PublishSchemeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = level_convert::publish_scheme(request.get_ref())?;
        if request.get_ref().validate_only {
            let scheme = pb::Scheme { publish_time: None, ..wire::level::scheme(&command.scheme) };
            return Ok(Response::new(pb::PublishSchemeResponse { scheme: Some(scheme), position: None }));
        }
        let levels = self.levels.clone();
        write(async move { levels.publish_scheme(&tenant, &command).await }).await
    }

    async fn get_scheme(
        &self,
        request: Request<pb::GetSchemeRequest>,
    ) -> Result<Response<pb::GetSchemeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::one_key("scheme_id", &request.get_ref().scheme_id)?;
        let found = self.levels.scheme(&tenant, &id).await?;
        Ok(Response::new(pb::GetSchemeResponse { scheme: Some(wire::level::scheme(&found)) }))
    }

    async fn list_schemes(
        &self,
        request: Request<pb::ListSchemesRequest>,
    ) -> Result<Response<pb::ListSchemesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "LevelService/ListSchemes", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.levels.list_schemes(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListSchemesResponse {
            schemes: page.rows.iter().map(wire::level::scheme).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn get_member(
        &self,
        request: Request<pb::GetMemberRequest>,
    ) -> Result<Response<pb::GetMemberResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, scheme) = convert::user_and_key(&sent.user_id, "scheme_id", &sent.scheme_id)?;
        let member = self.levels.member(&tenant, &user, &scheme, &sent.at_least).await?;
        Ok(Response::new(pb::GetMemberResponse { member: Some(member) }))
    }

    async fn get_standing(
        &self,
        request: Request<pb::GetStandingRequest>,
    ) -> Result<Response<pb::GetStandingResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let asked = AskedStanding { user: convert::one_user(&sent.user_id)? };
        Ok(Response::new(self.standings.ask(&tenant, &sent.user_id, &sent.at_least, asked).await?))
    }

    async fn explain_level(
        &self,
        request: Request<pb::ExplainLevelRequest>,
    ) -> Result<Response<pb::ExplainLevelResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, scheme) = convert::user_and_key(&sent.user_id, "scheme_id", &sent.scheme_id)?;
        Ok(Response::new(self.levels.explain_level(&tenant, &user, &scheme, &sent.at_least).await?))
    }

    async fn list_level_moves(
        &self,
        request: Request<pb::ListLevelMovesRequest>,
    ) -> Result<Response<pb::ListLevelMovesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, scheme) = convert::user_and_key(&sent.user_id, "scheme_id", &sent.scheme_id)?;
        let args = [sent.user_id.as_str(), sent.scheme_id.as_str()];
        let list = List::new(&self.pages, "LevelService/ListLevelMoves", &tenant, &args);
        let before = list.open_number(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let page = self.levels.list_level_moves(&tenant, (&user, &scheme), before, size, &sent.at_least).await?;
        Ok(Response::new(pb::ListLevelMovesResponse {
            moves: page.rows.iter().map(wire::level::level_move).collect(),
            next_page_token: list.next(page.next.map(|seq| vec![seq.to_string()])),
        }))
    }

    async fn simulate_scheme(
        &self,
        request: Request<pb::SimulateSchemeRequest>,
    ) -> Result<Response<pb::SimulateSchemeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (draft, digest) = level_convert::simulate_scheme(&sent)?;
        let args = [digest.as_str(), &sent.moves_max.to_string()];
        let list = List::new(&self.pages, "LevelService/SimulateScheme", &tenant, &args);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let moves_max = usize::try_from(sent.moves_max).unwrap_or(0);
        let page = self.levels.simulate_scheme(&tenant, &draft, moves_max, &after).await?;
        let next_page_token = list.next(page.next.map(|id| vec![id]));
        let told = page.rows.into_iter().next().unwrap_or_default();
        Ok(Response::new(pb::SimulateSchemeResponse { next_page_token, ..told }))
    }

    async fn count_members(
        &self,
        request: Request<pb::CountMembersRequest>,
    ) -> Result<Response<pb::CountMembersResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let scheme = convert::one_key("scheme_id", &sent.scheme_id)?;
        let levels = self.levels.count_members(&tenant, &scheme, &sent.at_least).await?;
        Ok(Response::new(pb::CountMembersResponse { levels }))
    }
}
