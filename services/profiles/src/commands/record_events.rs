use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use eventlog::Position;
use ids::{Partition, TenantId, UserId};
use pg::Tx;
use service::{Core, Together};
use time::{Date, Duration};

use super::open;
use super::review::{Followed, follow};
use super::users::{Claimed, Unknown, claim};
use crate::domain::event::{Currency, Origin, Report, Told};
use crate::domain::lifecycle::day;
use crate::domain::order::{Basket, Order};
use crate::domain::refund::TakenRefund;
use crate::domain::refusal::Refusal;
use crate::domain::tenant::Terms;
use crate::domain::user::{Kept, Snapshot, User, Visits};
use crate::error::ProfilesError;
use crate::store::intake::Record;
use crate::{Profiles, events, store};

/// One report as it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct IntakeEvent {
    /// A canonical id or alias, as sent.
    pub user_id: UserId,
    /// The reporter's id, which makes the report idempotent within the user; the time, the mode and the site.
    pub origin: Origin,
    /// What happened.
    pub report: Report,
    /// The currencies of its amounts.
    pub currency: Currency,
    /// Hash of the report without the user's id: the report is the same under any of them.
    pub body: [u8; 32],
}

/// A report that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Where the log tells of the last thing that it made true; where it made nothing true, where the user's partition
    /// ended when it was first reported.
    pub position: Position,
    /// True: it had been reported before.
    pub replayed: bool,
}

/// Why a report was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// Its amounts are not in the tenant's currency. Not kept, as what follows, so that it can be corrected and sent again.
    WrongCurrency {
        /// The tenant's.
        currency: String,
    },
    /// It happened more than a day ahead of the tenant's clock.
    Ahead,
    /// It was refused, or the attempt failed.
    Failed(ProfilesError),
}

type Outcome = Result<Taken, NotTaken>;

/// How far ahead of now an event may have happened: reporters' clocks and time zones go wrong.
const AHEAD_MAX: Duration = Duration::days(1);

impl Together<IntakeEvent> for Profiles {
    type Answer = Outcome;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn together(
        &self,
        tenant: &TenantId,
        events: &[IntakeEvent],
    ) -> Result<Vec<Result<Outcome, ProfilesError>>, ProfilesError> {
        Ok(self.record_events(tenant, events).await?.into_iter().map(Ok).collect())
    }
}

impl Profiles {
    /// Takes reports of one tenant in one transaction, in order, with a number of statements that does not depend on how
    /// many they are. Each has its own outcome, and nothing rolls back across them; an error of the whole means that none
    /// was taken. See `EventService`.
    pub async fn record_events(
        &self,
        tenant: &TenantId,
        events: &[IntakeEvent],
    ) -> Result<Vec<Outcome>, ProfilesError> {
        pg::retrying("record_events", || self.record_events_once(tenant, events)).await
    }

