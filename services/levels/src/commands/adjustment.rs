use std::collections::{BTreeMap, BTreeSet};

use eventlog::Draft;
use ids::TenantId;
use pg::{StoreError, Tx};
use time::OffsetDateTime;

use super::ledger;
use crate::domain::account::Account;
use crate::domain::adjustment::Adjustment;
use crate::domain::book::{AccountKey, Book, Programme};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events};

/// What came of an adjustment, and what is told of it.
pub(super) struct Carried {
    pub(super) outcome: Result<(), Refusal>,
    pub(super) drafts: Vec<Draft>,
}

impl Carried {
    /// It is kept as it is; no account changes.
    pub(super) fn nothing(adjustment: &Adjustment) -> Self {
        Self { outcome: Ok(()), drafts: vec![events::adjusted(adjustment)] }
    }
}

/// Locks the account that an adjustment is about.
pub(super) async fn accounts_of(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    key: &AccountKey,
) -> Result<BTreeMap<AccountKey, Account>, StoreError> {
    let keys: BTreeSet<AccountKey> =
        [key].into_iter().filter(|it| programme.types.contains_key(&it.1)).cloned().collect();
    ledger::lock(tx, tenant, programme, &keys, |_| true).await
}

impl Levels {
    /// Carries an adjustment out in its locked account, in the name of a subject.
    pub(super) async fn carry_out(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        (programme, key, by): (&Programme, &AccountKey, &str),
        accounts: BTreeMap<AccountKey, Account>,
        adjustment: &mut Adjustment,
        clock: OffsetDateTime,
    ) -> Result<Carried, LevelsError> {
        let members = ledger::members(tx, tenant, programme, accounts.keys()).await?;
        let holds = ledger::holds(tx, tenant, &accounts, &[]).await?;
        let mut book = Book::new(programme, accounts, members).with_holds(holds);
        let at = book.decision_time(key, clock);
        let outcome = book.adjust(key, adjustment, by, at);
        if outcome.is_ok() {
            book.decide_level(&key.0, at);
        }
        let written = book.close();
        ledger::write(tx, tenant, programme, &written).await?;
        let mut drafts = ledger::told(&written)?;
        drafts.extend(outcome.is_ok().then(|| events::adjusted(adjustment)));
        Ok(Carried { outcome, drafts })
    }
}
