use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use ids::{RequestId, TenantId};
use proto::incentives::v1::{Campaign, CampaignState};
use proto::profiles::v1::Models;
use requests::{Request, body_of};

use super::apply_programme::Begun;
use super::{ModelsPart, UpdateModels};
use crate::Profiles;
use crate::domain::programme::Kind;
use crate::domain::programme::kind::Changing;
use crate::domain::programme::version::publication_id;
use crate::domain::refusal::Refusal;
use crate::error::ProfilesError;
use crate::owners::{Deed, Definition, NotPublished, Publication};
use crate::store;
use crate::wire::definition::{CHANGED_FROM, definitions};
use crate::wire::lifecycle::read_models;
use crate::wire::programme::json;

/// Definitions of a kind that are published at the same time.
const CALLS: usize = 8;

impl Profiles {
    /// Does everything that is to be done for a version: kind by kind, since one may name another of an earlier kind, several
    /// of a kind at the same time. A refusal ends it.
    pub(super) async fn publish_steps(
        &self,
        tenant: &TenantId,
        begun: &Begun,
    ) -> Result<Result<(), Refusal>, ProfilesError> {
        let version = begun.version.version;
        let steps = definitions(&begun.work.steps);
        for of_kind in steps.chunk_by(|a, b| a.kind == b.kind) {
            if !self.goes_on(tenant, version).await? {
                return Ok(Ok(())); // somebody else has ended it: how, the end will find
            }
            // what is done with one definition is done in order: a campaign is saved, then resumed
            let of_each = of_kind.chunk_by(|a, b| a.key() == b.key());
            let calls: Vec<_> = of_each.map(|steps| self.publish_in_order(tenant, begun, steps).boxed()).collect();
            let done: Result<Vec<()>, _> = stream::iter(calls).buffered(CALLS).try_collect().await;
            match done {
                Ok(_) => {}
                Err((definition, NotPublished::Refused(cause))) => {
                    return Ok(Err(Refusal::ProgrammeRefused { version, definition, cause }));
                }
                Err((_, NotPublished::Unsettled(error))) => return Err(error),
            }
        }
        Ok(Ok(()))
    }

    /// Does several things with one definition; fails with its name.
    async fn publish_in_order(
        &self,
        tenant: &TenantId,
        begun: &Begun,
        steps: &[Definition],
    ) -> Result<(), (String, NotPublished)> {
        for step in steps {
            let content = json(&step.value()).to_string();
            let request_id = publication_id(begun.version.version, step.kind.shape().name, &body_of(&content));
            let done = match step.kind {
                Kind::LifecycleModels => self.publish_models(tenant, request_id, step).await,
                _ => {
                    let (deed, definition) = (deed(step), step.clone().without_output());
                    let publication = Publication { deed, definition, author: begun.version.author.clone() };
                    self.owners.publish(tenant, request_id, publication).await
                }
            };
            done.map_err(|why| (step.name(), why))?;
        }
        Ok(())
    }

    async fn publish_models(
        &self,
        tenant: &TenantId,
        request_id: String,
        models: &Definition,
    ) -> Result<(), NotPublished> {
        let models: Models = models.message.transcode_to().unwrap_or_default();
        let id = RequestId::new(request_id).expect("a version and a hash fit into a request id");
        let command = UpdateModels {
            request: Request {
                user: String::new(),
                method: "LifecycleService/UpdateModels",
                id,
                body: body_of(&models),
            },
            etag: String::new(),
            models: read_models(Some(&models)).0,
            parts: vec![ModelsPart::Stage, ModelsPart::Rfm],
        };
        match self.update_models(tenant, &command).await {
            Ok(_) => Ok(()),
            Err(ProfilesError::Refused { refusal, .. }) => Err(NotPublished::Refused(refusal.to_string())),
            Err(error) => Err(NotPublished::Unsettled(error)),
        }
    }

    /// Takes note that a version is gone on with; false where it no longer is under way.
    async fn goes_on(&self, tenant: &TenantId, version: i32) -> Result<bool, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let real = pg::real_clock(&mut tx).await?;
        let goes_on = store::programme::touch(&mut tx, tenant, version, real).await?;
        tx.commit().await?;
        Ok(goes_on)
    }
}

/// What a step is to do: of a campaign its state says it, of what is changed by a method of its own its etag.
fn deed(step: &Definition) -> Deed {
    if step.kind != Kind::Campaign {
        let by_method = matches!(step.kind.shape().changing, Changing::By(_));
        return if by_method && !step.text(CHANGED_FROM).is_empty() { Deed::Change } else { Deed::Publish };
    }
    match step.message.transcode_to::<Campaign>().unwrap_or_default().state() {
        CampaignState::Paused => Deed::Pause,
        CampaignState::Running => Deed::Resume,
        _ => Deed::Publish,
    }
}
