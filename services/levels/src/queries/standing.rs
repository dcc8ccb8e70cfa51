use std::collections::BTreeSet;

use ids::{TenantId, UserId};
use pg::Tx;
use proto::levels::v1 as pb;
use service::{Core, Gather};

use super::balance::shown;
use super::member::standing;
use crate::domain::balance::balance;
use crate::domain::book::AccountKey;
use crate::domain::point_type::PointType;
use crate::domain::refusal::Refusal;
use crate::domain::scheme::Scheme;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// Point types that are looked at.
const POINT_TYPES_MAX: usize = 50;

/// All that somebody has here.
#[derive(Debug, Clone)]
pub struct AskedStanding {
    /// The user: a canonical id or an alias.
    pub user: UserId,
}

/// See `LevelService.GetStanding`.
impl Gather<AskedStanding> for Levels {
    type Answer = pb::GetStandingResponse;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn gather(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        asked: &[AskedStanding],
    ) -> Result<Vec<Result<pb::GetStandingResponse, LevelsError>>, LevelsError> {
        let (programme, now) = self.programme.now(tx, tenant).await?;
        let spendable: Vec<&PointType> =
            programme.types.values().filter(|it| it.spendable).take(POINT_TYPES_MAX).collect();
        let aliases = mirror::resolve(tx, tenant, asked.iter().map(|it| &it.user)).await?;
        let users: Vec<UserId> = asked.iter().map(|it| aliases.meant(&it.user)).collect();
        let guards = programme.schemes.values().map(Scheme::guard);
        let ids: BTreeSet<_> = spendable.iter().map(|it| &it.id).chain(guards).collect();
        let keys: Vec<AccountKey> =
            users.iter().flat_map(|user| ids.iter().map(|id| (user.clone(), (*id).clone()))).collect();
        let held = store::holding::read(tx, tenant, &programme, &keys).await?;
        let schemes = |user: &UserId| {
            let in_scheme = |scheme: &Scheme| {
                let key = (user.clone(), scheme.guard().clone());
                let member = standing(&programme, scheme, (&key, held.of(&key)), now);
                pb::SchemeStanding { scheme: Some(wire::level::scheme(scheme)), member: Some(member) }
            };
            programme.schemes.values().map(in_scheme).collect()
        };
        let points = |user: &UserId| {
            let of = |point_type: &&PointType| {
                let key = (user.clone(), point_type.id.clone());
                let balance = shown(balance(&programme, &key, held.of(&key), now));
                let balance = Some(wire::balance(balance));
                pb::PointStanding { point_type: Some(wire::point_type(point_type)), balance }
            };
            spendable.iter().map(of).collect()
        };
        let answer = |user| Ok(pb::GetStandingResponse { schemes: schemes(user), points: points(user) });
        Ok(users.iter().map(answer).collect())
    }
}
