use std::collections::BTreeSet;

use eventlog::derive;
use ids::{EventId, Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use requests::{Encoded, Keep, Request};
use service::{Answer, Batch, Decided, decoded, only};
use status::Violations;
use time::OffsetDateTime;

use super::ledger;
use crate::domain::book::{AccountKey, Book, Programme, Written};
use crate::domain::level_act::{Act, LevelAct, Signed};
use crate::domain::member::Member;
use crate::domain::refusal::Refusal;
use crate::domain::scheme::Scheme;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Does something by hand to a member's level.
#[derive(Debug, Clone)]
pub struct ActOnLevel {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The scheme.
    pub scheme: Key,
    /// What is done.
    pub act: Act,
    /// Why.
    pub reason: String,
    /// The subject of the caller's token.
    pub subject: String,
}

/// The answers to the acts.
pub trait LevelActAnswer: prost::Message + Default {
    /// Of the act, the member after it and the place in the log.
    fn of(act: &LevelAct, member: &Member, position: Position) -> Self;
}

impl LevelActAnswer for pb::GrantLevelResponse {
    fn of(act: &LevelAct, member: &Member, position: Position) -> Self {
        let grant = member.grants.iter().find(|grant| Some(&grant.id) == act.grant_id.as_ref());
        Self { grant: grant.map(wire::level::grant), rank_after: wire::rank(member.rank), position: Some(position) }
    }
}

impl LevelActAnswer for pb::EndLevelGrantResponse {
    fn of(_: &LevelAct, member: &Member, position: Position) -> Self {
        Self { rank_after: wire::rank(member.rank), position: Some(position) }
    }
}

impl LevelActAnswer for pb::LockLevelResponse {
    fn of(_: &LevelAct, member: &Member, position: Position) -> Self {
        Self { lock: member.lock.as_ref().map(wire::level::lock), position: Some(position) }
    }
}

impl LevelActAnswer for pb::UnlockLevelResponse {
    fn of(_: &LevelAct, member: &Member, position: Position) -> Self {
        Self { rank_after: wire::rank(member.rank), position: Some(position) }
    }
}

impl Levels {
    /// See `LevelGrantService`.
    pub async fn act_on_level<A: LevelActAnswer>(
        &self,
        tenant: &TenantId,
        command: &ActOnLevel,
    ) -> Result<Answer<A>, LevelsError> {
        pg::retrying("act_on_level", || self.act_on_level_once(tenant, command)).await
    }

    #[tracing::instrument(name = "act_on_level", skip_all, fields(scheme = %command.scheme))]
    async fn act_on_level_once<A: LevelActAnswer>(
        &self,
        tenant: &TenantId,
        command: &ActOnLevel,
    ) -> Result<Answer<A>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let programme = self.programme.held(&mut tx, tenant).await?;
        let scheme = programme.schemes.get(&command.scheme);
        let key = scheme.map(|scheme| (user.clone(), scheme.guard().clone()));
        let keys: BTreeSet<AccountKey> = key.iter().cloned().collect();
        let accounts = ledger::lock(&mut tx, tenant, &programme, &keys, |_| true).await?;
        let batch = Batch::<Encoded, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return decoded(only(batch.outcomes())?);
        }
        let members = ledger::members(&mut tx, tenant, &programme, accounts.keys()).await?;
        let holds = ledger::holds(&mut tx, tenant, &accounts, &[]).await?;
        let clock = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let mut book = Book::new(&programme, accounts, members).with_holds(holds);
        let seq = store::level_act::next_seq(&mut tx, tenant, &command.scheme, &user).await?;
        let outcome = match scheme.zip(key) {
            None => Err(Refusal::SchemeNotFound { scheme_id: command.scheme.to_string() }),
            Some((scheme, key)) => {
                let at = book.decision_time(&key, clock);
                check(&command.act, at).map_err(LevelsError::Invalid)?;
                act(&mut book, scheme, &key, command, (seq, at))
            }
        };
        let mut drafts = Vec::new();
        let mut decided = None;
        let outcome = outcome.map(|done| decided = Some(done));
        if let Some((act, _)) = &decided {
            let written = book.close();
            keep(&mut tx, tenant, &programme, (&command.scheme, &user), (act, &written)).await?;
            drafts = ledger::told(&written)?;
            drafts.push(events::acted_on_level(&user, &command.scheme, act));
        }
        let answer = |_, (), position| {
            decided
                .as_ref()
                .map_or_else(|| Encoded::of(&A::default()), |(act, it)| Encoded::of(&A::of(act, it, position)))
        };
        let call = vec![Decided { user: user.clone(), drafts, outcome }];
        decoded(only(batch.finish(&self.core, tx, tenant, Keep::Forever, call, answer).await?)?)
    }
}

/// What is wrong with an act in the light of the clock: not recorded, so that the call can be corrected.
fn check(act: &Act, at: OffsetDateTime) -> Result<(), Violations> {
    let mut violations = Violations::new();
    let begins = match act {
        Act::Grant { from: Some(from), .. } => at.max(*from),
        Act::Grant { from: None, .. } | Act::EndGrant(_) | Act::Lock { .. } | Act::Unlock => at,
    };
    if act.until().is_some_and(|until| until <= begins) {
        violations.add("until_time", "must come after the present and after from_time");
    }
    violations.check()
}

fn act(
    book: &mut Book<'_>,
    scheme: &Scheme,
    key: &AccountKey,
    command: &ActOnLevel,
    (seq, at): (i64, OffsetDateTime),
) -> Result<(LevelAct, Member), Refusal> {
    let user = &key.0;
    if let Some(rank) = command.act.rank().filter(|rank| *rank > scheme.highest()) {
        return Err(Refusal::LevelNotFound { scheme_id: scheme.id.to_string(), rank });
    }
    book.settle(key, at);
    book.enrol(user, scheme, at);
    let id = grant_id(&command.request.user, command.request.id.as_str());
    let signed = Signed { seq, reason: command.reason.clone(), by: command.subject.clone(), at };
    let acted = book.with_member(user, scheme, |member, terms, figures| {
        let (act, moved) = command.act.apply(member, (terms, figures), &id, signed)?;
        Ok((act, moved, member.clone()))
    });
    let (act, moved, member) = acted.ok_or_else(|| Refusal::SchemeNotFound { scheme_id: scheme.id.to_string() })??;
    if let Some(moved) = moved {
        book.tell_move(user, &scheme.id, moved);
    }
    Ok((act, member))
}

/// The id of the grant that a request makes. `user` as the caller named it.
pub fn grant_id(user: &str, request_id: &str) -> EventId {
    derive(user, &format!("level_grant/{request_id}"), 0)
}

async fn keep(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    whose: (&Key, &UserId),
    (act, written): (&LevelAct, &Written),
) -> Result<(), LevelsError> {
    ledger::write(tx, tenant, programme, written).await?;
    Ok(store::level_act::insert(tx, tenant, whose, act).await?)
}
