//! The programme's versions, and presets.

use ids::TenantId;
use pg::Tx;
use proto::programme::v1::{Phase, Preset, ProgrammeBundle, ProgrammeVersion};
use service::Page;

use crate::domain::refusal::Refusal;
use crate::error::ProfilesError;
use crate::{Profiles, presets, store, wire};

impl Profiles {
    /// See `ProgrammeService.GetProgramme`.
    pub async fn get_programme(&self, tenant: &TenantId, version: i32) -> Result<ProgrammeVersion, ProfilesError> {
        let (mut tx, _) = self.read(tenant, &[]).await?;
        let found = store::programme::read(&mut tx, tenant, version).await?;
        tx.rollback().await?;
        let (found, bundle) = found.ok_or(Refusal::ProgrammeVersionNotFound { version })?;
        Ok(wire::programme::version(&found, Some(bundle)))
    }

    /// See `ProgrammeService.ListProgrammeVersions`: those before a number.
    pub async fn list_programme_versions(
        &self,
        tenant: &TenantId,
        before: Option<i64>,
        size: i32,
    ) -> Result<Page<ProgrammeVersion, i32>, ProfilesError> {
        let before = before.map_or(i32::MAX, |before| i32::try_from(before).unwrap_or(i32::MAX));
        let size = self.page_size(size);
        let (mut tx, _) = self.read(tenant, &[]).await?;
        let rows = store::programme::list(&mut tx, tenant, before, size + 1).await?;
        tx.rollback().await?;
        let rows = rows.iter().map(|row| wire::programme::version(row, None)).collect();
        Ok(Page::of(rows, size, |row: &ProgrammeVersion| row.version))
    }

    /// See `ProgrammeService.GetPreset`.
    pub async fn get_preset(&self, tenant: &TenantId, preset_id: &str, phase: Phase) -> Result<Preset, ProfilesError> {
        let (tx, terms) = self.read(tenant, &[]).await?;
        tx.rollback().await?;
        let found = presets::for_tenant(preset_id, phase, terms.zone.name(), &terms.currency);
        Ok(found.ok_or_else(|| Refusal::PresetNotFound { preset_id: preset_id.to_owned() })?)
    }

    /// See `ProgrammeService.ListPresets`.
    pub fn list_presets(&self) -> Vec<Preset> {
        presets::all().iter().map(|preset| Preset { bundle: None, ..preset.clone() }).collect()
    }
}

/// A version that was applied, to go back to.
pub(crate) async fn applied(
    tx: &mut Tx,
    tenant: &TenantId,
    version: i32,
) -> Result<Option<ProgrammeBundle>, ProfilesError> {
    let found = store::programme::read(tx, tenant, version).await?;
    let applied = found.filter(|(found, _)| found.apply_time.is_some());
    Ok(applied.map(|(_, bundle)| bundle))
}
