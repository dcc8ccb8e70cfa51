use ids::TenantId;
use proto::levels::v1::{UpdatePointTypeResponse, programme_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};
use time::OffsetDateTime;

use crate::domain::point_type::PointType;
use crate::domain::point_type_change::Part;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Changes a point type.
#[derive(Debug, Clone)]
pub struct UpdatePointType {
    /// Makes it idempotent.
    pub request: Request,
    /// What was read; empty: not checked.
    pub etag: String,
    /// The id and the new values.
    pub point_type: PointType,
    /// Which of them count.
    pub parts: Vec<Part>,
}

impl Levels {
    /// See `PointsService.UpdatePointType`.
    pub async fn update_point_type(
        &self,
        tenant: &TenantId,
        command: &UpdatePointType,
    ) -> Result<Answer<UpdatePointTypeResponse>, LevelsError> {
        pg::retrying("update_point_type", || self.update_point_type_once(tenant, command)).await
    }

    #[tracing::instrument(name = "update_point_type", skip_all, fields(point_type = %command.point_type.id))]
    async fn update_point_type_once(
        &self,
        tenant: &TenantId,
        command: &UpdatePointType,
    ) -> Result<Answer<UpdatePointTypeResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let stored = store::point_type::lock(&mut tx, tenant, &command.point_type.id).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let (point_type, changed) = match changed(command, stored, at) {
            Ok(done) => done,
            Err(refusal) => return Err(refuse(tx, tenant, &command.request, refusal).await),
        };
        let message = wire::point_type(&point_type);
        let mut drafts = Vec::new();
        if !changed.is_empty() {
            store::point_type::update(&mut tx, tenant, &point_type).await?;
            drafts.push(events::published(&command.request, Published::PointType(message.clone()), at));
        }
        self.core
            .finish(tx, tenant, &command.request, ("", &drafts), |position| UpdatePointTypeResponse {
                point_type: Some(message),
                changed: wire::changed_policies(&changed),
                position: Some(position),
            })
            .await
    }
}

impl Levels {
    /// What a change would do now, without doing it.
    pub async fn try_point_type(
        &self,
        tenant: &TenantId,
        command: &UpdatePointType,
    ) -> Result<UpdatePointTypeResponse, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let id = &command.point_type.id;
        let stored = store::point_type::read(&mut tx, tenant, &[id.as_str()]).await?.remove(id);
        let at = pg::clock(&mut tx).await?;
        tx.rollback().await?;
        let (point_type, changed) = changed(command, stored, at)?;
        let changed = wire::changed_policies(&changed);
        Ok(UpdatePointTypeResponse { point_type: Some(wire::point_type(&point_type)), changed, position: None })
    }
}

/// The point type after the change, and what has another value now.
fn changed(
    command: &UpdatePointType,
    stored: Option<PointType>,
    at: OffsetDateTime,
) -> Result<(PointType, Vec<Part>), Refusal> {
    let point_type_id = || command.point_type.id.to_string();
    let mut point_type = stored.ok_or_else(|| Refusal::PointTypeNotFound { point_type_id: point_type_id() })?;
    if !command.etag.is_empty() && command.etag != point_type.etag() {
        return Err(Refusal::EtagMismatch { etag: point_type.etag() });
    }
    let changed = point_type.change(&command.point_type, &command.parts)?;
    if !changed.is_empty() {
        point_type.version += 1;
        point_type.update_time = at.max(point_type.update_time);
    }
    Ok((point_type, changed))
}
