use proto::feedback::v1 as pb;
use proto::feedback::v1::case_type_service_server::CaseTypeService;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::wire;

#[tonic::async_trait]
impl CaseTypeService for Api {
    async fn publish_case_type(
        &self,
        request: Request<pb::PublishCaseTypeRequest>,
    ) -> Result<Response<pb::PublishCaseTypeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::desk::publish_case_type(request.get_ref())?;
        if request.get_ref().validate_only {
            let case_type = pb::CaseType { publish_time: None, ..wire::case_type(&command.case_type) };
            return Ok(Response::new(pb::PublishCaseTypeResponse { case_type: Some(case_type), position: None }));
        }
        let feedback = self.feedback.clone();
        write(async move { feedback.publish_case_type(&tenant, &command).await }).await
    }

    async fn get_case_type(
        &self,
        request: Request<pb::GetCaseTypeRequest>,
    ) -> Result<Response<pb::GetCaseTypeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::desk::case_type_id(&request.get_ref().case_type_id)?;
        let found = self.feedback.case_type(&tenant, &id).await?;
        Ok(Response::new(pb::GetCaseTypeResponse { case_type: Some(wire::case_type(&found)) }))
    }

    async fn list_case_types(
        &self,
        request: Request<pb::ListCaseTypesRequest>,
    ) -> Result<Response<pb::ListCaseTypesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "CaseTypeService/ListCaseTypes", &tenant, &[&sent.product_id]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let size = page::size(sent.page_size, 50, 200);
        let page = self.feedback.list_case_types(&tenant, &sent.product_id, &after, size).await?;
        Ok(Response::new(pb::ListCaseTypesResponse {
            case_types: page.rows.iter().map(wire::case_type).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }
}
