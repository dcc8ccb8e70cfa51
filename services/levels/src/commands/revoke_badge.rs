use ids::{Key, TenantId, UserId};
use proto::levels::v1::RevokeBadgeResponse;
use requests::{Keep, Request};
use service::{Answer, Batch, Decided, only};

use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::events::goal as told;
use crate::{Levels, store};

/// Takes a badge away.
#[derive(Debug, Clone)]
pub struct RevokeBadge {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The badge.
    pub badge: Key,
    /// Why; may be empty.
    pub reason: String,
}

impl Levels {
    /// See `BadgeService.RevokeBadge`.
    pub async fn revoke_badge(
        &self,
        tenant: &TenantId,
        command: &RevokeBadge,
    ) -> Result<Answer<RevokeBadgeResponse>, LevelsError> {
        pg::retrying("revoke_badge", || self.revoke_badge_once(tenant, command)).await
    }

    #[tracing::instrument(name = "revoke_badge", skip_all, fields(badge = %command.badge))]
    async fn revoke_badge_once(
        &self,
        tenant: &TenantId,
        command: &RevokeBadge,
    ) -> Result<Answer<RevokeBadgeResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let programme = self.programme.held(&mut tx, tenant).await?;
        store::held_badge::lock_users(&mut tx, tenant, &[user.as_str()]).await?;
        let batch = Batch::<RevokeBadgeResponse, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return only(batch.outcomes());
        }
        let at = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let (key, id) = ((user.clone(), command.badge.clone()), command.request.id.as_str());
        let call = format!("call/{}/{id}", command.request.user);
        let mut badges = store::held_badge::load(&mut tx, tenant, &[(key.clone(), call.clone())]).await?;
        let badge_id = || command.badge.to_string();
        let mut drafts = Vec::new();
        let outcome = if !programme.badges.contains_key(&command.badge) {
            Err(Refusal::BadgeNotFound { badge_id: badge_id() })
        } else if let Some(moved) = badges.revoke(&key, &call, &command.reason, at) {
            store::held_badge::lift_all(&mut tx, tenant, (&user, &command.badge)).await?;
            store::held_badge::write(&mut tx, tenant, &badges).await?;
            drafts.push(told::badge_moved(&moved, &call));
            Ok(())
        } else {
            Err(Refusal::BadgeNotHeld { badge_id: badge_id() })
        };
        let decided = vec![Decided { user, drafts, outcome }];
        let answer = |_, (), position| RevokeBadgeResponse { position: Some(position) };
        only(batch.finish(&self.core, tx, tenant, Keep::Forever, decided, answer).await?)
    }
}
