//! One user's year as a timeline.

use std::fmt::Write as _;

use super::heading;
use crate::demo::figures::{Report, YearFigures};
use crate::demo::local::Local;
use crate::demo::words::Lang;

/// Lines shown; the report has them all.
const SHOWN: usize = 60;

pub(super) fn write(report: &Report, year: &YearFigures, lang: Lang) -> String {
    let Some(story) = &year.story else { return String::new() };
    let local = Local::new(&report.tenant.zone);
    let mut text = heading(&format!("{}: {}", lang.pick("一位用户的一年", "One user's year"), story.user_id));
    let mut day = String::new();
    for line in story.lines.iter().take(SHOWN) {
        let (date, time) = local.as_ref().and_then(|local| when(local, &line.at)).unwrap_or_default();
        // a day is written once
        let shown = if date == day { " ".repeat(date.len()) } else { date.clone() };
        let mark = match line.kind {
            "order" => "■",
            "points" => "○",
            "level" => "▲",
            "coupon" => "◇",
            "campaign" => "★",
            "penalty" => "✕",
            _ => "□",
        };
        let _ = writeln!(text, "  {shown}  {time}  {mark}  {}", line.text);
        day = date;
    }
    if story.lines.len() > SHOWN {
        let more = story.lines.len() - SHOWN;
        let _ = writeln!(text, "  {} (+{more})", lang.pick("其余见报告", "the others stand in the report"));
    }
    let legend = "■ 订单  ○ 积分  ▲ 等级  ◇ 优惠券  ★ 活动  □ 反馈  ✕ 处罚";
    let en = "■ order  ○ points  ▲ level  ◇ coupon  ★ campaign  □ case  ✕ penalty";
    let _ = writeln!(text, "  {}", lang.pick(legend, en));
    text
}

fn when(local: &Local, at: &str) -> Option<(String, String)> {
    let at = time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).ok()?;
    let at = local.civil(at);
    Some((at.strftime("%Y-%m-%d").to_string(), at.strftime("%H:%M").to_string()))
}