    #[tracing::instrument(name = "record_events", skip_all, fields(events = events.len()))]
    async fn record_events_once(
        &self,
        tenant: &TenantId,
        events: &[IntakeEvent],
    ) -> Result<Vec<Outcome>, ProfilesError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let terms = open(&mut tx, tenant).await?;
        let mut batch = Batch::new(events, &terms);
        let ids = batch.open().iter().map(|event| event.user_id.as_str()).collect();
        let claimed = claim(&mut tx, tenant, &ids, Unknown::Create).await?;
        batch.find_repeats(&claimed);
        let known = store::intake::look_up(&mut tx, tenant, &batch.keys(&claimed)).await?;
        batch.replay(self.core.log.source(), &claimed, &known);
        if batch.fresh.is_empty() {
            return Ok(batch.outcomes()); // nothing to keep: the transaction is rolled back
        }
        let mut users = load(&mut tx, tenant, &claimed, &batch.open()).await?;
        let decided = batch.decide(&terms, &claimed, &mut users);
        Changes::of(&claimed, &users).write(&mut tx, tenant).await?;
        let mut drafts: Vec<_> = decided.told.iter().map(|(user, told)| events::told(&terms, user, told)).collect();
        drafts.extend(follow(&mut tx, tenant, &terms, &decided.followed(&users)).await?);
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        let outcomes = self.places(&mut tx, tenant, &decided, &positions).await?;
        batch.keep(&mut tx, tenant, &claimed, &outcomes).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        batch.settle(outcomes);
        Ok(batch.outcomes())
    }

    /// The place of every decided report.
    async fn places(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        decided: &Decided<'_>,
        positions: &[Position],
    ) -> Result<Vec<Result<Position, Refusal>>, ProfilesError> {
        let nothing_told = |outcome: &Result<Range<usize>, Refusal>| outcome.as_ref().is_ok_and(Range::is_empty);
        let silent = decided.reports.iter().filter(|(_, outcome)| nothing_told(outcome));
        let silent: BTreeSet<Partition> = silent.map(|(user, _)| Partition::of(tenant, user)).collect();
        let heads = self.core.log.ends(tx, &silent).await?;
        let place = |(user, outcome): &(&str, Result<Range<usize>, Refusal>)| match outcome {
            Err(refusal) => Err(refusal.clone()),
            Ok(range) if !range.is_empty() => Ok(positions[range.end - 1]),
            Ok(_) => {
                let partition = Partition::of(tenant, user);
                let seq = heads.get(&partition).copied().unwrap_or(0);
                Ok(Position { source: self.core.log.source(), partition, seq })
            }
        };
        Ok(decided.reports.iter().map(place).collect())
    }
}

/// The reports of one attempt, and what became of each.
struct Batch<'a> {
    events: &'a [IntakeEvent],
    outcomes: Vec<Option<Outcome>>,
    /// To be decided now, in order.
    fresh: Vec<usize>,
    /// Repeats within the batch: their place and that of the first with the same ids.
    repeats: Vec<(usize, usize)>,
}

/// What was decided about the fresh reports.
struct Decided<'a> {
    /// By report: the user, and the entries that it made or its refusal.
    reports: Vec<(&'a str, Result<Range<usize>, Refusal>)>,
    /// All entries in order, each with its user.
    told: Vec<(&'a str, Told)>,
}

impl<'a> Decided<'a> {
    /// The users of whom something became true, each with the last report that did.
    fn followed(&self, users: &BTreeMap<String, User>) -> Vec<Followed<'_>> {
        let last: BTreeMap<&str, &Origin> = self.told.iter().map(|(user, told)| (*user, &told.origin)).collect();
        let now = |user: &str| users.get(user).map(|user| user.now).unwrap_or_default();
        last.into_iter().map(|(user, origin)| (user, now(user), Some(origin))).collect()
    }
}

impl<'a> Batch<'a> {
    /// Answers what can't be a report of this tenant; that is not kept, so that the report can be corrected and sent again.
    fn new(events: &'a [IntakeEvent], terms: &Terms) -> Self {
        let unfit = |event: &IntakeEvent| {
            if !event.currency.fits(&terms.currency) {
                return Some(NotTaken::WrongCurrency { currency: terms.currency.clone() });
            }
            (event.origin.occurred_at > terms.now + AHEAD_MAX).then_some(NotTaken::Ahead)
        };
        let outcomes: Vec<Option<Outcome>> = events.iter().map(|event| unfit(event).map(Err)).collect();
        let fresh = (0..events.len()).filter(|place| outcomes[*place].is_none()).collect();
        Self { events, outcomes, fresh, repeats: Vec::new() }
    }

    /// Leaves the first report of each id to be decided.
    fn find_repeats(&mut self, claimed: &'a Claimed) {
        let mut first: HashMap<(&str, &str), usize> = HashMap::with_capacity(self.fresh.len());
        for place in std::mem::take(&mut self.fresh) {
            let event = &self.events[place];
            match first.entry((claimed.id(&event.user_id), &event.origin.event_id)) {
                Entry::Occupied(first) => self.repeats.push((place, *first.get())),
                Entry::Vacant(entry) => {
                    entry.insert(place);
                    self.fresh.push(place);
                }
            }
        }
    }

