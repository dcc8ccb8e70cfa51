//! What applying a bundle would do.

use std::collections::{BTreeMap, BTreeSet};

use ids::TenantId;
use prost_reflect::Value as Field;
use proto::incentives::v1::{Campaign, CampaignState};
use proto::levels::v1::ChangedPolicy;
use proto::programme::v1::ProgrammeBundle;
use time::OffsetDateTime;

use crate::domain::lifecycle::Models;
use crate::domain::programme::course::{Act, Change, course};
use crate::domain::programme::kind::{Changing, KINDS, Unwanted};
use crate::domain::programme::violation::{Violation, path, violations};
use crate::domain::programme::{Key, Kind, Programme, Step};
use crate::error::ProfilesError;
use crate::wire::definition::{self, CHANGED_FROM, Definition};
use crate::wire::lifecycle::read_models;
use crate::{Profiles, store};

/// The field of a campaign by which it is told as held up: in what is in force, and in what is to be done.
const STATE: &str = "state";

/// What applying a bundle would do.
pub struct Plan {
    /// What happens to each definition that is not in force as it is in the bundle.
    pub changes: Vec<Change>,
    /// What changes of definitions that are in force touch, where their owners say so.
    pub policies: BTreeMap<Key, Vec<ChangedPolicy>>,
    /// What is wrong with the bundle.
    pub violations: Vec<Violation>,
    /// Ids of the bundle's campaigns that would await approval.
    pub awaiting: BTreeSet<String>,
    /// The newest version's number when this was found out; 0: none.
    pub newest: i32,
    /// The whole bundle as its owners read it.
    pub(crate) bundle: ProgrammeBundle,
    /// What has to be done for it: see [`steps`].
    pub(crate) steps: ProgrammeBundle,
}

impl Profiles {
    /// See `ProgrammeService.PlanProgramme`. Asks other services, outside of any transaction.
    #[tracing::instrument(name = "plan_programme", skip_all)]
    pub async fn plan_programme(&self, tenant: &TenantId, sent: &ProgrammeBundle) -> Result<Plan, ProfilesError> {
        let (newest, own, at) = self.own_programme(tenant).await?;
        let (models, faults) = read_models(sent.lifecycle_models.as_ref());
        let checked = self.owners.check(tenant, complete(definition::definitions(sent))).await?;
        let mut wanted: Vec<Definition> = checked.definitions.into_iter().map(Definition::without_output).collect();
        if faults.is_empty() {
            put_models(&mut wanted, &models);
        }
        let mut in_force = self.owners.in_force(tenant).await?;
        put_models(&mut in_force, &own);
        let present = Present::of(in_force, at);
        let written = definition::written(&wanted);
        let changes = course(&present.programme, &present.idle, &definition::programme(&written));
        let mut found = violations(&written, &present.programme, &present.over, &changes);
        found.extend(checked.violations);
        let path = |fault: Violation| Violation { field: format!("bundle.lifecycle_models.{}", fault.field), ..fault };
        found.extend(faults.into_iter().map(path));
        let (policies, refused) = self.touched(tenant, &changes, &wanted, &found).await?;
        found.extend(refused);
        let awaiting = awaiting(&changes, &wanted, &present);
        let steps = definition::bundle(&steps(&changes, &wanted, &present));
        let bundle = definition::bundle(&wanted);
        Ok(Plan { changes, policies, violations: found, awaiting, newest, bundle, steps })
    }

    /// What changes touch that are made by methods of their own; one with something wrong already is not asked for.
    async fn touched(
        &self,
        tenant: &TenantId,
        changes: &[Change],
        wanted: &[Definition],
        wrong: &[Violation],
    ) -> Result<(BTreeMap<Key, Vec<ChangedPolicy>>, Vec<Violation>), ProfilesError> {
        let (mut touched, mut refused) = (BTreeMap::new(), Vec::new());
        let by_method = |it: &&Change| matches!(it.key.kind.shape().changing, Changing::By(_));
        for change in changes.iter().filter(by_method).filter(|it| it.act == Act::Change) {
            let shape = change.key.kind.shape();
            let own: Vec<&Definition> = wanted.iter().filter(|it| it.kind == change.key.kind).collect();
            let Some(place) = own.iter().position(|it| it.key() == change.key) else { continue };
            let path = path(shape, place);
            if wrong.iter().any(|it| it.field.starts_with(&path)) {
                continue;
            }
            match self.owners.touched(tenant, own[place].clone()).await? {
                Ok(policies) => drop(touched.insert(change.key.clone(), policies)),
                Err(why) => refused.push(Violation { field: path, why }),
            }
        }
        Ok((touched, refused))
    }

