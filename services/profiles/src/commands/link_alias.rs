use std::collections::BTreeSet;

use ids::{TenantId, UserId};
use proto::profiles::v1::LinkAliasResponse;
use requests::Request;
use service::{Answer, earlier, refuse};

use super::open;
use super::upsert_profile::stored;
use super::users::{Unknown, claim};
use crate::domain::refusal::Refusal;
use crate::error::ProfilesError;
use crate::{Profiles, events, store, wire};

/// Makes an id that means nobody an alias of a user.
#[derive(Debug, Clone)]
pub struct LinkAlias {
    /// Makes it idempotent.
    pub request: Request,
    /// A canonical id or alias.
    pub user_id: UserId,
    /// The id to become an alias.
    pub alias: UserId,
}

impl Profiles {
    /// See `ProfileService.LinkAlias`.
    pub async fn link_alias(
        &self,
        tenant: &TenantId,
        command: &LinkAlias,
    ) -> Result<Answer<LinkAliasResponse>, ProfilesError> {
        pg::retrying("link_alias", || self.link_alias_once(tenant, command)).await
    }

    #[tracing::instrument(name = "link_alias", skip_all)]
    async fn link_alias_once(
        &self,
        tenant: &TenantId,
        command: &LinkAlias,
    ) -> Result<Answer<LinkAliasResponse>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let terms = open(&mut tx, tenant).await?;
        let (sent, alias) = (command.user_id.as_str(), command.alias.as_str());
        let claimed = claim(&mut tx, tenant, &BTreeSet::from([sent]), Unknown::Skip).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let Some(user_id) = claimed.canonical.get(sent) else {
            let refusal = Refusal::ProfileNotFound { user_id: sent.to_owned() };
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        };
        let at = pg::clock(&mut tx).await?;
        let own = alias == user_id;
        let linked = !own && store::profile::link(&mut tx, tenant, user_id, alias, at).await?;
        if !linked {
            let means = store::profile::resolve(&mut tx, tenant, &[alias]).await?.remove(alias);
            if own || means.as_ref() != Some(user_id) {
                let refusal = Refusal::AliasTaken { alias: alias.to_owned() };
                return Err(refuse(tx, tenant, &command.request, refusal).await);
            }
        }
        let mut profile = stored(&mut tx, tenant, user_id).await?;
        let mut draft = None;
        if linked {
            profile.version += 1;
            profile.update_time = at;
            store::profile::update(&mut tx, tenant, &profile).await?;
            draft = Some(events::alias_linked(&terms, &command.request, &profile, alias));
        }
        let message = wire::profile(&profile, &terms.currency);
        self.core
            .finish(tx, tenant, &command.request, (user_id, draft.as_slice()), |position| LinkAliasResponse {
                profile: Some(message),
                position: Some(position),
            })
            .await
    }
}
