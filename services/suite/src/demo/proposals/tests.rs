//! From the lines of a file to all proposals.

use jiff::{ToSpan as _, civil::date};
use proto::profiles::v1::{Models, RfmMethod, RfmModel, StageModel};

use super::cells::{Action, CellAction};
use super::*;
use crate::demo::deed::{Basket, Line};

/// A tenant's models as they are by default.
pub(crate) fn models() -> Models {
    Models {
        stage: Some(StageModel { loyal_orders: 5, dormant_after_days: 90, lost_after_days: 180 }),
        rfm: Some(RfmModel {
            method: RfmMethod::Thresholds.into(),
            window_days: 365,
            recency_days: vec![180, 90, 60, 30],
            frequency_orders: vec![2, 3, 5, 8],
            monetary_minor: vec![5000, 10_000, 20_000, 50_000],
        }),
        etag: String::new(),
    }
}

/// Proposals of every kind, with figures that are easy to find again.
pub(crate) fn proposals() -> Proposals {
    let usd = |minor| Amount::new(minor, "USD", 2);
    let level = |rank, threshold, wanted_bp, members| ProposedLevel {
        rank,
        threshold,
        wanted_bp,
        members,
        share_bp: wanted_bp,
        members_if_kept: members + 7,
    };
    Proposals {
        churn: Some(churn()),
        levels: Some(vec![level(0, 0, 6000, 5431), level(1, 40, 4000, 3621)]),
        steps: Some(Steps {
            baskets: 29_000,
            typical_item: usd(1437),
            typical_basket: usd(2598),
            steps: vec![steps::Step {
                threshold: usd(2900),
                discount: usd(200),
                near_bp: 2101,
                met_bp: 4402,
                cost_bp: 303,
            }],
            cost_bp: 303,
            cost_if_taken_bp: 404,
            added_if_taken_bp: 905,
            break_even_bp: 3606,
        }),
        rfm: Some(Cells {
            basis: "quintiles",
            payers: 9000,
            recency_days: [300, 200, 100, 50],
            frequency_orders: [1, 2, 3, 4],
            monetary_minor: [1500, 3000, 6000, 6001],
            cells: vec![CellAction {
                cell: "RFM_CELL_CHAMPION".into(),
                label: "champions".into(),
                users: 1707,
                share_bp: 1897,
                net_spend: usd(40_000_000),
                revenue_share_bp: 5108,
                action: Action { zh: "不打折", en: "no discounts" },
            }],
        }),
        cost: Some(Cost {
            days: 365,
            revenue: usd(100_000_000),
            points: 1_000_000,
            point_value: usd(1),
            points_gross: usd(1_000_000),
            points_followed: 500_000,
            breakage_bp: Some(4209),
            points_expected: usd(579_100),
            discounts: Some(usd(3_030_000)),
            total: usd(3_609_100),
            share_bp: 361,
        }),
        lacking: vec![Lacking { proposal: "steps", lack: Lack::Quantities }],
        bundle: Bundle { path: "shop-programme.json".into(), written: true },
    }
}

fn churn() -> Churn {
    let intervals = |after| churn::Intervals {
        after,
        closed: 34_567,
        open: 12_345,
        horizon_days: 400,
        return_bp: 7012,
        days: [21, 59, 119, 180],
    };
    Churn {
        lost_after_days: 120,
        dormant_after_days: 60,
        buyers: 23_570,
        lost_users: 18_001,
        lost_share_bp: 7637,
        dormant_users: 1234,
        lost_who_return_bp: 811,
        closed_only_days: 99,
        short: true,
        intervals: vec![intervals("all"), intervals("after_first"), intervals("after_later")],
    }
}

fn order(user: usize, day: i32, pieces: i64, quantity_known: bool) -> Deed {
    let local = Local::new("UTC").expect("UTC exists");
    let at = date(2025, 1, 1).saturating_add(day.days()).at(8, 0, 0, 0);
    let total_minor = pieces * 1000;
    let line = Line { quantity: pieces, paid_minor: total_minor, ..Line::default() };
    Deed {
        event_id: format!("{user}-{day}"),
        user_id: format!("u{user}"),
        at: local.instant(at).expect("an instant"),
        line: None,
        act: Act::Completed(Basket {
            order_id: format!("{user}-{day}"),
            lines: quantity_known.then_some(line).into_iter().collect(),
            total_minor,
            till: false,
        }),
    }
}

/// 300 users, each with 1 to 5 orders of 1 to 6 pieces, 7 to 42 days apart.
fn year(quantity_known: bool) -> Base {
    let mut deeds = Vec::new();
    for user in 0..300 {
        let mut day = i32::try_from(user % 250).unwrap_or(0);
        for index in 0..=(user * 7 % 5) {
            deeds.push(order(user, day, (user * 3 + index * 5) as i64 % 6 + 1, quantity_known));
            day += 7 + i32::try_from((user * 11 + index * 13) % 36).unwrap_or(0);
        }
    }
    deeds.sort_by_key(|deed| deed.at);
    let local = Local::new("UTC").expect("UTC exists");
    let last = local.date(deeds.last().expect("orders").at);
    gather(&deeds, &local, last)
}

#[test]
fn a_years_orders_give_every_proposal() {
    let coin = Coin { currency: "USD", decimals: 2 };
    let counted = Rfm {
        recency_days: vec![180, 90, 60, 30],
        frequency_orders: vec![2, 3, 5, 8],
        monetary_minor: vec![5000, 10_000, 20_000, 50_000],
        ..Rfm::default()
    };
    let got = propose(year(true), &counted, false, &coin);
    assert_eq!(got.lacking, []);
    let churn = got.churn.expect("churn");
    assert_eq!(churn.buyers, 300);
    assert!(churn.lost_after_days <= 43, "{churn:?}");
    assert_eq!(got.levels.expect("levels").iter().map(|level| level.members).sum::<i64>(), 300);
    assert_eq!(got.steps.expect("steps").typical_item.minor, 1000);
    assert_eq!(got.rfm.expect("cells").basis, "defaults");
    assert!(got.cost.expect("a cost").share_bp > 0);
}

#[test]
fn a_file_without_pieces_gives_all_but_the_steps() {
    let coin = Coin { currency: "USD", decimals: 2 };
    let got = propose(year(false), &Rfm::default(), false, &coin);
    let lacking: Vec<_> = got.lacking.iter().map(|lacking| (lacking.proposal, lacking.lack)).collect();
    assert_eq!(lacking, [("steps", Lack::Quantities), ("rfm", Lack::Cells)]);
    assert_eq!(got.cost.expect("a cost").discounts, None);
}

#[test]
fn what_is_lacking_is_told_in_the_report() {
    let lacking = Lacking { proposal: "churn", lack: Lack::Returns { found: 9, needed: 100 } };
    let json = serde_json::to_value(&lacking).expect("JSON");
    assert_eq!(json, serde_json::json!({"proposal": "churn", "lack": "returns", "found": 9, "needed": 100}));
}
