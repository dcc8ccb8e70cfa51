use std::collections::BTreeSet;
use std::sync::Arc;

use eventlog::{ApplyError, Consume, Draft, Link};
use ids::TenantId;
use pg::{StoreError, Tx};
use proto::events::v1::Event;

use super::ledger;
use crate::domain::book::{AccountKey, Book};
use crate::domain::refusal::Refusal;
use crate::domain::reward::{Rewards, Told};
use crate::events::incentives;
use crate::{Levels, events, store};

/// Carries out rewards, and resolves holds with their checkouts, from incentives' log.
#[derive(Clone)]
pub struct IncentiveConsumer(Arc<Levels>);

impl IncentiveConsumer {
    /// Applies to the tables of this service.
    pub fn new(levels: Arc<Levels>) -> Self {
        Self(levels)
    }
}

impl Consume for IncentiveConsumer {
    fn name(&self) -> &'static str {
        "rewarding"
    }

    fn source(&self) -> &'static str {
        "incentives"
    }

    fn types(&self) -> &'static [&'static str] {
        &incentives::CONSUMED
    }

    fn ignores(&self) -> &'static [&'static str] {
        &incentives::IGNORED
    }

    async fn apply(&self, tx: &mut Tx, tenant: &TenantId, events: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        let mut told = Vec::with_capacity(events.len());
        for (index, event) in events.iter().enumerate() {
            let read = incentives::read(event).map_err(|reason| ApplyError::Event { index, reason })?;
            told.extend(read.map(|read| (index, read)));
        }
        self.0.apply_incentives(tx, tenant, events, told).await
    }
}

impl Levels {
    /// Applies events of one tenant in order: a fixed number of statements however many they are.
    #[tracing::instrument(skip_all, fields(events = events.len()))]
    async fn apply_incentives(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        events: &[Event],
        mut told: Vec<(usize, Told)>,
    ) -> Result<Vec<Draft>, ApplyError> {
        let aliases = mirror::resolve(tx, tenant, told.iter().map(|(_, told)| &told.user)).await?;
        for (_, told) in &mut told {
            told.user = aliases.meant(&told.user);
        }
        let mut rewards = load(tx, tenant, &told).await?;
        let keys = rewards.accounts(&told.iter().map(|(_, told)| told).collect::<Vec<_>>());
        let (programme, _) = self.programme.now(tx, tenant).await?;
        let keys: BTreeSet<AccountKey> =
            keys.iter().filter(|(_, point_type)| programme.types.contains_key(point_type)).cloned().collect();
        let accounts = ledger::lock(tx, tenant, &programme, &keys, |_| true).await?;
        let named: Vec<_> = told.iter().filter_map(|(_, told)| told.hold()).collect();
        let named: Vec<_> = named.iter().map(|(user, id)| (user, id)).collect();
        let holds = ledger::holds(tx, tenant, &accounts, &named).await?;
        let members = ledger::members(tx, tenant, &programme, accounts.keys()).await?;
        let orders: Vec<_> = told.iter().filter_map(|(_, told)| told.granted_for()).collect();
        let orders = orders.iter().map(|(user, order)| (user, order.as_str()));
        let completed = ledger::completed(tx, tenant, &programme, orders).await?;
        let mut book = Book::new(&programme, accounts, members).with_holds(holds).with_completed(completed);
        let mut causes: Vec<usize> = Vec::new();
        for (index, told) in &told {
            let refused = |refusal: Refusal| ApplyError::Event { index: *index, reason: refusal.to_string() };
            rewards.apply(&mut book, told).map_err(refused)?;
            causes.resize(book.effects().len(), *index);
        }
        let written = book.close();
        ledger::write(tx, tenant, &programme, &written).await?;
        store::reward::write(tx, tenant, &rewards.to_write()).await?;
        let mut drafts = Vec::with_capacity(written.effects.len());
        for (effect, index) in written.effects.iter().zip(causes) {
            let link = Link::to("incentives", &events[index]);
            let draft = events::told(effect, Some((&link, &events[index].site)));
            drafts.push(draft.map_err(|error| ApplyError::Event { index, reason: error.to_string() })?);
        }
        Ok(drafts)
    }
}

/// What is known of the rewards, which only this consumer writes, and what the holds hold, which never changes: both can
/// be read before the accounts are locked.
async fn load(tx: &mut Tx, tenant: &TenantId, told: &[(usize, Told)]) -> Result<Rewards, StoreError> {
    let about: BTreeSet<_> = told.iter().filter_map(|(_, told)| told.reward()).collect();
    let about: Vec<_> = about.iter().map(|(user, id)| (user, id.as_str())).collect();
    let named: BTreeSet<_> = told.iter().filter_map(|(_, told)| told.hold()).collect();
    let named: Vec<_> = named.iter().map(|(user, id)| (user, id)).collect();
    let rewards = store::reward::read(tx, tenant, &about).await?;
    Ok(Rewards::new(rewards, store::hold::point_types(tx, tenant, &named).await?))
}
