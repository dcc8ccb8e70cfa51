//! Who the users are: cohorts, stages, RFM cells.

use std::fmt::Write as _;

use super::{bar, heading, left, percent, right, table};
use crate::demo::amount::count;
use crate::demo::figures::{Cohort, Report};
use crate::demo::words::Lang;

/// Months after the first shown; the report has them all.
const MONTHS_SHOWN: usize = 6;

pub(super) fn cohorts(report: &Report, lang: Lang) -> String {
    let mut text = heading(lang.pick(
        "首购月份同期群：之后各月再次下单的人数与占比",
        "Cohorts by month of the first order: who ordered again in the months after",
    ));
    let after: Vec<String> = (1..=MONTHS_SHOWN).map(|month| format!("+{month}")).collect();
    let mut headers = vec![lang.pick("首购月份", "cohort"), lang.pick("用户", "users")];
    headers.extend(after.iter().map(String::as_str));
    let mut table = table(&headers);
    for cohort in &report.cohorts {
        let mut row = vec![left(&cohort.month), right(count(cohort.users))];
        row.extend((0..MONTHS_SHOWN).map(|month| right(returned(cohort, month))));
        table.add_row(row);
    }
    let _ = writeln!(text, "{table}");
    text
}

fn returned(cohort: &Cohort, month: usize) -> String {
    match (cohort.returned.get(month), cohort.returned_bp.get(month)) {
        (Some(users), Some(share)) => format!("{} {}", count(*users), percent(*share)),
        _ => String::new(),
    }
}

pub(super) fn stages(report: &Report, lang: Lang) -> String {
    let mut text = heading(lang.pick("生命周期阶段（数据期末）", "Stages at the end of the data"));
    let mut table = table(&[lang.pick("阶段", "stage"), lang.pick("用户", "users"), lang.pick("占比", "share"), ""]);
    let most = report.stages.iter().map(|stage| stage.users).max().unwrap_or(0);
    for stage in &report.stages {
        let bar = left(bar(stage.users, most, 30));
        table.add_row([left(&stage.label), right(count(stage.users)), right(percent(stage.share_bp)), bar]);
    }
    let _ = writeln!(text, "{table}");
    text
}

pub(super) fn rfm(report: &Report, lang: Lang) -> String {
    let rfm = &report.rfm;
    let title = lang.pick("RFM 八类（数据期末，窗口天数", "RFM cells at the end of the data (window in days");
    let mut text = heading(&format!("{title}: {})", rfm.window_days));
    let mut table = table(&[lang.pick("类别", "cell"), lang.pick("用户", "users"), lang.pick("净消费", "net spend")]);
    for cell in &rfm.cells {
        table.add_row([left(&cell.label), right(count(cell.users)), right(&cell.net_spend.text)]);
    }
    let _ = writeln!(text, "{table}");
    let _ = writeln!(
        text,
        "  {}: R ≤ {}, F ≥ {}, M ≥ {}",
        lang.pick("得 2、3、4、5 分的界限", "limits for scores 2, 3, 4, 5"),
        list(&rfm.recency_days),
        list(&rfm.frequency_orders),
        list(&rfm.monetary_minor)
    );
    text
}

fn list(values: &[impl ToString]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join("/")
}
