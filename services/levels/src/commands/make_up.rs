use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::levels::v1::MakeUpCheckInResponse;
use requests::{Keep, Request};
use service::{Answer, Batch, Decided, only};
use time::{Date, OffsetDateTime};
use units::zone::Zone;

use super::check_in::{Done, draft, in_force};
use super::milestones;
use crate::domain::book::Programme;
use crate::domain::refusal::Refusal;
use crate::domain::streak::run::{self, Visitor};
use crate::domain::streak::sentence::sentence;
use crate::domain::streak::{CheckInDay, Streak, date_of};
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// Makes up for a missed day.
#[derive(Debug, Clone)]
pub struct MakeUpCheckIn {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The streak.
    pub streak: Key,
    /// The day.
    pub day: Date,
    /// The zone of the user's clock; `None`: that of the streak.
    pub zone: Option<Zone>,
}

impl Levels {
    /// See `StreakService.MakeUpCheckIn`.
    pub async fn make_up_check_in(
        &self,
        tenant: &TenantId,
        command: &MakeUpCheckIn,
    ) -> Result<Answer<MakeUpCheckInResponse>, LevelsError> {
        pg::retrying("make_up_check_in", || self.make_up_check_in_once(tenant, command)).await
    }

    #[tracing::instrument(name = "make_up_check_in", skip_all, fields(streak = %command.streak))]
    async fn make_up_check_in_once(
        &self,
        tenant: &TenantId,
        command: &MakeUpCheckIn,
    ) -> Result<Answer<MakeUpCheckInResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let programme = self.programme.held(&mut tx, tenant).await?;
        store::held_badge::lock_users(&mut tx, tenant, &[user.as_str()]).await?;
        let batch = Batch::<MakeUpCheckInResponse, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return only(batch.outcomes());
        }
        let clock = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let outcome = match in_force(&programme, &command.streak, clock) {
            Err(refusal) => Err(refusal),
            Ok(streak) => take(&mut tx, tenant, &programme, (&user, streak, command), clock)
                .await?
                .map(|(done, left)| (streak, done, left)),
        };
        let mut drafts = Vec::new();
        if let Ok((streak, done, _)) = &outcome {
            drafts = draft(&user, streak, done);
        }
        let decided = vec![Decided { user, drafts, outcome }];
        let answer = |_, (streak, done, left): (&Streak, Done, i32), position| {
            let length = done.checked.run.length;
            MakeUpCheckInResponse {
                check_in: Some(wire::goal::check_in_day(&done.day)),
                run: Some(wire::goal::run(&done.checked.run)),
                longest: done.longest,
                milestones: wire::goal::milestones(&done.given.bonuses),
                make_ups_left: left,
                sentence: Some(units::text::to_proto(&sentence(length, true, streak.next_length(length)))),
                position: Some(position),
            }
        };
        only(batch.finish(&self.core, tx, tenant, Keep::Forever, decided, answer).await?)
    }
}

/// Makes up for the day; answers how many more there may be this month.
async fn take(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    (user, streak, command): (&UserId, &Streak, &MakeUpCheckIn),
    clock: OffsetDateTime,
) -> Result<Result<(Done, i32), Refusal>, LevelsError> {
    let key = (user, &streak.id);
    let zone = command.zone.as_ref().unwrap_or(&streak.zone);
    let visitor = store::check_in::visitor(tx, tenant, key).await?;
    let at = visitor.as_ref().map_or(clock, |visitor| visitor.last_decided_at.max(clock));
    let (before, after) = store::check_in::runs(tx, tenant, key, Some(command.day)).await?;
    let checked_in = store::check_in::is_checked_in(tx, tenant, key, command.day).await?;
    let days = (command.day, date_of(zone, at));
    let checked = match run::make_up(streak, days, (before.as_ref(), after.as_ref()), checked_in) {
        Ok(checked) => checked,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let made_up = store::check_in::made_up_since(tx, tenant, key, streak.zone.month_start(at)).await?;
    let limit = streak.make_ups_per_month;
    // who has a run has checked in, so there is a visitor
    let Some(visitor) = visitor.filter(|_| made_up < limit) else { return Ok(Err(Refusal::MakeUpLimit { limit })) };
    let day = CheckInDay { day: command.day, made_up: true, at, zone: zone.name().to_owned() };
    let longest = visitor.longest.max(checked.run.length);
    let visitor = Visitor { total_days: visitor.total_days + 1, last_decided_at: at, longest, ..visitor };
    store::check_in::write(tx, tenant, key, (&checked, &day)).await?;
    store::check_in::write_visitor(tx, tenant, key, &visitor).await?;
    let given = milestones::give(tx, tenant, programme, (user, streak, &checked), at).await?;
    Ok(Ok((Done { day, checked, longest, given }, limit - made_up - 1)))
}
