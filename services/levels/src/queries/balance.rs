use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, TenantId, UserId};
use pg::Tx;
use service::{Core, Gather};
use time::OffsetDateTime;

use crate::domain::account::Account;
use crate::domain::balance::{Balance, balance};
use crate::domain::book::AccountKey;
use crate::domain::hold::Hold;
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

/// See `PointsService.GetBalance`. As of a past time, what lapsed since and is booked counts as still there, so that the
/// answer does not depend on when a lapse is booked.
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
        let held = Holdings::read(tx, tenant, &keys).await?;
        let past: Vec<(usize, OffsetDateTime)> =
            asked.iter().enumerate().filter_map(|(n, it)| Some((n, it.at?))).collect();
        let dated: Vec<(&AccountKey, OffsetDateTime)> = past.iter().map(|(n, at)| (&keys[*n], *at)).collect();
        let lapsed = store::entry::lapsed_after(tx, tenant, &dated).await?;
        let mut lapsed: BTreeMap<usize, _> = past.iter().map(|(n, _)| *n).zip(lapsed).collect();
        let answer = |(n, it): (usize, &AskedBalance)| {
            let Some(point_type) = programme.types.get(&it.point_type) else {
                return Err(Refusal::PointTypeNotFound { point_type_id: it.point_type.to_string() }.into());
            };
            let lapsed = lapsed.remove(&n).unwrap_or_default();
            Ok(shown(balance(point_type, &keys[n], held.of(&keys[n]), lapsed, (it.at.unwrap_or(now), now))))
        };
        Ok(asked.iter().enumerate().map(answer).collect())
    }
}

/// A balance as it is answered.
pub(super) fn shown(mut balance: Balance) -> Balance {
    balance.expiring.truncate(DATES_MAX);
    balance.activating.truncate(DATES_MAX);
    balance
}

/// Accounts with their open holds.
pub(super) struct Holdings(BTreeMap<AccountKey, (Account, Vec<Hold>)>);

impl Holdings {
    /// Reads those of the accounts that there are.
    pub(super) async fn read(tx: &mut Tx, tenant: &TenantId, keys: &[AccountKey]) -> Result<Self, LevelsError> {
        let unique: BTreeSet<&AccountKey> = keys.iter().collect();
        let accounts = store::account::read(tx, tenant, unique).await?;
        let holding: Vec<&AccountKey> =
            accounts.iter().filter(|(_, account)| account.held != 0).map(|(key, _)| key).collect();
        let holds = store::hold::of_accounts(tx, tenant, &holding, &[]).await?;
        let mut held: BTreeMap<_, _> =
            accounts.into_iter().map(|(key, account)| (key, (account, Vec::new()))).collect();
        for (user, hold) in holds {
            if let Some((_, holds)) = held.get_mut(&(user, hold.point_type.clone())) {
                holds.push(hold);
            }
        }
        Ok(Self(held))
    }

    /// What an account holds: nothing, where there is none.
    pub(super) fn of(&self, key: &AccountKey) -> (Account, Vec<Hold>) {
        self.0.get(key).cloned().unwrap_or_default()
    }
}
