use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use service::Page;
use time::OffsetDateTime;
use units::zone::Day;

use crate::domain::balance::balance;
use crate::domain::book::{AccountKey, Programme};
use crate::domain::expiring::Window;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store};

/// Which days are wanted: the first, `None` for today, and how many.
#[derive(Debug, Clone, Copy)]
pub struct Days {
    /// The first.
    pub first: Option<Day>,
    /// How many, at least one.
    pub count: u32,
}

/// Where a page of expiring accounts ended, and the first of its days.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpiringPlace {
    /// The first day: that of the first page, also on later ones.
    pub first: Day,
    /// `None`: among those with a hold that timed out and is not booked, which come before all others.
    pub due: Option<OffsetDateTime>,
    /// The last user looked at.
    pub user: UserId,
}

/// A user with what lapses on the days asked for, soonest first.
pub(crate) type Expiring = (UserId, Vec<(OffsetDateTime, i64)>);

/// What lapses on one day: how many points, of how many users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaySum {
    /// How many points.
    pub points: i64,
    /// Of how many users.
    pub users: i64,
}

impl Levels {
    /// See `PointsReportService.ListExpiring`. A page looks at `size` accounts.
    pub async fn list_expiring(
        &self,
        tenant: &TenantId,
        type_id: &Key,
        days: Days,
        after: Option<ExpiringPlace>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<Expiring, ExpiringPlace>, LevelsError> {
        Ok(self.expiring(tenant, type_id, days, after, size, at_least).await?.1)
    }

    /// See `PointsReportService.SummarizeExpiring`: by day, of the `size` accounts that a page looks at.
    pub async fn summarize_expiring(
        &self,
        tenant: &TenantId,
        type_id: &Key,
        days: Days,
        after: Option<ExpiringPlace>,
        size: i64,
        at_least: &[Position],
    ) -> Result<(BTreeMap<String, DaySum>, Option<ExpiringPlace>), LevelsError> {
        let (window, page) = self.expiring(tenant, type_id, days, after, size, at_least).await?;
        let mut sums = BTreeMap::<String, DaySum>::new();
        for (_, dates) in &page.rows {
            let mut of_user = BTreeMap::<String, i64>::new();
            for (date, points) in dates {
                *of_user.entry(window.day_of(*date)).or_default() += points;
            }
            for (day, points) in of_user {
                let sum = sums.entry(day).or_default();
                sum.points += points;
                sum.users += 1;
            }
        }
        Ok((sums, page.next))
    }

    async fn expiring(
        &self,
        tenant: &TenantId,
        type_id: &Key,
        days: Days,
        after: Option<ExpiringPlace>,
        size: i64,
        at_least: &[Position],
    ) -> Result<(Window, Page<Expiring, ExpiringPlace>), LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, now) = self.programme.now(&mut tx, tenant).await?;
        let point_type = programme.types.get(type_id);
        let point_type = point_type.ok_or_else(|| Refusal::PointTypeNotFound { point_type_id: type_id.to_string() })?;
        let known = after.as_ref().map(|place| place.first).or(days.first);
        let window = Window::new(&point_type.zone, known.unwrap_or_else(|| point_type.zone.day(now)), days.count);
        let seen = candidates(&mut tx, tenant, type_id, (&window, now), after, size + 1).await?;
        let seen = Page::of(seen, size, ExpiringPlace::clone);
        let rows = lapsing(&mut tx, tenant, &programme, type_id, &seen.rows, (&window, now)).await?;
        tx.rollback().await?;
        Ok((window, Page { rows, next: seen.next }))
    }
}

/// Accounts in which something may lapse on the days, each with its place: first those with a hold that timed out and is not
/// booked, then all others by when something is due in them.
async fn candidates(
    tx: &mut Tx,
    tenant: &TenantId,
    type_id: &Key,
    (window, now): (&Window, OffsetDateTime),
    after: Option<ExpiringPlace>,
    limit: i64,
) -> Result<Vec<ExpiringPlace>, LevelsError> {
    let place = |due, user: UserId| ExpiringPlace { first: window.first(), due, user };
    let (due_after, user_after) = after.map(|place| (place.due, place.user)).unzip();
    let due_after: Option<OffsetDateTime> = due_after.flatten();
    let user_after = user_after.as_ref().map_or("", UserId::as_str);
    let mut found: Vec<ExpiringPlace> = Vec::new();
    if due_after.is_none() {
        let users = store::expiring::timed_out(tx, tenant, type_id, now, user_after, limit).await?;
        found.extend(users.into_iter().map(|user| place(None, user)));
    }
    let left = limit - i64::try_from(found.len()).unwrap_or(limit);
    if left > 0 {
        let start = due_after.map_or((OffsetDateTime::UNIX_EPOCH, ""), |due| (due, user_after));
        let accounts = store::expiring::due(tx, tenant, type_id, window.until(), start, left).await?;
        found.extend(accounts.into_iter().map(|(due, user)| place(Some(due), user)));
    }
    Ok(found)
}

/// Those of the accounts in which something lapses on the days, each once.
async fn lapsing(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    type_id: &Key,
    seen: &[ExpiringPlace],
    (window, now): (&Window, OffsetDateTime),
) -> Result<Vec<Expiring>, LevelsError> {
    let keys: Vec<AccountKey> = seen.iter().map(|place| (place.user.clone(), type_id.clone())).collect();
    let holdings = store::holding::read(tx, tenant, programme, &keys).await?;
    let mut expiring = Vec::new();
    for (place, key) in seen.iter().zip(&keys) {
        let holding = holdings.of(key);
        if place.due.is_some() && holding.holds.iter().any(|hold| hold.timed_out(now)) {
            continue; // came first already
        }
        let dates = window.of(balance(programme, key, holding, now));
        if !dates.is_empty() {
            expiring.push((key.0.clone(), dates));
        }
    }
    Ok(expiring)
}
