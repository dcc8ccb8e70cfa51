//! What the orders propose, as a manager reads it.

use std::fmt::Write as _;

use super::{heading, left, percent, right, table};
use crate::demo::amount::count;
use crate::demo::figures::{Level, Report};
use crate::demo::proposals::cells::Cells;
use crate::demo::proposals::churn::{Churn, Intervals};
use crate::demo::proposals::cost::Cost;
use crate::demo::proposals::levels::ProposedLevel;
use crate::demo::proposals::steps::Steps;
use crate::demo::proposals::{Lack, Lacking, Proposals};
use crate::demo::words::Lang;

/// Writes all of them; nothing without an own file.
pub(super) fn write(report: &Report, lang: Lang) -> String {
    let Some(proposals) = &report.proposals else { return String::new() };
    let mut text = heading(lang.pick("═══ 根据自有订单的建议 ═══", "═══ Proposals from your own orders ═══"));
    text += &proposals.churn.as_ref().map(|churn| self::churn(churn, lang)).unwrap_or_default();
    text += &proposals.levels.as_ref().map(|levels| self::levels(levels, &report.levels, lang)).unwrap_or_default();
    text += &proposals.steps.as_ref().map(|steps| self::steps(steps, lang)).unwrap_or_default();
    text += &proposals.rfm.as_ref().map(|cells| self::cells(cells, lang)).unwrap_or_default();
    text += &proposals.cost.as_ref().map(|cost| self::cost(cost, lang)).unwrap_or_default();
    text += &lacking(&proposals.lacking, lang);
    text += &bundle(proposals, lang);
    text
}

fn churn(churn: &Churn, lang: Lang) -> String {
    let mut text = heading(lang.pick("流失期限：复购间隔", "Churn limit: the intervals between purchases"));
    let mut rows = table(&[
        lang.pick("间隔", "interval"),
        lang.pick("已复购", "returned"),
        lang.pick("未复购（截断）", "still open"),
        lang.pick("观察天数内复购率", "return within"),
        "50 %",
        "75 %",
        "90 %",
        "95 %",
    ]);
    for intervals in &churn.intervals {
        let within = match lang {
            Lang::Zh => format!("{} / {} 天", percent(intervals.return_bp), intervals.horizon_days),
            Lang::En => format!("{} in {} days", percent(intervals.return_bp), intervals.horizon_days),
        };
        let figures = [count(intervals.closed), count(intervals.open), within];
        let days = intervals.days.map(|days| right(count(days.into())));
        rows.add_row(std::iter::once(left(kind(intervals, lang))).chain(figures.map(right)).chain(days));
    }
    let _ = writeln!(text, "{rows}");
    text + &limits(churn, lang)
}

fn limits(churn: &Churn, lang: Lang) -> String {
    let mut text = String::new();
    let (dormant, lost) = (churn.dormant_after_days, churn.lost_after_days);
    let (lost_users, dormant_users) = (count(churn.lost_users), count(churn.dormant_users));
    let (share, buyers, back) = (percent(churn.lost_share_bp), count(churn.buyers), percent(churn.lost_who_return_bp));
    let _ = match lang {
        Lang::Zh => writeln!(
            text,
            "  建议：{lost} 天未下单为流失（90 % 的复购不超过 {} 天），{dormant} 天为沉睡（75 %）。\n  \
             今天：流失 {lost_users} 人（{buyers} 名付费用户的 {share}），沉睡 {dormant_users} 人。\n  \
             沉默满 {lost} 天者，其后仍会回来的约 {back}。若忽略未结束的间隔，只会得到 {} 天，偏短。",
            lost - 1,
            churn.closed_only_days
        ),
        Lang::En => writeln!(
            text,
            "  Proposed: lost after {lost} days without an order (90 % of returns come within {}),\n  \
             dormant after {dormant} (75 %).\n  \
             Today: {lost_users} lost ({share} of {buyers} buyers), {dormant_users} dormant.\n  \
             Of those silent for {lost} days about {back} return after all. Closed intervals alone say {} days.",
            lost - 1,
            churn.closed_only_days
        ),
    };
    if churn.short {
        let _ = writeln!(
            text,
            "  {}",
            lang.pick(
                "注意：数据时间太短，真实间隔更长；请把这一期限当作下限。",
                "Note: the data are too short for this base. The real interval is longer: take the limit as a lower bound."
            )
        );
    }
    text
}

fn kind(intervals: &Intervals, lang: Lang) -> &'static str {
    match intervals.after {
        "after_first" => lang.pick("首购之后", "after a first purchase"),
        "after_later" => lang.pick("再次购买之后", "after a later one"),
        _ => lang.pick("全部", "all"),
    }
}

