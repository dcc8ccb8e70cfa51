//! An account and its plain model, through the same writes.

use std::collections::BTreeMap;

use ids::{EventId, Key, UserId};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use super::account::{Account, Occasion};
use super::account_model::Model;
use super::adjustment::{Adjustment, AdjustmentState};
use super::balance::{Balance, Holding, balance};
use super::book::{AccountKey, Book, Programme, What};
use super::entry::{Entry, Origin};
use super::expiry::Expiry;
use super::hold::{Hold, HoldState, points_of};
use super::lot::{Lot, Lots};
use super::pending::{Landing, Release};
use super::point_type::{Activation, PointType, ReversalPolicy, TransferLimits};
use super::refusal::Refusal;
use super::reversal::Reversible;

use super::account_properties::{How, Op};

/// An entry by call, and how much of it was taken back.
struct ByCall {
    seq: i64,
    amount: i64,
    reversed: i64,
    what: Made,
}

/// What an entry by call did: gave points, with what they wait for and the date that they got, or used them.
enum Made {
    Earning(Option<Release>, Option<Option<OffsetDateTime>>),
    Spending(Vec<Result<Option<OffsetDateTime>, ()>>),
}

pub(super) struct Run {
    point_type: PointType,
    programme: Programme,
    key: AccountKey,
    pub(super) account: Account,
    holds: BTreeMap<EventId, Hold>,
    entries: Vec<Entry>,
    earned: Vec<(Landing, i64)>,
    by_call: Vec<ByCall>,
    completed: BTreeMap<usize, OffsetDateTime>,
    pub(super) model: Model,
    pub(super) now: OffsetDateTime,
}

impl Run {
    pub(super) fn new(activation: Activation, expiry: Expiry, reversal: ReversalPolicy, overdraft: i64) -> Self {
        let id = Key::new("points").unwrap();
        let start = datetime!(2026-01-20 07:00 UTC);
        let zone = Zone::new("Asia/Shanghai").unwrap();
        let point_type = PointType {
            activation,
            expiry,
            reversal,
            overdraft,
            transfers: Some(TransferLimits { max_amount: 1_000, max_per_day: 1_000 }),
            ..PointType::new(id.clone(), zone)
        };
        Self {
            point_type: point_type.clone(),
            programme: Programme { types: [(id.clone(), point_type.clone())].into(), ..Programme::default() },
            key: (UserId::new("u").unwrap(), id),
            account: Account::default(),
            holds: BTreeMap::new(),
            entries: Vec::new(),
            earned: Vec::new(),
            by_call: Vec::new(),
            completed: BTreeMap::new(),
            model: Model::new(point_type),
            now: start,
        }
    }

