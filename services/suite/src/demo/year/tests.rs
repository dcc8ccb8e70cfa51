//! What a generated year looks like.

use std::collections::{HashMap, HashSet};

use jiff::civil::date;
use proto::feedback::v1::CaseKind;

use super::*;
use crate::demo::deed::Act;

fn year(users: u32, seed: u64) -> Year {
    let local = Local::new("Asia/Shanghai").expect("the zone exists");
    generate(&Plan { users, seed, last_day: date(2026, 6, 30), days: DAYS }, &local).expect("a year")
}

fn orders_by_user(year: &Year) -> HashMap<&str, i64> {
    let mut orders = HashMap::new();
    for deed in &year.deeds {
        if matches!(deed.act, Act::Paid(_)) {
            *orders.entry(deed.user_id.as_str()).or_default() += 1;
        }
    }
    orders
}

#[test]
fn equal_settings_give_equal_years_and_another_seed_another() {
    assert_eq!(year(50, 7), year(50, 7));
    assert_ne!(year(50, 7), year(50, 8));
}

#[test]
fn a_larger_year_contains_the_smaller_one() {
    let (small, large) = (year(20, 7), year(40, 7));
    let ids: HashSet<_> = large.deeds.iter().map(|deed| &deed.event_id).collect();
    assert!(small.deeds.iter().all(|deed| ids.contains(&deed.event_id)));
}

#[test]
fn every_event_id_is_given_once_and_times_lie_in_the_year_in_order() {
    let year = year(300, 7);
    let ids: HashSet<_> = year.deeds.iter().map(|deed| &deed.event_id).collect();
    assert_eq!(ids.len(), year.deeds.len());
    assert!(year.deeds.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let (first, last) = (year.deeds[0].at, year.deeds[year.deeds.len() - 1].at);
    assert!(last - first <= time::Duration::days(366), "{first} to {last}");
}

#[test]
fn a_few_buy_often_and_many_once_or_never() {
    let year = year(2000, 7);
    let orders = orders_by_user(&year);
    let buyers = orders.len() as f64;
    assert!((0.7..0.85).contains(&(buyers / 2000.0)), "{buyers}");
    let repeat = orders.values().filter(|count| **count > 1).count() as f64 / buyers;
    assert!((0.4..0.75).contains(&repeat), "{repeat}");
    let total: i64 = orders.values().sum();
    let mut counts: Vec<_> = orders.values().copied().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let top: i64 = counts.iter().take(counts.len() / 5).sum();
    assert!(top as f64 / total as f64 > 0.45, "{top} of {total}");
}

#[test]
fn what_comes_back_names_an_order_completed_before_and_is_never_more() {
    let year = year(1000, 7);
    let mut completed = HashMap::new();
    let (mut refunds, mut returns) = (0, 0);
    for deed in &year.deeds {
        match &deed.act {
            Act::Completed(basket) => {
                completed.insert(basket.order_id.clone(), (basket.total_minor, basket.till));
            }
            Act::Refunded { order_id, amount_minor, .. } => {
                refunds += 1;
                let (total, till) = completed[order_id];
                assert!(!till && (1..=total).contains(amount_minor), "{order_id}");
            }
            Act::Returned { order_id, .. } => {
                returns += 1;
                assert!(completed[order_id].1, "{order_id} was not sold over the till");
            }
            _ => {}
        }
    }
    assert!(refunds > 10 && returns > 10, "{refunds} refunds, {returns} returns");
}

#[test]
fn every_order_over_the_till_was_there_before_it_was_paid() {
    let year = year(500, 7);
    let tills: HashMap<_, _> = year.tills.iter().map(|till| (&till.basket.order_id, till.at)).collect();
    let mut paid = 0;
    for deed in &year.deeds {
        if let Act::Paid(basket) = &deed.act
            && basket.till
        {
            paid += 1;
            assert!(tills[&basket.order_id] <= deed.at, "{}", basket.order_id);
        }
    }
    assert!(paid > 100, "{paid}");
}

#[test]
fn what_users_do_themselves_happens_at_stops_that_are_theirs() {
    let year = year(300, 7);
    let theirs: HashSet<_> = year.stops.iter().filter(|stop| stop.shift == Shift::Users).map(|stop| stop.at).collect();
    assert!(year.stops.windows(2).all(|pair| pair[0].at < pair[1].at));
    let claims = year.claims.iter().map(|claim| claim.at);
    let tills = year.tills.iter().map(|till| till.at);
    let sayings = year.sayings.iter().map(|saying| saying.at);
    assert!(claims.chain(tills).chain(sayings).all(|at| theirs.contains(&at)));
}

#[test]
fn users_speak_both_languages_and_fill_every_blank() {
    let year = year(1000, 7);
    assert!(year.sayings.len() > 100, "{}", year.sayings.len());
    let chinese = year.sayings.iter().filter(|saying| saying.lang == Lang::Zh).count();
    assert!(chinese > 50 && chinese < year.sayings.len() - 30, "{chinese} of {}", year.sayings.len());
    for saying in &year.sayings {
        assert!(!saying.text.contains(['{', '}']), "{}", saying.text);
        assert_eq!(saying.kind == CaseKind::UserReport, !saying.about.is_empty(), "{saying:?}");
        assert_ne!(saying.about, saying.user_id);
    }
}