    /// The newest version, the tenant's models, and its clock.
    async fn own_programme(&self, tenant: &TenantId) -> Result<(i32, Models, OffsetDateTime), ProfilesError> {
        let (mut tx, _) = self.read(tenant, &[]).await?;
        let newest = store::programme::newest(&mut tx, tenant).await?;
        let models = store::lifecycle::read(&mut tx, tenant).await?;
        let at = pg::clock(&mut tx).await?;
        tx.rollback().await?;
        Ok((newest, models, at))
    }
}

/// A bundle's definitions without what only owners write, and with the defaults for what it is silent on.
fn complete(mut wanted: Vec<Definition>) -> Vec<Definition> {
    for shape in KINDS.iter().filter(|shape| shape.unwanted == Unwanted::Default && shape.kind != Kind::LifecycleModels)
    {
        if wanted.iter().all(|it| it.kind != shape.kind) {
            wanted.push(definition::empty(shape.kind));
        }
    }
    wanted.sort_by_key(|it| it.kind);
    wanted.into_iter().map(Definition::without_output).collect()
}

/// Puts models in the place of those that are there.
fn put_models(definitions: &mut Vec<Definition>, models: &Models) {
    definitions.retain(|it| it.kind != Kind::LifecycleModels);
    let models = Some(crate::wire::models(models));
    let own = definition::definitions(&ProgrammeBundle { lifecycle_models: models, ..ProgrammeBundle::default() });
    definitions.extend(own.into_iter().map(Definition::without_output));
    definitions.sort_by_key(|it| it.kind);
}

/// What is in force.
#[derive(Default)]
struct Present {
    /// As it is compared with what is wanted; a campaign that is held up says so in its state.
    programme: Programme,
    /// The messages, without what only owners write.
    definitions: BTreeMap<Key, Definition>,
    /// The etags of those that are changed by methods of their own.
    etags: BTreeMap<Key, String>,
    /// What has no effect: paused, not yet approved, or past its time.
    idle: BTreeSet<Key>,
    /// What was ended for good.
    over: BTreeSet<Key>,
    /// Whose newest version was not approved.
    unapproved: BTreeSet<Key>,
}

impl Present {
    fn of(in_force: Vec<Definition>, at: OffsetDateTime) -> Self {
        let mut present = Self::default();
        for it in in_force {
            present.put(it, at);
        }
        present
    }

    fn put(&mut self, it: Definition, at: OffsetDateTime) {
        let key = it.key();
        let bare = it.clone().without_output();
        let mut shown = bare.clone();
        if matches!(it.kind.shape().changing, Changing::By(_)) {
            self.etags.insert(key.clone(), it.text(CHANGED_FROM));
        }
        match it.kind.shape().unwanted {
            Unwanted::PausedByField if it.flag("paused") => drop(self.idle.insert(key.clone())),
            Unwanted::Turned(..) => {
                let campaign: Campaign = it.message.transcode_to().unwrap_or_default();
                if !matches!(campaign.state(), CampaignState::Scheduled | CampaignState::Running) {
                    self.idle.insert(key.clone());
                }
                if campaign.state() == CampaignState::Paused {
                    shown = shown.with(STATE, Field::EnumNumber(CampaignState::Paused.into()));
                }
                let until = campaign.valid_until.as_ref().and_then(|until| units::time::from_proto(until).ok());
                if campaign.state() == CampaignState::Ended && until.is_none_or(|until| at < until) {
                    self.over.insert(key.clone());
                }
                if campaign.version != campaign.approved_version {
                    self.unapproved.insert(key.clone());
                }
            }
            _ => {}
        }
        self.programme.insert(key.clone(), shown.value());
        self.definitions.insert(key, bare);
    }
}

/// Whether a change is of what a definition says, and whether it is of its being held up.
fn parts(change: &Change) -> (bool, bool) {
    let turned = matches!(change.key.kind.shape().unwanted, Unwanted::Turned(..));
    let is_state = |path: &[Step]| turned && matches!(path, [Step::Field(name)] if name == STATE);
    let states = change.fields.iter().filter(|field| is_state(&field.path.0)).count();
    (states < change.fields.len(), states > 0)
}

/// Campaigns of a bundle that await approval once the changes are carried out.
fn awaiting(changes: &[Change], wanted: &[Definition], present: &Present) -> BTreeSet<String> {
    let saved = |key: &Key| changes.iter().any(|it| it.key == *key && parts(it).0);
    let keys = wanted.iter().filter(|it| it.kind == Kind::Campaign).map(Definition::key);
    keys.filter(|key| saved(key) || present.unapproved.contains(key)).map(|key| key.id).collect()
}

