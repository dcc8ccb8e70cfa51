//! What stands on the page.

use super::*;
use crate::demo::figures::{
    Amount, Cohort, Input, Ledger, Level, Mismatch, Month, Points, Refused, Replay, Rfm, RfmCell, Sales, Stage, Tenant,
};
use crate::demo::orders_file::BadLine;
use crate::demo::proposals::tests::proposals;

fn report() -> Report {
    let usd = |minor| Amount::new(minor, "USD", 2);
    Report {
        report_version: 1,
        input: Input {
            kind: "file",
            name: "orders.csv".into(),
            rows: 3,
            events: 3,
            data_end: "1998-07-01T00:00:00Z".into(),
        },
        tenant: Tenant { tenant_id: "orders".into(), zone: "UTC".into(), currency: "USD".into() },
        sales: Sales {
            orders: 69_659,
            users: 23_570,
            buyers: 23_570,
            repeat_buyers: 11_662,
            repurchase_rate_bp: 4948,
            revenue: usd(250_031_563),
            refunded: usd(0),
            pieces: 7,
        },
        months: vec![Month {
            month: "1997-01".into(),
            orders: 8928,
            buyers: 7846,
            revenue: usd(29_900_000),
            refunded: usd(0),
        }],
        cohorts: vec![Cohort { month: "1997-01".into(), users: 7846, returned: vec![1157], returned_bp: vec![1475] }],
        stages: vec![Stage { stage: "STAGE_REPEAT".into(), label: "repeat".into(), users: 10, share_bp: 5000 }],
        rfm: Rfm {
            cells: vec![RfmCell {
                cell: "RFM_CELL_CHAMPION".into(),
                label: "champions".into(),
                users: 3,
                net_spend: usd(999),
            }],
            window_days: 365,
            recency_days: vec![180, 90, 60, 30],
            frequency_orders: vec![2, 3, 5, 8],
            monetary_minor: vec![5000, 10_000, 20_000, 50_000],
        },
        points: vec![Points {
            point_type_id: "points".into(),
            label: "points".into(),
            issued: 1000,
            redeemed: 100,
            expired: 50,
            reversed: 10,
            adjusted: 0,
            in_circulation: 840,
            accounts: 12,
        }],
        levels: vec![Level { rank: 0, label: "Basic".into(), threshold: 0, members: 42 }],
        ledger: Ledger { accounts: 24, entries: 99, mismatches: vec![] },
        replay: Replay { events: 3, taken: 3, events_per_second: 1234.4, ..Replay::default() },
        bad_lines: vec![],
        refused: vec![],
        proposals: Some(proposals()),
    }
}

#[test]
fn the_page_shows_the_figures_of_the_report() {
    let page = write(&report(), Lang::En);
    for expected in [
        "69,659",
        "23,570",
        "2,500,315.63 USD",
        "49.48 %",
        "1,157 14.75 %",
        "champions",
        "R ≤ 180/90/60/30, F ≥ 2/3/5/8, M ≥ 5000/10000/20000/50000",
        "1,234 events/s",
    ] {
        assert!(page.contains(expected), "{expected} is missing:\n{page}");
    }
    assert!(!page.contains("Lines left out"), "{page}");
}

#[test]
fn the_page_speaks_chinese() {
    let page = write(&report(), Lang::Zh);
    for expected in ["复购率", "月度收入", "账本核对", "会员等级"] {
        assert!(page.contains(expected), "{expected} is missing:\n{page}");
    }
}

#[test]
fn the_page_ends_with_the_proposals() {
    let page = write(&report(), Lang::En);
    for expected in [
        "lost after 120 days without an order (90 % of returns come within 119)",
        "dormant after 60 (75 %)",
        "18,001 lost (76.37 % of 23,570 buyers), 1,234 dormant",
        "70.12 % in 400 days",
        "the data are too short",
        "0 Basic",
        "5,431",
        "29.00 USD",
        "covers the discounts once 36.06 %",
        "51.08 %",
        "no discounts",
        "42.09 %",
        "3.61 %",
        "Not proposed: threshold discount: no pieces in the file",
        "to edit and apply: shop-programme.json",
    ] {
        assert!(page.contains(expected), "{expected} is missing:\n{page}");
    }
    let page = write(&report(), Lang::Zh);
    for expected in ["120 天未下单为流失", "18,001 人", "等级门槛", "满减档位", "不打折", "未建议", "可编辑后启用"]
    {
        assert!(page.contains(expected), "{expected} is missing:\n{page}");
    }
}

#[test]
fn proposals_fit_a_screen_of_120_columns() {
    for lang in [Lang::En, Lang::Zh] {
        let page = write(&report(), lang);
        let wide: Vec<_> = page.lines().filter(|line| line.chars().count() > 120).collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }
}

#[test]
fn a_generated_year_proposes_nothing() {
    let page = write(&Report { proposals: None, ..report() }, Lang::En);
    assert!(!page.contains("Proposals"), "{page}");
}

#[test]
fn an_edited_programme_is_told_to_be_kept() {
    let mut report = report();
    report.proposals.iter_mut().for_each(|proposals| proposals.bundle.written = false);
    assert!(write(&report, Lang::En).contains("was kept (--bundle names another file): shop-programme.json"));
}

#[test]
fn lines_left_out_and_mismatches_are_listed() {
    let mut report = report();
    report.bad_lines = (2..40).map(|line| BadLine { line, reason: "the amount is empty".into() }).collect();
    report.refused.push(Refused { line: Some(9), event_id: "e9".into(), reason: "ALREADY_EXISTS".into() });
    report.ledger.mismatches.push(Mismatch {
        user_id: "u1".into(),
        point_type_id: "points".into(),
        entries_sum: 5,
        lots_sum: 4,
        last_balance: 5,
    });
    let page = write(&report, Lang::En);
    assert!(page.contains("line 2: the amount is empty"), "{page}");
    assert!(page.contains("(+19)"), "{page}");
    assert!(page.contains("u1 / points: 5 ≠ 4 (5)"), "{page}");
}

#[test]
fn bars_grow_by_eighths() {
    assert_eq!(bar(8, 8, 3), "███");
    assert_eq!(bar(1, 8, 1), "▏");
    assert_eq!(bar(0, 8, 3), "");
    assert_eq!(bar(1, 0, 3), "");
}

#[test]
fn the_report_is_json_with_its_documented_keys() {
    let json = serde_json::to_value(report()).expect("a report is JSON");
    let keys: Vec<_> = json.as_object().expect("an object").keys().cloned().collect();
    let readme = include_str!("../../../README.md");
    for key in keys {
        assert!(
            readme.contains(&format!("`{key}`")) || readme.contains(&format!("`{key}.")),
            "{key} is not documented"
        );
    }
    assert_eq!(json["sales"]["revenue"]["minor"], 250_031_563);
}
