use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, TenantId, UserId};
use pg::Tx;
use service::{Core, Gather};
use time::OffsetDateTime;

use crate::domain::balance::{Balance, Holding, Kept, Since, balance, balance_then};
use crate::domain::book::{AccountKey, Programme};
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
        let holdings = Holdings::read(tx, tenant, &programme, &keys).await?;
        let past = asked.iter().zip(&keys).enumerate().filter_map(|(n, (it, key))| {
            let holding = holdings.0.get(key)?;
            let at = it.at.filter(|at| holding.account.decided_at.is_some_and(|decided| decided > *at))?;
            Some((n, (key, at, holding.account.entry_seq)))
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
                Some((since, kept)) => balance_then((&holding, point_type.overdraft), since, &kept, at),
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

/// Accounts with their open holds, and with their users' standing where the scheme measures them.
pub(super) struct Holdings(BTreeMap<AccountKey, Holding>);

impl Holdings {
    /// Reads those of the accounts that there are.
    pub(super) async fn read(
        tx: &mut Tx,
        tenant: &TenantId,
        programme: &Programme,
        keys: &[AccountKey],
    ) -> Result<Self, LevelsError> {
        let unique: BTreeSet<&AccountKey> = keys.iter().collect();
        let accounts = store::account::read(tx, tenant, unique).await?;
        let holding: Vec<&AccountKey> =
            accounts.iter().filter(|(_, account)| account.held != 0).map(|(key, _)| key).collect();
        let holds = store::hold::of_accounts(tx, tenant, &holding, &[]).await?;
        let holding = |(key, account)| (key, Holding { account, ..Holding::default() });
        let mut held: BTreeMap<AccountKey, Holding> = accounts.into_iter().map(holding).collect();
        if let Some(scheme) = &programme.scheme {
            let measured = keys.iter().filter(|(_, point_type)| *point_type == scheme.point_type);
            let users: BTreeSet<&str> = measured.map(|(user, _)| user.as_str()).collect();
            let users: Vec<&str> = users.into_iter().collect();
            if !users.is_empty() {
                for (user, member) in store::member::read(tx, tenant, &scheme.id, &users).await? {
                    held.entry((user, scheme.point_type.clone())).or_default().member = Some(member);
                }
            }
        }
        for (user, hold) in holds {
            if let Some(holding) = held.get_mut(&(user, hold.point_type.clone())) {
                holding.holds.push(hold);
            }
        }
        Ok(Self(held))
    }

    /// What a user has of a point type: nothing, where there is no account.
    pub(super) fn of(&self, key: &AccountKey) -> Holding {
        self.0.get(key).cloned().unwrap_or_default()
    }
}
