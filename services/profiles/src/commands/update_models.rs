use ids::TenantId;
use proto::profiles::v1::UpdateModelsResponse;
use requests::Request;
use service::{Answer, earlier, refuse};

use super::open;
use crate::domain::lifecycle::Models;
use crate::domain::profile::check_etag;
use crate::error::ProfilesError;
use crate::{Profiles, events, store, wire};

/// A part of the models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelsPart {
    /// The stages.
    Stage,
    /// Recency, frequency, monetary value.
    Rfm,
}

/// Changes the tenant's models.
#[derive(Debug, Clone)]
pub struct UpdateModels {
    /// Makes it idempotent.
    pub request: Request,
    /// What was read; empty skips the check.
    pub etag: String,
    /// The new values.
    pub models: Models,
    /// What is meant of them.
    pub parts: Vec<ModelsPart>,
}

impl Profiles {
    /// See `LifecycleService.UpdateModels`.
    pub async fn update_models(
        &self,
        tenant: &TenantId,
        command: &UpdateModels,
    ) -> Result<Answer<UpdateModelsResponse>, ProfilesError> {
        pg::retrying("update_models", || self.update_models_once(tenant, command)).await
    }

    #[tracing::instrument(name = "update_models", skip_all)]
    async fn update_models_once(
        &self,
        tenant: &TenantId,
        command: &UpdateModels,
    ) -> Result<Answer<UpdateModelsResponse>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        // the models have no row before their first change, so the tenant's stands for it
        store::tenant::lock(&mut tx, tenant).await?;
        open(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let before = store::lifecycle::read(&mut tx, tenant).await?;
        if let Err(refusal) = check_etag(&command.etag, before.version) {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let mut models = before.clone();
        for part in &command.parts {
            match part {
                ModelsPart::Stage => models.stage = command.models.stage,
                ModelsPart::Rfm => models.rfm = command.models.rfm.clone(),
            }
        }
        let mut draft = None;
        if models != before {
            models.version += 1;
            store::lifecycle::write(&mut tx, tenant, &models).await?;
            let at = pg::clock(&mut tx).await?;
            draft = Some(events::models_changed(&command.request, wire::models(&models), at));
        }
        let message = wire::models(&models);
        self.core
            .finish(tx, tenant, &command.request, ("", draft.as_slice()), |position| UpdateModelsResponse {
                models: Some(message),
                position: Some(position),
            })
            .await
    }
}
