//! Any sequence of writes against a plain model that knows no lots.

use std::collections::BTreeMap;

use ids::{EventId, Key, UserId};
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use super::account::{Account, Occasion};
use super::account_model::Model;
use super::balance::{Balance, balance, lapses};
use super::book::{AccountKey, Book, Programme, What};
use super::entry::{Entry, Origin};
use super::hold::{Hold, HoldState, points_of};
use super::pending::{Landing, Release};
use super::point_type::{Activation, Expiry, PointType, ReversalPolicy};
use super::refusal::Refusal;
use units::text::LocalizedText;

#[derive(Debug, Clone)]
enum Op {
    Earn { points: i64, days_ago: i64, order: Option<usize> },
    Complete { order: usize },
    Spend { points: i64 },
    TakeBack { nth: usize, points: i64 },
    Wait { hours: i64 },
    Hold { points: i64, hours: i64 },
    Resolve { nth: usize, points: i64, how: How },
}

/// What is done with a hold.
#[derive(Debug, Clone, Copy)]
enum How {
    Capture,
    Release,
    GiveBack,
    Confirm,
    Cancel,
    Return,
}

fn any_op() -> impl Strategy<Value = Op> {
    let how = prop::sample::select(vec![
        How::Capture,
        How::Release,
        How::GiveBack,
        How::GiveBack,
        How::Confirm,
        How::Confirm,
        How::Cancel,
        How::Return,
    ]);
    prop_oneof![
        3 => (1i64..100, prop_oneof![Just(0i64), 0i64..60], prop::option::of(0usize..4))
            .prop_map(|(points, days_ago, order)| Op::Earn { points, days_ago, order }),
        1 => (0usize..4).prop_map(|order| Op::Complete { order }),
        2 => (1i64..150).prop_map(|points| Op::Spend { points }),
        3 => (any::<usize>(), 1i64..100).prop_map(|(nth, points)| Op::TakeBack { nth, points }),
        3 => (1i64..400).prop_map(|hours| Op::Wait { hours }),
        4 => (1i64..80, 1i64..600).prop_map(|(points, hours)| Op::Hold { points, hours }),
        6 => (any::<usize>(), 0i64..80, how).prop_map(|(nth, points, how)| Op::Resolve { nth, points, how }),
    ]
}

fn any_expiry() -> impl Strategy<Value = Expiry> {
    prop::sample::select(vec![
        Expiry::Never,
        Expiry::Days(10),
        Expiry::Months(1),
        Expiry::EndOfMonth,
        Expiry::EndOfYear,
    ])
}

fn any_activation() -> impl Strategy<Value = Activation> {
    prop::sample::select(vec![
        Activation::AtOnce,
        Activation::Days(1),
        Activation::Days(14),
        Activation::OrderCompleted,
    ])
}

struct Run {
    point_type: PointType,
    programme: Programme,
    key: AccountKey,
    account: Account,
    holds: BTreeMap<EventId, Hold>,
    entries: Vec<Entry>,
    earned: Vec<(Landing, i64)>,
    completed: BTreeMap<usize, OffsetDateTime>,
    model: Model,
    now: OffsetDateTime,
}

impl Run {
    fn new(activation: Activation, expiry: Expiry, reversal: ReversalPolicy) -> Self {
        let id = Key::new("points").unwrap();
        let start = datetime!(2026-01-20 07:00 UTC);
        let zone = Zone::new("Asia/Shanghai").unwrap();
        let display_name = LocalizedText::default();
        let point_type = PointType {
            id: id.clone(),
            display_name,
            spendable: true,
            activation,
            expiry,
            reversal,
            zone,
            create_time: start,
        };
        Self {
            point_type: point_type.clone(),
            programme: Programme { types: [(id.clone(), point_type)].into(), ..Programme::default() },
            key: (UserId::new("u").unwrap(), id),
            account: Account::default(),
            holds: BTreeMap::new(),
            entries: Vec::new(),
            earned: Vec::new(),
            completed: BTreeMap::new(),
            model: Model::new(reversal),
            now: start,
        }
    }

