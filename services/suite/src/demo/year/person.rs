//! One user's year, after the Pareto/NBD model: everyone buys at a rate of their own until they silently leave.

use rand::{RngExt, rngs::StdRng};
use rand_distr::{Distribution, Exp, Gamma, LogNormal, weighted::WeightedIndex};
use time::{Duration, OffsetDateTime};

use super::{Claim, Ending, FESTIVALS, Frame, Till, shelf};
use crate::demo::deed::{Act, Basket, Deed};
use crate::demo::preset::{COME_BACK, DORMANT_DAYS, FESTIVAL, PAYDAY, WELCOME};

/// Share of the people who come that ever buy.
const BUYERS: f64 = 0.78;
/// Orders per day: gamma with this shape and a mean of one order in this many days.
const ORDER_RATE: (f64, f64) = (0.8, 38.0);
/// Leaving per day: gamma with this shape and a mean of once in this many days.
const LEAVE_RATE: (f64, f64) = (0.7, 110.0);
/// Visits without an order: once in this many days on average, while the user stays.
const VISIT_EVERY_DAYS: f64 = 16.0;
/// Share of orders given up before they are sent.
const CANCELLED: f64 = 0.02;
/// Share of completed orders for which money is given back, half of them whole.
const REFUNDED: f64 = 0.05;
/// Share of those who take the coupon for newcomers, of those who take the festival's, and of the visits to the till before
/// which the one for payments is taken.
const CLAIMS: (f64, f64, f64) = (0.6, 0.4, 0.25);
/// Share of orders over the till, outside the store.
const TILL: f64 = 0.6;
/// Share of the visits to the till of those who have points in which they pay with some.
const PAYS_WITH_POINTS: f64 = 0.35;
/// Visits to the till that come to nothing, against those that end with an order: given up, and forgotten.
const GIVEN_UP: (f64, f64) = (0.05, 0.03);
/// Share of those who left that look in again within a month after they were called dormant, and buy if it costs less.
const LOOKS_IN: f64 = 0.35;
/// How likely people come in each hour of the day, against the others.
const HOURS: [u32; 24] = [3, 2, 1, 1, 1, 1, 2, 4, 5, 6, 7, 8, 11, 9, 6, 6, 6, 7, 8, 11, 15, 16, 12, 7];

/// What one user did.
pub(crate) struct History {
    pub(crate) registered_at: OffsetDateTime,
    pub(crate) deeds: Vec<Deed>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) tills: Vec<Till>,
}

/// Lets a user live from the day of their registration to the year's end.
pub(crate) fn live(user_id: &str, day: u32, channel: &str, frame: &Frame, rng: &mut StdRng) -> History {
    let registered_at = frame.instant(day, second_of_day(rng)).unwrap_or(frame.end);
    let mut person = Person {
        user_id,
        frame,
        till: if channel == "store" { 0.0 } else { TILL },
        history: History { registered_at, deeds: Vec::new(), claims: Vec::new(), tills: Vec::new() },
        orders: 0,
        visits: 0,
        points: 0,
    };
    let leave_rate = gamma(LEAVE_RATE, rng);
    let stays_days = exponential(leave_rate, rng);
    let leaves_at = registered_at + days(stays_days.min(400.0));
    person.visit(registered_at, rng);
    if rng.random_bool(CLAIMS.0) {
        person.claim(registered_at, WELCOME);
    }
    if rng.random_bool(BUYERS) {
        person.buy(leaves_at, rng);
    }
    person.look(leaves_at, rng);
    if person.orders > 0 && rng.random_bool(LOOKS_IN) {
        person.look_in(rng);
    }
    person.history
}

struct Person<'a> {
    user_id: &'a str,
    frame: &'a Frame,
    /// Share of the orders that go over the till.
    till: f64,
    history: History,
    orders: u32,
    visits: u32,
    /// About how many points the user has: by list prices, and without what campaigns gave.
    points: i64,
}