fn levels(levels: &[ProposedLevel], named: &[Level], lang: Lang) -> String {
    let mut text = heading(
        lang.pick("等级门槛：近 12 个月付费用户的成长值", "Level thresholds: growth of the last 12 months' payers"),
    );
    let mut rows = table(&[
        lang.pick("等级", "level"),
        lang.pick("成长值门槛", "from growth"),
        lang.pick("期望占比", "wanted"),
        lang.pick("付费用户", "payers"),
        lang.pick("占比", "share"),
        lang.pick("若成长值不清", "if growth is kept"),
    ]);
    for level in levels {
        let label = named.iter().find(|named| named.rank == level.rank).map_or("", |named| named.label.as_str());
        rows.add_row([
            left(format!("{} {label}", level.rank)),
            right(count(level.threshold)),
            right(percent(level.wanted_bp)),
            right(count(level.members)),
            right(percent(level.share_bp)),
            right(count(level.members_if_kept)),
        ]);
    }
    let _ = writeln!(text, "{rows}");
    let _ = writeln!(
        text,
        "  {}",
        lang.pick(
            "每 100 最小货币单位得 1 成长值；等级有效 12 个月，到期扣除门槛值：一年内再次挣到即保级。\n  \
             末列为成长值永不扣除时全部用户的分布：占比会逐年上移。",
            "1 growth per 100 minor units. A level lasts 12 months; then its threshold is taken off:\n  \
             who earns it again in a year stays. The last column counts all buyers by all growth so far:\n  \
             kept for ever, shares drift upwards."
        )
    );
    text
}

fn steps(steps: &Steps, lang: Lang) -> String {
    let title = lang.pick("满减档位：让更多订单多买一件", "Threshold discount: steps that ask for one more item");
    let mut text = heading(title);
    let mut rows = table(&[
        lang.pick("满", "from"),
        lang.pick("减", "off"),
        lang.pick("差一件以内", "within one item"),
        lang.pick("已达到", "meet it already"),
        lang.pick("毛利成本", "margin cost"),
    ]);
    for step in &steps.steps {
        rows.add_row([
            left(&step.threshold.text),
            right(&step.discount.text),
            right(percent(step.near_bp)),
            right(percent(step.met_bp)),
            right(percent(step.cost_bp)),
        ]);
    }
    let _ = writeln!(text, "{rows}");
    let (item, basket) = (&steps.typical_item.text, &steps.typical_basket.text);
    let (cost, taken) = (percent(steps.cost_bp), percent(steps.cost_if_taken_bp));
    let (added, even) = (percent(steps.added_if_taken_bp), percent(steps.break_even_bp));
    let baskets = count(steps.baskets);
    let _ = match lang {
        Lang::Zh => writeln!(
            text,
            "  近 12 个月 {baskets} 单：典型单价 {item}，典型客单价 {basket}。\n  \
             无人多买时，优惠占收入 {cost}；差一件者全部多买时为 {taken}，收入增加 {added}。\n  \
             差一件者中有 {even} 多买一件，新增收入即可抵优惠（未计商品成本）。"
        ),
        Lang::En => writeln!(
            text,
            "  {baskets} orders of the last 12 months: a typical item costs {item}, a typical basket {basket}.\n  \
             If nobody buys more, discounts cost {cost} of revenue; if all within one item do, {taken},\n  \
             and revenue grows by {added}.\n  \
             Added revenue covers the discounts once {even} of those within one item take it (cost of goods not counted)."
        ),
    };
    text
}

fn cells(cells: &Cells, lang: Lang) -> String {
    let mut text = heading(lang.pick("RFM 八类与行动", "RFM cells and what to do"));
    let mut rows = table(&[
        lang.pick("类别", "cell"),
        lang.pick("用户", "users"),
        lang.pick("占比", "share"),
        lang.pick("收入占比", "of revenue"),
        "",
    ]);
    for cell in &cells.cells {
        rows.add_row([
            left(&cell.label),
            right(count(cell.users)),
            right(percent(cell.share_bp)),
            right(percent(cell.revenue_share_bp)),
            left(lang.pick(cell.action.zh, cell.action.en)),
        ]);
    }
    let _ = writeln!(text, "{rows}");
    let basis = match (cells.basis, lang) {
        ("quintiles", Lang::Zh) => "界限取自本店付费用户的五分位，固定下来以便逐月比较",
        ("quintiles", Lang::En) => "limits are the quintiles of your payers, kept fixed so that months can be compared",
        (_, Lang::Zh) => "付费用户不足 500 人或数据不足 180 天：沿用默认界限",
        (_, Lang::En) => "fewer than 500 payers or 180 days: the default limits stay",
    };
    let _ = writeln!(
        text,
        "  {}: {} · R ≤ {}, F ≥ {}, M ≥ {}\n  {basis}",
        lang.pick("付费用户", "payers"),
        count(cells.payers),
        list(&cells.recency_days),
        list(&cells.frequency_orders),
        list(&cells.monetary_minor)
    );
    text
}

