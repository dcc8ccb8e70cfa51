use std::collections::BTreeSet;

use ids::{Key, TenantId, UserId};
use proto::levels::v1::TransferResponse;
use requests::{Encoded, Keep, Request};
use service::{Answer, Batch, Decided, decoded, only};
use status::Violations;

use super::ledger;
use crate::domain::book::Book;
use crate::domain::refusal::Refusal;
use crate::domain::transfer::Transferred;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// Moves points from one user to another.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// Who gives: a canonical id or an alias.
    pub user: UserId,
    /// Who gets: a canonical id or an alias.
    pub to: UserId,
    /// What is moved.
    pub point_type: Key,
    /// How much: 1 to 1,000,000,000,000.
    pub amount: i64,
    /// Why.
    pub reason: String,
}

impl Levels {
    /// See `PointsService.Transfer`.
    pub async fn transfer(
        &self,
        tenant: &TenantId,
        command: &Transfer,
    ) -> Result<Answer<TransferResponse>, LevelsError> {
        pg::retrying("transfer", || self.transfer_once(tenant, command)).await
    }

    #[tracing::instrument(name = "transfer", skip_all)]
    async fn transfer_once(
        &self,
        tenant: &TenantId,
        command: &Transfer,
    ) -> Result<Answer<TransferResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let aliases = mirror::resolve(&mut tx, tenant, [&command.user, &command.to]).await?;
        let (giver, receiver) = (aliases.meant(&command.user), aliases.meant(&command.to));
        if giver == receiver {
            let mut violations = Violations::new();
            violations.add("to_user_id", "must be another user");
            return Err(LevelsError::Invalid(violations));
        }
        let (from, to) = ((giver, command.point_type.clone()), (receiver, command.point_type.clone()));
        let programme = self.programme.held(&mut tx, tenant).await?;
        let point_type = programme.types.get(&command.point_type);
        let keys: BTreeSet<_> = [&from, &to].into_iter().filter(|_| point_type.is_some()).cloned().collect();
        let accounts = ledger::lock(&mut tx, tenant, &programme, &keys, |_| true).await?;
        let batch = Batch::<Encoded, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return decoded(only(batch.outcomes())?);
        }
        let members = ledger::members(&mut tx, tenant, &programme, accounts.keys()).await?;
        let holds = ledger::holds(&mut tx, tenant, &accounts, &[]).await?;
        let clock = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let mut book = Book::new(&programme, accounts, members).with_holds(holds);
        let at = book.decision_time(&from, clock).max(book.decision_time(&to, clock));
        let sent_today = match point_type {
            Some(it) => store::reversal::sent_since(&mut tx, tenant, &from, it.zone.day_start(at)).await?,
            None => 0,
        };
        let outcome = book.transfer((&from, &to), command.amount, sent_today, &command.reason, at);
        let written = book.close();
        ledger::write(&mut tx, tenant, &programme, &written).await?;
        let mut drafts = ledger::told(&written)?;
        drafts.sort_by_key(|draft| draft.user == from.0.as_str()); // the giver's last: the position is that of the last
        let decided = Decided { user: from.0, drafts, outcome };
        let answer = |_, done: Transferred, position| {
            Encoded::of(&TransferResponse {
                sent: Some(wire::entry(&done.sent)),
                received_seq: done.received.seq,
                available_after: done.available_after,
                position: Some(position),
            })
        };
        let outcomes = batch.finish(&self.core, tx, tenant, Keep::Forever, vec![decided], answer).await?;
        decoded(only(outcomes)?)
    }
}
