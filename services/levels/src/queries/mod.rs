//! The reads, one file each. A read waits for the positions that it was given before it looks.

mod balance;
mod circulation;
mod hold;
mod level_moves;
mod list_entries;
mod member;
mod programme;
mod verify_ledger;

pub use verify_ledger::VerifiedPage;

use ids::{Key, TenantId, UserId};
use pg::Tx;

use crate::domain::account::Account;
use crate::domain::book::AccountKey;
use crate::domain::hold::{Hold, points_of};
use crate::domain::point_type::PointType;
use crate::domain::refusal::Refusal;
use crate::domain::scheme::Scheme;
use crate::error::LevelsError;
use crate::store;

/// Whom an id means.
async fn resolve(tx: &mut Tx, tenant: &TenantId, user: &UserId) -> Result<UserId, LevelsError> {
    Ok(mirror::resolve(tx, tenant, [user]).await?.meant(user))
}

/// Times that an account and its holds are read until they belong together.
const READS_MAX: usize = 3;

/// An account with its open holds, as of one moment although nothing is locked: what is held tells whether another write
/// came between the two statements. Where that goes on, the holds are left out: then none of them is seen to time out.
async fn account_with_holds(
    tx: &mut Tx,
    tenant: &TenantId,
    key: &AccountKey,
) -> Result<(Account, Vec<Hold>), LevelsError> {
    let mut account = Account::default();
    for _ in 0..READS_MAX {
        account = store::account::read(tx, tenant, key).await?;
        if account.held == 0 {
            break;
        }
        let holds = store::hold::of_accounts(tx, tenant, &[key], &[]).await?;
        let holds: Vec<Hold> = holds.into_iter().map(|(_, hold)| hold).collect();
        if holds.iter().map(|hold| points_of(&hold.lots)).sum::<i64>() == account.held {
            return Ok((account, holds));
        }
    }
    Ok((account, Vec::new()))
}

async fn point_type(tx: &mut Tx, tenant: &TenantId, id: &Key) -> Result<PointType, LevelsError> {
    let found = store::point_type::read(tx, tenant, &[id.as_str()]).await?.remove(id);
    found.ok_or_else(|| Refusal::PointTypeNotFound { point_type_id: id.to_string() }.into())
}

async fn scheme(tx: &mut Tx, tenant: &TenantId, id: &Key) -> Result<Scheme, LevelsError> {
    let found = store::scheme::current(tx, tenant).await?.filter(|scheme| scheme.id == *id);
    found.ok_or_else(|| Refusal::SchemeNotFound { scheme_id: id.to_string() }.into())
}
