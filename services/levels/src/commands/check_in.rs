use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::levels::v1::CheckInResponse;
use requests::{Keep, Request};
use service::{Answer, Batch, Decided, only};
use time::OffsetDateTime;
use units::zone::Zone;

use super::milestones::{self, Given};
use crate::domain::book::Programme;
use crate::domain::refusal::Refusal;
use crate::domain::streak::run::{self, CheckedIn, Last, Visitor};
use crate::domain::streak::sentence::sentence;
use crate::domain::streak::{CheckInDay, Streak};
use crate::error::LevelsError;
use crate::events::goal as told;
use crate::{Levels, store, wire};

/// Checks a user in.
#[derive(Debug, Clone)]
pub struct CheckIn {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The streak.
    pub streak: Key,
    /// The zone of the user's clock; `None`: that of the streak.
    pub zone: Option<Zone>,
}

/// What a check-in, or making up for one, came to.
pub(super) struct Done {
    pub(super) day: CheckInDay,
    pub(super) checked: CheckedIn,
    pub(super) longest: i32,
    pub(super) given: Given,
}

impl Levels {
    /// See `StreakService.CheckIn`.
    pub async fn check_in(&self, tenant: &TenantId, command: &CheckIn) -> Result<Answer<CheckInResponse>, LevelsError> {
        pg::retrying("check_in", || self.check_in_once(tenant, command)).await
    }

    #[tracing::instrument(name = "check_in", skip_all, fields(streak = %command.streak))]
    async fn check_in_once(
        &self,
        tenant: &TenantId,
        command: &CheckIn,
    ) -> Result<Answer<CheckInResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let programme = self.programme.held(&mut tx, tenant).await?;
        store::held_badge::lock_users(&mut tx, tenant, &[user.as_str()]).await?;
        let batch = Batch::<CheckInResponse, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return only(batch.outcomes());
        }
        let clock = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let outcome = match in_force(&programme, &command.streak, clock) {
            Err(refusal) => Err(refusal),
            Ok(streak) => {
                let zone = command.zone.as_ref().unwrap_or(&streak.zone);
                take(&mut tx, tenant, &programme, (&user, streak), (zone, clock)).await?.map(|done| (streak, done))
            }
        };
        let mut drafts = Vec::new();
        if let Ok((streak, done)) = &outcome {
            drafts = draft(&user, streak, done);
        }
        let decided = vec![Decided { user, drafts, outcome }];
        let answer = |_, (streak, done): (&Streak, Done), position| {
            let length = done.checked.run.length;
            let next_length = streak.next_length(length);
            CheckInResponse {
                check_in: Some(wire::goal::check_in_day(&done.day)),
                run: Some(wire::goal::run(&done.checked.run)),
                longest: done.longest,
                milestones: wire::goal::milestones(&done.given.bonuses),
                next_length: next_length.unwrap_or(0),
                sentence: Some(units::text::to_proto(&sentence(length, true, next_length))),
                position: Some(position),
            }
        };
        only(batch.finish(&self.core, tx, tenant, Keep::Forever, decided, answer).await?)
    }
}

/// A streak that is in force.
pub(super) fn in_force<'p>(programme: &'p Programme, id: &Key, at: OffsetDateTime) -> Result<&'p Streak, Refusal> {
    let streak_id = || id.to_string();
    let streak = programme.streaks.get(id).ok_or_else(|| Refusal::StreakNotFound { streak_id: streak_id() })?;
    streak.in_force(at).then_some(streak).ok_or_else(|| Refusal::StreakNotInForce { streak_id: streak_id() })
}

/// What the log is told.
pub(super) fn draft(user: &UserId, streak: &Streak, done: &Done) -> Vec<eventlog::Draft> {
    let run = (wire::goal::run(&done.checked.run), wire::goal::milestones(&done.given.bonuses));
    let checked_in = told::checked_in(user, &streak.id, &done.day, run);
    [checked_in].into_iter().chain(done.given.drafts.iter().cloned()).collect()
}

async fn take(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    (user, streak): (&UserId, &Streak),
    (zone, clock): (&Zone, OffsetDateTime),
) -> Result<Result<Done, Refusal>, LevelsError> {
    let key = (user, &streak.id);
    let visitor = store::check_in::visitor(tx, tenant, key).await?;
    let at = visitor.as_ref().map_or(clock, |visitor| visitor.last_decided_at.max(clock));
    let (last_run, _) = store::check_in::runs(tx, tenant, key, None).await?;
    let last = visitor.as_ref().map(|visitor| &visitor.last);
    let checked = match run::check_in(streak, last, last_run.as_ref(), (zone, at)) {
        Ok(checked) => checked,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let day = CheckInDay { day: checked.day, made_up: false, at, zone: zone.name().to_owned() };
    let longest = visitor.as_ref().map_or(0, |visitor| visitor.longest).max(checked.run.length);
    let total_days = visitor.map_or(0, |visitor| visitor.total_days) + 1;
    let last = Last { day: checked.day, at, zone: zone.clone() };
    store::check_in::write(tx, tenant, key, (&checked, &day)).await?;
    let visitor = Visitor { last, total_days, last_decided_at: at, longest };
    store::check_in::write_visitor(tx, tenant, key, &visitor).await?;
    let given = milestones::give(tx, tenant, programme, (user, streak, &checked), at).await?;
    Ok(Ok(Done { day, checked, longest, given }))
}
