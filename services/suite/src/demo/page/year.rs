//! What only a generated year has: its months, campaigns, coupons, cases, and one user's story.

use std::fmt::Write as _;

use super::{bar, heading, left, percent, right, story, table};
use crate::demo::amount::count;
use crate::demo::figures::{Campaign, Report, YearFigures, share_bp};
use crate::demo::words::Lang;

/// Width of a bar.
const BAR: i64 = 10;

pub(super) fn write(report: &Report, lang: Lang) -> String {
    let Some(year) = &report.year else { return String::new() };
    [
        months(report, year, lang),
        campaigns(year, lang),
        effects(year, lang),
        coupons(year, lang),
        cases(year, lang),
        story::write(report, year, lang),
    ]
    .concat()
}

fn months(report: &Report, year: &YearFigures, lang: Lang) -> String {
    let mut text = heading(lang.pick("按月：积分、优惠券、反馈", "By month: points, coupons, cases"));
    let mut table = table(&[
        lang.pick("月份", "month"),
        lang.pick("订单", "orders"),
        lang.pick("发放", "issued"),
        lang.pick("使用", "spent"),
        lang.pick("过期", "expired"),
        lang.pick("流通", "held"),
        lang.pick("发券", "granted"),
        lang.pick("领券", "claimed"),
        lang.pick("核销", "used"),
        lang.pick("券优惠", "discount"),
        lang.pick("反馈", "cases"),
        lang.pick("解决", "ended"),
        lang.pick("满意", "happy"),
    ]);
    for month in &year.months {
        let orders = report.months.iter().find(|it| it.month == month.month).map_or(0, |it| it.orders);
        let satisfied = if month.ratings > 0 { whole_percent(month.satisfied_bp) } else { String::new() };
        table.add_row([
            left(&month.month),
            right(count(orders)),
            right(count(month.points_issued)),
            right(count(month.points_spent)),
            right(count(month.points_expired)),
            right(count(month.points_in_circulation)),
            right(count(month.coupons_granted)),
            right(count(month.coupons_claimed)),
            right(count(month.coupons_used)),
            right(bare(&month.discount.text)),
            right(count(month.cases_opened)),
            right(count(month.cases_resolved)),
            right(satisfied),
        ]);
    }
    let _ = writeln!(text, "{table}");
    text
}

fn campaigns(year: &YearFigures, lang: Lang) -> String {
    let mut text = heading(lang.pick("活动：发放与预算", "Campaigns: granted against budget"));
    let mut table = table(&[
        lang.pick("活动", "campaign"),
        lang.pick("发放", "granted"),
        lang.pick("核销券", "coupons used"),
        lang.pick("已承诺", "committed"),
        lang.pick("已花费", "spent"),
        lang.pick("预算", "budget"),
        lang.pick("占用", "taken"),
        "",
    ]);
    for it in &year.campaigns {
        let used = if it.measure == "points" { String::new() } else { count(it.coupons_used) };
        table.add_row([
            left(&it.label),
            right(count(it.granted)),
            right(used),
            right(&it.committed.text),
            right(&it.spent.text),
            right(&it.budget.text),
            right(percent(share_bp(it.committed.minor, it.budget.minor))),
            left(bar(it.committed.minor, it.budget.minor, BAR)),
        ]);
    }
    let _ = writeln!(text, "{table}");
    text
}

/// Who got a campaign's reward against who was held out, where somebody was.
fn effects(year: &YearFigures, lang: Lang) -> String {
    let compared: Vec<&Campaign> = year.campaigns.iter().filter(|it| it.control.users > 0).collect();
    if compared.is_empty() {
        return String::new();
    }
    let mut text = heading(lang.pick(
        "活动效果：相遇后 30 天内，获奖用户与对照用户",
        "What campaigns bring: in the 30 days after they met a user, treated against held out",
    ));
    let mut table = table(&[
        lang.pick("活动", "campaign"),
        lang.pick("组", "group"),
        lang.pick("用户", "users"),
        lang.pick("下单用户", "buyers"),
        lang.pick("占比", "share"),
        lang.pick("人均消费", "spend per user"),
        "",
    ]);
    for it in compared {
        for (name, group) in [(lang.pick("获奖", "treated"), &it.treated), (lang.pick("对照", "held out"), &it.control)]
        {
            table.add_row([
                left(&it.label),
                right(name),
                right(count(group.users)),
                right(count(group.buyers)),
                right(percent(group.buyers_bp)),
                right(&group.spend_per_user.text),
                left(bar(group.buyers_bp, 10_000, BAR)),
            ]);
        }
    }
    let _ = writeln!(text, "{table}");
    text
}

fn coupons(year: &YearFigures, lang: Lang) -> String {
    let mut text = heading(lang.pick("优惠券", "Coupons"));
    let mut table = table(&[
        lang.pick("优惠券", "coupon"),
        lang.pick("发放", "granted"),
        lang.pick("领取", "claimed"),
        lang.pick("核销", "used"),
        lang.pick("退回", "given back"),
        lang.pick("过期", "expired"),
        lang.pick("优惠金额", "discount"),
        lang.pick("核销率", "used of all"),
        "",
    ]);
    for it in &year.coupons {
        let all = it.granted + it.claimed;
        let used = it.used - it.returned;
        table.add_row([
            left(&it.label),
            right(count(it.granted)),
            right(count(it.claimed)),
            right(count(it.used)),
            right(count(it.returned)),
            right(count(it.expired)),
            right(&it.discount.text),
            right(percent(share_bp(used, all))),
            left(bar(used, all, BAR)),
        ]);
    }
    let _ = writeln!(text, "{table}");
    text
}

fn cases(year: &YearFigures, lang: Lang) -> String {
    let title = lang.pick("用户反馈（工作时间）", "Cases (in working time)");
    let penalties = format!("{}: {}", lang.pick("处罚", "penalties"), year.penalties);
    let mut text = heading(&format!("{title}; {penalties}"));
    let mut table = table(&[
        lang.pick("象限", "quadrant"),
        lang.pick("提交", "came in"),
        lang.pick("解决", "resolved"),
        lang.pick("首响中位数", "1st answer"),
        lang.pick("解决中位数", "resolution"),
        lang.pick("按时", "in time"),
        lang.pick("重开", "reopened"),
        lang.pick("满意", "satisfied"),
        "",
    ]);
    for it in &year.cases {
        table.add_row([
            left(&it.label),
            right(count(it.submitted)),
            right(count(it.resolved)),
            right(span(it.first_answer_median_seconds)),
            right(span(it.resolution_median_seconds)),
            right(percent(it.within_sla_bp)),
            right(percent(it.reopened_bp)),
            right(percent(it.satisfied_bp)),
            left(bar(it.satisfied_bp, 10_000, BAR)),
        ]);
    }
    let _ = writeln!(text, "{table}");
    text
}

/// Hours and minutes.
fn span(seconds: i64) -> String {
    format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60)
}

fn whole_percent(basis_points: i64) -> String {
    format!("{} %", (basis_points + 50) / 100)
}

/// An amount without its currency.
fn bare(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}
