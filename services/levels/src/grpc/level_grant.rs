use proto::levels::v1 as pb;
use proto::levels::v1::level_grant_service_server::LevelGrantService;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, convert, level_convert};
use crate::wire;

#[tonic::async_trait]
impl LevelGrantService for Api {
    async fn grant_level(
        &self,
        request: Request<pb::GrantLevelRequest>,
    ) -> Result<Response<pb::GrantLevelResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let subject = authn::caller(&request)?.subject.clone();
        let command = level_convert::grant(request.get_ref(), subject)?;
        let levels = self.levels.clone();
        write(async move { levels.act_on_level(&tenant, &command).await }).await
    }

    async fn end_level_grant(
        &self,
        request: Request<pb::EndLevelGrantRequest>,
    ) -> Result<Response<pb::EndLevelGrantResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let subject = authn::caller(&request)?.subject.clone();
        let command = level_convert::end_grant(request.get_ref(), subject)?;
        let levels = self.levels.clone();
        write(async move { levels.act_on_level(&tenant, &command).await }).await
    }

    async fn lock_level(
        &self,
        request: Request<pb::LockLevelRequest>,
    ) -> Result<Response<pb::LockLevelResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let subject = authn::caller(&request)?.subject.clone();
        let command = level_convert::lock(request.get_ref(), subject)?;
        let levels = self.levels.clone();
        write(async move { levels.act_on_level(&tenant, &command).await }).await
    }

    async fn unlock_level(
        &self,
        request: Request<pb::UnlockLevelRequest>,
    ) -> Result<Response<pb::UnlockLevelResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let subject = authn::caller(&request)?.subject.clone();
        let command = level_convert::unlock(request.get_ref(), subject)?;
        let levels = self.levels.clone();
        write(async move { levels.act_on_level(&tenant, &command).await }).await
    }

    async fn list_level_acts(
        &self,
        request: Request<pb::ListLevelActsRequest>,
    ) -> Result<Response<pb::ListLevelActsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, scheme) = convert::user_and_key(&sent.user_id, "scheme_id", &sent.scheme_id)?;
        let args = [sent.user_id.as_str(), sent.scheme_id.as_str()];
        let list = List::new(&self.pages, "LevelGrantService/ListLevelActs", &tenant, &args);
        let before = list.open_number(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let page = self.levels.list_level_acts(&tenant, (&user, &scheme), before, size, &sent.at_least).await?;
        Ok(Response::new(pb::ListLevelActsResponse {
            acts: page.rows.iter().map(wire::level::level_act).collect(),
            next_page_token: list.next(page.next.map(|seq| vec![seq.to_string()])),
        }))
    }
}
