//! What stands on the page.

use super::sample::report;
use super::*;
use crate::demo::figures::{Mismatch, Refused, Replay};
use crate::demo::orders_file::BadLine;

#[test]
fn the_page_shows_the_year() {
    let page = write(&report(), Lang::En);
    for expected in [
        "4,321.00",
        "67 %",
        "1,000,000.00 USD",
        "25.00 %",
        "held out",
        "4.00 USD",
        "2:01 h",
        "100:00 h",
        "87.50 %",
        "penalties: 3",
        "user-00042",
        "  1997-01-01  10:00  ■  paid order o001",
        "              21:00  ○  earned +50 points",
    ] {
        assert!(page.contains(expected), "{expected} is missing:\n{page}");
    }
    let page = write(&report(), Lang::Zh);
    for expected in ["活动：发放与预算", "对照", "核销率", "首响中位数", "一位用户的一年"] {
        assert!(page.contains(expected), "{expected} is missing:\n{page}");
    }
}

/// Columns on screen: Chinese takes two each.
fn width(line: &str) -> usize {
    line.chars().map(|c| if c >= '\u{2e80}' { 2 } else { 1 }).sum()
}

#[test]
fn every_row_of_a_table_is_as_wide_as_the_others_on_screen() {
    for lang in [Lang::En, Lang::Zh] {
        let page = write(&report(), lang);
        for table in page.split("\n\n").filter(|part| part.contains('┌')) {
            let rows = table.lines().filter(|line| line.starts_with(['┌', '│', '╞', '└']));
            let widths: Vec<_> = rows.map(width).collect();
            assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{widths:?}\n{table}");
        }
    }
}

#[test]
fn the_foot_tells_how_the_replay_went() {
    let replay = Replay { events: 3, taken: 3, events_per_second: 1234.4, ..Replay::default() };
    assert!(foot(&Measured { replay, bundle: None }, Lang::En).contains("1,234 events/s"));
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
fn the_page_fits_a_screen_of_120_columns() {
    for lang in [Lang::En, Lang::Zh] {
        let page = write(&report(), lang);
        let wide: Vec<_> = page.lines().filter(|line| width(line) > 120).collect();
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
