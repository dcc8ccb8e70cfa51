use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use service::{Core, Gather};
use time::OffsetDateTime;

use crate::domain::balance::{Balance, Kept, Since, balance, balance_then};
use crate::domain::book::AccountKey;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store};

/// Dates of expiry that a balance lists, and what pending points wait for.
const DATES_MAX: usize = 31;

/// A balance that somebody wants to know.
#[derive(Debug, Clone)]
pub struct AskedBalance {
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// Of what.
    pub point_type: Key,
    /// As of when; `None`: now.
    pub at: Option<OffsetDateTime>,
}

/// See `PointsService.GetBalance`. An instant before an account's last write is answered from its entries and holds; any
/// other from the account, with what falls due by then.
impl Gather<AskedBalance> for Levels {
    type Answer = Balance;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn gather(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        asked: &[AskedBalance],
    ) -> Result<Vec<Result<Balance, LevelsError>>, LevelsError> {
        let (programme, now) = self.programme.now(tx, tenant).await?;
        let aliases = mirror::resolve(tx, tenant, asked.iter().map(|it| &it.user)).await?;
        let keys: Vec<AccountKey> = asked.iter().map(|it| (aliases.meant(&it.user), it.point_type.clone())).collect();
        let holdings = store::holding::read(tx, tenant, &programme, &keys).await?;
        let past = asked.iter().zip(&keys).enumerate().filter_map(|(n, (it, key))| {
            let account = holdings.account(key)?;
            let at = it.at.filter(|at| account.decided_at.is_some_and(|decided| decided > *at))?;
            Some((n, (key, at, account.entry_seq)))
        });
        let (places, past): (Vec<usize>, Vec<_>) = past.unzip();
        let mut past: BTreeMap<usize, (Since, Vec<Kept>)> =
            places.into_iter().zip(read_past(tx, tenant, &past).await?).collect();
        let answer = |(n, it): (usize, &AskedBalance)| {
            let Some(point_type) = programme.types.get(&it.point_type) else {
                return Err(Refusal::PointTypeNotFound { point_type_id: it.point_type.to_string() }.into());
            };
            let (holding, at) = (holdings.of(&keys[n]), it.at.unwrap_or(now));
            Ok(shown(match past.remove(&n) {
                Some((since, kept)) => balance_then((&keys[n], &holding, point_type.overdraft), since, &kept, at),
                None => balance(&programme, &keys[n], holding, at),
            }))
        };
        Ok(asked.iter().enumerate().map(answer).collect())
    }
}

/// What was done to accounts since an instant before their last write, and what holds kept then.
async fn read_past(
    tx: &mut Tx,
    tenant: &TenantId,
    past: &[(&AccountKey, OffsetDateTime, i64)],
) -> Result<Vec<(Since, Vec<Kept>)>, LevelsError> {
    if past.is_empty() {
        return Ok(Vec::new());
    }
    let since = store::entry::since(tx, tenant, past).await?;
    let holding: Vec<_> = past.iter().map(|(key, at, _)| (*key, *at)).collect();
    let kept = store::hold::kept_at(tx, tenant, &holding).await?;
    Ok(since.into_iter().zip(kept).collect())
}

/// A balance as it is answered.
pub(super) fn shown(mut balance: Balance) -> Balance {
    balance.expiring.truncate(DATES_MAX);
    balance.activating.truncate(DATES_MAX);
    balance
}
