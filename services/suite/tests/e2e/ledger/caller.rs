//! Callers: each does one thing after the other, asks again until the answer is definite, and keeps what it was told.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use testkit::eventually_within;
use tokio::sync::watch;

use super::deed::{Answer, Asked, Calls, Deed};

/// How long a call is repeated while the suite does not answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one call may take.
const CALL_MAX: Duration = Duration::from_secs(10);

/// What one was told.
pub(crate) struct Told {
    /// What was asked.
    pub(crate) asked: Asked,
    /// The definite answer.
    pub(crate) answer: Answer,
}

/// What all callers of a run have in common.
pub(crate) struct Run {
    /// Definite answers so far.
    pub(crate) answers: watch::Sender<u64>,
    /// Calls whose outcome was unknown at first.
    pub(crate) unknown: AtomicU64,
    /// Of these, those that had had their effect.
    pub(crate) had_effect: AtomicU64,
    /// Set when callers should come to an end.
    pub(crate) over: AtomicBool,
}

/// Whose points a caller moves.
pub(crate) enum Ground {
    /// One account, which all callers of its kind share.
    One(String),
    /// Points go from the first to the second.
    Crossing(String, String),
    /// Any of so many accounts; the caller opens those of its share first.
    Many {
        /// How many.
        accounts: u32,
        /// The first of the caller's share.
        first: u32,
        /// How many of them.
        share: u32,
    },
}

/// One caller.
pub(crate) struct Caller<'a> {
    name: String,
    run: &'a Run,
    calls: Calls,
    rng: StdRng,
    told: Vec<Told>,
}

/// The name of one of many accounts.
pub(crate) fn account(number: u32) -> String {
    format!("会员-{number:04}")
}

impl Run {
    /// At its beginning.
    pub(crate) fn new() -> Self {
        let (answers, _) = watch::channel(0);
        let over = AtomicBool::new(false);
        Self { answers, unknown: AtomicU64::new(0), had_effect: AtomicU64::new(0), over }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Asks until the answer is definite.
    pub(crate) async fn settle(&self, calls: &Calls, asked: &Asked) -> Answer {
        let tries = AtomicU64::new(0);
        let answer = eventually_within(PATIENCE, || async {
            tries.fetch_add(1, Ordering::Relaxed);
            match tokio::time::timeout(CALL_MAX, calls.ask(asked)).await {
                Ok(answer) => answer.map_err(|status| format!("{:?}: {}", status.code(), status.message())),
                Err(_) => Err("no answer in time".to_owned()),
            }
        })
        .await;
        if tries.into_inner() > 1 {
            self.unknown.fetch_add(1, Ordering::Relaxed);
            self.had_effect.fetch_add(u64::from(answer.replayed), Ordering::Relaxed);
        }
        answer
    }
}

impl<'a> Caller<'a> {
    /// One that nobody else shares the name and the dice of.
    pub(crate) fn new(name: String, run: &'a Run, calls: Calls, seed: u64) -> Self {
        Self { name, run, calls, rng: StdRng::seed_from_u64(seed), told: Vec::new() }
    }

    /// Calls until the run is over; returns what it was told.
    pub(crate) async fn call(mut self, ground: &Ground) -> Vec<Told> {
        match ground {
            Ground::One(user) => {
                while !self.run.is_over() {
                    self.on_one(user, false).await;
                }
            }
            Ground::Crossing(from, to) => {
                while !self.run.is_over() {
                    let amount = self.amount();
                    self.tell(from, Deed::Transfer(to.clone(), amount)).await;
                }
            }
            Ground::Many { accounts, first, share } => {
                for number in *first..first + share {
                    self.tell(&account(number), Deed::Earn(100)).await;
                }
                while !self.run.is_over() {
                    self.on_many(*accounts).await;
                }
            }
        }
        self.told
    }

    /// One to four deeds of one account, each about what came of those before. What is taken back of an earning while
    /// others hold points is taken later from what comes free, by an entry that no call names: so only without holds.
    async fn on_one(&mut self, user: &str, takes_earnings_back: bool) {
        let amount = self.amount();
        match self.rng.random_range(0..8) {
            0 | 1 => {
                let seq = self.tell(user, Deed::Earn(amount)).await.made.first().map(|made| made.seq);
                if let Some(seq) = seq.filter(|_| takes_earnings_back) {
                    self.tell(user, Deed::Reverse(seq, amount / 2)).await;
                    self.tell(user, Deed::Reverse(seq, 0)).await;
                }
            }
            2 | 3 => {
                let seq = self.tell(user, Deed::Spend(amount)).await.made.first().map(|made| made.seq);
                if let Some(seq) = seq.filter(|_| self.rng.random_bool(0.5)) {
                    self.tell(user, Deed::Reverse(seq, 0)).await;
                }
            }
            4 => {
                let sign = if self.rng.random_bool(0.5) { 1 } else { -1 };
                self.tell(user, Deed::Adjust(sign * amount)).await;
            }
            _ if takes_earnings_back => {
                self.tell(user, Deed::Spend(amount)).await;
            }
            _ => self.hold(user, amount).await,
        }
    }

    async fn hold(&mut self, user: &str, amount: i64) {
        let Some((hold, _)) = self.tell(user, Deed::Hold(amount)).await.hold else { return };
        match self.rng.random_range(0..12) {
            0 => {} // stays open
            1..4 => drop(self.tell(user, Deed::Release(hold)).await),
            _ => {
                let used = self.rng.random_range(1..=amount);
                self.tell(user, Deed::Capture(hold.clone(), used)).await;
                if self.rng.random_bool(0.5) {
                    let back = self.rng.random_range(1..=used);
                    self.tell(user, Deed::GiveBack(hold, back)).await;
                }
            }
        }
    }

    async fn on_many(&mut self, accounts: u32) {
        let number = self.rng.random_range(0..accounts);
        if self.rng.random_bool(0.25) {
            let to = (number + self.rng.random_range(1..accounts)) % accounts;
            let amount = self.amount();
            self.tell(&account(number), Deed::Transfer(account(to), amount)).await;
        } else {
            self.on_one(&account(number), number % 2 == 1).await;
        }
    }

    fn amount(&mut self) -> i64 {
        self.rng.random_range(2..=60)
    }

    /// Asks, sometimes twice at once, sometimes with another body afterwards.
    async fn tell(&mut self, user: &str, deed: Deed) -> Answer {
        let id = format!("{}-{}", self.name, self.told.len());
        let asked = Asked { id, user: user.to_owned(), deed };
        let answer = if self.rng.random_bool(0.1) {
            let (one, two) = tokio::join!(self.run.settle(&self.calls, &asked), self.run.settle(&self.calls, &asked));
            assert!(one.whole == two.whole, "{asked:?} sent twice at once was answered in two ways: {one:?}, {two:?}");
            one
        } else {
            self.run.settle(&self.calls, &asked).await
        };
        if let Some(deed) = asked.deed.other().filter(|_| self.rng.random_bool(0.05)) {
            let other = self.run.settle(&self.calls, &Asked { deed, ..asked.clone() }).await;
            assert_eq!(other.refused.as_deref(), Some("REQUEST_ID_REUSED"), "{asked:?} with another body: {other:?}");
        }
        self.told.push(Told { asked, answer: answer.clone() });
        self.run.answers.send_modify(|answers| *answers += 1);
        answer
    }
}
