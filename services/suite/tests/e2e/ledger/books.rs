//! What the accounts must hold by what callers were told, and what the suite says they hold.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use prost::Message as _;
use proto::events::v1::{Cursor, PullRequest};
use proto::levels::v1::{
    Entry, EntryKind, GetBalanceRequest, GetCirculationRequest, GetCirculationResponse, ListEntriesRequest,
    PointsPosted, VerifyLedgerRequest,
};
use tonic::Status;

use super::caller::Told;
use super::deed::{Answer, Calls, Made, POINTS};

/// Accounts read at the same time.
const AT_ONCE: usize = 16;

/// By what callers were told.
#[derive(Default)]
pub(crate) struct Books {
    /// Entries by user.
    made: BTreeMap<String, Vec<Made>>,
    /// What open holds keep, by user.
    held: BTreeMap<String, i64>,
}

/// What was compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Accounts.
    pub(crate) accounts: usize,
    /// Entries.
    pub(crate) entries: usize,
}

impl Books {
    /// Of everything that callers were told.
    pub(crate) fn of<'a>(told: impl IntoIterator<Item = &'a Told>) -> Self {
        let mut books = Self::default();
        for Told { asked, answer: Answer { made, hold, .. } } in told {
            for made in made {
                books.made.entry(made.user.clone()).or_default().push(made.clone());
            }
            if let Some((_, change)) = hold {
                *books.held.entry(asked.user.clone()).or_default() += change;
            }
        }
        books
    }

    /// Compares the suite's accounts, statements, totals and log with these books.
    pub(crate) async fn compare(&self, calls: &Calls) -> Result<Compared, Status> {
        let users: BTreeSet<&String> = self.made.keys().chain(self.held.keys()).collect();
        let checks = stream::iter(users).map(|user| self.compare_account(calls, user)).buffer_unordered(AT_ONCE);
        let statements: BTreeMap<String, usize> = checks.try_collect().await?;
        let compared = Compared { accounts: statements.len(), entries: statements.values().sum() };
        let circulation = GetCirculationRequest { point_type_id: POINTS.to_owned(), ..Default::default() };
        let circulation = calls.points().get_circulation(calls.own(circulation)).await?.into_inner();
        assert_eq!(circulation, self.circulation(), "the other side of all entries");
        let verify = VerifyLedgerRequest { page_size: 10_000, ..Default::default() };
        let verified = calls.points().verify_ledger(calls.own(verify)).await?.into_inner();
        assert_eq!(verified.mismatches, []);
        assert_eq!((verified.accounts, verified.entries), (compared.accounts as i64, compared.entries as i64));
        let logged = logged(calls).await?;
        let stated: BTreeMap<String, usize> = statements.into_iter().filter(|(_, entries)| *entries > 0).collect();
        assert_eq!(logged, stated, "the log tells of each entry once");
        Ok(compared)
    }

    /// The statement has the entries that callers were told of and no others, numbered without gaps, its balance runs and is
    /// never below zero, and what can be used is what is left of it beside the holds.
    async fn compare_account(&self, calls: &Calls, user: &str) -> Result<(String, usize), Status> {
        let entries = statement(calls, user).await?;
        let mut expected = self.made.get(user).cloned().unwrap_or_default();
        let mut running = 0;
        for (place, entry) in entries.iter().enumerate() {
            running += entry.amount;
            assert_eq!((entry.entry_seq, entry.balance_after), (place as i64 + 1, running), "{user}: {entry:?}");
            assert!(running >= 0, "{user} is below zero: {entry:?}");
            let told = expected.iter().position(|made| made.is(entry));
            let told = told.unwrap_or_else(|| panic!("nobody was told of {entry:?} of {user}"));
            expected.swap_remove(told);
        }
        assert_eq!(expected, [], "of {user} that are not in the statement");
        let request =
            GetBalanceRequest { user_id: user.to_owned(), point_type_id: POINTS.to_owned(), ..Default::default() };
        let balance = calls.points().get_balance(calls.own(request)).await?.into_inner();
        let held = self.held.get(user).copied().unwrap_or(0);
        let found = (balance.available, balance.held, balance.debt, balance.pending);
        assert_eq!(found, (running - held, held, 0, 0), "of {user}");
        Ok((user.to_owned(), entries.len()))
    }

    /// The totals that the entries add up to.
    fn circulation(&self) -> GetCirculationResponse {
        let mut all = GetCirculationResponse { accounts: self.made.len() as i64, ..Default::default() };
        for Made { kind, amount, .. } in self.made.values().flatten() {
            all.in_circulation += amount;
            let (sum, change) = match kind {
                EntryKind::Earn => (&mut all.issued, *amount),
                EntryKind::Spend => (&mut all.redeemed, -amount),
                EntryKind::Reverse => (&mut all.reversed, -amount),
                EntryKind::Return => (&mut all.returned, *amount),
                EntryKind::Adjust if *amount > 0 => (&mut all.added, *amount),
                EntryKind::Adjust => (&mut all.taken, -amount),
                EntryKind::TransferOut => (&mut all.transferred, -amount),
                EntryKind::TransferIn => continue,
                other => panic!("no call makes an entry of kind {other:?}"),
            };
            *sum += change;
        }
        all
    }
}

