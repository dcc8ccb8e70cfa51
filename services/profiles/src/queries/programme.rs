//! The programme: what would change, its versions, and presets.

use ids::TenantId;
use pg::Tx;
use proto::programme::v1::{Preset, ProgrammeBundle, ProgrammeVersion};
use service::Page;

use crate::domain::lifecycle::Models;
use crate::domain::programme::course::{Act, Change, Violation, course, violations};
use crate::domain::programme::{Key, Kind};
use crate::domain::refusal::Refusal;
use crate::error::ProfilesError;
use crate::wire::lifecycle::read_models;
use crate::{Profiles, presets, store, wire};

/// What applying a bundle would do.
pub struct Plan {
    /// What happens to each definition that is not in force as it is in the bundle.
    pub changes: Vec<Change>,
    /// What is wrong with the bundle.
    pub violations: Vec<Violation>,
    /// The newest version's number when this was found out; 0: none.
    pub newest: i32,
    /// The whole bundle as its owners read it.
    pub(crate) bundle: ProgrammeBundle,
    /// What of it has to be published: what is added or changed, and what is paused.
    pub(crate) steps: ProgrammeBundle,
}

impl Profiles {
    /// See `ProgrammeService.PlanProgramme`. Asks other services, outside of any transaction.
    #[tracing::instrument(name = "plan_programme", skip_all)]
    pub async fn plan_programme(&self, tenant: &TenantId, sent: &ProgrammeBundle) -> Result<Plan, ProfilesError> {
        let (newest, own) = self.own_programme(tenant).await?;
        let (models, faults) = read_models(sent.lifecycle_models.as_ref());
        let sent = wire::programme::without_output(sent.clone());
        let checked = self.owners.check(tenant, &sent).await?;
        let in_force = wire::programme::without_output(self.owners.in_force(tenant).await?);
        let in_force = wire::programme::with_models(in_force, &own);
        let mut bundle = wire::programme::without_output(checked.bundle);
        if faults.is_empty() {
            bundle = wire::programme::with_models(bundle, &models);
        }
        let (present, wanted) = (wire::programme::definitions(&in_force), wire::programme::definitions(&bundle));
        let changes = course(&present, &wanted);
        let mut found = violations(&wire::programme::outline(&bundle), &present, &changes);
        found.extend(checked.violations);
        found.extend(
            faults
                .into_iter()
                .map(|fault| Violation { field: format!("bundle.lifecycle_models.{}", fault.field), ..fault }),
        );
        let steps = steps(&changes, &bundle, in_force);
        Ok(Plan { changes, violations: found, newest, bundle, steps })
    }

    /// The newest version, then the tenant's models.
    async fn own_programme(&self, tenant: &TenantId) -> Result<(i32, Models), ProfilesError> {
        let (mut tx, _) = self.read(tenant, &[]).await?;
        let newest = store::programme::newest(&mut tx, tenant).await?;
        let models = store::lifecycle::read(&mut tx, tenant).await?;
        tx.rollback().await?;
        Ok((newest, models))
    }

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
    pub async fn get_preset(&self, tenant: &TenantId, preset_id: &str) -> Result<Preset, ProfilesError> {
        let (tx, terms) = self.read(tenant, &[]).await?;
        tx.rollback().await?;
        let found = presets::all().iter().find(|preset| preset.preset_id == preset_id);
        let mut preset = found.cloned().ok_or_else(|| Refusal::PresetNotFound { preset_id: preset_id.to_owned() })?;
        for point_type in preset.bundle.iter_mut().flat_map(|bundle| &mut bundle.point_types) {
            point_type.zone = terms.zone.name().to_owned();
        }
        Ok(preset)
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

/// What has to be published for these changes.
fn steps(changes: &[Change], bundle: &ProgrammeBundle, in_force: ProgrammeBundle) -> ProgrammeBundle {
    let act = |kind, id: &str| {
        let key = Key { kind, id: id.to_owned() };
        changes.iter().find(|change| change.key == key).map(|change| change.act)
    };
    let publishes = |kind, id: &str| matches!(act(kind, id), Some(Act::Add | Act::Change));
    let mut steps = bundle.clone();
    // a point type that is there stays as it is
    steps.point_types.retain(|it| act(Kind::PointType, &it.point_type_id) == Some(Act::Add));
    steps.earning_rules.retain(|it| publishes(Kind::EarningRule, &it.rule_id));
    let paused = in_force.earning_rules.into_iter().filter_map(|mut rule| {
        rule.paused = true;
        (act(Kind::EarningRule, &rule.rule_id) == Some(Act::Pause)).then_some(rule)
    });
    steps.earning_rules.extend(paused);
    steps.scheme = steps.scheme.filter(|it| publishes(Kind::Scheme, &it.scheme_id));
    steps.lifecycle_models = steps.lifecycle_models.filter(|_| publishes(Kind::LifecycleModels, ""));
    steps
}
