use std::collections::BTreeSet;
use std::sync::Arc;

use eventlog::{ApplyError, Consume, Draft, Link};
use ids::TenantId;
use pg::{StoreError, Tx};
use proto::events::v1::Event;

use super::{caps, ledger};
use crate::domain::book::{AccountKey, Book, Programme};
use crate::domain::claim::{Prospect, Rule, prospects};
use crate::domain::consume::{Incoming, Orders, Says};
use crate::domain::refusal::Refusal;
use crate::{Levels, events, store};

/// Earns by rules, and takes back what orders earned, from profiles' log.
#[derive(Clone)]
pub struct OrderConsumer(Arc<Levels>);

impl OrderConsumer {
    /// Applies to the tables of this service.
    pub fn new(levels: Arc<Levels>) -> Self {
        Self(levels)
    }
}

impl Consume for OrderConsumer {
    fn name(&self) -> &'static str {
        "earning"
    }

    fn source(&self) -> &'static str {
        "profiles"
    }

    fn types(&self) -> &'static [&'static str] {
        &events::CONSUMED
    }

    fn ignores(&self) -> &'static [&'static str] {
        &events::IGNORED
    }

    async fn apply(&self, tx: &mut Tx, tenant: &TenantId, events: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        mirror::apply(tx, tenant, events).await?;
        let mut incoming = Vec::with_capacity(events.len());
        for (index, event) in events.iter().enumerate() {
            let read = events::read(event).map_err(|reason| ApplyError::Event { index, reason })?;
            incoming.extend(read.map(|read| (index, read)));
        }
        self.0.apply_orders(tx, tenant, events, incoming).await
    }
}

/// An event with its place among those given, and the rules that may give something for it.
struct Item {
    index: usize,
    incoming: Incoming,
    prospects: Vec<Prospect>,
}

impl Levels {
    /// Applies events of one tenant in order: a fixed number of statements however many they are.
    #[tracing::instrument(skip_all, fields(events = events.len()))]
    async fn apply_orders(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        events: &[Event],
        incoming: Vec<(usize, Incoming)>,
    ) -> Result<Vec<Draft>, ApplyError> {
        let rules = self.rules_of(tx, tenant, &incoming).await?;
        // after the rules, so that it has the point types that they name
        let (programme, _) = self.programme.now(tx, tenant).await?;
        let items = look_at(tx, tenant, &programme, &rules, incoming).await?;
        let orders = load_orders(tx, tenant, &items).await?;
        let (keys, measured) = (accounts(&programme, &items, &orders), measured(&programme, &items));
        let all = keys.union(&measured).cloned().collect();
        let accounts = ledger::lock(tx, tenant, &programme, &all, |key| keys.contains(key)).await?;
        let members = ledger::members(tx, tenant, &programme, accounts.keys()).await?;
        let holds = ledger::holds(tx, tenant, &accounts, &[]).await?;
        let caps = caps::load(tx, tenant, &asked_caps(&programme, &items)).await?;
        let book = Book::new(&programme, accounts, members).with_holds(holds).with_completed(orders.completed());
        let mut book = book.with_caps(caps);
        let mut orders = orders;
        let mut causes: Vec<usize> = Vec::new();
        for item in &items {
            let refused = |refusal: Refusal| ApplyError::Event { index: item.index, reason: refusal.to_string() };
            orders.apply(&mut book, &item.incoming, &item.prospects).map_err(refused)?;
            causes.resize(book.effects().len(), item.index);
        }
        let written = book.close();
        let source = |n: usize| Some(events[causes[n]].seq);
        ledger::write_caused(tx, tenant, &programme, &written, source).await?;
        store::order::write_earnings(tx, tenant, &orders.earnings_to_write()).await?;
        store::order::write_courses(tx, tenant, &orders.courses_to_write()).await?;
        let mut drafts = Vec::with_capacity(written.effects.len());
        for (effect, index) in written.effects.iter().zip(causes) {
            let link = Link::to("profiles", &events[index]);
            let told = events::told(effect, Some((&link, &events[index].site)));
            drafts.push(told.map_err(|error| ApplyError::Event { index, reason: error.to_string() })?);
        }
        Ok(drafts)
    }

