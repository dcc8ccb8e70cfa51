use ids::TenantId;
use time::OffsetDateTime;

use crate::domain::backtest::{Backtest, Day};
use crate::domain::book::Programme;
use crate::domain::consume::{Incoming, Says};
use crate::domain::earning::EarningRule;
use crate::error::LevelsError;
use crate::peers::Past;
use crate::{Levels, events, store};

/// Events looked at by one call.
const EVENTS_MAX: usize = 100_000;
/// Days of rules that are answered.
const DAYS_MAX: usize = 10_000;
/// Refunds and cancellations looked at by one call.
const TAKEN_BACK_MAX: usize = 100_000;
/// Types that take back what orders earned.
const TAKING_BACK: [&str; 2] = ["order.cancelled", "order.refunded"];
/// Partitions of a log.
const PARTITIONS: i32 = 32;

/// Past events that rules are to be tried on.
#[derive(Debug, Clone)]
pub struct AskedBacktest {
    /// Their type.
    pub event_type: String,
    /// They occurred at or after this time.
    pub from: Option<OffsetDateTime>,
    /// They occurred before this time.
    pub until: Option<OffsetDateTime>,
    /// A rule in place of the published one of its id.
    pub draft: Option<EarningRule>,
    /// How many partitions are read; 0: all.
    pub partitions: i32,
}

/// What came of a backtest.
#[derive(Debug)]
pub struct Backtested {
    /// By day and rule.
    pub days: Vec<Day>,
    /// Events looked at.
    pub events: usize,
    /// Refunds and cancellations looked at.
    pub taken_back: usize,
    /// Whether there was more than is told.
    pub truncated: bool,
}

impl AskedBacktest {
    /// Whether it may earn, or takes back what orders earned, whenever that happens and however it was reported.
    fn wants(&self, incoming: &Incoming) -> bool {
        if !matches!(incoming.says, Says::Counts { .. }) {
            return true;
        }
        let at = incoming.occurred_at;
        let within = self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until);
        within && incoming.earns && incoming.event_type == self.event_type
    }
}

impl Levels {
    /// See `EarningRuleService.BacktestEarning`. No transaction is open while profiles is asked.
    pub async fn backtest_earning(&self, tenant: &TenantId, asked: AskedBacktest) -> Result<Backtested, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, now) = self.programme.now(&mut tx, tenant).await?;
        let published = store::earning_rule::in_force(&mut tx, tenant, now, now).await?;
        tx.rollback().await?;
        let rules = self.with_draft(tenant, &programme, published, (&asked.event_type, asked.draft.as_ref()))?;
        let partitions = if asked.partitions == 0 { PARTITIONS } else { asked.partitions };
        let types = [&[asked.event_type.as_str()][..], &TAKING_BACK].concat();
        let mut past = Past::of(&self.peers, tenant, &types, partitions)?;
        let mut backtest = Backtest::new(&programme, &rules);
        let mut truncated = false;
        while let Some(told) = past.next().await? {
            // an event that cannot be read is a dead letter of the consumer, and gave nothing
            let read = told.iter().filter_map(|event| events::read(event).ok().flatten());
            let counts = |it: &Incoming| matches!(it.says, Says::Counts { .. });
            let (mut incoming, mut taking): (Vec<Incoming>, Vec<Incoming>) =
                read.filter(|it| asked.wants(it)).partition(counts);
            let (room, room_back) = (EVENTS_MAX - backtest.events(), TAKEN_BACK_MAX - backtest.taken_back());
            truncated = incoming.len() > room || taking.len() > room_back;
            incoming.truncate(room);
            taking.truncate(room_back);
            self.look(tenant, &programme, (incoming, taking), &mut backtest).await?;
            if truncated {
                break;
            }
        }
        let (events, taken_back) = (backtest.events(), backtest.taken_back());
        let mut days = backtest.days();
        truncated |= days.len() > DAYS_MAX;
        days.truncate(DAYS_MAX);
        Ok(Backtested { days, events, taken_back, truncated })
    }

    /// Looks at events of users by the ids that they have now, with the ranks that they held.
    async fn look(
        &self,
        tenant: &TenantId,
        programme: &Programme,
        (mut incoming, mut taking): (Vec<Incoming>, Vec<Incoming>),
        backtest: &mut Backtest<'_>,
    ) -> Result<(), LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let users = incoming.iter().chain(&taking).map(|it| &it.user);
        let aliases = mirror::resolve(&mut tx, tenant, users).await?;
        for it in incoming.iter_mut().chain(&mut taking) {
            it.user = aliases.meant(&it.user);
        }
        let scheme = programme.main_scheme().filter(|_| backtest.asks_for_level());
        let ranks: Vec<Option<i64>> = match scheme {
            Some(scheme) => {
                let held: Vec<_> = incoming.iter().map(|it| (it.user.as_str(), it.recorded_at, it.seq)).collect();
                store::level_move::ranks_before(&mut tx, tenant, &scheme.id, &held)
                    .await?
                    .into_iter()
                    .map(Some)
                    .collect()
            }
            None => vec![None; incoming.len()],
        };
        tx.rollback().await?;
        for (it, rank) in incoming.iter().zip(ranks) {
            backtest.look(it, rank);
        }
        for it in &taking {
            backtest.take_back(it);
        }
        Ok(())
    }
}
