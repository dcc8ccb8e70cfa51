use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use service::Page;
use time::Date;
use units::zone::Zone;

use super::resolve;
use crate::domain::book::Programme;
use crate::domain::refusal::Refusal;
use crate::domain::result_card::CardPeriod;
use crate::domain::streak::sentence::sentence;
use crate::domain::streak::{Streak, run};
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// A month of a user's check-ins.
#[derive(Debug, Clone)]
pub struct AskedCalendar {
    /// The user.
    pub user: UserId,
    /// The streak.
    pub streak: Key,
    /// The month, as `2026-11`; `None`: the one that is now.
    pub month: Option<String>,
    /// The zone of the user's clock; `None`: that of the streak.
    pub zone: Option<Zone>,
}

impl Levels {
    /// See `StreakService.GetStreak`.
    pub async fn streak(&self, tenant: &TenantId, id: &Key) -> Result<Streak, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        tx.rollback().await?;
        Ok(streak(&programme, id)?.clone())
    }

    /// See `StreakService.ListStreaks`: those after an id.
    pub async fn list_streaks(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<Streak, String>, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        tx.rollback().await?;
        let rows = programme.streaks.values().filter(|it| it.id.as_str() > after);
        let rows = rows.take(usize::try_from(size + 1).unwrap_or(usize::MAX)).cloned().collect();
        Ok(Page::of(rows, size, |it: &Streak| it.id.to_string()))
    }

    /// See `StreakService.GetCalendar`.
    pub async fn calendar(
        &self,
        tenant: &TenantId,
        asked: &AskedCalendar,
        at_least: &[Position],
    ) -> Result<pb::GetCalendarResponse, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, clock) = self.programme.now(&mut tx, tenant).await?;
        let streak = streak(&programme, &asked.streak)?;
        let user = resolve(&mut tx, tenant, &asked.user).await?;
        let zone = asked.zone.as_ref().unwrap_or(&streak.zone);
        let month = asked.month.clone().unwrap_or_else(|| zone.month_of(clock));
        let (first, end) =
            CardPeriod::read(&month, zone).map_or((Date::MAX, Date::MAX), |period| (period.first_day, period.end_day));
        let key = (&user, &streak.id);
        let days = store::check_in::days(&mut tx, tenant, key, (first, end)).await?;
        let visitor = store::check_in::visitor(&mut tx, tenant, key).await?;
        let (last_run, _) = store::check_in::runs(&mut tx, tenant, key, None).await?;
        let made_up = store::check_in::made_up_since(&mut tx, tenant, key, streak.zone.month_start(clock)).await?;
        tx.rollback().await?;
        let known = visitor.as_ref().map(|visitor| &visitor.last).zip(last_run.as_ref());
        let alive = known.and_then(|(last, it)| run::alive(streak, last, it, (zone, clock)));
        let done = known.is_some_and(|(last, it)| run::again_at(last, Some(it), (zone, clock)).is_some());
        let length = alive.map_or(0, |run| run.length);
        let next_length = streak.next_length(length);
        Ok(pb::GetCalendarResponse {
            month,
            days: days.iter().map(wire::goal::check_in_day).collect(),
            run: alive.map(wire::goal::run),
            can_check_in: !done && streak.in_force(clock),
            longest: visitor.as_ref().map_or(0, |visitor| visitor.longest),
            total_days: visitor.as_ref().map_or(0, |visitor| visitor.total_days),
            make_ups_left: (streak.make_ups_per_month - made_up).max(0),
            next_length: next_length.unwrap_or(0),
            sentence: Some(units::text::to_proto(&sentence(length, done, next_length))),
        })
    }
}

fn streak<'p>(programme: &'p Programme, id: &Key) -> Result<&'p Streak, Refusal> {
    programme.streaks.get(id).ok_or_else(|| Refusal::StreakNotFound { streak_id: id.to_string() })
}
