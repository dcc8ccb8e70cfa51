//! What users have earned: points, levels, and whether the ledger agrees with itself.

use std::fmt::Write as _;

use super::{bar, heading, left, right, table};
use crate::demo::amount::count;
use crate::demo::figures::Report;
use crate::demo::words::Lang;

/// Mismatches shown; the report has them all.
const MISMATCHES_SHOWN: usize = 10;

pub(super) fn points(report: &Report, lang: Lang) -> String {
    let mut text = heading(lang.pick("积分（数据期末）", "Points at the end of the data"));
    let mut table = table(&[
        lang.pick("积分类型", "point type"),
        lang.pick("发放", "issued"),
        lang.pick("使用", "spent"),
        lang.pick("过期", "expired"),
        lang.pick("冲回", "taken back"),
        lang.pick("到期扣减", "level ends"),
        lang.pick("流通", "in circulation"),
        lang.pick("账户", "accounts"),
    ]);
    for points in &report.points {
        let figures = [
            points.issued,
            points.redeemed,
            points.expired,
            points.reversed,
            points.adjusted,
            points.in_circulation,
            points.accounts,
        ];
        table.add_row(std::iter::once(left(&points.label)).chain(figures.map(|figure| right(count(figure)))));
    }
    let _ = writeln!(text, "{table}");
    text
}

pub(super) fn levels(report: &Report, lang: Lang) -> String {
    let mut text = heading(lang.pick("会员等级", "Members by level"));
    let mut table =
        table(&[lang.pick("等级", "level"), lang.pick("成长值门槛", "from growth"), lang.pick("会员", "members"), ""]);
    let most = report.levels.iter().map(|level| level.members).max().unwrap_or(0);
    for level in &report.levels {
        let bar = left(bar(level.members, most, 30));
        table.add_row([left(&level.label), right(count(level.threshold)), right(count(level.members)), bar]);
    }
    let _ = writeln!(text, "{table}");
    text
}

pub(super) fn ledger(report: &Report, lang: Lang) -> String {
    let ledger = &report.ledger;
    let mut text =
        heading(lang.pick("账本核对：流水合计 = 批次余额合计", "Ledger check: sum of entries = sum of lots"));
    let mut table = table(&[]);
    for (name, value) in [
        (lang.pick("账户", "accounts"), ledger.accounts),
        (lang.pick("流水", "entries"), ledger.entries),
        (lang.pick("不一致", "mismatches"), i64::try_from(ledger.mismatches.len()).unwrap_or(i64::MAX)),
    ] {
        table.add_row([left(name), right(count(value))]);
    }
    let _ = writeln!(text, "{table}");
    for mismatch in ledger.mismatches.iter().take(MISMATCHES_SHOWN) {
        let _ = writeln!(
            text,
            "  {} / {}: {} ≠ {} ({})",
            mismatch.user_id, mismatch.point_type_id, mismatch.entries_sum, mismatch.lots_sum, mismatch.last_balance
        );
    }
    text
}
