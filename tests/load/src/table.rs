//! The tables that a benchmark ends with, as Markdown, so that they can go into a README as they are.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};

use crate::drive::Run;
use crate::results::{Results, at, median, ratio};
use crate::target::{Target, Wanted};

/// All of them, under what was measured on and how.
pub(crate) fn write(machine: &str, words: &str, results: &Results, targets: &[Target], users: Option<u64>) -> String {
    let mut parts = vec![machine.to_owned(), words.to_owned(), runs(results, users)];
    if !results.beside.is_empty() {
        parts.push(beside(results, users));
    }
    parts.push(wanted(results, targets));
    parts.join("\n\n") + "\n"
}

fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Where entries were filled in before, their number stands with the name.
fn name(title: &str, stage: u64, users: Option<u64>) -> String {
    match users {
        Some(users) => format!("{title}; {} entries", grouped(stage * users)),
        None => title.to_owned(),
    }
}

fn runs(results: &Results, users: Option<u64>) -> String {
    let mut table = table([
        "call",
        "callers",
        "one by one /s",
        "together /s",
        "ratio",
        "p50 ms",
        "p99 ms",
        "p99 ratio",
        "suite µs",
        "Postgres µs",
        "other answers",
        "calm",
    ]);
    for row in &results.rows {
        let (plain, together) = (row.plain.as_slice(), row.together.as_slice());
        let rates = |runs: &[Run]| runs.iter().map(|run| run.rate).collect::<Vec<_>>();
        let latencies = |runs: &[Run], quantile| runs.iter().map(|run| at(run, quantile)).collect::<Vec<_>>();
        let pair = |of: &dyn Fn(&[Run]) -> Vec<f64>, digits: usize| {
            format!("{:.digits$} → {:.digits$}", median(of(plain)), median(of(together)))
        };
        table.add_row([
            name(row.section.title(), row.stage, users),
            row.load.to_string(),
            grouped(median(rates(plain)).round() as u64),
            grouped(median(rates(together)).round() as u64),
            format!("{:.2}", ratio(&rates(together), &rates(plain))),
            pair(&|runs| latencies(runs, 0.5), 2),
            pair(&|runs| latencies(runs, 0.99), 2),
            format!("{:.2}", ratio(&latencies(together, 0.99), &latencies(plain, 0.99))),
            pair(&|runs| runs.iter().map(|run| run.suite_us).collect(), 0),
            pair(&|runs| runs.iter().map(|run| run.postgres_us).collect(), 0),
            others(plain, together),
            if plain.iter().chain(together).all(|run| run.calm) { "yes" } else { "no" }.to_owned(),
        ]);
    }
    table.to_string()
}

/// Answers other than that it was done, in all rounds: one by one → together.
fn others(plain: &[Run], together: &[Run]) -> String {
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (what, count) in plain.iter().flat_map(|run| &run.other) {
        counts.entry(what).or_default().0 += count;
    }
    for (what, count) in together.iter().flat_map(|run| &run.other) {
        counts.entry(what).or_default().1 += count;
    }
    let counts: Vec<_> = counts.iter().map(|(what, (plain, other))| format!("{what} {plain} → {other}")).collect();
    counts.join(", ")
}

fn beside(results: &Results, users: Option<u64>) -> String {
    let mut table = table(["beside, on the same Postgres", "/s"]);
    for beside in &results.beside {
        let rate = match &beside.rates {
            Some(rates) => grouped(median(rates.clone()).round() as u64),
            None => "pgbench is not installed".to_owned(),
        };
        table.add_row([name(beside.partner.title(), beside.stage, users), rate]);
    }
    table.to_string()
}

fn wanted(results: &Results, targets: &[Target]) -> String {
    let mut table = table(["target", "wanted", "measured", "reached"]);
    for target in targets {
        let number = |value: f64| if value < 100.0 { format!("{value:.2}") } else { grouped(value.round() as u64) };
        let wanted = match target.wanted {
            Wanted::AtLeast(value) => format!("≥ {}", number(value)),
            Wanted::AtMost(value) => format!("≤ {}", number(value)),
        };
        let (measured, reached) = match target.measured(results) {
            Some(value) => (number(value), if target.wanted.reached(value) { "yes" } else { "no" }),
            None => ("not measured".to_owned(), ""),
        };
        table.add_row([target.name.clone(), wanted, measured, reached.to_owned()]);
    }
    table.to_string()
}

/// 12,345.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_have_their_thousands_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
