use std::collections::BTreeSet;

use ids::{EventId, Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use requests::{Encoded, Keep, Request, first_of_each};
use service::{Answer, Core, Together, decoded, repeats, settled};
use status::Violations;
use time::OffsetDateTime;

use super::ledger;
use crate::domain::book::{AccountKey, Book, Effect, Programme, What};
use crate::domain::entry::Entry;
use crate::domain::hold::Hold;
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
    /// Whether it opens an account that there is not yet.
    fn opens(&self) -> bool {
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
}

impl Reply {
    pub(super) fn entry(entry: &Entry, available_after: i64) -> Self {
        Self { entry: Some(wire::entry(entry)), hold: None, available_after }
    }

    pub(super) fn hold(hold: &Hold, available_after: i64) -> Self {
        Self { entry: None, hold: Some(wire::hold(hold)), available_after }
    }
}

/// What came of a call: its answer, still encoded, or why not.
pub(crate) type Outcome = Result<Answer<Encoded>, LevelsError>;

/// What was decided about one call, and the index of its own effect.
type Decision = Result<(Reply, Option<usize>), Refusal>;

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
        let requests: Vec<&Request> = items.iter().map(|item| item.request()).collect();
        let firsts = first_of_each(&requests);
        let mut tx = self.core.write(tenant).await?;
        let places = places_of(&mut tx, tenant, items).await?;
        let keys = || places.iter().filter_map(|place| place.account.as_ref());
        let types: BTreeSet<&str> = keys().map(|(_, point_type)| point_type.as_str()).collect();
        let programme = ledger::programme(&mut tx, tenant, types).await?;
        let known_keys: BTreeSet<AccountKey> =
            keys().filter(|(_, point_type)| programme.types.contains_key(point_type)).cloned().collect();
        let opening = items.iter().zip(&places).filter(|(item, _)| item.opens());
        let opening: BTreeSet<&AccountKey> = opening.filter_map(|(_, place)| place.account.as_ref()).collect();
        let accounts = ledger::lock(&mut tx, tenant, &known_keys, |key| opening.contains(key)).await?;
        let known = requests::look_up::<Encoded, Refusal>(&mut tx, tenant, &requests).await?;
        let mut outcomes: Vec<Option<Outcome>> =
            known.into_iter().zip(&requests).map(|(known, request)| settled(request, known)).collect();

        let mut open: Vec<usize> = (0..items.len()).filter(|n| firsts[*n] == *n && outcomes[*n].is_none()).collect();
        if !open.is_empty() {
            let members = ledger::members(&mut tx, tenant, &programme, accounts.keys()).await?;
            let named: Vec<_> = places.iter().filter_map(|place| Some((&place.user, place.hold?))).collect();
            let holds = ledger::holds(&mut tx, tenant, &accounts, &named).await?;
            let clock = self.core.decide(&mut tx, tenant).await?;
            open.retain(|n| match items[*n].check(clock) {
                Ok(()) => true,
                Err(violations) => {
                    outcomes[*n] = Some(Err(LevelsError::Invalid(violations)));
                    false
                }
            });
            let mut book = Book::new(&programme, accounts, members).with_holds(holds);
            let decided: Vec<Decision> =
                open.iter().map(|n| decide(items[*n], &mut book, &places[*n], clock)).collect();
            let answers = self.store(tx, tenant, &programme, book, &open, (items, &places), decided).await?;
            for (n, answer) in open.into_iter().zip(answers) {
                outcomes[n] = Some(answer);
            }
        }
        Ok(repeats(&requests, &firsts, outcomes))
    }

    #[allow(clippy::too_many_arguments, reason = "the end of one transaction, split off for its length")]
    async fn store(
        &self,
        mut tx: Tx,
        tenant: &TenantId,
        programme: &Programme,
        book: Book<'_>,
        open: &[usize],
        (items, places): (&[&dyn Posting], &[Place<'_>]),
        decided: Vec<Decision>,
    ) -> Result<Vec<Outcome>, LevelsError> {
        let written = book.close();
        ledger::write(&mut tx, tenant, programme, &written).await?;
        let scheme = programme.scheme.as_ref();
        let drafts = written.effects.iter().map(|effect| events::told(effect, scheme, None));
        let drafts = drafts.collect::<Result<Vec<_>, _>>()?;
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        let mut answers: Vec<Result<Encoded, Refusal>> = Vec::with_capacity(decided.len());
        for (outcome, n) in decided.into_iter().zip(open) {
            let placed = match outcome {
                Ok((reply, effect)) => {
                    let position = match effect.and_then(|effect| positions.get(effect)) {
                        Some(position) => *position,
                        // nothing was to be done: all that was done before is told up to there
                        None => self.core.log.end_of(&mut tx, tenant, places[*n].user.as_str()).await?,
                    };
                    Ok(items[*n].answer(reply, Position::from(position)))
                }
                Err(refusal) => Err(refusal),
            };
            answers.push(placed);
        }
        let records: Vec<_> =
            open.iter().zip(&answers).map(|(n, answer)| (items[*n].request(), answer.as_ref())).collect();
        requests::record(&mut tx, tenant, Keep::Forever, &records).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        let fresh = |value| Answer { value, replayed: false };
        Ok(answers.into_iter().map(|answer| answer.map(fresh).map_err(LevelsError::from)).collect())
    }
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
fn decide(item: &dyn Posting, book: &mut Book<'_>, place: &Place<'_>, clock: OffsetDateTime) -> Decision {
    let Some(key) = &place.account else {
        return Err(Refusal::HoldNotFound { hold_id: place.hold.map(EventId::to_string).unwrap_or_default() });
    };
    let at = book.decision_time(key, clock);
    let before = book.effects().len();
    let answer = item.decide(book, key, at)?;
    let own = |effect: &Effect| matches!(effect.what, What::Posted { .. } | What::Held { .. });
    let effect = book.effects()[before..].iter().rposition(own).map(|index| before + index);
    book.decide_level(&key.0, at);
    Ok((answer, effect))
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
