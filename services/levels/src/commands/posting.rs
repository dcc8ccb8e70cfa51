use std::collections::BTreeSet;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use requests::{Keep, Request, first_of_each};
use service::{Answer, repeats, settled};
use status::Violations;
use time::OffsetDateTime;

use super::ledger;
use crate::domain::book::{AccountKey, Book, Programme, What};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events};

/// A call that makes one entry of one account.
pub(super) trait Posting: Sync {
    /// What the call answers.
    type Answer: prost::Message + Default + Clone;

    /// Whether it opens an account that there is not yet.
    const OPENS: bool;

    /// Makes it idempotent.
    fn request(&self) -> &Request;

    /// The account as named by the caller.
    fn account(&self) -> (&UserId, &Key);

    /// Decides it.
    fn decide(&self, book: &mut Book<'_>, key: &AccountKey, at: OffsetDateTime) -> Result<Self::Answer, Refusal>;

    /// What is wrong with it in the light of the clock: not recorded, so that the call can be corrected.
    fn check(&self, _clock: OffsetDateTime) -> Result<(), Violations> {
        Ok(())
    }

    /// Puts the place in the log into the answer.
    fn place(answer: &mut Self::Answer, position: Position);
}

type Outcome<P> = Result<Answer<<P as Posting>::Answer>, LevelsError>;

/// What was decided about one call, and the index of its own effect.
type Decision<P> = Result<(<P as Posting>::Answer, Option<usize>), Refusal>;

impl Levels {
    /// One attempt at a batch of calls of one tenant, each with its own outcome. Repeats of an id within the batch get
    /// their first's outcome.
    pub(super) async fn post<P: Posting>(
        &self,
        tenant: &TenantId,
        items: &[P],
    ) -> Result<Vec<Outcome<P>>, LevelsError> {
        let requests: Vec<&Request> = items.iter().map(Posting::request).collect();
        let firsts = first_of_each(&requests);
        let mut tx = self.core.write(tenant).await?;
        let keys = accounts_of(&mut tx, tenant, items).await?;
        let types: BTreeSet<&str> = keys.iter().map(|(_, point_type)| point_type.as_str()).collect();
        let programme = ledger::programme(&mut tx, tenant, types).await?;
        let known_keys: BTreeSet<AccountKey> =
            keys.iter().filter(|(_, point_type)| programme.types.contains_key(point_type)).cloned().collect();
        let accounts = ledger::lock(&mut tx, tenant, &known_keys, P::OPENS).await?;
        let known = requests::look_up::<P::Answer, Refusal>(&mut tx, tenant, &requests).await?;
        let mut outcomes: Vec<Option<Outcome<P>>> =
            known.into_iter().zip(&requests).map(|(known, request)| settled(request, known)).collect();

        let mut open: Vec<usize> = (0..items.len()).filter(|n| firsts[*n] == *n && outcomes[*n].is_none()).collect();
        if !open.is_empty() {
            let members = ledger::members(&mut tx, tenant, &programme, accounts.keys()).await?;
            let clock = self.core.decide(&mut tx, tenant).await?;
            open.retain(|n| match items[*n].check(clock) {
                Ok(()) => true,
                Err(violations) => {
                    outcomes[*n] = Some(Err(LevelsError::Invalid(violations)));
                    false
                }
            });
            let mut book = Book::new(&programme, accounts, members);
            let decided: Vec<Decision<P>> =
                open.iter().map(|n| decide(&items[*n], &mut book, &keys[*n], clock)).collect();
            let answers = self.store(tx, tenant, &programme, book, &open, items, decided).await?;
            for (n, answer) in open.into_iter().zip(answers) {
                outcomes[n] = Some(answer);
            }
        }
        Ok(repeats(&requests, &firsts, outcomes))
    }

    #[allow(clippy::too_many_arguments, reason = "the end of one transaction, split off for its length")]
    async fn store<P: Posting>(
        &self,
        mut tx: Tx,
        tenant: &TenantId,
        programme: &Programme,
        book: Book<'_>,
        open: &[usize],
        items: &[P],
        decided: Vec<Decision<P>>,
    ) -> Result<Vec<Outcome<P>>, LevelsError> {
        let written = book.close();
        ledger::write(&mut tx, tenant, programme, &written).await?;
        let scheme = programme.scheme.as_ref();
        let drafts = written.effects.iter().map(|effect| events::told(effect, scheme, None));
        let drafts = drafts.collect::<Result<Vec<_>, _>>()?;
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        let answers: Vec<Result<P::Answer, Refusal>> = decided
            .into_iter()
            .map(|outcome| {
                outcome.map(|(mut answer, effect)| {
                    if let Some(position) = effect.and_then(|effect| positions.get(effect)) {
                        P::place(&mut answer, Position::from(*position));
                    }
                    answer
                })
            })
            .collect();
        let records: Vec<_> =
            open.iter().zip(&answers).map(|(n, answer)| (items[*n].request(), answer.as_ref())).collect();
        requests::record(&mut tx, tenant, Keep::Forever, &records).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        let fresh = |value| Answer { value, replayed: false };
        Ok(answers.into_iter().map(|answer| answer.map(fresh).map_err(LevelsError::from)).collect())
    }
}

async fn accounts_of<P: Posting>(tx: &mut Tx, tenant: &TenantId, items: &[P]) -> Result<Vec<AccountKey>, LevelsError> {
    let aliases = mirror::resolve(tx, tenant, items.iter().map(|item| item.account().0)).await?;
    let key = |item: &P| {
        let (user, point_type) = item.account();
        (aliases.meant(user), point_type.clone())
    };
    Ok(items.iter().map(key).collect())
}

/// Decides one call, then the level that follows from it.
fn decide<P: Posting>(item: &P, book: &mut Book<'_>, key: &AccountKey, clock: OffsetDateTime) -> Decision<P> {
    let at = book.decision_time(key, clock);
    let before = book.effects().len();
    let answer = item.decide(book, key, at)?;
    let own = |effect: &crate::domain::book::Effect| matches!(effect.what, What::Posted { .. });
    let effect = book.effects()[before..].iter().rposition(own).map(|index| before + index);
    book.decide_level(&key.0, at);
    Ok((answer, effect))
}