    /// Under what the answers of the reports may be kept: the user's id, and the alias sent, which was a user of its own
    /// when it was recorded before a merge.
    fn keys(&self, claimed: &'a Claimed) -> Vec<(&'a str, &'a str)> {
        let keys = self.open().into_iter().flat_map(|event| {
            let (sent, id) = (event.user_id.as_str(), claimed.id(&event.user_id));
            let event_id = event.origin.event_id.as_str();
            [Some((id, event_id)), (sent != id).then_some((sent, event_id))]
        });
        keys.flatten().collect()
    }

    /// The reports still to be decided, in order.
    fn open(&self) -> Vec<&'a IntakeEvent> {
        self.fresh.iter().map(|place| &self.events[*place]).collect()
    }

    /// Answers what was reported before.
    fn replay(
        &mut self,
        source: &'static str,
        claimed: &Claimed,
        known: &BTreeMap<(String, String), store::intake::Answered>,
    ) {
        for place in std::mem::take(&mut self.fresh) {
            let event = &self.events[place];
            let under = |user: &str| known.get(&(user.to_owned(), event.origin.event_id.clone()));
            let answered = under(event.user_id.as_str()).or_else(|| under(claimed.id(&event.user_id)));
            let Some(answered) = answered else {
                self.fresh.push(place);
                continue;
            };
            self.outcomes[place] = Some(match &answered.outcome {
                _ if answered.body != event.body => Err(reused(event)),
                Err(refusal) => Err(refused(refusal)),
                Ok((partition, seq)) => {
                    let position = Position { source, partition: *partition, seq: *seq };
                    Ok(Taken { position, replayed: true })
                }
            });
        }
    }

    /// Decides the fresh reports one after the other.
    fn decide(&self, terms: &Terms, claimed: &'a Claimed, users: &mut BTreeMap<String, User>) -> Decided<'a> {
        let mut decided = Decided { reports: Vec::new(), told: Vec::new() };
        for event in self.open() {
            let id = claimed.id(&event.user_id);
            let user = users.entry(id.to_owned()).or_default();
            let day = day(&terms.zone, event.origin.occurred_at);
            let begin = decided.told.len();
            let outcome = user.take(&event.origin, &event.report, day).map(|told| {
                decided.told.extend(told.into_iter().map(|told| (id, told)));
                begin..decided.told.len()
            });
            decided.reports.push((id, outcome));
        }
        decided
    }

    /// Keeps the answers.
    async fn keep(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        claimed: &Claimed,
        outcomes: &[Result<Position, Refusal>],
    ) -> Result<(), ProfilesError> {
        let mut records = Vec::with_capacity(outcomes.len());
        for (event, outcome) in self.open().into_iter().zip(outcomes) {
            records.push(Record {
                user_id: claimed.id(&event.user_id),
                event_id: &event.origin.event_id,
                body: &event.body,
                partition: Partition::of(tenant, claimed.id(&event.user_id)),
                outcome: outcome.as_ref().map(|position| position.seq),
            });
        }
        Ok(store::intake::record(tx, tenant, &records).await?)
    }

    fn settle(&mut self, outcomes: Vec<Result<Position, Refusal>>) {
        for (place, outcome) in self.fresh.iter().zip(outcomes) {
            self.outcomes[*place] = Some(match outcome {
                Ok(position) => Ok(Taken { position, replayed: false }),
                Err(refusal) => Err(NotTaken::Failed(refusal.into())),
            });
        }
    }

    /// What became of every report; repeats within the batch get the answer of the first.
    fn outcomes(mut self) -> Vec<Outcome> {
        for (place, first) in std::mem::take(&mut self.repeats) {
            let (event, same) = (&self.events[place], self.events[first].body == self.events[place].body);
            self.outcomes[place] = Some(match &self.outcomes[first] {
                _ if !same => Err(reused(event)),
                Some(Ok(taken)) => Ok(Taken { replayed: true, ..*taken }),
                Some(Err(NotTaken::Failed(ProfilesError::Refused { refusal, .. }))) => Err(refused(refusal)),
                Some(Err(_)) | None => Err(reused(event)),
            });
        }
        self.outcomes.into_iter().flatten().collect()
    }
}