/// What has to be done: definitions to be published, as they are to be. Of a campaign the state says what is meant: none,
/// that it is to be saved; PAUSED, to be paused; RUNNING, to be resumed. Of a point type the etag says that it is there already.
fn steps(changes: &[Change], wanted: &[Definition], present: &Present) -> Vec<Definition> {
    let state = |it: &Definition, state: CampaignState| it.clone().with(STATE, Field::EnumNumber(state.into()));
    let mut steps = Vec::new();
    for change in changes {
        let shape = change.key.kind.shape();
        let found = match change.act {
            Act::Add | Act::Change => wanted.iter().find(|it| it.key() == change.key),
            Act::Pause => present.definitions.get(&change.key),
            Act::Keep => None,
        };
        let Some(it) = found else { continue };
        match (change.act, shape.unwanted) {
            (Act::Pause, Unwanted::PausedByField) => steps.push(it.clone().with("paused", Field::Bool(true))),
            (Act::Pause, _) => steps.push(state(it, CampaignState::Paused)),
            _ => {
                let (content, turns) = parts(change);
                if content {
                    // what is changed by a method of its own says from what
                    let etag = present.etags.get(&change.key).filter(|_| change.act == Act::Change);
                    steps.push(match etag {
                        Some(etag) => it.clone().with(CHANGED_FROM, Field::String(etag.clone())),
                        None => it.clone(),
                    });
                }
                if turns {
                    steps.push(state(it, CampaignState::Running));
                }
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const AT: OffsetDateTime = datetime!(2026-03-08 12:00 UTC);

    fn campaign(id: &str, state: CampaignState, priority: i32) -> Campaign {
        Campaign { campaign_id: id.into(), state: state.into(), priority, version: 2, ..Campaign::default() }
    }

    fn campaigns(all: &[Campaign]) -> Vec<Definition> {
        definition::definitions(&ProgrammeBundle { campaigns: all.to_vec(), ..ProgrammeBundle::default() })
    }

    /// What would be done, as (id, state), and what would await approval.
    fn done(in_force: &[Campaign], wanted: &[Campaign]) -> (Vec<(String, CampaignState)>, Vec<String>) {
        let present = Present::of(campaigns(in_force), AT);
        let wanted = complete(campaigns(wanted));
        let wanted: Vec<Definition> = wanted.into_iter().filter(|it| it.kind == Kind::Campaign).collect();
        let programme = definition::programme(&definition::written(&wanted));
        let changes = course(&present.programme, &present.idle, &programme);
        let steps = definition::bundle(&steps(&changes, &wanted, &present)).campaigns;
        let told = steps.iter().map(|it| (it.campaign_id.clone(), it.state())).collect();
        (told, awaiting(&changes, &wanted, &present).into_iter().collect())
    }

    #[test]
    fn a_campaign_is_saved_paused_or_resumed_as_it_is_wanted() {
        use CampaignState::{Draft, Ended, Paused, Running, Scheduled, Unspecified};
        let approved = |it: Campaign| Campaign { approved_version: 2, ..it };
        let running = [approved(campaign("a", Running, 1))];
        let step = |state| vec![("a".to_owned(), state)];
        let waits = vec!["a".to_owned()];
        let wanted = |priority| [campaign("a", Unspecified, priority)];
        assert_eq!(done(&[], &wanted(1)), (step(Unspecified), waits.clone()));
        assert_eq!(done(&running, &wanted(1)), (vec![], vec![]));
        assert_eq!(done(&running, &wanted(2)), (step(Unspecified), waits.clone()));
        assert_eq!(done(&running, &[]), (step(Paused), vec![]));
        let paused = [approved(campaign("a", Paused, 1))];
        assert_eq!(done(&paused, &[]), (vec![], vec![]));
        assert_eq!(done(&paused, &wanted(1)), (step(Running), vec![]));
        assert_eq!(done(&paused, &wanted(2)), ([step(Unspecified), step(Running)].concat(), waits.clone()));
        // nothing is done again for what only awaits its approval
        assert_eq!(done(&[campaign("a", Draft, 1)], &wanted(1)), (vec![], waits));
        for state in [Draft, Ended] {
            assert_eq!(done(&[campaign("a", state, 1)], &[]), (vec![], vec![]), "{state:?}");
        }
        assert_eq!(done(&[approved(campaign("a", Scheduled, 1))], &[]), (step(Paused), vec![]));
    }

    #[test]
    fn a_campaign_is_over_where_it_ended_before_its_window_did() {
        let until = |at: OffsetDateTime| Some(units::time::to_proto(at));
        let ended = |id: &str, valid_until| Campaign { valid_until, ..campaign(id, CampaignState::Ended, 1) };
        let minute = time::Duration::minutes(1);
        let all = [ended("always", None), ended("early", until(AT + minute)), ended("past", until(AT - minute))];
        let over = Present::of(campaigns(&all), AT).over;
        assert_eq!(over.into_iter().map(|key| key.id).collect::<Vec<_>>(), ["always", "early"]);
    }
}
