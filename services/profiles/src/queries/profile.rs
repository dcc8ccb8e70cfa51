//! Users.

use std::collections::BTreeSet;

use ids::TenantId;
use proto::common::v1::Position;
use service::Page;

use super::canonical;
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

impl Profiles {
    /// See `ProfileService.GetProfile`.
    pub async fn get_profile(
        &self,
        tenant: &TenantId,
        user_id: &str,
        at_least: &[Position],
    ) -> Result<(Profile, Terms), ProfilesError> {
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let id = canonical(&mut tx, tenant, user_id).await?;
        let found = match &id {
            Some(id) => store::profile::read(&mut tx, tenant, &[id]).await?.remove(id),
            None => None,
        };
        tx.rollback().await?;
        let profile = found.ok_or_else(|| Refusal::ProfileNotFound { user_id: user_id.to_owned() })?;
        Ok((profile, terms))
    }

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
