//! Users.

use std::collections::BTreeSet;

use ids::TenantId;
use pg::Tx;
use proto::common::v1::Position;
use service::{Core, Gather, Page};

use crate::domain::profile::Profile;
use crate::domain::refusal::Refusal;
use crate::domain::tenant::Terms;
use crate::error::ProfilesError;
use crate::{Profiles, store};

/// Users found by many ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In the order of the ids; one named twice stands once.
    pub profiles: Vec<Profile>,
    /// The ids that mean nobody, each once.
    pub missing: Vec<String>,
}

/// A user that somebody wants to see.
#[derive(Debug, Clone)]
pub struct AskedProfile {
    /// Any id of the user.
    pub user_id: String,
}

/// See `ProfileService.GetProfile`.
impl Gather<AskedProfile> for Profiles {
    type Answer = (Profile, Terms);
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn gather(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        asked: &[AskedProfile],
    ) -> Result<Vec<Result<(Profile, Terms), ProfilesError>>, ProfilesError> {
        let terms = super::terms(tx, tenant).await?;
        let ids: BTreeSet<&str> = asked.iter().map(|it| it.user_id.as_str()).collect();
        let means = store::profile::resolve(tx, tenant, &ids.into_iter().collect::<Vec<_>>()).await?;
        let users: BTreeSet<&str> = means.values().map(String::as_str).collect();
        let profiles = store::profile::read(tx, tenant, &users.into_iter().collect::<Vec<_>>()).await?;
        let answer = |it: &AskedProfile| {
            let found = means.get(&it.user_id).and_then(|id| profiles.get(id));
            let profile = found.ok_or_else(|| Refusal::ProfileNotFound { user_id: it.user_id.clone() })?;
            Ok((profile.clone(), terms.clone()))
        };
        Ok(asked.iter().map(answer).collect())
    }
}

impl Profiles {
    /// See `ProfileService.BatchGetProfiles`.
    pub async fn batch_get_profiles(
        &self,
        tenant: &TenantId,
        user_ids: &[String],
        at_least: &[Position],
    ) -> Result<(Found, Terms), ProfilesError> {
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let asked: Vec<&str> = user_ids.iter().map(String::as_str).collect();
        let means = store::profile::resolve(&mut tx, tenant, &asked).await?;
        let ids: BTreeSet<&str> = means.values().map(String::as_str).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut profiles = store::profile::read(&mut tx, tenant, &ids).await?;
        tx.rollback().await?;
        let mut found = Found { profiles: Vec::new(), missing: Vec::new() };
        for id in user_ids {
            match means.get(id) {
                Some(means) => found.profiles.extend(profiles.remove(means)),
                None if !found.missing.contains(id) => found.missing.push(id.clone()),
                None => {}
            }
        }
        Ok((found, terms))
    }

    /// See `ProfileService.ListProfiles`.
    pub async fn list_profiles(
        &self,
        tenant: &TenantId,
        (after, size): (&str, i32),
        at_least: &[Position],
    ) -> Result<(Page<Profile, String>, Terms), ProfilesError> {
        let size = self.page_size(size);
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let rows = store::profile::list(&mut tx, tenant, after, size + 1).await?;
        tx.rollback().await?;
        Ok((Page::of(rows, size, |row| row.user_id.clone()), terms))
    }
}
