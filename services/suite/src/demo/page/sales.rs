//! What was sold, in all and by month.

use std::fmt::Write as _;

use super::{bar, heading, left, percent, right, table};
use crate::demo::amount::count;
use crate::demo::figures::Report;
use crate::demo::words::Lang;

pub(super) fn summary(report: &Report, lang: Lang) -> String {
    let sales = &report.sales;
    let title = lang.pick("经营概览", "The shop at a glance");
    let mut text = heading(&format!("{title}: {} ({})", report.input.name, report.tenant.tenant_id));
    let mut table = table(&[]);
    for (name, value) in [
        (lang.pick("订单", "orders"), count(sales.orders)),
        (lang.pick("用户", "users"), count(sales.users)),
        (lang.pick("付费用户", "buyers"), count(sales.buyers)),
        (lang.pick("收入", "revenue"), sales.revenue.text.clone()),
        (lang.pick("退款", "refunded"), sales.refunded.text.clone()),
        (lang.pick("复购用户", "repeat buyers"), count(sales.repeat_buyers)),
        (lang.pick("复购率", "repurchase rate"), percent(sales.repurchase_rate_bp)),
        (lang.pick("件数", "pieces"), count(sales.pieces)),
    ] {
        table.add_row([left(name), right(value)]);
    }
    let _ = writeln!(text, "{table}");
    text
}

pub(super) fn months(report: &Report, lang: Lang) -> String {
    let mut text = heading(lang.pick("月度收入", "Revenue by month"));
    let mut table = table(&[
        lang.pick("月份", "month"),
        lang.pick("订单", "orders"),
        lang.pick("付费用户", "buyers"),
        lang.pick("收入", "revenue"),
        "",
    ]);
    let most = report.months.iter().map(|month| month.revenue.minor).max().unwrap_or(0);
    for month in &report.months {
        table.add_row([
            left(&month.month),
            right(count(month.orders)),
            right(count(month.buyers)),
            right(&month.revenue.text),
            left(bar(month.revenue.minor, most, 30)),
        ]);
    }
    let _ = writeln!(text, "{table}");
    text
}
