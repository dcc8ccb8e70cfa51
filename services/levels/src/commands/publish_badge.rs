use ids::TenantId;
use proto::levels::v1::{PublishBadgeResponse, programme_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};
use status::Violations;

use crate::domain::badge::{BADGES_MAX, Badge};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Publishes a badge.
#[derive(Debug, Clone)]
pub struct PublishBadge {
    /// Makes it idempotent.
    pub request: Request,
    /// The badge; its version and time of publishing are set here.
    pub badge: Badge,
}

impl Levels {
    /// See `BadgeService.PublishBadge`.
    pub async fn publish_badge(
        &self,
        tenant: &TenantId,
        command: &PublishBadge,
    ) -> Result<Answer<PublishBadgeResponse>, LevelsError> {
        pg::retrying("publish_badge", || self.publish_badge_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_badge", skip_all, fields(badge = %command.badge.id))]
    async fn publish_badge_once(
        &self,
        tenant: &TenantId,
        command: &PublishBadge,
    ) -> Result<Answer<PublishBadgeResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        store::badge::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut badge = command.badge.clone();
        let mut others = store::badge::all(&mut tx, tenant).await?;
        let before = others.remove(&badge.id);
        if before.as_ref().is_some_and(|before| badge.tiers() < before.tiers()) {
            let mut violations = Violations::new();
            violations.add("badge.tiers", "must be at least as many as there were: users hold them");
            return Err(LevelsError::Invalid(violations));
        }
        if others.len() >= BADGES_MAX {
            let refusal = Refusal::DefinitionLimit { kind: "badge".to_owned(), limit: BADGES_MAX };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        badge.version = before.as_ref().map_or(1, |before| before.version + 1);
        badge.publish_time = before.map_or(at, |before| before.publish_time.max(at));
        store::badge::insert(&mut tx, tenant, &badge).await?;
        store::point_type::register_tenant(&mut tx, tenant).await?; // members are counted by the timers
        let message = wire::goal::badge(&badge);
        let draft = events::published(&command.request, Published::Badge(message.clone()), badge.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishBadgeResponse {
                badge: Some(message),
                position: Some(position),
            })
            .await
    }
}
