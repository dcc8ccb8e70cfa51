use ids::TenantId;
use prost::Message;
use proto::common::v1::Position;
use proto::programme::v1 as pb;
use requests::{Keep, Request};
use service::{Answer, earlier, refuse};

use super::open;
use crate::domain::profile::check_etag;
use crate::domain::programme::version::{State, is_abandoned};
use crate::domain::refusal::Refusal;
use crate::error::ProfilesError;
use crate::queries::plan::Plan;
use crate::queries::programme::applied;
use crate::store::programme::{Version, Work};
use crate::{Profiles, events, store, wire};

/// How often a plan is made anew because another version came in between.
const PLANS_MAX: usize = 3;

/// What is to be in force.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// This.
    Bundle(Box<pb::ProgrammeBundle>),
    /// What an earlier version had.
    Version(i32),
}

/// Puts a programme into force.
#[derive(Debug, Clone)]
pub struct ApplyProgramme {
    /// Makes it idempotent, and is what a version that was left in the middle is known by.
    pub request: Request,
    /// What was read; empty skips the check.
    pub etag: String,
    /// What is to be in force.
    pub wanted: Wanted,
    /// Whose token it is.
    pub author: String,
    /// What the author wrote about it.
    pub note: String,
}

/// The answer of a call that puts a programme into force.
pub trait Applied: Message + Default {
    /// Of its parts; of the plan what it says of changes and approvals.
    fn of(programme: pb::ProgrammeVersion, plan: pb::PlanProgrammeResponse, position: Position) -> Self;
}

impl Applied for pb::ApplyProgrammeResponse {
    fn of(programme: pb::ProgrammeVersion, plan: pb::PlanProgrammeResponse, position: Position) -> Self {
        let pb::PlanProgrammeResponse { changes, awaiting_approval, .. } = plan;
        Self { programme: Some(programme), changes, position: Some(position), awaiting_approval }
    }
}

impl Applied for pb::RollbackProgrammeResponse {
    fn of(programme: pb::ProgrammeVersion, plan: pb::PlanProgrammeResponse, position: Position) -> Self {
        let pb::PlanProgrammeResponse { changes, awaiting_approval, .. } = plan;
        Self { programme: Some(programme), changes, position: Some(position), awaiting_approval }
    }
}

/// A version under way, as a call goes on with it.
pub(super) struct Begun {
    pub(super) version: Version,
    pub(super) work: Work,
}

/// Where a request stands.
enum Standing<T> {
    /// It was answered.
    Answered(Answer<T>),
    /// Its version is under way.
    Begun(Box<Begun>),
    /// Nothing was done for it.
    New,
}

impl Profiles {
    /// See `ProgrammeService.ApplyProgramme` and `RollbackProgramme`. The version is recorded with all that is to be done
    /// for it, then each part is published by its owner under a request id that follows from version and content, then
    /// the version is recorded as applied: whoever calls again with the same request goes on from there.
    #[tracing::instrument(name = "apply_programme", skip_all)]
    pub async fn apply_programme<T: Applied>(
        &self,
        tenant: &TenantId,
        command: &ApplyProgramme,
    ) -> Result<Answer<T>, ProfilesError> {
        let mut standing = pg::retrying("apply_programme", || self.programme_request(tenant, &command.request)).await?;
        for _ in 0..PLANS_MAX {
            if !matches!(standing, Standing::New) {
                break;
            }
            // boxed: plans and steps hold definitions of all kinds, which would make this future a large one
            let plan = Box::pin(self.plan_wanted(tenant, command)).await?;
            standing =
                pg::retrying("apply_programme", || Box::pin(self.begin_programme(tenant, command, &plan))).await?;
        }
        let begun = match standing {
            Standing::Answered(answer) => return Ok(answer),
            Standing::Begun(begun) => begun,
            Standing::New => return Err(ProfilesError::Raced),
        };
        let number = begun.version.version;
        let outcome = Box::pin(self.publish_steps(tenant, &begun)).await?;
        pg::retrying("apply_programme", || Box::pin(self.end_programme(tenant, command, &begun, &outcome)))
            .await
            .inspect(|_| {
                tracing::info!(version = number, "a programme is in force");
            })
    }

