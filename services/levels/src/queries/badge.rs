use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use service::Page;

use super::resolve;
use crate::domain::badge::Badge;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

impl Levels {
    /// See `BadgeService.GetBadge`.
    pub async fn badge(&self, tenant: &TenantId, id: &Key) -> Result<(Badge, pb::BadgeRarity), LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        let missing = || Refusal::BadgeNotFound { badge_id: id.to_string() };
        let badge = programme.badges.get(id).ok_or_else(missing)?.clone();
        let holders = store::held_badge::holders(&mut tx, tenant, &[id.as_str()]).await?;
        let counted = store::growth::counted(&mut tx, tenant).await?.map(|it| (it.users, it.at));
        tx.rollback().await?;
        Ok((badge, wire::goal::rarity(holders.get(id).copied().unwrap_or(0), counted)))
    }

    /// See `BadgeService.ListBadges`: those after an id.
    pub async fn list_badges(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<Badge, String>, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        tx.rollback().await?;
        let rows = programme.badges.values().filter(|it| it.id.as_str() > after);
        let rows = rows.take(usize::try_from(size + 1).unwrap_or(usize::MAX)).cloned().collect();
        Ok(Page::of(rows, size, |it: &Badge| it.id.to_string()))
    }

    /// See `BadgeService.ListUserBadges`: those after an id. All badges that there are can be looked up at once: their number
    /// is limited.
    pub async fn list_user_badges(
        &self,
        tenant: &TenantId,
        (user, with_unearned): (&UserId, bool),
        (after, size): (&str, i64),
        at_least: &[Position],
    ) -> Result<Page<pb::UserBadge, String>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let ids: Vec<&str> = programme.badges.keys().map(Key::as_str).filter(|id| *id > after).collect();
        let held = store::held_badge::of_user(&mut tx, tenant, &user, &ids).await?;
        let holds = |it: &Badge| held.get(&it.id).is_some_and(|held| held.tier > 0);
        let shown = |it: &&Badge| it.id.as_str() > after && (holds(it) || with_unearned && !it.hidden);
        let badges = programme.badges.values().filter(shown);
        let badges: Vec<&Badge> = badges.take(usize::try_from(size + 1).unwrap_or(usize::MAX)).collect();
        let page = Page::of(badges, size, |it| it.id.to_string());
        let ids: Vec<&str> = page.rows.iter().map(|it| it.id.as_str()).collect();
        let holders = store::held_badge::holders(&mut tx, tenant, &ids).await?;
        let counted = store::growth::counted(&mut tx, tenant).await?.map(|it| (it.users, it.at));
        tx.rollback().await?;
        let row = |it: &&Badge| {
            let rarity = wire::goal::rarity(holders.get(&it.id).copied().unwrap_or(0), counted);
            wire::goal::user_badge(it, held.get(&it.id), Some(rarity))
        };
        Ok(Page { rows: page.rows.iter().map(row).collect(), next: page.next })
    }
}
