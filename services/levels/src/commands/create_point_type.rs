use ids::TenantId;
use proto::levels::v1::{CreatePointTypeResponse, programme_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::point_type::PointType;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Defines a point type.
#[derive(Debug, Clone)]
pub struct CreatePointType {
    /// Makes it idempotent.
    pub request: Request,
    /// The point type; its time of creation is set here.
    pub point_type: PointType,
}

impl Levels {
    /// See `PointsService.CreatePointType`.
    pub async fn create_point_type(
        &self,
        tenant: &TenantId,
        command: &CreatePointType,
    ) -> Result<Answer<CreatePointTypeResponse>, LevelsError> {
        pg::retrying("create_point_type", || self.create_point_type_once(tenant, command)).await
    }

    #[tracing::instrument(name = "create_point_type", skip_all, fields(point_type = %command.point_type.id))]
    async fn create_point_type_once(
        &self,
        tenant: &TenantId,
        command: &CreatePointType,
    ) -> Result<Answer<CreatePointTypeResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let point_type = PointType { create_time: at, update_time: at, ..command.point_type.clone() };
        if !store::point_type::insert(&mut tx, tenant, &point_type).await? {
            let refusal = Refusal::PointTypeExists { point_type_id: point_type.id.to_string() };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        store::point_type::register_tenant(&mut tx, tenant).await?;
        let message = wire::point_type(&point_type);
        let draft = events::published(&command.request, Published::PointType(message.clone()), at);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| CreatePointTypeResponse {
                point_type: Some(message),
                position: Some(position),
            })
            .await
    }
}