    /// The rules in force when the events were recorded that rules may count.
    async fn rules_of(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        incoming: &[(usize, Incoming)],
    ) -> Result<Vec<Rule>, StoreError> {
        let counting = incoming.iter().filter(|(_, it)| it.earns && matches!(it.says, Says::Counts { .. }));
        let times = counting.map(|(_, it)| it.recorded_at);
        match (times.clone().min(), times.max()) {
            (Some(from), Some(until)) => {
                let rules = store::earning_rule::in_force(tx, tenant, from, until).await?;
                self.rules.compile(tenant, rules)
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// Resolves users, and evaluates the rules as far as the events alone tell.
async fn look_at(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    rules: &[Rule],
    incoming: Vec<(usize, Incoming)>,
) -> Result<Vec<Item>, StoreError> {
    let aliases = mirror::resolve(tx, tenant, incoming.iter().map(|(_, it)| &it.user)).await?;
    let item = |(index, mut incoming): (usize, Incoming)| {
        incoming.user = aliases.meant(&incoming.user);
        let prospects = prospects(programme, rules, &incoming);
        Item { index, incoming, prospects }
    };
    Ok(incoming.into_iter().map(item).collect())
}

/// What is known of the orders, and of earnings from these very events. Only this consumer writes it, and its cursor
/// keeps others from the same users, so it can be read before the accounts are locked.
async fn load_orders(tx: &mut Tx, tenant: &TenantId, items: &[Item]) -> Result<Orders, StoreError> {
    let about = |item: &Item| Some((item.incoming.user.clone(), item.incoming.order_id()?.to_owned()));
    let orders: BTreeSet<_> = items.iter().filter_map(about).collect();
    let orders: Vec<(&str, &str)> = orders.iter().map(|(user, order)| (user.as_str(), order.as_str())).collect();
    let earning = items.iter().filter(|item| !item.prospects.is_empty());
    let sources: Vec<(&str, &str)> =
        earning.map(|item| (item.incoming.user.as_str(), item.incoming.event_id.as_str())).collect();
    if orders.is_empty() && sources.is_empty() {
        return Ok(Orders::default());
    }
    let earnings = store::order::earnings(tx, tenant, &orders, &sources).await?;
    let courses = store::order::courses(tx, tenant, &orders).await?;
    Ok(Orders::new(earnings, courses))
}

/// What the caps of the rules and point types count. Rules that give nothing in the end, or have given before, may be among them: they use
/// nothing.
fn asked_caps(programme: &Programme, items: &[Item]) -> caps::Asked {
    let mut asked = caps::Asked::new();
    for item in items {
        for it in &item.prospects {
            let Some(point_type) = programme.types.get(&it.rule().point_type) else { continue };
            for (key, cap) in it.cap_keys(point_type, &item.incoming) {
                asked.entry(key).or_default().push(cap);
            }
        }
    }
    asked
}

/// The accounts that may be written: of what may be earned, of what was earned for the orders, and of what may wait for
/// their completion.
fn accounts(programme: &Programme, items: &[Item], orders: &Orders) -> BTreeSet<AccountKey> {
    let earned = items
        .iter()
        .flat_map(|item| item.prospects.iter().map(|it| (item.incoming.user.clone(), it.rule().point_type.clone())));
    let completing = items.iter().filter(|item| item.incoming.completed_order().is_some());
    let waiting = completing.flat_map(|item| {
        programme.awaiting_orders().map(|point_type| (item.incoming.user.clone(), point_type.clone()))
    });
    earned.chain(orders.accounts()).chain(waiting).collect()
}

/// The accounts that say on which level users are for whom a rule asks that; a user without one is on none.
fn measured(programme: &Programme, items: &[Item]) -> BTreeSet<AccountKey> {
    let Some(scheme) = programme.main_scheme() else { return BTreeSet::new() };
    let asking = items.iter().filter(|item| item.prospects.iter().any(Prospect::asks_for_level));
    asking.map(|item| (item.incoming.user.clone(), scheme.guard().clone())).collect()
}
