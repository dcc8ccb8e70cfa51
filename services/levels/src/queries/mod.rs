//! The reads, one file each. A read waits for the positions that it was given before it looks.

mod adjustment;
mod backtest;
mod badge;
mod balance;
mod benefit;
mod circulation;
mod dry_run;
mod expiring;
mod explain_level;
mod finance_statement;
mod hold;
mod job;
mod leaderboard;
mod level_acts;
mod level_moves;
mod list_entries;
mod member;
mod programme;
mod quest;
mod result_card;
mod simulate_scheme;
mod standing;
mod streak;
mod verify_ledger;

pub use backtest::{AskedBacktest, Backtested};
pub use balance::AskedBalance;
pub use benefit::Checked;
pub use dry_run::{AskedDryRun, AskedEvent};
pub use expiring::{DaySum, Days, ExpiringPlace};
pub use finance_statement::LinePlace;
pub use job::{Preview, Reconciliation};
pub use leaderboard::{PlaceKey, Ranks};
pub use quest::Wanted;
pub use result_card::AskedCard;
pub use standing::AskedStanding;
pub use streak::AskedCalendar;
pub use verify_ledger::VerifiedPage;

use ids::{Key, TenantId, UserId};
use pg::Tx;

use crate::domain::point_type::PointType;
use crate::domain::refusal::Refusal;
use crate::domain::scheme::Scheme;
use crate::error::LevelsError;
use crate::store;

/// Whom an id means.
async fn resolve(tx: &mut Tx, tenant: &TenantId, user: &UserId) -> Result<UserId, LevelsError> {
    Ok(mirror::resolve(tx, tenant, [user]).await?.meant(user))
}

async fn point_type(tx: &mut Tx, tenant: &TenantId, id: &Key) -> Result<PointType, LevelsError> {
    let found = store::point_type::read(tx, tenant, &[id.as_str()]).await?.remove(id);
    found.ok_or_else(|| Refusal::PointTypeNotFound { point_type_id: id.to_string() }.into())
}

async fn scheme(tx: &mut Tx, tenant: &TenantId, id: &Key) -> Result<Scheme, LevelsError> {
    let found = store::scheme::all(tx, tenant).await?.remove(id);
    found.ok_or_else(|| Refusal::SchemeNotFound { scheme_id: id.to_string() }.into())
}
