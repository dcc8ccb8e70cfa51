use std::collections::BTreeSet;

use ids::{TenantId, UserId};
use proto::profiles::v1::UpdateProfileResponse;
use requests::Request;
use service::{Answer, earlier, refuse};

use super::open;
use super::review::follow;
use super::upsert_profile::stored;
use super::users::{Unknown, claim};
use crate::domain::profile::Change;
use crate::domain::refusal::Refusal;
use crate::error::ProfilesError;
use crate::{Profiles, events, store, wire};

/// Changes fields of a user.
#[derive(Debug, Clone)]
pub struct UpdateProfile {
    /// Makes it idempotent.
    pub request: Request,
    /// A canonical id or alias.
    pub user_id: UserId,
    /// What was read; empty skips the check.
    pub etag: String,
    /// The new values and the fields meant.
    pub change: Change,
}

impl Profiles {
    /// See `ProfileService.UpdateProfile`.
    pub async fn update_profile(
        &self,
        tenant: &TenantId,
        command: &UpdateProfile,
    ) -> Result<Answer<UpdateProfileResponse>, ProfilesError> {
        pg::retrying("update_profile", || self.update_profile_once(tenant, command)).await
    }

    #[tracing::instrument(name = "update_profile", skip_all)]
    async fn update_profile_once(
        &self,
        tenant: &TenantId,
        command: &UpdateProfile,
    ) -> Result<Answer<UpdateProfileResponse>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let terms = open(&mut tx, tenant).await?;
        let sent = command.user_id.as_str();
        let claimed = claim(&mut tx, tenant, &BTreeSet::from([sent]), Unknown::Skip).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let Some(user_id) = claimed.canonical.get(sent) else {
            let refusal = Refusal::ProfileNotFound { user_id: sent.to_owned() };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        };
        let at = pg::clock(&mut tx).await?;
        let mut profile = stored(&mut tx, tenant, user_id).await?;
        let changed = match profile.change(&command.etag, &command.change, false, at) {
            Ok(changed) => changed,
            Err(refusal) => return Err(refuse(tx, tenant, &command.request, refusal).await),
        };
        let mut drafts = Vec::new();
        if !changed.is_empty() {
            store::profile::update(&mut tx, tenant, &profile).await?;
            drafts.push(events::profile_changed(&terms, &command.request, &profile, false, &changed));
            let followed = [(user_id.as_str(), profile.snapshot(), None)];
            drafts.extend(follow(&mut tx, tenant, &terms, &followed).await?);
        }
        let message = wire::profile(&profile, &terms.currency);
        self.core
            .finish(tx, tenant, &command.request, (user_id, &drafts), |position| UpdateProfileResponse {
                profile: Some(message),
                position: Some(position),
            })
            .await
    }
}
