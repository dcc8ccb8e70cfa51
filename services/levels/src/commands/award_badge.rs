use ids::{Key, TenantId, UserId};
use proto::levels::v1::AwardBadgeResponse;
use requests::{Keep, Request};
use service::{Answer, Batch, Decided, only};

use super::bonus::tier_fault;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::events::goal as told;
use crate::{Levels, store, wire};

/// Awards a badge by hand.
#[derive(Debug, Clone)]
pub struct AwardBadge {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The badge.
    pub badge: Key,
    /// The tier, from 1.
    pub tier: usize,
    /// What for; may be empty.
    pub reason: String,
}

impl Levels {
    /// See `BadgeService.AwardBadge`.
    pub async fn award_badge(
        &self,
        tenant: &TenantId,
        command: &AwardBadge,
    ) -> Result<Answer<AwardBadgeResponse>, LevelsError> {
        pg::retrying("award_badge", || self.award_badge_once(tenant, command)).await
    }

    #[tracing::instrument(name = "award_badge", skip_all, fields(badge = %command.badge))]
    async fn award_badge_once(
        &self,
        tenant: &TenantId,
        command: &AwardBadge,
    ) -> Result<Answer<AwardBadgeResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let programme = self.programme.held(&mut tx, tenant).await?;
        store::held_badge::lock_users(&mut tx, tenant, &[user.as_str()]).await?;
        let batch = Batch::<AwardBadgeResponse, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return only(batch.outcomes());
        }
        let at = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let mut drafts = Vec::new();
        let outcome = match programme.badges.get(&command.badge) {
            None => Err(Refusal::BadgeNotFound { badge_id: command.badge.to_string() }),
            Some(badge) => {
                if let Some(violations) = tier_fault(badge, command.tier, "tier") {
                    return Err(LevelsError::Invalid(violations));
                }
                let (key, id) = ((user.clone(), badge.id.clone()), command.request.id.as_str());
                // under the name that the caller gave the user, as request ids are
                let ground = format!("call/{}/{id}", command.request.user);
                let asked = [(key.clone(), ground.clone())];
                let mut badges = store::held_badge::load(&mut tx, tenant, &asked).await?;
                let moved = badges.award(&key, (&ground, command.tier), &command.reason, at);
                drafts.extend(moved.as_ref().map(|moved| told::badge_moved(moved, &ground)));
                store::held_badge::write(&mut tx, tenant, &badges).await?;
                let shown = wire::goal::user_badge(badge, badges.held(&key), None);
                Ok((shown, moved.is_some()))
            }
        };
        let decided = vec![Decided { user, drafts, outcome }];
        let answer = |_, (user_badge, awarded), position| AwardBadgeResponse {
            user_badge: Some(user_badge),
            awarded,
            position: Some(position),
        };
        only(batch.finish(&self.core, tx, tenant, Keep::Forever, decided, answer).await?)
    }
}
