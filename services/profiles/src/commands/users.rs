use std::collections::{BTreeMap, BTreeSet};

use ids::{TenantId, UserId};
use pg::Tx;

use crate::domain::user::Snapshot;
use crate::error::ProfilesError;
use crate::store;

/// Users whose rows this transaction holds.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    /// Whom each id means that was sent and means anybody.
    pub(super) canonical: BTreeMap<String, String>,
    /// The users' summaries by canonical id.
    pub(super) users: BTreeMap<String, Snapshot>,
    /// Those that this transaction added.
    pub(super) new: BTreeSet<String>,
}

impl Claimed {
    /// Whom an id means that was asked for; an id that means nobody means itself.
    pub(super) fn id<'a>(&'a self, sent: &'a UserId) -> &'a str {
        self.canonical.get(sent.as_str()).map_or(sent.as_str(), String::as_str)
    }
}

/// Whether ids that mean nobody become users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// They do.
    Create,
    /// They are left out.
    Skip,
}

/// Finds out whom ids mean and locks those users in key order. All keys are inserted before any row is locked, so two
/// batches never wait for each other.
pub(super) async fn claim(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: &BTreeSet<&str>,
    unknown: Unknown,
) -> Result<Claimed, ProfilesError> {
    let asked: Vec<&str> = ids.iter().copied().collect();
    let mut canonical = store::profile::resolve(tx, tenant, &asked).await?;
    let strangers: Vec<&str> = asked.into_iter().filter(|id| !canonical.contains_key(*id)).collect();
    let mut new = BTreeSet::new();
    if unknown == Unknown::Create && !strangers.is_empty() {
        new.extend(store::profile::create(tx, tenant, &strangers).await?);
        canonical.extend(strangers.into_iter().map(|id| (id.to_owned(), id.to_owned())));
    }
    let wanted: BTreeSet<&str> = canonical.values().map(String::as_str).collect();
    let wanted: Vec<&str> = wanted.into_iter().collect();
    let users = store::profile::lock(tx, tenant, &wanted).await?;
    if users.len() != wanted.len() {
        // an id became an alias between two of the statements: the next attempt resolves it
        return Err(ProfilesError::Raced);
    }
    Ok(Claimed { canonical, users, new })
}
