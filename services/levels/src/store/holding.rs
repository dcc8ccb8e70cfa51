//! All that is stored of accounts, and of what is decided about with them.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use sqlx::PgConnection;

use super::{account, hold, member};
use crate::domain::account::Account;
use crate::domain::balance::Holding;
use crate::domain::book::{AccountKey, Book, MemberKey, Programme};
use crate::domain::hold::Hold;
use crate::domain::member::Member;

/// What was read of accounts, of their open holds, and of the members of schemes that look at them.
#[derive(Debug)]
pub struct Holdings {
    accounts: BTreeMap<AccountKey, Account>,
    holds: BTreeMap<UserId, Vec<Hold>>,
    members: BTreeMap<UserId, Vec<(MemberKey, Member)>>,
    linked: BTreeMap<Key, Vec<Key>>,
}

/// Reads what there is of accounts, and of those that schemes look at together with them.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    programme: &Programme,
    keys: &[AccountKey],
) -> Result<Holdings, StoreError> {
    let types: BTreeSet<&Key> = keys.iter().map(|(_, point_type)| point_type).collect();
    let linked = |id: &&Key| ((*id).clone(), programme.linked(id).into_iter().cloned().collect());
    let linked: BTreeMap<Key, Vec<Key>> = types.iter().map(linked).collect();
    let wide = |(user, point_type): &AccountKey| {
        linked[point_type].iter().map(|id| (user.clone(), id.clone())).collect::<Vec<AccountKey>>()
    };
    let wide: BTreeSet<AccountKey> = keys.iter().flat_map(wide).collect();
    let accounts = account::read(conn, tenant, &wide).await?;
    let holding: Vec<&AccountKey> =
        accounts.iter().filter(|(_, account)| account.held != 0).map(|(key, _)| key).collect();
    let mut holds: BTreeMap<UserId, Vec<Hold>> = BTreeMap::new();
    for (user, hold) in hold::of_accounts(conn, tenant, &holding, &[]).await? {
        holds.entry(user).or_default().push(hold);
    }
    let mut members: BTreeMap<UserId, Vec<_>> = BTreeMap::new();
    for (key, member) in member::read(conn, tenant, &programme.members_of(&wide)).await? {
        members.entry(key.0.clone()).or_default().push((key, member));
    }
    Ok(Holdings { accounts, holds, members, linked })
}

impl Holdings {
    /// An account.
    pub fn account(&self, key: &AccountKey) -> Option<&Account> {
        self.accounts.get(key)
    }

    /// The book on all of it.
    pub fn into_book(self, programme: &Programme) -> Book<'_> {
        let members = self.members.into_values().flatten().collect();
        let holds =
            self.holds.into_iter().flat_map(|(user, holds)| holds.into_iter().map(move |it| (user.clone(), it)));
        Book::new(programme, self.accounts, members).with_holds(holds)
    }

    /// What a user has of a point type: nothing, where there is no account.
    pub fn of(&self, key: &AccountKey) -> Holding {
        let (user, linked) = (&key.0, self.linked.get(&key.1).map_or(&[][..], Vec::as_slice));
        let account = |id: &Key| {
            let key = (user.clone(), id.clone());
            Some((key.clone(), self.accounts.get(&key)?.clone()))
        };
        let holds = self.holds.get(user).into_iter().flatten().filter(|hold| linked.contains(&hold.point_type));
        Holding {
            accounts: linked.iter().filter_map(account).collect(),
            holds: holds.cloned().collect(),
            members: self.members.get(user).into_iter().flatten().cloned().collect(),
        }
    }
}
