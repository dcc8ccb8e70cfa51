//! What is true of a user after a history, worked out from the rules alone: no log, no consumer, no batch. Of calls the
//! answers are facts: whether a coupon could be reserved depends on whether it had been granted by then.

use std::collections::BTreeMap;

use super::checkouts;
use super::history::{CLIMB, Deed, History};
use super::orders::{Event, Orders, Returned};
use super::programme::THRESHOLDS;

/// What a call was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    /// Points held, and coupons as (id, template).
    Reserved {
        points: i64,
        coupons: Vec<(String, String)>,
    },
    Refused(String),
}

/// A reward: what it gives, how much of it was taken back, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gift {
    pub(crate) amount: i64,
    pub(crate) cost: i64,
    pub(crate) taken_back: i64,
    pub(crate) fate: i16,
}

pub(crate) const OPEN: i16 = 1;
pub(crate) const SPENT: i16 = 2;
pub(crate) const REFUSED: i16 = 3;

/// Where a user stands in all four services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Profiles: orders that count, and what they cost less refunds.
    pub(crate) spend: (i64, i64),
    /// Levels: sums of entries by point type, and the rank.
    pub(crate) entries: BTreeMap<String, i64>,
    pub(crate) rank: i64,
    /// Levels and incentives: what came back of orders.
    pub(crate) returned_to_levels: BTreeMap<String, Returned>,
    pub(crate) returned_to_incentives: BTreeMap<String, Returned>,
    /// Levels: the hold of a checkout: its state, what was captured, what was given back.
    pub(crate) holds: BTreeMap<String, (i16, i64, i64)>,
    /// Incentives: states.
    pub(crate) checkouts: BTreeMap<String, i16>,
    /// Incentives: states of the coupons of each template.
    pub(crate) coupons: BTreeMap<String, Vec<i16>>,
    /// Incentives: what each campaign gave.
    pub(crate) gifts: BTreeMap<String, Vec<Gift>>,
    /// Feedback: net spend and rank that it knows.
    pub(crate) worth: (i64, i64),
    /// Feedback: state, attempt and ratings.
    pub(crate) cases: BTreeMap<String, (i16, i64, i64)>,
    /// Answers that the rules do not explain.
    pub(crate) surprises: Vec<String>,
}

/// Works it out.
pub(crate) fn standing(history: &History, told: &[(Deed, Answer)]) -> Standing {
    let mut orders = Orders::new(history);
    let mut after = Standing { surprises: orders.take(told), ..Standing::default() };
    after.spend = orders.spend();
    after.returned_to_levels = orders.returned.iter().map(|(order, it)| (order_id(*order), *it)).collect();
    after.returned_to_incentives = after.returned_to_levels.clone();
    let mut ledger = Ledger::default();
    by_orders(history, &orders, &mut after, &mut ledger);
    by_cases(told, &mut after, &mut ledger);
    ledger.add("points", checkouts::settle(history, told, &orders, &mut after));
    ledger
        .add("points", told.iter().map(|(deed, _)| if let Deed::Given { points } = deed { *points } else { 0 }).sum());
    after.entries = ledger.0.into_iter().filter(|(_, sum)| *sum != 0).map(|(of, sum)| (of.to_owned(), sum)).collect();
    after.worth = (after.spend.1, after.rank);
    after.gifts.values_mut().for_each(|gifts| gifts.sort());
    after
}

pub(crate) fn order_id(order: usize) -> String {
    format!("o{order}")
}

pub(crate) fn checkout_id(checkout: usize) -> String {
    format!("k{checkout}")
}

pub(crate) fn case_id(case: usize) -> String {
    format!("c{case}")
}

