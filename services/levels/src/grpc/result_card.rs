use proto::levels::v1 as pb;
use proto::levels::v1::result_card_service_server::ResultCardService;
use service::Parse;
use status::Violations;
use tonic::{Request, Response, Status};
use units::zone::Zone;

use super::Api;
use crate::queries::AskedCard;

#[tonic::async_trait]
impl ResultCardService for Api {
    async fn get_result_card(
        &self,
        request: Request<pb::GetResultCardRequest>,
    ) -> Result<Response<pb::GetResultCardResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let asked = asked(&sent)?;
        Ok(Response::new(self.levels.result_card(&tenant, &asked, &sent.at_least).await?))
    }
}

fn asked(sent: &pb::GetResultCardRequest) -> Result<AskedCard, Violations> {
    let mut parse = Parse::default();
    let user = parse.user(&sent.user_id);
    let named = Some(sent.zone.as_str()).filter(|name| !name.is_empty());
    let zone = named.and_then(|name| Zone::new(name).map_err(|fault| parse.refuse("zone", fault.to_string())).ok());
    let point_type = Some(sent.point_type_id.as_str()).filter(|id| !id.is_empty());
    let point_type = point_type.and_then(|id| parse.key("point_type_id", id));
    let period = sent.period.clone();
    parse.done(user.map(|user| AskedCard { user, period, zone, point_type }))
}