impl Made {
    fn is(&self, entry: &Entry) -> bool {
        let named = if self.seq > 0 { entry.entry_seq == self.seq } else { entry.hold_id == self.hold };
        named && entry.kind() == self.kind && entry.amount == self.amount
    }
}

/// All entries of an account, the first one first.
async fn statement(calls: &Calls, user: &str) -> Result<Vec<Entry>, Status> {
    let (mut entries, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListEntriesRequest {
            user_id: user.to_owned(),
            point_type_id: POINTS.to_owned(),
            page_size: 200,
            page_token,
            ..Default::default()
        };
        let page = calls.points().list_entries(calls.own(request)).await?.into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            entries.reverse();
            return Ok(entries);
        }
    }
}

/// How many entries the log tells of by user. Its own numbers have no gaps.
async fn logged(calls: &Calls) -> Result<BTreeMap<String, usize>, Status> {
    let mut entries: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    let mut cursors: Vec<Cursor> = (0..32).map(|partition| Cursor { partition, after_seq: 0, epoch: 0 }).collect();
    while !cursors.is_empty() {
        let asked = cursors.clone();
        let request = PullRequest {
            service: "levels".to_owned(),
            consumer: "auditor".to_owned(),
            cursors,
            max_events: 500,
            wait: None,
            types: Vec::new(),
        };
        let pages = calls.logs().pull(calls.own(request)).await?.into_inner().pages;
        for event in pages.iter().flat_map(|page| &page.events).filter(|event| event.r#type == "points.posted") {
            let entry = PointsPosted::decode(event.payload.as_slice()).unwrap().entry.unwrap();
            let first = entries.entry(event.user_id.clone()).or_default().insert(entry.entry_seq);
            assert!(first, "the log tells twice of {entry:?} of {}", event.user_id);
        }
        for page in &pages {
            let after = asked.iter().find(|cursor| cursor.partition == page.partition).unwrap().after_seq;
            let seqs: Vec<i64> = page.events.iter().map(|event| event.seq).collect();
            assert_eq!(
                seqs,
                (after + 1..=after + seqs.len() as i64).collect::<Vec<_>>(),
                "partition {}",
                page.partition
            );
        }
        let left = pages.iter().filter(|page| page.next_seq < page.head);
        cursors = left
            .map(|page| Cursor { partition: page.partition, after_seq: page.next_seq, epoch: page.epoch })
            .collect();
    }
    Ok(entries.into_iter().map(|(user, seqs)| (user, seqs.len())).collect())
}