fn list(values: &[impl ToString]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join("/")
}

fn cost(cost: &Cost, lang: Lang) -> String {
    let title = lang.pick("方案成本，按近 12 个月订单（天数", "Programme cost on the last 12 months' orders (days");
    let mut text = heading(&format!("{title}: {})", cost.days));
    let mut rows = table(&[]);
    let breakage = cost.breakage_bp.map_or_else(|| lang.pick("未知", "not known").to_owned(), percent);
    let value = &cost.point_value.text;
    let discounts = cost.discounts.as_ref().map_or("-", |discounts| discounts.text.as_str());
    for (name, figure) in [
        (lang.pick("收入", "revenue").to_owned(), cost.revenue.text.clone()),
        (lang.pick("发放积分", "points issued").to_owned(), count(cost.points)),
        (format!("{} ({value})", lang.pick("积分面值，每分", "worth, a point")), cost.points_gross.text.clone()),
        (lang.pick("预计过期比例", "expected to lapse").to_owned(), breakage),
        (lang.pick("积分预计成本", "expected cost of points").to_owned(), cost.points_expected.text.clone()),
        (lang.pick("满减优惠（无人多买）", "discounts, if nobody buys more").to_owned(), discounts.to_owned()),
        (lang.pick("合计", "together").to_owned(), cost.total.text.clone()),
        (lang.pick("占收入", "of revenue").to_owned(), percent(cost.share_bp)),
    ] {
        rows.add_row([left(name), right(figure)]);
    }
    let _ = writeln!(text, "{rows}");
    let _ = writeln!(
        text,
        "  {}",
        lang.pick(
            "过期比例假设凡在有效期内再次下单者用完全部积分：实际过期只多不少。",
            "Lapsing assumes that whoever orders again in time uses all points: more will lapse, not less."
        )
    );
    text
}

fn lacking(lacking: &[Lacking], lang: Lang) -> String {
    let mut text = String::new();
    for Lacking { proposal, lack } in lacking {
        let name = match *proposal {
            "churn" => lang.pick("流失期限", "churn limit"),
            "levels" => lang.pick("等级门槛", "level thresholds"),
            "steps" => lang.pick("满减档位", "threshold discount"),
            "rfm" => lang.pick("RFM", "RFM"),
            _ => lang.pick("方案成本", "programme cost"),
        };
        let _ = writeln!(text, "\n{}: {name}: {}", lang.pick("未建议", "Not proposed"), why(lack, lang));
    }
    text
}

fn why(lack: &Lack, lang: Lang) -> String {
    let short = |what: &str, found: i64, needed: i64| format!("{what}: {} < {}", count(found), count(needed));
    match *lack {
        Lack::Returns { found, needed } => short(lang.pick("复购次数太少", "too few returns"), found, needed),
        Lack::Payers { found, needed } => short(lang.pick("付费用户太少", "too few payers"), found, needed),
        Lack::Baskets { found, needed } => short(lang.pick("订单太少", "too few orders"), found, needed),
        Lack::Quantities => {
            lang.pick("文件没有件数列（--quantity-column）", "no pieces in the file (--quantity-column)").into()
        }
        Lack::Step => lang.pick("没有足够订单接近任何门槛", "no threshold has enough baskets just below it").into(),
        Lack::Revenue => lang.pick("近 12 个月没有收入", "no revenue in the last 12 months").into(),
        Lack::Cells => lang.pick("没有付费用户", "no payers").into(),
    }
}

fn bundle(proposals: &Proposals, lang: Lang) -> String {
    let note = if proposals.bundle.written {
        lang.pick("方案文件，可编辑后启用", "The programme with these proposals, to edit and apply")
    } else {
        lang.pick(
            "已有不同内容的方案文件，未覆盖（--bundle 可指定文件）",
            "A programme with other content is there and was kept (--bundle names another file)",
        )
    };
    format!("\n{note}: {}\n", proposals.bundle.path)
}
