//! The manager's page in the terminal.

mod base;
mod programme;
mod proposals;
mod sales;
mod story;
mod year;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets::UTF8_BORDERS_ONLY};

use super::amount;
use super::figures::{Measured, Report};
use super::words::Lang;

/// Bad lines and refused events shown; the report has them all.
const BAD_SHOWN: usize = 20;

/// Writes the page.
#[must_use]
pub(crate) fn write(report: &Report, lang: Lang) -> String {
    let mut page = String::new();
    page.push_str(&sales::summary(report, lang));
    page.push_str(&sales::months(report, lang));
    page.push_str(&base::cohorts(report, lang));
    page.push_str(&base::stages(report, lang));
    page.push_str(&base::rfm(report, lang));
    page.push_str(&programme::points(report, lang));
    page.push_str(&programme::levels(report, lang));
    page.push_str(&programme::ledger(report, lang));
    page.push_str(&year::write(report, lang));
    page.push_str(&left_out(report, lang));
    page.push_str(&proposals::write(report, lang));
    page
}

/// Writes the page's foot: how the replay went.
#[must_use]
pub(crate) fn foot(measured: &Measured, lang: Lang) -> String {
    let replay = &measured.replay;
    let mut text = heading(lang.pick("回放", "Replay"));
    let mut table = table(&[]);
    let rate = format!("{} {}", count(replay.events_per_second.round() as u64), lang.pick("条/秒", "events/s"));
    let seconds = format!("{:.1} s ({:.1} s)", replay.total_seconds, replay.sending_seconds);
    for (name, value) in [
        (lang.pick("事件", "events"), count(replay.events)),
        (
            lang.pick("首次接收 / 已有", "taken / known before"),
            format!("{} / {}", count(replay.taken), count(replay.replayed)),
        ),
        (lang.pick("拒绝", "refused"), count(replay.refused)),
        (lang.pick("用时至全部处理完（发送）", "until all was applied (sending)"), seconds),
        (lang.pick("速率", "rate"), rate),
        (lang.pick("重连", "reconnects"), count(replay.reconnects)),
    ] {
        table.add_row([left(name), right(value)]);
    }
    if let Some(cost) = &replay.cost {
        for line in cost.lines(lang) {
            table.add_row([left(line.0), right(line.1)]);
        }
    }
    let _ = writeln!(text, "{table}");
    text
}

fn left_out(report: &Report, lang: Lang) -> String {
    let lines = report.bad_lines.iter().map(|bad| (Some(bad.line), bad.reason.clone()));
    let refused = report.refused.iter().map(|event| (event.line, format!("{}: {}", event.event_id, event.reason)));
    let all: Vec<_> = lines.chain(refused).collect();
    if all.is_empty() {
        return String::new();
    }
    let mut text = heading(lang.pick("未导入的行", "Lines left out"));
    for (line, reason) in all.iter().take(BAD_SHOWN) {
        let line = line.map_or_else(|| "-".to_owned(), |line| line.to_string());
        let _ = writeln!(text, "  {} {line}: {reason}", lang.pick("第", "line"));
    }
    if all.len() > BAD_SHOWN {
        let more = all.len() - BAD_SHOWN;
        let _ = writeln!(
            text,
            "  {}",
            lang.pick("其余见报告", "the others stand in the report").to_owned() + &format!(" (+{more})")
        );
    }
    text
}

fn heading(text: &str) -> String {
    format!("\n{text}\n")
}

fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    if !headers.is_empty() {
        let cells = headers.iter().enumerate().map(|(index, text)| {
            let cell = Cell::new(text).add_attribute(Attribute::Bold);
            if index == 0 { cell } else { cell.set_alignment(CellAlignment::Right) }
        });
        table.set_header(cells);
    }
    table
}

fn left(text: impl ToString) -> Cell {
    Cell::new(text)
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn count(value: u64) -> String {
    amount::count(i64::try_from(value).unwrap_or(i64::MAX))
}

fn percent(basis_points: i64) -> String {
    format!("{}.{:02} %", basis_points / 100, basis_points % 100)
}

/// A bar of at most `width` characters, in eighths of a character.
fn bar(value: i64, most: i64, width: i64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if most <= 0 || value <= 0 {
        return String::new();
    }
    let eighths = i128::from(value) * i128::from(width) * 8 / i128::from(most);
    let (whole, rest) = (usize::try_from(eighths / 8).unwrap_or(0), usize::try_from(eighths % 8).unwrap_or(0));
    format!("{}{}", "█".repeat(whole), EIGHTHS[rest])
}
