//! What becomes of checkouts, of their points, and of coupons.

use std::collections::BTreeMap;

use super::history::{Deed, History};
use super::orders::{Event, Orders, Returned};
use super::plain::{Answer, Gift, OPEN, SPENT, Standing, checkout_id};

const RESERVED: i16 = 1;
const CONFIRMED: i16 = 2;
const CANCELLED: i16 = 3;
const HOLD_OPEN: i16 = 1;
const HOLD_CAPTURED: i16 = 2;
const HOLD_RELEASED: i16 = 3;
const COUPON_HELD: i16 = 1;
const COUPON_RESERVED: i16 = 2;
const COUPON_USED: i16 = 3;
const COUPON_VOID: i16 = 4;

/// A checkout as its calls were answered.
#[derive(Default)]
struct Checkout {
    state: i16,
    points: i64,
    brought_back: i64,
}

/// Adds checkouts, holds and coupons; answers what checkouts did to the points.
pub(crate) fn settle(history: &History, told: &[(Deed, Answer)], orders: &Orders, after: &mut Standing) -> i64 {
    let mut checkouts: BTreeMap<usize, Checkout> = BTreeMap::new();
    // who has a coupon last
    let mut with: BTreeMap<String, (String, usize)> = BTreeMap::new();
    let mut claimed = 0;
    for (deed, answer) in told {
        match (deed, answer) {
            (_, Answer::Refused(_)) => {}
            (Deed::Claimed, _) => claimed += 1,
            (Deed::Reserved { checkout, .. }, Answer::Reserved { points, coupons }) => {
                checkouts.insert(*checkout, Checkout { state: RESERVED, points: *points, brought_back: 0 });
                for (coupon, template) in coupons {
                    with.insert(coupon.clone(), (template.clone(), *checkout));
                }
            }
            (Deed::Confirmed { checkout }, _) => checkouts.entry(*checkout).or_default().state = CONFIRMED,
            (Deed::GivenUp { checkout }, _) => checkouts.entry(*checkout).or_default().state = CANCELLED,
            (Deed::BroughtBack { checkout, pieces }, _) => {
                checkouts.entry(*checkout).or_default().brought_back += pieces;
            }
            _ => {}
        }
    }
    let mut points = 0;
    let mut whole: BTreeMap<usize, bool> = BTreeMap::new();
    for (checkout, it) in &checkouts {
        let (order, pieces) = history.checkouts[*checkout];
        let (back, complete) = given_back(orders, order, (pieces, it));
        whole.insert(*checkout, complete);
        let hold = match it.state {
            CONFIRMED => (HOLD_CAPTURED, it.points, back),
            CANCELLED => (HOLD_RELEASED, 0, 0),
            _ => (HOLD_OPEN, 0, 0),
        };
        points += hold.2 - hold.1;
        after.checkouts.insert(checkout_id(*checkout), it.state);
        if it.points > 0 {
            after.holds.insert(checkout_id(*checkout), hold);
        }
    }
    let state = |checkout: &usize| match checkouts[checkout].state {
        RESERVED => COUPON_RESERVED,
        CONFIRMED if !whole[checkout] => COUPON_USED,
        _ => COUPON_HELD,
    };
    let taken = |template: &str| -> Vec<i16> {
        with.values().filter(|(of, _)| of == template).map(|(_, checkout)| state(checkout)).collect()
    };
    coupons(orders, after, claimed, taken);
    points
}

/// Points that come back in all, and whether everything did.
fn given_back(orders: &Orders, order: usize, (bought, it): (i64, &Checkout)) -> (i64, bool) {
    let returned = orders.returned.get(&order).copied().unwrap_or_default();
    let (named, loose) = orders.refunds(order);
    let whole = returned.cancelled || returned.total > 0 && returned.refunded >= returned.total;
    let pieces = if whole { bought } else { it.brought_back.max(named).min(bought) };
    let by_money = if returned.total > 0 { it.points * loose.min(returned.total) / returned.total } else { 0 };
    ((it.points * pieces / bought).max(by_money), pieces == bought)
}

/// The coupons of each template, and what campaigns gave of them.
fn coupons(orders: &Orders, after: &mut Standing, claimed: usize, taken: impl Fn(&str) -> Vec<i16>) {
    let first = orders.log.iter().find(|event| matches!(event, Event::Paid { .. })).map(Event::order);
    let revoked = first.is_some_and(|order| orders.returned.get(&order).is_some_and(Returned::whole));
    let sorry = after.gifts.get("sorry").map_or(0, Vec::len);
    for (template, issued, cost) in
        [("tea", claimed, 0), ("thanks", usize::from(first.is_some()), 500), ("sorry", sorry, 300)]
    {
        let mut states = taken(template);
        states.resize(issued.max(states.len()), COUPON_HELD);
        let void = template == "thanks" && revoked;
        for state in states.iter_mut().filter(|state| **state == COUPON_HELD && void) {
            *state = COUPON_VOID;
        }
        states.sort_unstable();
        let gift = |state: &i16| Gift {
            amount: 1,
            cost,
            taken_back: i64::from(*state == COUPON_VOID),
            fate: if *state == COUPON_USED { SPENT } else { OPEN },
        };
        if cost > 0 && !states.is_empty() {
            after.gifts.insert(template.to_owned(), states.iter().map(gift).collect());
        }
        if !states.is_empty() {
            after.coupons.insert(template.to_owned(), states);
        }
    }
}
