//! What happens to one user: drawn from the user's seed, in the order in which the outside tells of it.

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Price of one piece of what is bought in a checkout, in yuan.
pub(crate) const PIECE: i64 = 40;

/// Something that the outside does. Orders, checkouts and cases are named by their place in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    Created {
        order: usize,
    },
    Paid {
        order: usize,
    },
    Completed {
        order: usize,
    },
    Cancelled {
        order: usize,
    },
    /// `pieces` 0: only the amount is known.
    Refunded {
        order: usize,
        refund: usize,
        yuan: i64,
        pieces: i64,
    },
    Visited {
        nth: usize,
    },
    /// The user's second id becomes known; later reports may name it.
    Linked,
    Given {
        points: i64,
    },
    Claimed,
    Reserved {
        checkout: usize,
        points: i64,
    },
    Confirmed {
        checkout: usize,
    },
    GivenUp {
        checkout: usize,
    },
    BroughtBack {
        checkout: usize,
        pieces: i64,
    },
    Submitted {
        case: usize,
        complaint: bool,
    },
    Resolved {
        case: usize,
        attempt: usize,
    },
    Rated {
        case: usize,
        attempt: usize,
        score: i64,
    },
    Reopened {
        case: usize,
        attempt: usize,
    },
}

impl Deed {
    /// Whether profiles is told of it as an event: many of these go in one call.
    pub(crate) fn is_report(&self) -> bool {
        use Deed::{Cancelled, Completed, Created, Paid, Refunded, Visited};
        matches!(
            self,
            Created { .. } | Paid { .. } | Completed { .. } | Cancelled { .. } | Refunded { .. } | Visited { .. }
        )
    }
}

/// Whose level-ups give growth. These users bring nothing back: what lifts them next would depend on which of both is
/// known first.
pub(crate) const CLIMB: &str = "climb";

/// A user's life.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// The site of all events: [`CLIMB`], or `shop`.
    pub(crate) site: &'static str,
    /// What each order costs, in yuan.
    pub(crate) orders: Vec<i64>,
    /// The order and the pieces of each checkout.
    pub(crate) checkouts: Vec<(usize, i64)>,
    pub(crate) deeds: Vec<Deed>,
}

impl History {
    pub(crate) fn of(seed: u64) -> Self {
        let rng = &mut StdRng::seed_from_u64(seed);
        let site = if rng.random_bool(0.3) { CLIMB } else { "shop" };
        let mut history = Self { site, orders: Vec::new(), checkouts: Vec::new(), deeds: Vec::new() };
        let mut threads: Vec<Vec<Deed>> = Vec::new();
        for _ in 0..rng.random_range(1..=2) {
            threads.push(history.order(rng));
        }
        if rng.random_bool(0.16) {
            threads.push(vec![Deed::Given { points: rng.random_range(1..=30) * 10 }]);
            threads.push(vec![Deed::Claimed]);
            for _ in 0..rng.random_range(1..=2) {
                threads.extend(history.checkout(rng));
            }
        }
        if rng.random_bool(0.12) {
            threads.extend((0..rng.random_range(1..=2)).map(|case| case_of(case, rng)));
        }
        if rng.random_bool(0.15) {
            threads.push((0..rng.random_range(1..=2)).map(|nth| Deed::Visited { nth }).collect());
        }
        history.deeds = merged(threads, rng);
        if rng.random_bool(0.1) {
            insert(&mut history.deeds, Deed::Linked, rng);
        }
        history
    }

    fn climbs(&self) -> bool {
        self.site == CLIMB
    }

    /// An order with its refunds, some of which are told before it.
    fn order(&mut self, rng: &mut StdRng) -> Vec<Deed> {
        let order = self.orders.len();
        self.orders.push(rng.random_range(2..=50) * 10);
        let mut deeds = way(order, self.climbs(), rng);
        if !self.climbs() && rng.random_bool(0.5) {
            let paid = self.orders[order];
            let mut left = paid;
            for refund in 0..rng.random_range(1..=3) {
                let yuan = if rng.random_bool(0.35) { left } else { rng.random_range(1..=paid) };
                left = (left - yuan).max(1);
                insert(&mut deeds, Deed::Refunded { order, refund, yuan, pieces: 0 }, rng);
            }
        }
        deeds
    }

    /// A checkout, and apart from it what the shop's other systems tell of its order.
    fn checkout(&mut self, rng: &mut StdRng) -> Vec<Vec<Deed>> {
        let (checkout, order, pieces) = (self.checkouts.len(), self.orders.len(), rng.random_range(1..=4));
        self.orders.push(PIECE * pieces);
        self.checkouts.push((order, pieces));
        let points = if rng.random_bool(0.6) { rng.random_range(1..=80) } else { 0 };
        let mut calls = vec![Deed::Reserved { checkout, points }];
        match rng.random_range(0..10) {
            0 => {}
            1..=2 => calls.push(Deed::GivenUp { checkout }),
            3 => calls.extend([Deed::GivenUp { checkout }, Deed::Confirmed { checkout }]),
            _ => calls.push(Deed::Confirmed { checkout }),
        }
        let mut told = way(order, self.climbs(), rng);
        if !self.climbs() {
            while rng.random_bool(0.4) {
                calls.push(Deed::BroughtBack { checkout, pieces: rng.random_range(1..=pieces) });
            }
            for refund in 0..rng.random_range(0..=2) {
                let back = rng.random_range(1..=pieces);
                let named = if rng.random_bool(0.7) { back } else { 0 };
                insert(&mut told, Deed::Refunded { order, refund, yuan: back * PIECE, pieces: named }, rng);
            }
        }
        vec![calls, told]
    }
}

/// How far an order comes, and of which of its steps profiles is told.
fn way(order: usize, completes: bool, rng: &mut StdRng) -> Vec<Deed> {
    let mut deeds = Vec::new();
    if rng.random_bool(0.3) {
        deeds.push(Deed::Created { order });
    }
    if rng.random_bool(0.6) {
        deeds.push(Deed::Paid { order });
    }
    match rng.random_range(0..10) {
        0 if !completes => deeds.push(Deed::Cancelled { order }),
        1..=2 => {}
        _ => deeds.push(Deed::Completed { order }),
    }
    if rng.random_bool(0.15) {
        insert(&mut deeds, Deed::Paid { order }, rng); // told twice, or late
    }
    deeds
}

fn case_of(case: usize, rng: &mut StdRng) -> Vec<Deed> {
    let mut deeds = vec![Deed::Submitted { case, complaint: rng.random_bool(0.7) }];
    for attempt in 1..=rng.random_range(1..=2) {
        deeds.push(Deed::Resolved { case, attempt });
        if rng.random_bool(0.6) {
            deeds.push(Deed::Rated { case, attempt, score: rng.random_range(1..=5) });
        }
        if rng.random_bool(0.5) {
            deeds.push(Deed::Reopened { case, attempt });
        }
    }
    deeds
}

fn insert(deeds: &mut Vec<Deed>, deed: Deed, rng: &mut StdRng) {
    let at = rng.random_range(0..=deeds.len());
    deeds.insert(at, deed);
}

/// All threads in one, each in its order.
fn merged(mut threads: Vec<Vec<Deed>>, rng: &mut StdRng) -> Vec<Deed> {
    threads.iter_mut().for_each(|thread| thread.reverse());
    let mut all = Vec::new();
    loop {
        threads.retain(|thread| !thread.is_empty());
        if threads.is_empty() {
            return all;
        }
        let next = rng.random_range(0..threads.len());
        all.extend(threads[next].pop());
    }
}