fn reused(event: &IntakeEvent) -> NotTaken {
    NotTaken::Failed(ProfilesError::RequestIdReused { request_id: event.origin.event_id.clone() })
}

/// A refusal given again.
fn refused(refusal: &Refusal) -> NotTaken {
    NotTaken::Failed(ProfilesError::Refused { refusal: refusal.clone(), replayed: true })
}

/// The users of fresh reports with the orders and refunds that these name.
async fn load(
    tx: &mut Tx,
    tenant: &TenantId,
    claimed: &Claimed,
    fresh: &[&IntakeEvent],
) -> Result<BTreeMap<String, User>, ProfilesError> {
    let mut users: BTreeMap<String, User> = BTreeMap::new();
    let mut orders: BTreeSet<(&str, &str)> = BTreeSet::new();
    for event in fresh {
        let id = claimed.id(&event.user_id);
        let now = claimed.users.get(id).copied().unwrap_or_default();
        let new = claimed.new.contains(id);
        users.entry(id.to_owned()).or_insert_with(|| User { new, now, ..User::default() });
        orders.extend(event.report.order_id().map(|order| (id, order)));
    }
    let keys: Vec<(&str, &str)> = orders.into_iter().collect();
    for (user, order) in store::order::load(tx, tenant, &keys).await? {
        let user = users.entry(user).or_default();
        user.orders.insert(order.basket.order_id.clone(), Kept::stored(order));
    }
    for (user, taken) in store::refund::load(tx, tenant, &keys).await? {
        let user = users.entry(user).or_default();
        user.refunds.entry(taken.refund.order_id.clone()).or_default().push(Kept::stored(taken));
    }
    Ok(users)
}

/// What a batch changed, each with its user.
#[derive(Default)]
struct Changes<'a> {
    orders: Vec<(&'a str, &'a Order)>,
    new_baskets: Vec<(&'a str, &'a Basket)>,
    refunds: Vec<(&'a str, &'a TakenRefund)>,
    visits: Vec<(&'a str, Date, Visits)>,
    summaries: Vec<(&'a str, Snapshot)>,
    /// Users that were added and whose every report was refused.
    ghosts: Vec<&'a str>,
}

impl<'a> Changes<'a> {
    fn of(claimed: &'a Claimed, users: &'a BTreeMap<String, User>) -> Self {
        let mut changes = Self::default();
        for (id, user) in users {
            let id = id.as_str();
            for kept in user.orders.values().filter(|kept| kept.changed) {
                changes.orders.push((id, &kept.value));
                changes.new_baskets.extend(kept.new.then_some((id, &*kept.value.basket)));
            }
            let refunds = user.refunds.values().flatten().filter(|kept| kept.changed);
            changes.refunds.extend(refunds.map(|kept| (id, &kept.value)));
            changes.visits.extend(user.visits.iter().map(|(day, visits)| (id, *day, *visits)));
            changes.summaries.extend(user.changed.then_some((id, user.now)));
        }
        let ghosts = claimed.new.iter().filter(|id| users.get(*id).is_none_or(|user| user.new));
        changes.ghosts.extend(ghosts.map(String::as_str));
        changes
    }

    async fn write(&self, tx: &mut Tx, tenant: &TenantId) -> Result<(), ProfilesError> {
        store::order::write(tx, tenant, &self.orders).await?;
        store::order::add_lines(tx, tenant, &self.new_baskets).await?;
        store::refund::write(tx, tenant, &self.refunds).await?;
        store::visit::add(tx, tenant, &self.visits).await?;
        store::profile::summarise(tx, tenant, &self.summaries).await?;
        store::profile::delete(tx, tenant, &self.ghosts).await?;
        Ok(())
    }
}
