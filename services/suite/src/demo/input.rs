//! What is replayed: the orders of a file, or a generated year.

use std::fs::File;

use anyhow::{Context as _, bail};
use jiff::{ToSpan as _, civil::Date};
use proto::admin::v1::Tenant;
use time::OffsetDateTime;

use super::args::Args;
use super::deed::Deed;
use super::local::Local;
use super::orders_file::{self, BadLine, Columns};
use super::year::{self, Plan, Redemption, Registration};

/// What is replayed.
pub(crate) struct Material {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) deeds: Vec<Deed>,
    pub(crate) bad_lines: Vec<BadLine>,
    pub(crate) registrations: Vec<Registration>,
    pub(crate) redemptions: Vec<Redemption>,
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
        Ok(Some(Self {
            kind: "file",
            name,
            rows: orders.rows,
            deeds: orders.deeds,
            bad_lines: orders.bad_lines,
            registrations: vec![],
            redemptions: vec![],
        }))
    }

    /// Generates the year of the command line, which ends the day before the tenant was created unless it says another.
    pub(crate) fn of_year(args: &Args, local: &Local, tenant: &Tenant) -> anyhow::Result<Self> {
        let last_day = match args.year.until {
            Some(day) => day,
            None => {
                let created = tenant.create_time.as_ref().context("the tenant has no time of creation")?;
                local.date(units::time::from_proto(created)?).yesterday()?
            }
        };
        let today = local.date(OffsetDateTime::now_utc());
        if last_day >= today {
            bail!("--until {last_day} lies ahead: the year must have ended");
        }
        let plan = Plan { users: args.year.users, seed: args.year.seed, last_day };
        let year = year::generate(&plan, local).context("the calendar has no such year")?;
        Ok(Self {
            kind: "generated",
            name: format!("users={} seed={} until={last_day}", plan.users, plan.seed),
            rows: 0,
            deeds: year.deeds,
            bad_lines: vec![],
            registrations: year.registrations,
            redemptions: year.redemptions,
        })
    }

    /// The first and last day that have events, and the instant after the last.
    pub(crate) fn span(&self, local: &Local) -> anyhow::Result<((Date, Date), OffsetDateTime)> {
        let (Some(first), Some(last)) = (self.deeds.first(), self.deeds.last()) else { bail!("there are no events") };
        let (first, last) = (local.date(first.at), local.date(last.at));
        let end = local.instant(last.checked_add(1.day())?.at(0, 0, 0, 0)).context("the calendar ends")?;
        Ok(((first, last), end))
    }
}
