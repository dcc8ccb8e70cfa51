//! The reads: each in one short transaction, after waiting for the positions that the caller named.

pub mod insight;
pub mod lifecycle;
pub mod order;
pub mod profile;
pub mod tenant;

use std::time::Duration;

use ids::TenantId;
use pg::Tx;
use proto::common::v1::Position;

use crate::Profiles;
use crate::domain::tenant::Terms;
use crate::error::ProfilesError;
use crate::store;

/// The longest that a read waits for the positions that it was given.
pub const WAIT_MAX: Duration = Duration::from_secs(2);

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Empty on the last page.
    pub next_page_token: String,
}

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// As asked; 0: the default.
    pub size: i32,
    /// Empty: the first.
    pub token: String,
}

impl Profiles {
    /// Begins a read of a tenant whose answer includes the positions.
    pub(crate) async fn read(&self, tenant: &TenantId, at_least: &[Position]) -> Result<(Tx, Terms), ProfilesError> {
        let max = rt::remaining().map_or(WAIT_MAX, |left| left.min(WAIT_MAX));
        self.log.wait_for(at_least, max).await?;
        let mut tx = self.db.begin(tenant).await?;
        match store::tenant::terms(&mut tx, tenant).await? {
            Some(terms) => Ok((tx, terms)),
            None => Err(ProfilesError::TenantUnknown { tenant_id: tenant.as_str().to_owned() }),
        }
    }

    /// How many rows a page has; one more is read, to know whether another page follows.
    fn page_size(&self, page: &PageRequest) -> i64 {
        page::size(page.size, self.settings.page_default, self.settings.page_max)
    }
}

/// Cuts off the row that was read too many. Says whether there was one.
fn cut<T>(rows: &mut Vec<T>, size: i64) -> bool {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    more
}

/// Whom an id means.
async fn canonical(tx: &mut Tx, tenant: &TenantId, id: &str) -> Result<Option<String>, ProfilesError> {
    Ok(store::profile::resolve(tx, tenant, &[id]).await?.remove(id))
}
