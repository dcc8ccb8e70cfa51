//! A report with one of everything.

use crate::demo::figures::{
    Amount, Campaign, Cases, Cohort, Coupons, Group, Input, Ledger, Level, Month, Points, Report, Rfm, RfmCell, Sales,
    Stage, Story, StoryLine, Tenant, YearFigures, YearMonth,
};
use crate::demo::proposals::tests::proposals;

pub(super) fn report() -> Report {
    let usd = |minor| Amount::new(minor, "USD", 2);
    Report {
        report_version: 2,
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
        year: Some(year()),
        bad_lines: vec![],
        refused: vec![],
        proposals: Some(proposals()),
    }
}

fn year() -> YearFigures {
    let usd = |minor| Amount::new(minor, "USD", 2);
    let group = |users, buyers, minor| Group {
        users,
        buyers,
        buyers_bp: 2000,
        orders: buyers,
        spend: usd(minor),
        spend_per_user: usd(minor / users),
    };
    YearFigures {
        months: vec![YearMonth {
            month: "1997-01".into(),
            points_issued: 12_345,
            points_in_circulation: 11_000,
            coupons_used: 321,
            discount: usd(432_100),
            ratings: 3,
            satisfied_bp: 6667,
            ..YearMonth::default()
        }],
        campaigns: vec![Campaign {
            campaign_id: "come-back".into(),
            label: "沉睡用户回归".into(),
            measure: "money",
            budget: usd(400_000_000),
            committed: usd(100_000_000),
            spent: usd(50_000),
            granted: 200,
            held_out: 50,
            coupons_used: 7,
            treated: group(200, 40, 80_000),
            control: group(50, 5, 10_000),
        }],
        coupons: vec![Coupons {
            template_id: "payday".into(),
            label: "Payday: 3 off 50".into(),
            granted: 0,
            claimed: 400,
            used: 110,
            returned: 10,
            expired: 290,
            discount: usd(33_000),
        }],
        cases: vec![Cases {
            quadrant: "QUADRANT_URGENT".into(),
            label: "urgent, not important".into(),
            submitted: 10,
            answered: 9,
            first_answer_median_seconds: 7_260,
            resolved: 8,
            resolution_median_seconds: 360_000,
            within_sla_bp: 8750,
            ratings: 4,
            satisfied_bp: 7500,
            reopened_bp: 1250,
        }],
        penalties: 3,
        story: Some(Story {
            user_id: "user-00042".into(),
            lines: vec![
                StoryLine { at: "1997-01-01T10:00:00Z".into(), kind: "order", text: "paid order o001".into() },
                StoryLine { at: "1997-01-01T21:00:00Z".into(), kind: "points", text: "earned +50 points".into() },
            ],
        }),
    }
}
