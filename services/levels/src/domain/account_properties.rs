//! Any sequence of writes against a plain model that knows no buckets: a list of grants, each with its own remainder.

use ids::{Key, UserId};
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use super::account::{Account, Occasion};
use super::book::{Book, Programme, What};
use super::entry::{Entry, EntryKind};
use super::order::Earning;
use super::point_type::{Expiry, PointType, ReversalPolicy};
use super::refusal::Refusal;
use units::text::LocalizedText;

#[derive(Debug, Clone)]
enum Op {
    Earn { points: i64, days_ago: i64 },
    Spend { points: i64 },
    TakeBack { nth: usize, points: i64 },
    Wait { hours: i64 },
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (1i64..100, prop_oneof![Just(0i64), 0i64..60]).prop_map(|(points, days_ago)| Op::Earn { points, days_ago }),
        (1i64..150).prop_map(|points| Op::Spend { points }),
        (any::<usize>(), 1i64..100).prop_map(|(nth, points)| Op::TakeBack { nth, points }),
        (1i64..400).prop_map(|hours| Op::Wait { hours }),
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

/// One grant after another; what is taken comes from the one that lapses first, among equals from the older.
#[derive(Default)]
struct Model {
    grants: Vec<(Option<OffsetDateTime>, i64)>,
    debt: i64,
}

impl Model {
    fn lapse(&mut self, at: OffsetDateTime) {
        self.grants.retain(|(lapses, _)| lapses.is_none_or(|lapses| lapses > at));
    }

    fn available(&self) -> i64 {
        (self.grants.iter().map(|(_, left)| left).sum::<i64>() - self.debt).max(0)
    }

    fn earn(&mut self, points: i64, lapses: Option<OffsetDateTime>) {
        let filled = points.min(self.debt);
        self.debt -= filled;
        self.grants.push((lapses, points - filled));
    }

    fn take_where(&mut self, mut points: i64, wanted: impl Fn(Option<OffsetDateTime>) -> bool) -> i64 {
        let mut order: Vec<usize> = (0..self.grants.len()).filter(|n| wanted(self.grants[*n].0)).collect();
        order.sort_by_key(|n| (self.grants[*n].0.is_none(), self.grants[*n].0, *n));
        for n in order {
            let taken = points.min(self.grants[n].1);
            self.grants[n].1 -= taken;
            points -= taken;
        }
        points
    }
}

struct Run {
    programme: Programme,
    user: UserId,
    account: Account,
    entries: Vec<Entry>,
    earned: Vec<(Option<OffsetDateTime>, i64)>,
    model: Model,
    now: OffsetDateTime,
}

impl Run {
    fn new(expiry: Expiry, reversal: ReversalPolicy) -> Self {
        let id = Key::new("points").unwrap();
        let start = datetime!(2026-01-20 07:00 UTC);
        let zone = Zone::new("Asia/Shanghai").unwrap();
        let display_name = LocalizedText::default();
        let point_type =
            PointType { id: id.clone(), display_name, spendable: true, expiry, reversal, zone, create_time: start };
        Self {
            programme: Programme { types: [(id, point_type)].into(), scheme: None },
            user: UserId::new("u").unwrap(),
            account: Account::default(),
            entries: Vec::new(),
            earned: Vec::new(),
            model: Model::default(),
            now: start,
        }
    }

