use std::collections::BTreeSet;

use ids::{TenantId, UserId};
use proto::profiles::v1::UpsertProfileResponse;
use requests::Request;
use service::{Answer, earlier, refuse};

use super::open;
use super::review::follow;
use super::users::{Claimed, Unknown, claim};
use crate::domain::profile::{Change, Profile, Traits};
use crate::domain::refusal::Refusal;
use crate::error::ProfilesError;
use crate::{Profiles, events, store, wire};

/// Creates a user, or sets what is not empty.
#[derive(Debug, Clone)]
pub struct UpsertProfile {
    /// Makes it idempotent.
    pub request: Request,
    /// A canonical id or alias.
    pub user_id: UserId,
    /// What was read; empty skips the check.
    pub etag: String,
    /// The values.
    pub traits: Traits,
}

impl Profiles {
    /// See `ProfileService.UpsertProfile`.
    pub async fn upsert_profile(
        &self,
        tenant: &TenantId,
        command: &UpsertProfile,
    ) -> Result<Answer<UpsertProfileResponse>, ProfilesError> {
        pg::retrying("upsert_profile", || self.upsert_profile_once(tenant, command)).await
    }

    #[tracing::instrument(name = "upsert_profile", skip_all)]
    async fn upsert_profile_once(
        &self,
        tenant: &TenantId,
        command: &UpsertProfile,
    ) -> Result<Answer<UpsertProfileResponse>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let terms = open(&mut tx, tenant).await?;
        let sent = command.user_id.as_str();
        let claimed = claim(&mut tx, tenant, &BTreeSet::from([sent]), Unknown::Create).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer); // what this transaction added is rolled back
        }
        let Claimed { canonical, new, .. } = &claimed;
        let user_id = canonical.get(sent).map_or(sent, String::as_str);
        let created = new.contains(user_id);
        let at = pg::clock(&mut tx).await?;
        let mut profile = stored(&mut tx, tenant, user_id).await?;
        let change = Change::Add(command.traits.clone());
        let changed = match profile.change(&command.etag, &change, created, at) {
            Ok(changed) => changed,
            Err(refusal) => {
                let added: Vec<&str> = new.iter().map(String::as_str).collect();
                store::profile::delete(&mut tx, tenant, &added).await?;
                return Err(refuse(tx, tenant, &command.request, refusal).await);
            }
        };
        let mut drafts = Vec::new();
        if created || !changed.is_empty() {
            store::profile::update(&mut tx, tenant, &profile).await?;
            drafts.push(events::profile_changed(&terms, &command.request, &profile, created, &changed));
            let followed = [(user_id, profile.snapshot(), None)];
            drafts.extend(follow(&mut tx, tenant, &terms, &followed).await?);
        }
        let message = wire::profile(&profile, &terms.currency);
        self.core
            .finish(tx, tenant, &command.request, (user_id, &drafts), |position| UpsertProfileResponse {
                profile: Some(message),
                created,
                position: Some(position),
            })
            .await
    }
}

/// A user whose row is locked.
pub(super) async fn stored(tx: &mut pg::Tx, tenant: &TenantId, user_id: &str) -> Result<Profile, ProfilesError> {
    let found = store::profile::read(tx, tenant, &[user_id]).await?.remove(user_id);
    found.ok_or_else(|| Refusal::ProfileNotFound { user_id: user_id.to_owned() }.into())
}
