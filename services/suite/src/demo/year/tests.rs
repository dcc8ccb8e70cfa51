//! What a generated year looks like.

use std::collections::{HashMap, HashSet};

use jiff::civil::date;

use super::*;

fn year(users: u32, seed: u64) -> Year {
    let local = Local::new("Asia/Shanghai").expect("the zone exists");
    generate(&Plan { users, seed, last_day: date(2026, 6, 30) }, &local).expect("a year")
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
fn refunds_name_an_order_completed_before_and_never_exceed_it() {
    let year = year(1000, 7);
    let mut completed = HashMap::new();
    let mut refunds = 0;
    for deed in &year.deeds {
        match &deed.act {
            Act::Completed(basket) => {
                completed.insert(basket.order_id.clone(), basket.total_minor);
            }
            Act::Refunded { order_id, amount_minor, .. } => {
                refunds += 1;
                assert!((1..=completed[order_id]).contains(amount_minor), "{order_id}");
            }
            _ => {}
        }
    }
    assert!(refunds > 20, "{refunds}");
}

#[test]
fn nobody_uses_more_points_than_they_earned() {
    let year = year(1000, 7);
    let mut earned: HashMap<&str, i64> = HashMap::new();
    for deed in &year.deeds {
        if let Act::Completed(basket) = &deed.act {
            *earned.entry(&deed.user_id).or_default() += basket.total_minor / 100;
        }
    }
    assert!(year.redemptions.len() > 50, "{}", year.redemptions.len());
    for redemption in &year.redemptions {
        assert!(redemption.points > 0 && redemption.points <= earned[redemption.user_id.as_str()], "{redemption:?}");
    }
}
