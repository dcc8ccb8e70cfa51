//! The reads, one file each. A read waits for the positions that it was given before it looks.

mod balance;
mod circulation;
mod level_moves;
mod list_entries;
mod member;
mod programme;
mod verify_ledger;

pub use balance::Balance;
pub use verify_ledger::VerifiedPage;

use std::time::Duration;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;

use crate::Levels;
use crate::domain::point_type::PointType;
use crate::domain::refusal::Refusal;
use crate::domain::scheme::Scheme;
use crate::error::LevelsError;
use crate::store;

/// The longest that a read waits for a position.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Rows of a page and the key after which the next one begins; `None`: the last page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T, K> {
    /// The rows.
    pub rows: Vec<T>,
    /// The key of the last row, where there are more.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Of one row more than the page holds, if there are so many.
    fn of(mut rows: Vec<T>, size: i64, key: impl Fn(&T) -> K) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let next = if more { rows.last().map(key) } else { None };
        Self { rows, next }
    }
}

impl Levels {
    /// Begins a read that shows the effects of these positions.
    async fn read(&self, tenant: &TenantId, at_least: &[Position]) -> Result<Tx, LevelsError> {
        let max = rt::remaining().map_or(WAIT_MAX, |left| left.min(WAIT_MAX));
        self.log.wait_for(at_least, max).await?;
        Ok(self.db.begin(tenant).await?)
    }
}

/// Whom an id means.
async fn resolve(tx: &mut Tx, tenant: &TenantId, user: &UserId) -> Result<UserId, LevelsError> {
    let meant = store::alias::resolve(tx, tenant, &[user.as_str()]).await?.remove(user.as_str());
    Ok(meant.unwrap_or_else(|| user.clone()))
}

async fn point_type(tx: &mut Tx, tenant: &TenantId, id: &Key) -> Result<PointType, LevelsError> {
    let found = store::point_type::read(tx, tenant, &[id.as_str()]).await?.remove(id);
    found.ok_or_else(|| Refusal::PointTypeNotFound { point_type_id: id.to_string() }.into())
}

async fn scheme(tx: &mut Tx, tenant: &TenantId, id: &Key) -> Result<Scheme, LevelsError> {
    let found = store::scheme::current(tx, tenant).await?.filter(|scheme| scheme.id == *id);
    found.ok_or_else(|| Refusal::SchemeNotFound { scheme_id: id.to_string() }.into())
}