    pub(super) fn in_book<T>(&mut self, write: impl FnOnce(&mut Book<'_>, &AccountKey) -> T) -> T {
        self.in_book_with(None, write)
    }

    /// With the account of another user.
    fn in_book_with<T>(
        &mut self,
        other: Option<(AccountKey, Account)>,
        write: impl FnOnce(&mut Book<'_>, &AccountKey) -> T,
    ) -> T {
        let key = self.key.clone();
        let holds = self.holds.values().map(|hold| (key.0.clone(), hold.clone()));
        let completed = self.completed.iter().map(|(order, at)| ((key.0.clone(), order_id(*order)), *at));
        let reversed = self.by_call.iter().map(|it| {
            let entry = self.entries[it.seq as usize - 1].clone();
            (key.clone(), Reversible { entry, reversed: it.reversed })
        });
        let accounts = other.into_iter().chain([(key.clone(), self.account.clone())]).collect();
        let mut book = Book::new(&self.programme, accounts, BTreeMap::new())
            .with_holds(holds)
            .with_completed(completed)
            .with_entries(reversed);
        let answer = write(&mut book, &key);
        let written = book.close();
        for effect in written.effects.into_iter().filter(|effect| effect.user == key.0) {
            if let What::Posted { entry, .. } = effect.what {
                self.entries.push(entry);
            }
        }
        if let Some((_, account)) = written.accounts.into_iter().find(|(written, _)| *written == key) {
            self.account = account;
        }
        for (_, seq, reversed) in written.reversals {
            self.by_call.iter_mut().filter(|it| it.seq == seq).for_each(|it| it.reversed = reversed);
        }
        self.holds.extend(written.holds.into_iter().map(|(_, hold)| (hold.id.clone(), hold)));
        answer
    }

    pub(super) fn apply(&mut self, op: &Op) {
        let at = self.now;
        match *op {
            Op::Wait { hours } => {
                self.now += Duration::hours(hours);
                self.model.advance(self.now);
            }
            Op::Earn { points, days_ago, order } => self.earn(points, at - Duration::days(days_ago), order),
            Op::Complete { order } => {
                if let std::collections::btree_map::Entry::Vacant(open) = self.completed.entry(order) {
                    open.insert(at);
                    self.in_book(|book, key| book.complete_order(&key.0, &order_id(order), at, at));
                    self.model.activate(&Release::Order(order_id(order)), Some(self.point_type.lapse_of(at)), at);
                    self.model.advance(at);
                }
            }
            Op::Spend { points } => self.spend(points),
            Op::Reverse { nth, points } if !self.by_call.is_empty() => self.reverse(nth % self.by_call.len(), points),
            Op::Reverse { .. } => {}
            Op::Adjust { points } => self.adjust(points),
            Op::Send { points } => self.send(points),
            Op::Receive { points, days } => self.receive(points, at + Duration::days(days)),
            Op::TakeBack { nth, points } if !self.earned.is_empty() => {
                let nth = nth % self.earned.len();
                let points = points.min(self.earned[nth].1);
                if points > 0 {
                    self.earned[nth].1 -= points;
                    self.take_back(&self.earned[nth].0.clone(), points);
                }
            }
            Op::TakeBack { .. } => {}
            Op::Hold { points, hours } => self.hold(points, hours),
            Op::Resolve { nth, points, how } if !self.model.holds.is_empty() => {
                self.resolve(nth % self.model.holds.len(), points, how);
            }
            Op::Resolve { .. } => {}
        }
    }

    fn earn(&mut self, points: i64, occurred_at: OffsetDateTime, order: Option<usize>) {
        let (at, policy) = (self.now, self.point_type.activation);
        let origin = Origin { order_id: order.map(order_id).unwrap_or_default(), ..Origin::default() };
        let occasion = Occasion { occurred_at: Some(occurred_at), origin };
        let (entry, landing) = self.in_book(|book, key| book.earn(key, points, occasion, at).unwrap());
        let active_from = match (policy, order) {
            (Activation::Days(days), _) => Ok(self.point_type.zone.add_days_end(occurred_at, days)),
            (Activation::OrderCompleted, Some(order)) => match self.completed.get(&order) {
                Some(completed) => Ok(occurred_at.max(*completed)),
                None => Err(Release::Order(order_id(order))),
            },
            (Activation::AtOnce | Activation::OrderCompleted, _) => Ok(occurred_at),
        };
        let in_debt = self.model.debt;
        let (release, date) = match active_from {
            Ok(from) if from > at => (Some(Release::At(from)), self.point_type.lapse_of(from)),
            Ok(from) => (None, self.point_type.lapse_of(from)),
            Err(release) => (Some(release), None),
        };
        let went_to = match &release {
            Some(waits) => {
                self.model.wait(points, waits, date, occurred_at);
                (!matches!(waits, Release::Order(_))).then_some(date)
            }
            None => {
                self.model.earn(points, date, occurred_at);
                let given = if points > in_debt { date } else { None };
                Some(self.model.common_date().filter(|_| points > in_debt).unwrap_or(given))
            }
        };
        let what = Made::Earning(release, went_to);
        self.by_call.push(ByCall { seq: entry.seq, amount: points, reversed: 0, what });
        self.earned.push((landing, points));
        self.model.advance(at);
    }

    fn spend(&mut self, points: i64) {
        let (at, overdraft) = (self.now, self.point_type.overdraft);
        let (available, in_debt) = (self.model.available(), self.model.debt);
        let at_most = available + (overdraft - in_debt).max(0);
        match self.in_book(|book, key| book.spend(key, points, Occasion::default(), at)) {
            Err(refusal) => assert_eq!(refusal, Refusal::BalanceShort { available: at_most, amount: points }),
            Ok((entry, after)) => {
                assert!(points <= at_most);
                assert_eq!(after, (available - points).max(0));
                let what = Made::Spending(self.model.spend(points, at));
                self.by_call.push(ByCall { seq: entry.seq, amount: points, reversed: 0, what });
            }
        }
    }

    fn reverse(&mut self, nth: usize, points: i64) {
        let at = self.now;
        let ByCall { seq, amount, reversed, .. } = self.by_call[nth];
        let got = self.in_book(|book, key| book.reverse(key, seq, points, Occasion::default(), at));
        let left = amount - reversed;
        if left == 0 || points > left {
            assert_eq!(got, Err(Refusal::ReversalExceeded { entry_seq: seq, left, amount: points }));
            return;
        }
        let points = if points == 0 { left } else { points };
        assert_eq!(got.unwrap().left, left - points);
        match &self.by_call[nth].what {
            Made::Spending(used) => self.model.come_back(used, (reversed, points), at),
            Made::Earning(release, went_to) => drop(self.model.take_back(points, release.as_ref(), *went_to)),
        }
    }

    fn adjust(&mut self, points: i64) {
        let (at, available) = (self.now, self.model.available());
        let mut adjustment = adjustment(&self.key, points, at);
        let got = self.in_book(|book, key| book.adjust(key, &mut adjustment, "somebody", at));
        if -points > available {
            assert_eq!(got, Err(Refusal::BalanceShort { available, amount: -points }));
            assert_eq!((adjustment.state, adjustment.entry_seq), (AdjustmentState::Proposed, 0));
        } else {
            assert_eq!(got, Ok(()));
            assert_eq!((adjustment.state, adjustment.entry_seq), (AdjustmentState::Applied, self.account.entry_seq));
            self.model.adjust(points, at);
        }
    }

    fn send(&mut self, points: i64) {
        let (at, available, other) = (self.now, self.model.available(), other(&self.key));
        let to = other.clone();
        let account = Some((other, Account::default()));
        match self.in_book_with(account, |book, key| book.transfer((key, &to), points, 0, "", at)) {
            Err(refusal) => assert_eq!(refusal, Refusal::BalanceShort { available, amount: points }),
            Ok(done) => {
                assert_eq!((done.sent.amount, done.received.amount), (-points, points));
                drop(self.model.spend(points, at));
            }
        }
    }

    /// Another user sends points, half of which lapse at a time.
    fn receive(&mut self, points: i64, lapses: OffsetDateTime) {
        let (at, from) = (self.now, other(&self.key));
        let lot = |expires_at, points| Lot { expires_at, origin: from.0.clone(), points };
        let together = matches!(self.point_type.expiry, Expiry::Inactivity(_));
        let never = if together { Some(lapses) } else { None };
        let lots = [lot(Some(lapses), points / 2), lot(never, points - points / 2)];
        let lots: Vec<Lot> = lots.into_iter().filter(|lot| lot.points > 0).collect();
        let dates: Vec<_> = lots.iter().flat_map(|lot| (0..lot.points).map(|_| lot.expires_at)).collect();
        let sender = Account { lots: Lots::new(lots), entry_seq: 1, ..Account::default() };
        let giver = from.clone();
        let done = self.in_book_with(Some((from, sender)), |book, key| book.transfer((&giver, key), points, 0, "", at));
        assert_eq!(done.unwrap().received.origin.counterpart, giver.0.to_string());
        self.model.receive(&dates, at);
    }

    fn take_back(&mut self, landing: &Landing, points: i64) {
        let at = self.now;
        self.in_book(|book, key| book.take_back(key, points, landing, Occasion::default(), at).unwrap());
        let lot = (!matches!(landing.release, Some(Release::Order(_)))).then_some(landing.expires_at);
        let left = self.model.take_back(points, landing.release.as_ref(), lot);
        if self.point_type.reversal != ReversalPolicy::MayGoNegative {
            assert_eq!(self.entries.last().unwrap().shortfall, left);
        }
    }

    fn hold(&mut self, points: i64, hours: i64) {
        let (at, ttl, available) = (self.now, Duration::hours(hours), self.model.available());
        let id = hold_id(self.model.holds.len());
        let got = self.in_book(|book, key| book.hold(key, id, (points, ttl), Origin::default(), at));
        match got {
            Err(refusal) => assert_eq!(refusal, Refusal::BalanceShort { available, amount: points }),
            Ok((hold, after)) => {
                assert_eq!((after, points_of(&hold.lots)), (available - points, points));
                self.model.hold(points, at + ttl);
            }
        }
    }

    fn resolve(&mut self, nth: usize, points: i64, how: How) {
        let (at, id, occasion) = (self.now, hold_id(nth), Occasion::default());
        let (state, amount) = (self.model.holds[nth].state, self.model.holds[nth].amount);
        let open = state == HoldState::Open;
        match how {
            How::Capture => {
                let got = self.in_book(|book, key| book.capture(key, &id, points, occasion, at));
                assert_eq!(got.is_ok(), open && points <= amount, "{got:?}");
                if got.is_ok() {
                    let points = if points == 0 { amount } else { points };
                    self.model.capture(nth, points, at);
                }
            }
            How::Release => {
                let got = self.in_book(|book, key| book.release(key, &id, at));
                assert_eq!(got.is_ok(), open, "{got:?}");
                if open {
                    self.model.release(nth, at);
                }
            }
            How::GiveBack => {
                let captured = self.model.holds[nth].captured();
                let got = self.in_book(|book, key| book.give_back(key, &id, points, occasion, at));
                assert_eq!(got.is_ok(), state == HoldState::Captured && points <= captured, "{got:?}");
                if got.is_ok() {
                    self.model.give_back(nth, points, at);
                }
            }
            How::Confirm => {
                self.in_book(|book, key| book.confirm(key, &id, points, occasion, at).unwrap());
                let points = points.min(amount);
                match state {
                    HoldState::Open if points == 0 => self.model.release(nth, at),
                    HoldState::Open => self.model.capture(nth, points, at),
                    HoldState::Released | HoldState::Expired if points > 0 => {
                        self.model.capture_late(nth, points, at);
                    }
                    HoldState::Captured | HoldState::Released | HoldState::Expired => {}
                }
            }
            How::Cancel => {
                self.in_book(|book, key| book.cancel(key, &id, at).unwrap());
                if open {
                    self.model.release(nth, at);
                }
            }
            How::Return => {
                self.in_book(|book, key| book.returned(key, &id, points, occasion, at).unwrap());
                self.model.give_back(nth, points, at);
            }
        }
    }

    /// What the account has at a time from now on.
    pub(super) fn as_of(&self, at: OffsetDateTime) -> Balance {
        let accounts = [(self.key.clone(), self.account.clone())].into();
        let holding = Holding { accounts, holds: self.holds.values().cloned().collect(), ..Holding::default() };
        balance(&self.programme, &self.key, holding, at)
    }

    pub(super) fn check(&self) {
        let (account, now) = (&self.account, self.as_of(self.now));
        assert_eq!((now.available, now.held, now.debt), (self.model.available(), self.model.held(), self.model.debt));
        assert_eq!(now.pending, self.model.waiting.len() as i64);
        for (hold, model) in self.holds.values().zip(&self.model.holds) {
            let seen = hold.clone().seen_at(self.now);
            assert_eq!(
                (seen.state, seen.captured, seen.given_back),
                (model.state, model.captured(), model.given_back),
                "{hold:?}"
            );
        }
        let open = self.holds.values().filter(|hold| hold.state == HoldState::Open);
        assert_eq!(open.map(|hold| points_of(&hold.lots)).sum::<i64>(), account.held);
        let kept = account.lots.sum() + account.held + account.pending.sum() - account.debt;
        assert_eq!(self.entries.iter().map(|entry| entry.pending).sum::<i64>(), account.pending.sum());
        assert_eq!(self.entries.iter().map(|entry| entry.amount).sum::<i64>(), kept);
        assert_eq!(self.entries.iter().map(|entry| entry.growth_change).sum::<i64>(), account.growth);
        assert!(account.growth >= 0 && (account.debt == 0 || account.lots.is_empty()));
        assert!((0..=account.held).contains(&account.claimed) && account.lots.iter().all(|lot| lot.points > 0));
        let (mut balance, mut recorded_at) = (0, OffsetDateTime::UNIX_EPOCH);
        for (n, entry) in self.entries.iter().enumerate() {
            balance += entry.amount;
            assert_eq!((entry.seq, entry.balance_after), (n as i64 + 1, balance));
            assert_eq!(entry.lots.iter().map(|change| change.points).sum::<i64>() + entry.pending, entry.amount);
            assert!(entry.recorded_at >= recorded_at);
            recorded_at = entry.recorded_at;
        }
        assert_eq!(account.entry_seq, self.entries.len() as i64);
        self.check_lots();
    }

    /// The lots that the entries speak of are those of the account and its open holds, one by one.
    fn check_lots(&self) {
        let mut left: BTreeMap<Option<OffsetDateTime>, i64> = BTreeMap::new();
        for change in self.entries.iter().flat_map(|entry| &entry.lots) {
            *left.entry(change.expires_at).or_default() += change.points;
        }
        let open = self.holds.values().filter(|hold| hold.state == HoldState::Open);
        for lot in self.account.lots.iter().chain(open.flat_map(|hold| &hold.lots)) {
            *left.entry(lot.expires_at).or_default() -= lot.points;
        }
        *left.entry(None).or_default() += self.account.debt;
        assert!(left.values().all(|points| *points == 0), "{left:?}");
    }
}

fn other(key: &AccountKey) -> AccountKey {
    (UserId::new("v").unwrap(), key.1.clone())
}

fn adjustment(key: &AccountKey, amount: i64, at: OffsetDateTime) -> Adjustment {
    Adjustment {
        id: EventId::new("a").unwrap(),
        user: key.0.clone(),
        point_type: key.1.clone(),
        amount,
        reason: "补发".to_owned(),
        state: AdjustmentState::Proposed,
        requested_by: "somebody".to_owned(),
        decided_by: String::new(),
        note: String::new(),
        entry_seq: 0,
        created_at: at,
        decided_at: None,
    }
}

fn order_id(n: usize) -> String {
    format!("o{n}")
}

fn hold_id(n: usize) -> EventId {
    EventId::new(format!("h{n:03}")).unwrap()
}
