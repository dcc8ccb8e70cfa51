use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eventlog::{ApplyError, Consume, Draft, Link};
use ids::TenantId;
use pg::{StoreError, Tx};
use proto::events::v1::Event;

use super::ledger;
use crate::domain::badge::BadgeBook;
use crate::domain::book::{AccountKey, Book, Programme};
use crate::domain::consume::Incoming;
use crate::domain::quest::Quest;
use crate::domain::quest::progress::{Candidate, QuestBook, RoundKey, Turn, concerns, source_of};
use crate::domain::quest::reward::{QuestBonuses, ground};
use crate::domain::refusal::Refusal;
use crate::events::goal as told;
use crate::{Levels, events, store};

/// Brings users on with quests, and back where orders are refunded, from profiles' log.
#[derive(Clone)]
pub struct QuestConsumer(Arc<Levels>);

impl QuestConsumer {
    /// Applies to the tables of this service.
    pub fn new(levels: Arc<Levels>) -> Self {
        Self(levels)
    }
}

impl Consume for QuestConsumer {
    fn name(&self) -> &'static str {
        "quests"
    }

    fn source(&self) -> &'static str {
        "profiles"
    }

    fn types(&self) -> &'static [&'static str] {
        &events::QUEST_CONSUMED
    }

    fn ignores(&self) -> &'static [&'static str] {
        &events::QUEST_IGNORED
    }

    async fn apply(&self, tx: &mut Tx, tenant: &TenantId, events: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        let (programme, _) = self.0.programme.now(tx, tenant).await?;
        if programme.quests.is_empty() {
            return Ok(Vec::new());
        }
        let mut incoming = Vec::with_capacity(events.len());
        for (index, event) in events.iter().enumerate() {
            let read = events::read(event).map_err(|reason| ApplyError::Event { index, reason })?;
            incoming.extend(read.map(|read| (index, read)));
        }
        self.0.apply_quests(tx, tenant, &programme, (events, incoming)).await
    }
}

/// An event with its place among those given, and what it may count for.
struct Item {
    index: usize,
    incoming: Incoming,
    candidates: Vec<Candidate>,
}

/// What an event led to, by the event's place among the items.
type Turned = (usize, Turn);

impl Levels {
    /// Applies events of one tenant in order: a fixed number of statements however many they are. What is counted is decided
    /// first, so that only accounts are locked that get something or give it back.
    #[tracing::instrument(skip_all, fields(events = events.len()))]
    async fn apply_quests(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        programme: &Programme,
        (events, incoming): (&[Event], Vec<(usize, Incoming)>),
    ) -> Result<Vec<Draft>, ApplyError> {
        let items = look_at(tx, tenant, programme, incoming).await?;
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let users: BTreeSet<&str> = items.iter().map(|item| item.incoming.user.as_str()).collect();
        store::held_badge::lock_users(tx, tenant, &users.into_iter().collect::<Vec<_>>()).await?;
        let mut progress = load(tx, tenant, &items).await?;
        let mut turned: Vec<Turned> = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let turns = progress.apply(&programme.quests, &item.incoming, &item.candidates);
            turned.extend(turns.into_iter().map(|turn| (n, turn)));
        }
        store::quest_progress::write_rounds(tx, tenant, &progress.rounds_to_write()).await?;
        store::quest_progress::write_counts(tx, tenant, &progress.counts_to_write()).await?;
        store::quest_progress::write_courses(tx, tenant, &progress.courses_to_write()).await?;
        if turned.is_empty() {
            return Ok(Vec::new());
        }
        carry_out(tx, tenant, programme, (events, &items, &turned)).await
    }
}

/// Resolves users, and evaluates the quests as far as events and levels tell. Events that are nothing to any quest are left
/// out.
async fn look_at(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    mut incoming: Vec<(usize, Incoming)>,
) -> Result<Vec<Item>, StoreError> {
    let aliases = mirror::resolve(tx, tenant, incoming.iter().map(|(_, it)| &it.user)).await?;
    for (_, it) in &mut incoming {
        it.user = aliases.meant(&it.user);
    }
    let mut standing = Book::new(programme, BTreeMap::new(), BTreeMap::new());
    let asked = programme.quests.values().any(|quest| quest.asks_for_level());
    if asked {
        let users: BTreeSet<_> = incoming.iter().map(|(_, it)| &it.user).collect();
        let users: Vec<_> = users.into_iter().collect();
        standing = store::quest_progress::standing(tx, tenant, programme, &users).await?;
    }
    let mut items = Vec::new();
    for (index, incoming) in incoming {
        let of_quests = programme.quests.values().flat_map(|quest| {
            let asked = quest.asks_for_level();
            let rank = || standing.rank_in(&incoming.user, quest.scheme.as_ref(), incoming.recorded_at);
            let rank = asked.then(rank).flatten();
            quest.counts(&incoming, rank).into_iter().map(|(step, amount)| (quest.id.clone(), step, amount))
        });
        let candidates: Vec<Candidate> = of_quests.collect();
        if concerns(&incoming, &candidates) {
            items.push(Item { index, incoming, candidates });
        }
    }
    Ok(items)
}

