use std::collections::BTreeSet;

use ids::{EventId, Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use requests::{Encoded, Keep, Request};
use service::{Answer, Batch, Core, Decided, Together, decoded};
use status::Violations;
use time::OffsetDateTime;

use super::{caps, ledger};
use crate::domain::book::{AccountKey, Book, Programme};
use crate::domain::earning::caps_of;
use crate::domain::entry::Entry;
use crate::domain::hold::Hold;
use crate::domain::point_type::PointType;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// What a call names beside its user.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// The point type of the account.
    PointType(&'a Key),
    /// A hold of the account.
    Hold(&'a EventId),
}

/// A call that changes one account.
pub trait Posting: Send + Sync {
    /// Whether it opens an account of this type that there is not yet.
    fn opens(&self, _point_type: &PointType) -> bool {
        false
    }

    /// The hold that it opens, if it does: later calls of its batch may name it.
    fn opens_hold(&self) -> Option<EventId> {
        None
    }

    /// Makes it idempotent.
    fn request(&self) -> &Request;

    /// The user as named by the caller.
    fn user(&self) -> &UserId;

    /// The order that it earns for.
    fn order(&self) -> Option<&str> {
        None
    }

    /// When what it earns counts for caps, where it earns and is decided at a time.
    fn capped_at(&self, _at: OffsetDateTime) -> Option<OffsetDateTime> {
        None
    }

    /// The number of the entry that it takes back.
    fn reverses(&self) -> Option<i64> {
        None
    }

    /// What tells which account of the user it is about.
    fn named(&self) -> Named<'_>;

    /// Decides it.
    fn decide(&self, book: &mut Book<'_>, key: &AccountKey, at: OffsetDateTime) -> Result<Reply, Refusal>;

    /// What is wrong with it in the light of the clock: not recorded, so that the call can be corrected.
    fn check(&self, _clock: OffsetDateTime) -> Result<(), Violations> {
        Ok(())
    }

    /// The answer in the message of its method.
    fn answer(&self, reply: Reply, position: Position) -> Encoded;
}

/// A posting and the message that answers it.
pub trait Call: Posting + Sized + 'static {
    /// What the call answers.
    type Answer: prost::Message + Default;
}

/// What postings answer: the entry or the hold that they made.
#[derive(Debug)]
pub struct Reply {
    pub(super) entry: Option<pb::Entry>,
    pub(super) hold: Option<pb::Hold>,
    pub(super) available_after: i64,
    pub(super) left: i64,
    pub(super) cut: i64,
}

impl Reply {
    pub(super) fn entry(entry: &Entry, available_after: i64) -> Self {
        Self { entry: Some(wire::entry(entry)), hold: None, available_after, left: 0, cut: 0 }
    }

    pub(super) fn hold(hold: &Hold, available_after: i64) -> Self {
        Self { entry: None, hold: Some(wire::hold(hold)), available_after, left: 0, cut: 0 }
    }
}

/// What came of a call: its answer, still encoded, or why not.
pub(crate) type Outcome = Result<Answer<Encoded>, LevelsError>;

impl Levels {
    /// Does calls of one kind of one tenant: each has its own outcome.
    pub async fn post<C: Call>(
        &self,
        tenant: &TenantId,
        calls: &[C],
    ) -> Result<Vec<Result<Answer<C::Answer>, LevelsError>>, LevelsError> {
        let calls: Vec<&dyn Posting> = calls.iter().map(|call| call as &dyn Posting).collect();
        let outcomes = self.post_all(tenant, &calls).await?;
        Ok(outcomes.into_iter().map(|outcome| decoded(outcome?)).collect())
    }

    /// Does calls of any kinds of one tenant in one transaction: each has its own outcome. Repeats of an id within the
    /// batch get their first's outcome.
    #[tracing::instrument(skip_all, fields(calls = items.len()))]
    pub(crate) async fn post_all(
        &self,
        tenant: &TenantId,
        items: &[&dyn Posting],
    ) -> Result<Vec<Outcome>, LevelsError> {
        pg::retrying("post", || self.post_once(tenant, items)).await
    }

    async fn post_once(&self, tenant: &TenantId, items: &[&dyn Posting]) -> Result<Vec<Outcome>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let places = places_of(&mut tx, tenant, items).await?;
        let keys = || places.iter().filter_map(|place| place.account.as_ref());
        let programme = self.programme.held(&mut tx, tenant).await?;
        let known_keys: BTreeSet<AccountKey> =
            keys().filter(|(_, point_type)| programme.types.contains_key(point_type)).cloned().collect();
        let opens = |(item, place): (&&dyn Posting, &'_ Place<'_>)| {
            let key = place.account.clone()?;
            item.opens(programme.types.get(&key.1)?).then_some(key)
        };
        let opening: BTreeSet<AccountKey> = items.iter().zip(&places).filter_map(opens).collect();
        let accounts = ledger::lock(&mut tx, tenant, &programme, &known_keys, |key| opening.contains(key)).await?;
        let requests = items.iter().map(|item| item.request()).collect();
        let mut batch = Batch::<Encoded, Refusal>::look_up(&mut tx, tenant, requests).await?;
        if batch.open().is_empty() {
            return Ok(batch.outcomes());
        }
        let members = ledger::members(&mut tx, tenant, &programme, accounts.keys()).await?;
        let named: Vec<_> = places.iter().filter_map(|place| Some((&place.user, place.hold?))).collect();
        let holds = ledger::holds(&mut tx, tenant, &accounts, &named).await?;
        let reversed =
            items.iter().zip(&places).filter_map(|(item, place)| Some((place.account.as_ref()?, item.reverses()?)));
        let entries = store::reversal::read(&mut tx, tenant, &reversed.collect::<Vec<_>>()).await?;
        let orders = items.iter().zip(&places).filter_map(|(item, place)| Some((&place.user, item.order()?)));
        let completed = ledger::completed(&mut tx, tenant, &programme, orders).await?;
        let clock = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        for n in batch.open() {
            if let Err(violations) = items[n].check(clock) {
                batch.fail(n, LevelsError::Invalid(violations));
            }
        }
        let book = Book::new(&programme, accounts, members);
        let mut book = book.with_holds(holds).with_completed(completed).with_entries(entries);
        let asked = asked_caps(&programme, &book, items.iter().zip(&places), clock);
        book = book.with_caps(caps::load(&mut tx, tenant, &asked).await?);
        let mut decide = |n: usize| {
            let before = book.effects().len();
            let outcome = decide(items[n], &mut book, &places[n], clock);
            (n, book.effects().len() - before, outcome)
        };
        let decided: Vec<_> = batch.open().into_iter().map(&mut decide).collect();
        let written = book.close();
        ledger::write(&mut tx, tenant, &programme, &written).await?;
        let mut told = written.effects.iter().map(|effect| events::told(effect, None));
        let with_drafts = |(n, effects, outcome): (usize, usize, Result<Reply, Refusal>)| {
            let drafts = told.by_ref().take(effects).collect::<Result<_, _>>()?;
            Ok(Decided { user: places[n].user.clone(), drafts, outcome })
        };
        let decided = decided.into_iter().map(with_drafts).collect::<Result<Vec<_>, LevelsError>>()?;
        let answer = |n: usize, reply, position| items[n].answer(reply, position);
        batch.finish(&self.core, tx, tenant, Keep::Forever, decided, answer).await
    }
}

/// What caps of point types count of what calls earn.
fn asked_caps<'a>(
    programme: &Programme,
    book: &Book<'_>,
    calls: impl Iterator<Item = (&'a &'a dyn Posting, &'a Place<'a>)>,
    clock: OffsetDateTime,
) -> caps::Asked {
    let mut asked = caps::Asked::new();
    for (item, place) in calls {
        let Some(key) = &place.account else { continue };
        let Some(point_type) = programme.types.get(&key.1) else { continue };
        let Some(at) = item.capped_at(book.decision_time(key, clock)) else { continue };
        for (cap_key, cap) in caps_of(None, point_type).iter().flat_map(|it| it.keys(&key.0, at)) {
            asked.entry(cap_key).or_default().push(cap);
        }
    }
    asked
}