    fn in_book(&mut self, write: impl FnOnce(&mut Book<'_>, &(UserId, Key))) {
        let key = (self.user.clone(), Key::new("points").unwrap());
        let mut book = Book::new(&self.programme, [(key.clone(), self.account.clone())].into(), Default::default());
        write(&mut book, &key);
        let written = book.close();
        for effect in written.effects {
            let What::Posted { entry, .. } = effect.what else { panic!("there is no scheme") };
            self.entries.push(entry);
        }
        if let Some((_, account)) = written.accounts.into_iter().next() {
            self.account = account;
        }
    }

    fn apply(&mut self, op: &Op) {
        let at = self.now;
        match *op {
            Op::Wait { hours } => {
                self.now += Duration::hours(hours);
                self.model.lapse(self.now);
            }
            Op::Earn { points, days_ago } => {
                let occurred_at = at - Duration::days(days_ago);
                let lapses = self.programme.types.values().next().unwrap().lapse_of(occurred_at);
                let occasion = Occasion { occurred_at: Some(occurred_at), ..Occasion::default() };
                self.in_book(|book, key| drop(book.earn(key, points, occasion, at).unwrap()));
                self.earned.push((lapses, points));
                self.model.earn(points, lapses);
                self.model.lapse(at);
            }
            Op::Spend { points } => {
                let short = points > self.model.available();
                let available = self.model.available();
                self.in_book(|book, key| {
                    let got = book.spend(key, points, Occasion::default(), at);
                    assert_eq!(got.is_err(), short);
                    match got {
                        Err(refusal) => assert_eq!(refusal, Refusal::BalanceShort { available, amount: points }),
                        Ok((_, after)) => assert_eq!(after, available - points),
                    }
                });
                if !short {
                    assert_eq!(self.model.take_where(points, |_| true), 0);
                }
            }
            Op::TakeBack { nth, points } if !self.earned.is_empty() => {
                let nth = nth % self.earned.len();
                let points = points.min(self.earned[nth].1);
                if points > 0 {
                    self.earned[nth].1 -= points;
                    self.take_back(self.earned[nth].0, points);
                }
            }
            Op::TakeBack { .. } => {}
        }
    }

    fn take_back(&mut self, lot: Option<OffsetDateTime>, points: i64) {
        let (at, user) = (self.now, self.user.clone());
        let policy = self.programme.types.values().next().unwrap().reversal;
        let earning = Earning {
            rule_id: Key::new("r").unwrap(),
            rule_version: 1,
            source_event: ids::EventId::new("e").unwrap(),
            point_type: Key::new("points").unwrap(),
            order_id: String::new(),
            earned: points,
            taken_back: 0,
            lot_expires_at: lot,
            lot_origin: user.clone(),
        };
        self.in_book(|book, _| book.take_back(&user, &earning, points, Occasion::default(), at).unwrap());
        let left = self.model.take_where(points, |lapses| lapses == lot);
        let left = self.model.take_where(left, |_| true);
        if policy == ReversalPolicy::MayGoNegative {
            self.model.debt += left;
        } else {
            assert_eq!(self.entries.last().unwrap().shortfall, left);
        }
    }

    /// What the account answers as of a time, by what is known now: lapses later than it are undone.
    fn as_of(&self, at: OffsetDateTime) -> i64 {
        let undone = |entry: &&Entry| entry.kind == EntryKind::Expire && entry.occurred_at > at;
        let lapsed_later: i64 = self.entries.iter().filter(undone).map(|entry| -entry.amount).sum();
        (self.account.lots.available(at) + lapsed_later - self.account.debt).max(0)
    }

    fn check(&self) {
        let account = &self.account;
        assert_eq!(account.available(self.now), self.model.available());
        assert_eq!(account.debt, self.model.debt);
        assert_eq!(self.entries.iter().map(|entry| entry.amount).sum::<i64>(), account.lots.sum() - account.debt);
        assert_eq!(self.entries.iter().map(|entry| entry.growth_change).sum::<i64>(), account.growth);
        assert!(account.growth >= 0 && (account.debt == 0 || account.lots.is_empty()));
        assert!(account.lots.iter().all(|lot| lot.points > 0));
        let (mut balance, mut recorded_at) = (0, OffsetDateTime::UNIX_EPOCH);
        for (n, entry) in self.entries.iter().enumerate() {
            balance += entry.amount;
            assert_eq!((entry.seq, entry.balance_after), (n as i64 + 1, balance));
            assert_eq!(entry.lots.iter().map(|change| change.points).sum::<i64>(), entry.amount);
            assert!(entry.recorded_at >= recorded_at);
            recorded_at = entry.recorded_at;
        }
        assert_eq!(account.entry_seq, self.entries.len() as i64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn entries_lots_and_balances_agree_with_a_plain_model_after_every_step(
        expiry in any_expiry(),
        negative in any::<bool>(),
        ops in prop::collection::vec(any_op(), 1..40),
    ) {
        let policy = if negative { ReversalPolicy::MayGoNegative } else { ReversalPolicy::DownToZero };
        let mut run = Run::new(expiry, policy);
        for op in &ops {
            run.apply(op);
            run.check();
        }
        // booking what has lapsed changes no answer, as of whatever time
        let probes: Vec<_> = (0..60).map(|n| datetime!(2026-01-01 00:00 UTC) + Duration::days(13 * n)).collect();
        let before: Vec<_> = probes.iter().map(|at| run.as_of(*at)).collect();
        let at = run.now;
        run.in_book(|book, key| book.settle(key, at));
        run.check();
        let after: Vec<_> = probes.iter().map(|at| run.as_of(*at)).collect();
        prop_assert_eq!(before, after);
        prop_assert_eq!(run.account.lots.next_expiry().filter(|date| *date <= at), None);
    }
}
