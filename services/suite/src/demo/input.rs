//! What is replayed: the orders of a file.

use std::fs::File;

use anyhow::{Context as _, bail};
use jiff::{ToSpan as _, civil::Date};
use time::OffsetDateTime;

use super::args::Args;
use super::deed::Deed;
use super::local::Local;
use super::orders_file::{self, BadLine, Columns};

/// What is replayed.
pub(crate) struct Material {
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) deeds: Vec<Deed>,
    pub(crate) bad_lines: Vec<BadLine>,
}

impl Material {
    /// Reads the file of the command line, if it names one.
    pub(crate) fn of_file(args: &Args, local: &Local, decimals: u32) -> anyhow::Result<Option<Self>> {
        let Some(path) = &args.orders else { return Ok(None) };
        let told = || path.display().to_string();
        let name = path.file_name().with_context(told)?.to_string_lossy().into_owned();
        let wanted = |column: &Option<String>| column.clone().unwrap_or_default();
        let columns = Columns {
            user: wanted(&args.columns.user_column),
            time: wanted(&args.columns.time_column),
            amount: wanted(&args.columns.amount_column),
            quantity: args.columns.quantity_column.clone(),
            date_order: args.columns.date_order,
            decimals,
        };
        let file = File::open(path).with_context(told)?;
        // The suite takes events of up to a day ahead; an hour is left for the replay itself.
        let latest = OffsetDateTime::now_utc() + time::Duration::hours(23);
        let orders = orders_file::read(&name, file, &columns, local, latest).with_context(told)?;
        if orders.deeds.is_empty() {
            let reason = orders.bad_lines.first().map_or("it has no rows", |bad| bad.reason.as_str());
            bail!("{} holds no orders: {reason}", told());
        }
        Ok(Some(Self { name, rows: orders.rows, deeds: orders.deeds, bad_lines: orders.bad_lines }))
    }

    /// The first and last day that have events, and the instant after the last.
    pub(crate) fn span(&self, local: &Local) -> anyhow::Result<((Date, Date), OffsetDateTime)> {
        let (Some(first), Some(last)) = (self.deeds.first(), self.deeds.last()) else { bail!("there are no events") };
        let (first, last) = (local.date(first.at), local.date(last.at));
        let end = local.instant(last.checked_add(1.day())?.at(0, 0, 0, 0)).context("the calendar ends")?;
        Ok(((first, last), end))
    }
}
