use proto::feedback::v1 as pb;
use proto::feedback::v1::desk_service_server::DeskService;
use service::write;
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::wire;

#[tonic::async_trait]
impl DeskService for Api {
    async fn publish_sla_policy(
        &self,
        request: Request<pb::PublishSlaPolicyRequest>,
    ) -> Result<Response<pb::PublishSlaPolicyResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::desk::publish_sla_policy(request.get_ref())?;
        if request.get_ref().validate_only {
            let sla_policy = pb::SlaPolicy { publish_time: None, ..wire::sla_policy(&command.sla_policy) };
            return Ok(Response::new(pb::PublishSlaPolicyResponse { sla_policy: Some(sla_policy), position: None }));
        }
        let feedback = self.feedback.clone();
        write(async move { feedback.publish_sla_policy(&tenant, &command).await }).await
    }

    async fn get_sla_policy(
        &self,
        request: Request<pb::GetSlaPolicyRequest>,
    ) -> Result<Response<pb::GetSlaPolicyResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let found = self.feedback.sla_policy(&tenant).await?;
        Ok(Response::new(pb::GetSlaPolicyResponse { sla_policy: Some(wire::sla_policy(&found)) }))
    }

    async fn publish_classification(
        &self,
        request: Request<pb::PublishClassificationRequest>,
    ) -> Result<Response<pb::PublishClassificationResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::desk::publish_classification(request.get_ref())?;
        if request.get_ref().validate_only {
            let found = wire::classification(&command.classification);
            let classification = Some(pb::Classification { publish_time: None, ..found });
            return Ok(Response::new(pb::PublishClassificationResponse { classification, position: None }));
        }
        let feedback = self.feedback.clone();
        write(async move { feedback.publish_classification(&tenant, &command).await }).await
    }

    async fn get_classification(
        &self,
        request: Request<pb::GetClassificationRequest>,
    ) -> Result<Response<pb::GetClassificationResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let found = self.feedback.classification(&tenant).await?;
        Ok(Response::new(pb::GetClassificationResponse { classification: Some(wire::classification(&found)) }))
    }
}