/// Where a call takes effect.
struct Place<'a> {
    /// By canonical id.
    user: UserId,
    /// `None`: the user has no such hold.
    account: Option<AccountKey>,
    /// The hold that it names.
    hold: Option<&'a EventId>,
}

async fn places_of<'a>(
    tx: &mut Tx,
    tenant: &TenantId,
    items: &[&'a dyn Posting],
) -> Result<Vec<Place<'a>>, LevelsError> {
    let aliases = mirror::resolve(tx, tenant, items.iter().map(|item| item.user())).await?;
    let place = |item: &&'a dyn Posting| {
        let user = aliases.meant(item.user());
        match item.named() {
            Named::PointType(id) => Place { account: Some((user.clone(), id.clone())), user, hold: None },
            Named::Hold(id) => Place { user, account: None, hold: Some(id) },
        }
    };
    let mut places: Vec<Place<'a>> = items.iter().map(place).collect();
    let named: Vec<_> = places.iter().filter_map(|place| Some((&place.user, place.hold?))).collect();
    let mut held = store::hold::point_types(tx, tenant, &named).await?;
    for (item, place) in items.iter().zip(&mut places) {
        let known = |id: &EventId| held.get(&(place.user.clone(), id.clone())).cloned();
        match place.hold {
            Some(id) => place.account = known(id).map(|point_type| (place.user.clone(), point_type)),
            None => {
                let opened = item.opens_hold().zip(place.account.clone());
                held.extend(opened.map(|(id, (user, point_type))| ((user, id), point_type)));
            }
        }
    }
    Ok(places)
}

/// Decides one call, then the level that follows from it.
fn decide(item: &dyn Posting, book: &mut Book<'_>, place: &Place<'_>, clock: OffsetDateTime) -> Result<Reply, Refusal> {
    let Some(key) = &place.account else {
        return Err(Refusal::HoldNotFound { hold_id: place.hold.map(EventId::to_string).unwrap_or_default() });
    };
    let at = book.decision_time(key, clock);
    let reply = item.decide(book, key, at)?;
    book.decide_level(&key.0, at);
    Ok(reply)
}

/// A posting on its way through the lanes: of any kind, so that all of an account share them.
pub struct AnyPosting(Box<dyn Posting>);

impl AnyPosting {
    /// Of a call.
    pub fn of(call: impl Call) -> Self {
        Self(Box::new(call))
    }
}

impl Together<AnyPosting> for Levels {
    type Answer = Answer<Encoded>;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn together(&self, tenant: &TenantId, calls: &[AnyPosting]) -> Result<Vec<Outcome>, LevelsError> {
        let calls: Vec<&dyn Posting> = calls.iter().map(|call| call.0.as_ref()).collect();
        self.post_all(tenant, &calls).await
    }
}