    async fn programme_request<T: Applied>(
        &self,
        tenant: &TenantId,
        request: &Request,
    ) -> Result<Standing<T>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        open(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, request).await? {
            return Ok(Standing::Answered(answer));
        }
        let under_way = store::programme::under_way(&mut tx, tenant).await?;
        tx.rollback().await?;
        match under_way {
            Some(found) => match found.is_of(request) {
                Some(true) => Ok(Standing::Begun(Box::new(Begun { version: found.version, work: found.work }))),
                Some(false) => Ok(Standing::New),
                None => Err(ProfilesError::RequestIdReused { request_id: request.id.to_string() }),
            },
            None => Ok(Standing::New),
        }
    }

    /// The plan of a call; everything that is wrong with it at once.
    async fn plan_wanted(&self, tenant: &TenantId, command: &ApplyProgramme) -> Result<Plan, ProfilesError> {
        let restored = match command.wanted {
            Wanted::Bundle(_) => None,
            Wanted::Version(version) => {
                let mut tx = self.core.db.begin(tenant).await?;
                let Some(bundle) = applied(&mut tx, tenant, version).await? else {
                    let refusal = Refusal::ProgrammeVersionNotFound { version };
                    return Err(refuse(tx, tenant, &command.request, refusal).await);
                };
                tx.rollback().await?;
                Some(bundle)
            }
        };
        let bundle = match (&command.wanted, &restored) {
            (Wanted::Bundle(bundle), _) => bundle.as_ref(),
            (_, Some(bundle)) => bundle,
            (Wanted::Version(_), None) => return Err(ProfilesError::Raced), // was answered above
        };
        let plan = self.plan_programme(tenant, bundle).await?;
        let mut violations = status::Violations::new();
        plan.violations.iter().for_each(|found| violations.add(&found.field, &found.why));
        if violations.is_empty() { Ok(plan) } else { Err(ProfilesError::Invalid(violations)) }
    }

    /// Records what is to be done, so that it is known whatever happens; `New` where the plan has become old.
    async fn begin_programme<T: Applied>(
        &self,
        tenant: &TenantId,
        command: &ApplyProgramme,
        plan: &Plan,
    ) -> Result<Standing<T>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        store::tenant::lock(&mut tx, tenant).await?;
        open(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(Standing::Answered(answer));
        }
        let real = pg::real_clock(&mut tx).await?;
        if let Some(found) = store::programme::under_way(&mut tx, tenant).await? {
            let version = found.version.version;
            match found.is_of(&command.request) {
                Some(true) => {
                    return Ok(Standing::Begun(Box::new(Begun { version: found.version, work: found.work })));
                }
                None => {
                    return Err(ProfilesError::RequestIdReused { request_id: command.request.id.to_string() });
                }
                Some(false) if !is_abandoned(found.touched_at, real) => {
                    let refusal = Refusal::ProgrammeApplying { version };
                    return Err(refuse(tx, tenant, &command.request, refusal).await);
                }
                // what it published is in force, and in the plan
                Some(false) => {
                    store::programme::end(&mut tx, tenant, version, Err("left unfinished")).await?;
                    // a late repeat of its request must not bring it over the newer one
                    let (late, refusal) = (found.into_request()?, Refusal::ProgrammeSuperseded { version });
                    requests::record(&mut tx, tenant, Keep::Days30, &[(&late, Err::<&T, _>(&refusal))]).await?;
                }
            }
        }
        let newest = store::programme::newest(&mut tx, tenant).await?;
        if let Err(refusal) = check_etag(&command.etag, newest.into()) {
            tx.rollback().await?;
            let tx = self.core.db.begin(tenant).await?;
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        if newest != plan.newest {
            tx.commit().await?;
            return Ok(Standing::New);
        }
        let version = Version {
            version: newest + 1,
            state: State::Applying,
            restored_version: match command.wanted {
                Wanted::Version(version) => version,
                Wanted::Bundle(_) => 0,
            },
            author: command.author.clone(),
            note: command.note.clone(),
            failure: String::new(),
            create_time: pg::clock(&mut tx).await?,
            apply_time: None,
        };
        let changes = wire::programme::plan(plan);
        let work = Work { bundle: plan.bundle.clone(), steps: plan.steps.clone(), changes };
        store::programme::insert(&mut tx, tenant, &version, &work, &command.request, real).await?;
        tx.commit().await?;
        Ok(Standing::Begun(Box::new(Begun { version, work })))
    }

    /// Records how it ended.
    async fn end_programme<T: Applied>(
        &self,
        tenant: &TenantId,
        command: &ApplyProgramme,
        begun: &Begun,
        outcome: &Result<(), Refusal>,
    ) -> Result<Answer<T>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        store::tenant::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let version = begun.version.version;
        let refusal = match outcome {
            Ok(()) => {
                let at = pg::clock(&mut tx).await?;
                if store::programme::end(&mut tx, tenant, version, Ok(at)).await? {
                    let restored = begun.version.restored_version;
                    let draft = events::programme_applied(&command.request, version, restored, at);
                    let ended = Version { state: State::Applied, apply_time: Some(at), ..begun.version.clone() };
                    let (message, plan) = (wire::programme::version(&ended, None), begun.work.changes.clone());
                    let answer = |position| T::of(message, plan, position);
                    return self.core.finish(tx, tenant, &command.request, ("", &[draft]), answer).await;
                }
                Refusal::ProgrammeSuperseded { version }
            }
            Err(refusal) => {
                store::programme::end(&mut tx, tenant, version, Err(&why(refusal))).await?;
                refusal.clone()
            }
        };
        Err(refuse(tx, tenant, &command.request, refusal).await)
    }
}

fn why(refusal: &Refusal) -> String {
    match refusal {
        Refusal::ProgrammeRefused { definition, cause, .. } => format!("{definition}: {cause}"),
        other => other.to_string(),
    }
}
