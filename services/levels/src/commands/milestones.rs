use std::collections::BTreeSet;

use eventlog::Draft;
use ids::{TenantId, UserId};
use pg::Tx;
use time::OffsetDateTime;

use super::ledger;
use crate::domain::bonus::{self, Bonus, BonusFor};
use crate::domain::book::{AccountKey, Book, Programme};
use crate::domain::entry::Payer;
use crate::domain::streak::Streak;
use crate::domain::streak::run::CheckedIn;
use crate::error::LevelsError;
use crate::events::goal as told;
use crate::{events, store};

/// What lengths of a run gave.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// The lengths, each with what there was room for.
    pub(super) bonuses: Vec<(i32, Bonus)>,
    /// What the log is told of it.
    pub(super) drafts: Vec<Draft>,
}

/// Gives what a run deserves by a check-in, and stores it. No milestone, no statement.
pub(super) async fn give(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    (user, streak, checked): (&UserId, &Streak, &CheckedIn),
    at: OffsetDateTime,
) -> Result<Given, LevelsError> {
    let reached = streak.reached(&checked.parts, checked.run.length);
    if reached.is_empty() {
        return Ok(Given::default());
    }
    let (id, first_day) = (&streak.id, checked.run.first_day);
    let ground = |length: i32| format!("streak/{id}/{first_day}/{length}");
    let points = reached.iter().flat_map(|(_, it)| &it.bonus.points);
    let keys: BTreeSet<AccountKey> = points.map(|it| (user.clone(), it.point_type.clone())).collect();
    let accounts = ledger::lock(tx, tenant, programme, &keys, |_| true).await?;
    let members = ledger::members(tx, tenant, programme, &keys).await?;
    let holds = ledger::holds(tx, tenant, &accounts, &[]).await?;
    let badges = reached.iter().filter_map(|(length, it)| Some((it.bonus.badge.as_ref()?, ground(*length))));
    let badges: Vec<_> = badges.map(|(it, ground)| ((user.clone(), it.badge.clone()), ground)).collect();
    let mut badges = store::held_badge::load(tx, tenant, &badges).await?;
    let mut book = Book::new(programme, accounts, members).with_holds(holds);
    let mut given = Given::default();
    let mut moved = Vec::new();
    for (length, milestone) in reached {
        let (id, reason, payer) = (ground(length), format!("{id} #{length}"), Payer::default());
        let what = BonusFor { id: &id, reason: &reason, payer: &payer, occurred_at: at, decided_at: at };
        let mut points = milestone.bonus.points.clone();
        points.retain(|it| bonus::give(&mut book, user, it, &what).is_some());
        given.bonuses.push((length, Bonus { points, badge: milestone.bonus.badge.clone() }));
        if let Some(it) = &milestone.bonus.badge {
            let key = (user.clone(), it.badge.clone());
            moved.extend(badges.award(&key, (&id, it.tier), &format!("streak/{}", streak.id), at));
        }
    }
    book.decide_level(user, at);
    let written = book.close();
    ledger::write(tx, tenant, programme, &written).await?;
    store::held_badge::write(tx, tenant, &badges).await?;
    for effect in &written.effects {
        given.drafts.push(events::told(effect, None)?);
    }
    given.drafts.extend(moved.iter().map(|it| told::badge_moved(it, &it.ground)));
    Ok(given)
}
