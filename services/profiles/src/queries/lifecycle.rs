//! Models and standings.

use ids::TenantId;
use proto::common::v1::Position;
use time::OffsetDateTime;

use super::canonical;
use super::insight::{as_of, cuts};
use crate::domain::lifecycle::{Models, Stage, stage};
use crate::domain::refusal::Refusal;
use crate::domain::rfm::{Score, score};
use crate::error::ProfilesError;
use crate::{Profiles, store};

impl Profiles {
    /// See `LifecycleService.GetModels`.
    pub async fn get_models(&self, tenant: &TenantId) -> Result<Models, ProfilesError> {
        let (mut tx, _) = self.read(tenant, &[]).await?;
        let models = store::lifecycle::read(&mut tx, tenant).await?;
        tx.rollback().await?;
        Ok(models)
    }

    /// See `LifecycleService.GetStanding`.
    pub async fn get_standing(
        &self,
        tenant: &TenantId,
        user_id: &str,
        at: Option<OffsetDateTime>,
        at_least: &[Position],
    ) -> Result<(Stage, Option<Score>), ProfilesError> {
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let not_found = || Refusal::ProfileNotFound { user_id: user_id.to_owned() };
        let id = canonical(&mut tx, tenant, user_id).await?.ok_or_else(not_found)?;
        let models = store::lifecycle::read(&mut tx, tenant).await?;
        let as_of = as_of(&mut tx, &terms, at).await?;
        let loyal = models.stage.loyal_orders;
        let standings = store::insight::standings(&mut tx, tenant, as_of, loyal, Some(&id)).await?;
        let (standing, _) = standings.first().ok_or_else(not_found)?;
        let stage = stage(&models.stage, standing, as_of.day);
        let cuts = cuts(&mut tx, tenant, as_of, &models.rfm, models.rfm.method).await?;
        let window = (models.rfm.window_days, &cuts);
        let payers = store::insight::payers(&mut tx, tenant, as_of, window, Some(&id)).await?;
        tx.rollback().await?;
        Ok((stage, payers.first().map(|payer| score(&cuts, &payer.bought))))
    }
}
