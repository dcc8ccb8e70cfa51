use std::collections::{BTreeMap, BTreeSet};

use ids::{EventId, TenantId, UserId};
use pg::{StoreError, Tx};
use time::OffsetDateTime;

use super::{caps, ledger};
use crate::domain::account::Account;
use crate::domain::book::{AccountKey, Book, MemberKey, Programme, Written};
use crate::domain::cap::CapBook;
use crate::domain::earning::caps_of;
use crate::domain::hold::Hold;
use crate::domain::job::line::{JobLine, LineState};
use crate::domain::job::{Job, JobKind, Opened};
use crate::domain::member::Member;
use crate::domain::reversal::Reversible;
use crate::store;

/// What lines of a job are decided on.
pub(crate) struct Loaded {
    /// The account that each line is about, in their order.
    pub(crate) keys: Vec<AccountKey>,
    accounts: BTreeMap<AccountKey, Account>,
    members: BTreeMap<MemberKey, Member>,
    holds: Vec<(UserId, Hold)>,
    entries: Vec<(AccountKey, Reversible)>,
    opened: Opened,
}

/// The accounts that lines are about now. What was merged since it was carried out is taken back where it is.
async fn keys_of(tx: &mut Tx, tenant: &TenantId, lines: &[JobLine]) -> Result<Vec<AccountKey>, StoreError> {
    let named: Vec<&UserId> = lines.iter().map(|it| it.account_user.as_ref().unwrap_or(&it.line.user)).collect();
    let aliases = mirror::resolve(tx, tenant, named.iter().copied()).await?;
    Ok(named.into_iter().zip(lines).map(|(user, it)| (aliases.meant(user), it.line.point_type.clone())).collect())
}

/// Locks the accounts of lines and reads what they are decided on; `locks` false: it only reads.
pub(crate) async fn load(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    (job, lines): (&Job, &[JobLine]),
    locks: bool,
) -> Result<Loaded, StoreError> {
    let keys = keys_of(tx, tenant, lines).await?;
    let known: BTreeSet<AccountKey> =
        keys.iter().filter(|(_, point_type)| programme.types.contains_key(point_type)).cloned().collect();
    let opens = job.kind != JobKind::Void;
    let accounts = if locks {
        ledger::lock(tx, tenant, programme, &known, |_| opens).await?
    } else {
        let (wide, _) = programme.with_linked(&known, |_| false);
        store::account::read(tx, tenant, &wide).await?
    };
    let members = ledger::members(tx, tenant, programme, accounts.keys()).await?;
    let holds = ledger::holds(tx, tenant, &accounts, &[]).await?;
    let made_in: Vec<(AccountKey, i64)> = lines
        .iter()
        .filter(|it| it.state == LineState::Done)
        .filter_map(|it| Some(((it.account_user.clone()?, it.line.point_type.clone()), it.entry_seq)))
        .collect();
    let made: Vec<(&AccountKey, i64)> = made_in.iter().map(|(key, seq)| (key, *seq)).collect();
    let entries = store::reversal::read(tx, tenant, &made).await?;
    let opened = match job.kind {
        JobKind::Opening => store::opening::read(tx, tenant, &known).await?,
        JobKind::Earn | JobKind::Adjust | JobKind::Void => Opened::new(),
    };
    Ok(Loaded { keys, accounts, members, holds, entries, opened })
}

/// What is used of the caps that lines meet; locked as single calls do, or only read.
pub(crate) async fn caps_of_lines(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    (job, loaded): (&Job, &Loaded),
    (clock, locks): (OffsetDateTime, bool),
) -> Result<CapBook, StoreError> {
    let mut asked = caps::Asked::new();
    if job.kind == JobKind::Earn {
        for key in &loaded.keys {
            let Some(point_type) = programme.types.get(&key.1) else { continue };
            let at = loaded.accounts.get(key).map_or(clock, |account| account.decision_time(clock));
            for (cap_key, cap) in caps_of(None, point_type).iter().flat_map(|it| it.keys(&key.0, at)) {
                asked.entry(cap_key).or_default().push(cap);
            }
        }
    }
    if locks {
        return caps::load(tx, tenant, &asked).await;
    }
    Ok(CapBook::new(store::cap::read(tx, tenant, &asked.keys().collect::<Vec<_>>()).await?))
}

/// Decides lines in their order, and notes with each what came of it. Answers what is to be written, and the accounts that
/// were opened with what users had elsewhere.
pub(crate) fn decide(
    programme: &Programme,
    job: &Job,
    loaded: Loaded,
    caps: CapBook,
    (lines, clock): (&mut [JobLine], OffsetDateTime),
) -> (Written, Vec<AccountKey>) {
    let Loaded { keys, accounts, members, holds, entries, mut opened } = loaded;
    let mut book = Book::new(programme, accounts, members).with_holds(holds).with_entries(entries).with_caps(caps);
    for (key, line) in keys.iter().zip(lines) {
        book.carry(job, key, line, &mut opened, clock);
    }
    let mine: &EventId = &job.id;
    let opened = opened.into_iter().filter(|(_, by)| by.job == *mine).map(|(key, _)| key).collect();
    (book.close(), opened)
}