    fn in_book<T>(&mut self, write: impl FnOnce(&mut Book<'_>, &AccountKey) -> T) -> T {
        let key = self.key.clone();
        let holds = self.holds.values().map(|hold| (key.0.clone(), hold.clone()));
        let completed = self.completed.iter().map(|(order, at)| ((key.0.clone(), order_id(*order)), *at));
        let mut book = Book::new(&self.programme, [(key.clone(), self.account.clone())].into(), BTreeMap::new())
            .with_holds(holds)
            .with_completed(completed);
        let answer = write(&mut book, &key);
        let written = book.close();
        for effect in written.effects {
            if let What::Posted { entry, .. } = effect.what {
                self.entries.push(entry);
            }
        }
        if let Some((_, account)) = written.accounts.into_iter().next() {
            self.account = account;
        }
        self.holds.extend(written.holds.into_iter().map(|(_, hold)| (hold.id.clone(), hold)));
        answer
    }

    fn apply(&mut self, op: &Op) {
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
                    self.model.activate(&Release::Order(order_id(order)), Some(self.point_type.lapse_of(at)));
                    self.model.advance(at);
                }
            }
            Op::Spend { points } => {
                let available = self.model.available();
                let got = self.in_book(|book, key| book.spend(key, points, Occasion::default(), at));
                match got {
                    Err(refusal) => assert_eq!(refusal, Refusal::BalanceShort { available, amount: points }),
                    Ok((_, after)) => {
                        assert_eq!(after, available - points);
                        self.model.spend(points);
                    }
                }
            }
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
        let (_, landing) = self.in_book(|book, key| book.earn(key, points, occasion, at).unwrap());
        let active_from = match (policy, order) {
            (Activation::Days(days), _) => Ok(self.point_type.zone.add_days_end(occurred_at, days)),
            (Activation::OrderCompleted, Some(order)) => match self.completed.get(&order) {
                Some(completed) => Ok(occurred_at.max(*completed)),
                None => Err(Release::Order(order_id(order))),
            },
            (Activation::AtOnce | Activation::OrderCompleted, _) => Ok(occurred_at),
        };
        match active_from {
            Ok(from) if from > at => self.model.wait(points, &Release::At(from), self.point_type.lapse_of(from)),
            Ok(from) => self.model.earn(points, self.point_type.lapse_of(from)),
            Err(release) => self.model.wait(points, &release, None),
        }
        self.earned.push((landing, points));
        self.model.advance(at);
    }

    fn take_back(&mut self, landing: &Landing, points: i64) {
        let at = self.now;
        self.in_book(|book, key| book.take_back(key, points, landing, Occasion::default(), at).unwrap());
        let lot = (!matches!(landing.release, Some(Release::Order(_)))).then_some(landing.expires_at);
        let left = self.model.take_back(points, landing.release.as_ref(), lot);
        if self.model.policy != ReversalPolicy::MayGoNegative {
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
        let new_date = self.point_type.lapse_of(at);
        let (state, amount) = (self.model.holds[nth].state, self.model.holds[nth].amount);
        let open = state == HoldState::Open;
        match how {
            How::Capture => {
                let got = self.in_book(|book, key| book.capture(key, &id, points, occasion, at));
                assert_eq!(got.is_ok(), open && points <= amount, "{got:?}");
                if got.is_ok() {
                    let points = if points == 0 { amount } else { points };
                    self.model.capture(nth, points, at, new_date);
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
                    self.model.give_back(nth, points, at, new_date);
                }
            }
            How::Confirm => {
                self.in_book(|book, key| book.confirm(key, &id, points, occasion, at).unwrap());
                let points = points.min(amount);
                match state {
                    HoldState::Open if points == 0 => self.model.release(nth, at),
                    HoldState::Open => self.model.capture(nth, points, at, new_date),
                    HoldState::Released | HoldState::Expired if points > 0 => {
                        self.model.capture_late(nth, points, at, new_date);
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
                self.model.give_back(nth, points, at, new_date);
            }
        }
    }

    /// What the account answers as of a time, by what is known now.
    fn as_of(&self, at: OffsetDateTime) -> Balance {
        let state = (self.account.clone(), self.holds.values().cloned().collect());
        balance(&self.point_type, &self.key, state, lapses(&self.entries), (at, self.now))
    }

    fn check(&self) {
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

fn order_id(n: usize) -> String {
    format!("o{n}")
}

fn hold_id(n: usize) -> EventId {
    EventId::new(format!("h{n:03}")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn entries_lots_holds_and_balances_agree_with_a_plain_model_after_every_step(
        activation in any_activation(),
        expiry in any_expiry(),
        policy in prop::sample::select(vec![
            ReversalPolicy::DownToZero,
            ReversalPolicy::MayGoNegative,
            ReversalPolicy::PendingOnly,
        ]),
        ops in prop::collection::vec(any_op(), 1..50),
    ) {
        let mut run = Run::new(activation, expiry, policy);
        for op in &ops {
            run.apply(op);
            run.check();
        }
        // booking what has fallen due changes no answer, as of whatever time
        let probes: Vec<_> = (0..60).map(|n| datetime!(2026-01-01 00:00 UTC) + Duration::days(13 * n)).collect();
        let before: Vec<_> = probes.iter().map(|at| run.as_of(*at)).collect();
        let at = run.now;
        run.in_book(|book, key| book.settle(key, at));
        run.check();
        let after: Vec<_> = probes.iter().map(|at| run.as_of(*at)).collect();
        prop_assert_eq!(before, after);
        prop_assert_eq!(run.account.next_due().filter(|date| *date <= at), None);
        prop_assert_eq!(run.account.claimed, run.model.claimed);
    }
}
