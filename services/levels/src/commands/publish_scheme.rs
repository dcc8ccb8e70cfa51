use ids::TenantId;
use proto::levels::v1::{PublishSchemeResponse, programme_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::refusal::Refusal;
use crate::domain::scheme::Scheme;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Publishes the tenant's scheme.
#[derive(Debug, Clone)]
pub struct PublishScheme {
    /// Makes it idempotent.
    pub request: Request,
    /// The scheme; its version and time of publishing are set here.
    pub scheme: Scheme,
}

impl Levels {
    /// See `LevelService.PublishScheme`.
    pub async fn publish_scheme(
        &self,
        tenant: &TenantId,
        command: &PublishScheme,
    ) -> Result<Answer<PublishSchemeResponse>, LevelsError> {
        pg::retrying("publish_scheme", || self.publish_scheme_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_scheme", skip_all, fields(scheme = %command.scheme.id))]
    async fn publish_scheme_once(
        &self,
        tenant: &TenantId,
        command: &PublishScheme,
    ) -> Result<Answer<PublishSchemeResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        store::scheme::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut scheme = command.scheme.clone();
        let before = store::scheme::current(&mut tx, tenant).await?;
        let types = store::point_type::read(&mut tx, tenant, &[scheme.point_type.as_str()]).await?;
        let refusal = match &before {
            Some(before) if before.id != scheme.id => Some(Refusal::SchemeLimit { scheme_id: before.id.to_string() }),
            _ if types.is_empty() => Some(Refusal::PointTypeNotFound { point_type_id: scheme.point_type.to_string() }),
            _ => None,
        };
        if let Some(refusal) = refusal {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        scheme.version = before.as_ref().map_or(1, |before| before.version + 1);
        scheme.publish_time = before.map_or(at, |before| before.publish_time.max(at));
        store::scheme::insert(&mut tx, tenant, &scheme).await?;
        let message = wire::scheme(&scheme);
        let draft = events::published(&command.request, Published::Scheme(message.clone()), scheme.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishSchemeResponse {
                scheme: Some(message),
                position: Some(position),
            })
            .await
    }
}