/// Sums of entries.
#[derive(Default)]
struct Ledger(BTreeMap<&'static str, i64>);

impl Ledger {
    fn add(&mut self, of: &'static str, points: i64) {
        *self.0.entry(of).or_default() += points;
    }
}

impl Standing {
    /// Points of a campaign that levels gives, and takes back again.
    fn points(&mut self, ledger: &mut Ledger, campaign: &str, of: &'static str, amount: i64, taken_back: i64) {
        ledger.add(of, amount - taken_back);
        let gift = Gift { amount, cost: amount, taken_back, fate: SPENT };
        self.gifts.entry(campaign.to_owned()).or_default().push(gift);
    }
}

fn rank(growth: i64) -> i64 {
    THRESHOLDS.iter().filter(|threshold| **threshold <= growth).count() as i64 - 1
}

/// What orders earn, the levels that this lifts to, and what campaigns give for both.
fn by_orders(history: &History, orders: &Orders, after: &mut Standing, ledger: &mut Ledger) {
    let back = |order: &usize, given: i64| orders.returned.get(order).map_or(0, |it| it.due(given));
    let mut so_far: BTreeMap<usize, Returned> = BTreeMap::new();
    let mut paid: Vec<usize> = Vec::new();
    let mut held = 0;
    // the ranks to which "up" rewarded a rise, and whether that was undone
    let mut rises: Vec<(i64, bool)> = Vec::new();
    let mut backs: Vec<usize> = Vec::new();
    for event in &orders.log {
        let order = event.order();
        let yuan = history.orders[order];
        match event {
            Event::Paid { .. } => paid.push(order),
            Event::Refunded { .. } | Event::Cancelled { .. } => event.add_to(so_far.entry(order).or_default()),
            Event::Completed { .. } => {
                let points = yuan - back(&order, yuan);
                ledger.add("points", points);
                if !so_far.get(&order).is_some_and(Returned::whole) {
                    if yuan >= 300 {
                        let lost = Gift { amount: 30, cost: 30, taken_back: 0, fate: REFUSED };
                        after.gifts.entry("lost".to_owned()).or_default().push(lost);
                    }
                    let stands = |it: &&usize| {
                        let given = history.orders[**it] / 10;
                        so_far.get(it).is_none_or(|back| back.due(given) < given)
                    };
                    if yuan >= 100 && backs.iter().filter(stands).count() < 2 {
                        backs.push(order);
                        after.points(ledger, "back", "points", yuan / 10, back(&order, yuan / 10));
                    }
                }
            }
        }
        let growth: i64 = paid
            .iter()
            .map(|it| (history.orders[*it], so_far.get(it)))
            .map(|(yuan, back)| yuan - back.map_or(0, |back| back.due(yuan)))
            .sum();
        rises.iter_mut().for_each(|(rise, undone)| *undone |= *rise > rank(growth));
        if rank(growth) > held && rank(growth) >= 2 && rises.iter().all(|(_, undone)| *undone) {
            rises.push((rank(growth), false));
        }
        held = rank(growth);
    }
    let mut growth: i64 = paid.iter().map(|it| history.orders[*it] - back(it, history.orders[*it])).sum();
    if history.site == CLIMB {
        for (campaign, from, points) in [("climb-1", 1, 150), ("climb-2", 2, 600)] {
            if rank(growth) >= from {
                growth += points;
                after.points(ledger, campaign, "growth", points, 0);
            }
        }
        if rank(growth) >= 3 {
            after.points(ledger, "climb-3", "points", 66, 0);
        }
        rises = if rank(growth) >= 2 { vec![(2, false)] } else { Vec::new() };
    }
    for (_, undone) in rises {
        after.points(ledger, "up", "points", 50, if undone { 50 } else { 0 });
    }
    let by_rewards: i64 = ledger.0.get("growth").copied().unwrap_or(0);
    ledger.add("growth", growth - by_rewards);
    after.rank = rank(growth);
}

fn by_cases(told: &[(Deed, Answer)], after: &mut Standing, ledger: &mut Ledger) {
    let (mut complaints, mut cared) = (Vec::new(), 0);
    for (deed, _) in told.iter().filter(|(_, answer)| !matches!(answer, Answer::Refused(_))) {
        match deed {
            Deed::Submitted { case, complaint } => {
                after.cases.insert(case_id(*case), (1, 1, 0));
                complaints.extend(complaint.then_some(*case));
            }
            Deed::Resolved { case, .. } => {
                after.cases.entry(case_id(*case)).or_default().0 = 4;
                if complaints.contains(case) && cared < 2 {
                    cared += 1;
                    after.points(ledger, "care", "points", 20, 0);
                }
            }
            Deed::Rated { case, score, .. } => {
                after.cases.entry(case_id(*case)).or_default().2 += 1;
                if *score <= 2 {
                    let sorry = Gift { amount: 1, cost: 300, taken_back: 0, fate: OPEN };
                    after.gifts.entry("sorry".to_owned()).or_default().push(sorry);
                }
            }
            Deed::Reopened { case, .. } => {
                let it = after.cases.entry(case_id(*case)).or_default();
                (it.0, it.1) = (2, it.1 + 1);
            }
            _ => {}
        }
    }
}
