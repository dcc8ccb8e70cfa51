use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use time::OffsetDateTime;

use super::{resolve, scheme};
use crate::domain::account::Account;
use crate::domain::book::{AccountKey, Book, Programme};
use crate::domain::member::Member;
use crate::domain::refusal::Refusal;
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
        let scheme = programme.scheme.as_ref().filter(|scheme| scheme.id == *scheme_id);
        let scheme = scheme.ok_or_else(|| Refusal::SchemeNotFound { scheme_id: scheme_id.to_string() })?;
        let user = resolve(&mut tx, tenant, user).await?;
        let key = (user.clone(), scheme.point_type.clone());
        let account = store::account::read(&mut tx, tenant, [&key]).await?.remove(&key).unwrap_or_default();
        let members = store::member::read(&mut tx, tenant, &scheme.id, &[user.as_str()]).await?;
        tx.rollback().await?;
        Ok(standing(&programme, (&key, account), members, clock))
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
        let highest = scheme.levels.len().saturating_sub(1);
        let on =
            |rank: usize| held.iter().filter(|(it, _)| (*it).min(highest) == rank).map(|(_, members)| members).sum();
        let count = |rank| pb::LevelCount { level: wire::level(&scheme, rank), members: on(rank) };
        Ok((0..scheme.levels.len()).map(count).collect())
    }
}

/// Where a user stands in the programme's scheme, by the account that it measures.
pub(super) fn standing(
    programme: &Programme,
    (key, account): (&AccountKey, Account),
    members: BTreeMap<UserId, Member>,
    clock: OffsetDateTime,
) -> pb::Member {
    let mut book = Book::new(programme, [(key.clone(), account)].into(), members);
    let at = book.decision_time(key, clock);
    book.end_periods(key, at);
    let (member, growth) = book.standing(key);
    wire::member(programme.scheme.as_ref().expect("the programme has a scheme"), member, growth)
}
