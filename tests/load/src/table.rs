//! The table that a benchmark ends with.

use comfy_table::{CellAlignment, Table, presets};

use crate::drive::Run;
use crate::section::Section;

/// What was measured of a section with so many callers: one by one, then together.
pub(crate) struct Row {
    pub(crate) section: Section,
    pub(crate) callers: usize,
    pub(crate) runs: [Vec<Run>; 2],
}

/// The rows as Markdown, so that they can go into a README as they are.
pub(crate) fn write(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
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
        "calm",
    ]);
    for row in rows {
        let [plain, together] = &row.runs;
        let rate = |runs: &[Run]| median(runs.iter().map(|run| run.rate).collect());
        let ratio = median(plain.iter().zip(together).map(|(plain, other)| other.rate / plain.rate).collect());
        let at = |runs: &[Run], quantile: f64| {
            median(runs.iter().map(|run| run.latency.value_at_quantile(quantile) as f64 / 1e3).collect())
        };
        let pair =
            |of: &dyn Fn(&[Run]) -> f64, digits: usize| format!("{:.digits$} → {:.digits$}", of(plain), of(together));
        table.add_row([
            row.section.to_string(),
            row.callers.to_string(),
            format!("{:.0}", rate(plain)),
            format!("{:.0}", rate(together)),
            format!("{ratio:.2}"),
            pair(&|runs| at(runs, 0.5), 2),
            pair(&|runs| at(runs, 0.99), 2),
            format!("{:.2}", at(together, 0.99) / at(plain, 0.99)),
            pair(&|runs| median(runs.iter().map(|run| run.suite_us).collect()), 0),
            pair(&|runs| median(runs.iter().map(|run| run.postgres_us).collect()), 0),
            if plain.iter().chain(together).all(|run| run.calm) { "yes" } else { "no" }.to_owned(),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