impl Person<'_> {
    /// The first order follows within days, the others at the user's own rate.
    fn buy(&mut self, leaves_at: OffsetDateTime, rng: &mut StdRng) {
        let rate = gamma(ORDER_RATE, rng);
        let taste = LogNormal::new(0.0, 0.5).expect("the spread is finite").sample(rng);
        let mut at = self.history.registered_at + days(exponential(0.4, rng).min(30.0));
        loop {
            at = self.awake(at, rng);
            if at >= self.frame.end {
                return;
            }
            self.order(at, taste, Ending::Bought, rng);
            at += days(exponential(rate, rng).max(0.02));
            if at > leaves_at {
                return;
            }
        }
    }

    /// Visits without an order, while the user stays.
    fn look(&mut self, leaves_at: OffsetDateTime, rng: &mut StdRng) {
        let mut at = self.history.registered_at;
        loop {
            at = self.awake(at + days(exponential(1.0 / VISIT_EVERY_DAYS, rng).max(0.1)), rng);
            if at > leaves_at || at >= self.frame.end {
                return;
            }
            self.visit(at, rng);
        }
    }

    /// One who left looks in again, and buys if it costs less than it used to.
    fn look_in(&mut self, rng: &mut StdRng) {
        let Some(last) = self.history.deeds.iter().filter(|deed| is_sign_of_life(&deed.act)).map(|deed| deed.at).max()
        else {
            return;
        };
        let dormant = f64::from(DORMANT_DAYS) + 1.0;
        let at = self.awake(last + days(rng.random_range(dormant..dormant + 28.0)), rng);
        if at < self.frame.end {
            self.order(at, 1.0, Ending::BoughtWith(COME_BACK), rng);
        }
    }

    fn order(&mut self, at: OffsetDateTime, taste: f64, ending: Ending, rng: &mut StdRng) {
        self.orders += 1;
        let order_id = format!("{}-o{:03}", self.user_id, self.orders);
        let mut basket = shelf::basket(order_id.clone(), taste, rng);
        basket.till = ending != Ending::Bought || rng.random_bool(self.till);
        let mut at = at;
        if basket.till {
            at = self.frame.users_stop(at);
            self.go_to_till(at, &basket, ending, rng);
        } else {
            self.visit(at - Duration::minutes(rng.random_range(2..40)), rng);
        }
        self.add(format!("{order_id}:paid"), at, Act::Paid(basket.clone()));
        if rng.random_bool(CANCELLED) {
            let at = at + days(rng.random_range(0.1..2.0));
            self.add(format!("{order_id}:cancelled"), at, Act::Cancelled { order_id });
            return;
        }
        let completed_at = at + days(rng.random_range(3.0..9.0));
        self.add(format!("{order_id}:completed"), completed_at, Act::Completed(basket.clone()));
        self.points += basket.total_minor / 100;
        if rng.random_bool(REFUNDED) {
            self.refund(&basket, completed_at + days(rng.random_range(1.0..10.0)), rng);
        }
    }

    /// Takes coupons on the way to the till, and perhaps goes there once more for nothing.
    fn go_to_till(&mut self, at: OffsetDateTime, basket: &Basket, ending: Ending, rng: &mut StdRng) {
        let today = self.frame.day(at);
        let festive = FESTIVALS.iter().any(|(days, _)| days.contains(&today));
        if festive && rng.random_bool(CLAIMS.1) {
            self.claim(at, FESTIVAL);
        }
        if rng.random_bool(CLAIMS.2) {
            self.claim(at, PAYDAY);
        }
        let ladder = [500, 300, 200, 100];
        let wanted = ladder.into_iter().find(|points| *points <= self.points);
        let points = wanted.filter(|_| ending == Ending::Bought && rng.random_bool(PAYS_WITH_POINTS)).unwrap_or(0);
        self.points -= points;
        let till =
            |at, basket: Basket, points, ending| Till { user_id: self.user_id.to_owned(), at, basket, points, ending };
        let mut visits = Vec::new();
        let draw = rng.random_range(0.0..1.0);
        if ending == Ending::Bought && draw < GIVEN_UP.0 + GIVEN_UP.1 {
            let ending = if draw < GIVEN_UP.0 { Ending::GivenUp } else { Ending::Forgotten };
            let before = self.frame.users_stop(at - days(rng.random_range(1.0..4.0)));
            let id = format!("{}-x", basket.order_id);
            if before > self.history.registered_at && before < at {
                visits.push(till(before, shelf::basket(id, 1.0, rng), 0, ending));
            }
        }
        visits.push(till(at, basket.clone(), points, ending));
        self.history.tills.extend(visits.into_iter().filter(|till| till.at < self.frame.end));
    }

    fn claim(&mut self, at: OffsetDateTime, template_id: &'static str) {
        let at = self.frame.users_stop(at);
        if at < self.frame.end {
            let claim_id = format!("{}-c{}", self.user_id, self.history.claims.len() + 1);
            self.history.claims.push(Claim { user_id: self.user_id.to_owned(), at, template_id, claim_id });
        }
    }

    fn refund(&mut self, basket: &Basket, at: OffsetDateTime, rng: &mut StdRng) {
        let whole = rng.random_bool(0.5);
        let share = if whole { 100 } else { rng.random_range(10..=60) };
        let order_id = basket.order_id.clone();
        let refund_id = format!("{order_id}-r1");
        let event_id = format!("{order_id}:refunded");
        let act = match basket.till {
            true => Act::Returned { order_id, refund_id, whole },
            false => Act::Refunded { order_id, refund_id, amount_minor: basket.total_minor * share / 100 },
        };
        self.add(event_id, at, act);
    }

    fn visit(&mut self, at: OffsetDateTime, rng: &mut StdRng) {
        self.visits += 1;
        let seconds: f64 = LogNormal::new(5.0, 0.9).expect("the spread is finite").sample(rng);
        let seconds = seconds.clamp(3.0, 7200.0) as i32;
        self.add(format!("{}-v{:04}", self.user_id, self.visits), at, Act::Visited { seconds });
    }

    /// Keeps what happens within the year.
    fn add(&mut self, event_id: String, at: OffsetDateTime, act: Act) {
        if at < self.frame.end {
            let user_id = self.user_id.to_owned();
            self.history.deeds.push(Deed { event_id, user_id, at, line: None, act });
        }
    }

    /// The same day at an hour at which people are awake, but not before the user registered.
    fn awake(&self, at: OffsetDateTime, rng: &mut StdRng) -> OffsetDateTime {
        let date = self.frame.local.date(at);
        let midnight = self.frame.local.instant(date.at(0, 0, 0, 0)).unwrap_or(at);
        let moved = midnight + Duration::seconds(i64::from(second_of_day(rng)));
        if moved > self.history.registered_at { moved } else { at }
    }
}

/// Whether profiles takes it for the user being there.
fn is_sign_of_life(act: &Act) -> bool {
    matches!(act, Act::Visited { .. } | Act::Paid(_))
}

fn second_of_day(rng: &mut StdRng) -> u32 {
    let hours = WeightedIndex::new(HOURS).expect("the weights are positive");
    u32::try_from(hours.sample(rng)).unwrap_or(0) * 3600 + rng.random_range(0..3600)
}

fn gamma((shape, mean_days): (f64, f64), rng: &mut StdRng) -> f64 {
    let scale = 1.0 / mean_days / shape;
    Gamma::new(shape, scale).expect("shape and scale are positive").sample(rng).max(1e-6)
}

fn exponential(rate: f64, rng: &mut StdRng) -> f64 {
    Exp::new(rate).expect("the rate is positive").sample(rng)
}

pub(super) fn days(days: f64) -> Duration {
    Duration::seconds_f64(days.min(4000.0) * 86_400.0)
}
