use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use time::OffsetDateTime;

use super::{resolve, scheme};
use crate::domain::balance::Holding;
use crate::domain::book::{AccountKey, Programme};
use crate::domain::refusal::Refusal;
use crate::domain::scheme::Scheme;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

impl Levels {
    /// See `LevelService.GetMember`. What fell due is shown as it will be decided, whether or not the review came by.
    pub async fn member(
        &self,
        tenant: &TenantId,
        user: &UserId,
        scheme_id: &Key,
        at_least: &[Position],
    ) -> Result<pb::Member, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, clock) = self.programme.now(&mut tx, tenant).await?;
        let scheme = programme.schemes.get(scheme_id);
        let scheme = scheme.ok_or_else(|| Refusal::SchemeNotFound { scheme_id: scheme_id.to_string() })?;
        let user = resolve(&mut tx, tenant, user).await?;
        let key = (user, scheme.guard().clone());
        let held = store::holding::read(&mut tx, tenant, &programme, std::slice::from_ref(&key)).await?;
        tx.rollback().await?;
        Ok(standing(&programme, scheme, (&key, held.of(&key)), clock))
    }

    /// See `LevelService.CountMembers`: every level of the scheme with the members that hold it.
    pub async fn count_members(
        &self,
        tenant: &TenantId,
        scheme_id: &Key,
        at_least: &[Position],
    ) -> Result<Vec<pb::LevelCount>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let scheme = scheme(&mut tx, tenant, scheme_id).await?;
        let held = store::member::count(&mut tx, tenant, &scheme.id).await?;
        tx.rollback().await?;
        let on = |rank: usize| {
            held.iter().filter(|(it, _)| (*it).min(scheme.highest()) == rank).map(|(_, members)| members).sum()
        };
        let count = |rank| pb::LevelCount { level: wire::level::level(&scheme, rank), members: on(rank) };
        Ok((0..scheme.levels.len()).map(count).collect())
    }
}

/// Where a user stands in a scheme, by the account that guards it and what is decided about with that.
pub(super) fn standing(
    programme: &Programme,
    scheme: &Scheme,
    (key, holding): (&AccountKey, Holding),
    clock: OffsetDateTime,
) -> pb::Member {
    let (book, _) = holding.at(programme, key, clock);
    let (member, figures) = book.standing(&key.0, scheme);
    wire::level::member(scheme, member, &figures)
}