/// What is known of the orders and events, and the rounds that they may count in or did.
async fn load(tx: &mut Tx, tenant: &TenantId, items: &[Item]) -> Result<QuestBook, StoreError> {
    let sources: BTreeSet<_> = items.iter().map(|it| (it.incoming.user.clone(), source_of(&it.incoming))).collect();
    let sources: Vec<(&str, &str)> = sources.iter().map(|(user, source)| (user.as_str(), source.as_str())).collect();
    let counts = store::quest_progress::counts(tx, tenant, &sources).await?;
    let orders: BTreeSet<_> =
        items.iter().filter_map(|item| Some((item.incoming.user.as_str(), item.incoming.order_id()?))).collect();
    let courses = store::quest_progress::courses(tx, tenant, &orders.into_iter().collect::<Vec<_>>()).await?;
    let around: BTreeSet<_> = items
        .iter()
        .flat_map(|item| {
            let at = item.incoming.occurred_at;
            item.candidates.iter().map(move |(quest, ..)| (&item.incoming.user, quest, at))
        })
        .collect();
    let named: BTreeSet<RoundKey> =
        counts.iter().map(|(key, count)| (key.0.clone(), key.2.clone(), count.start)).collect();
    let (around, named): (Vec<_>, Vec<_>) = (around.into_iter().collect(), named.into_iter().collect());
    let rounds = store::quest_progress::rounds(tx, tenant, &around, &named).await?;
    Ok(QuestBook::new(rounds, counts, courses))
}

/// Gives what completions give, and takes back what those gave that are taken back.
async fn carry_out(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    (events, items, turned): (&[Event], &[Item], &[Turned]),
) -> Result<Vec<Draft>, ApplyError> {
    let rounds: BTreeSet<(&RoundKey, i32)> = turned.iter().map(|(_, turn)| (&turn.key, turn.round)).collect();
    let given = store::quest_progress::given(tx, tenant, &rounds.into_iter().collect::<Vec<_>>()).await?;
    let mut bonuses = QuestBonuses::new(given);
    let quests = || turned.iter().filter_map(|(n, turn)| Some((*n, turn, programme.quests.get(&turn.key.1)?)));
    // also of what is given and taken back within the batch: what a quest gives is known, whichever way it turns
    let keys: BTreeSet<AccountKey> = quests().flat_map(|(_, turn, quest)| bonuses.accounts(quest, turn)).collect();
    let accounts = ledger::lock(tx, tenant, programme, &keys, |_| true).await?;
    let members = ledger::members(tx, tenant, programme, accounts.keys()).await?;
    let holds = ledger::holds(tx, tenant, &accounts, &[]).await?;
    let mut badges = badges(tx, tenant, quests().map(|(_, turn, quest)| (turn, quest))).await?;
    let mut book = Book::new(programme, accounts, members).with_holds(holds);
    let mut drafts = Vec::new();
    let mut told_effects = 0;
    for (n, turn, quest) in quests() {
        let (index, incoming) = (items[n].index, &items[n].incoming);
        let refused = |refusal: Refusal| ApplyError::Event { index, reason: refusal.to_string() };
        let carried = bonuses.carry_out((&mut book, &mut badges), quest, turn, incoming).map_err(refused)?;
        let (link, site) = (Link::to("profiles", &events[index]), events[index].site.as_str());
        let cause = incoming.event_id.as_str();
        let turn_told = told::quest_turned(turn, quest, &carried, (&incoming.event_id, incoming.occurred_at));
        let own = [turn_told].into_iter().chain(carried.badges.iter().map(|it| told::badge_moved(it, cause)));
        let follow_up = own.map(|draft| draft.site(site).caused_by(&link));
        let effects = &book.effects()[told_effects..];
        let posted = effects.iter().map(|it| events::told(it, Some((&link, site))));
        for draft in follow_up.chain(posted) {
            drafts.push(draft.map_err(|error| ApplyError::Event { index, reason: error.to_string() })?);
        }
        told_effects = book.effects().len();
    }
    ledger::write(tx, tenant, programme, &book.close()).await?;
    store::quest_progress::write_given(tx, tenant, &bonuses.to_write()).await?;
    store::held_badge::write(tx, tenant, &badges).await?;
    Ok(drafts)
}

/// The badges that turns are about.
async fn badges<'a>(
    tx: &mut Tx,
    tenant: &TenantId,
    turns: impl Iterator<Item = (&'a Turn, &'a Quest)>,
) -> Result<BadgeBook, StoreError> {
    let of_turn = |(turn, quest): (&Turn, &Quest)| {
        let it = quest.bonus.badge.as_ref()?;
        Some(((turn.key.0.clone(), it.badge.clone()), ground(turn)))
    };
    let grounds: BTreeSet<_> = turns.filter_map(of_turn).collect();
    store::held_badge::load(tx, tenant, &grounds.into_iter().collect::<Vec<_>>()).await
}
