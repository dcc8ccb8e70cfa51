//! The command line of the demo.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser};
use jiff::civil::Date;

use super::when::DateOrder;
use super::words::Lang;

/// Replays a shop's orders through the suite's gRPC interface and prints what a manager wants to see.
///
/// Without --orders a year is generated. A second run with the same input changes nothing. The suite is started when
/// none answers, and stopped at the end if it was.
#[derive(Debug, Clone, Parser)]
#[command(name = "banyan-demo", version)]
pub(crate) struct Args {
    /// CSV file of orders, one per line, with a header.
    #[arg(long, value_name = "FILE", requires_all = ["user_column", "time_column", "amount_column"])]
    pub orders: Option<PathBuf>,

    /// How the file is read.
    #[command(flatten)]
    pub columns: ColumnArgs,

    /// What year is generated.
    #[command(flatten)]
    pub year: YearArgs,

    /// ISO 4217 code of all amounts.
    #[arg(long, default_value = "USD")]
    pub currency: String,

    /// IANA time zone of the shop, such as Asia/Shanghai.
    #[arg(long, default_value = "UTC")]
    pub zone: String,

    /// The sandbox tenant; without it a name derived from the input.
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,

    /// Language of the page; without it the terminal's.
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,

    /// Write every printed figure to this file as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Write what differs from run to run, such as rates and paths, to this file as JSON.
    #[arg(long, value_name = "FILE")]
    pub measurements: Option<PathBuf>,

    /// Write the programme with the proposals to this file; without it beside the report, or into the data folder, and
    /// never over a file that was edited.
    #[arg(long, value_name = "FILE", requires = "orders")]
    pub bundle: Option<PathBuf>,

    /// Streams in flight; a user's events stay in one of them, in order.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub streams: u16,

    /// Port of the suite on this machine.
    #[arg(long, default_value_t = crate::folder::DEFAULT_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,

    /// Data folder of the suite; without it the user's state folder.
    #[arg(long, value_name = "DIR", env = "BANYAN_DATA")]
    pub data: Option<PathBuf>,

    /// Leave the suite running at the end.
    #[arg(long)]
    pub keep: bool,
}

/// How a file of orders is read.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Columns of the file")]
pub(crate) struct ColumnArgs {
    /// Header of the user's id.
    #[arg(long, value_name = "HEADER", requires = "orders")]
    pub user_column: Option<String>,

    /// Header of the order's date or time.
    #[arg(long, value_name = "HEADER", requires = "orders")]
    pub time_column: Option<String>,

    /// Header of what was paid for the order.
    #[arg(long, value_name = "HEADER", requires = "orders")]
    pub amount_column: Option<String>,

    /// Header of the pieces in the order; with them steps of a threshold discount are proposed.
    #[arg(long, value_name = "HEADER", requires = "orders", visible_alias = "items-column")]
    pub quantity_column: Option<String>,

    /// Whether 03/04/2026 is a day in April (dmy) or in March (mdy).
    #[arg(long, value_enum, requires = "orders")]
    pub date_order: Option<DateOrder>,
}

/// What year is generated.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Generated year")]
pub(crate) struct YearArgs {
    /// How many people come in the year.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), conflicts_with = "orders")]
    pub users: u32,

    /// Decides all that is random.
    #[arg(long, default_value_t = 7, conflicts_with = "orders")]
    pub seed: u64,

    /// How many of the year's days go by, from its first on.
    #[arg(long, default_value_t = crate::demo::year::DAYS, value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::demo::year::DAYS)), conflicts_with = "orders")]
    pub days: u32,

    /// The year's last day, such as 2026-06-30; without it the day before the tenant was created.
    #[arg(long, value_name = "DATE", conflicts_with = "orders")]
    pub until: Option<Date>,
}

impl Args {
    /// The tenant's id: as given, or derived from the input, so that equal inputs meet in one tenant.
    #[must_use]
    pub(crate) fn tenant_id(&self) -> String {
        if let Some(tenant) = &self.tenant {
            return tenant.clone();
        }
        let Some(file) = &self.orders else { return self.year_tenant() };
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let slug: String =
            stem.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
        let slug = slug.trim_matches(['-', '_']);
        if slug == stem && slug.len() <= 63 {
            return slug.to_owned();
        }
        let hash = xxhash_rust::xxh3::xxh3_64(stem.as_bytes());
        let slug: String = slug.chars().take(46).collect();
        format!("{slug}-{hash:016x}").trim_start_matches('-').to_owned()
    }

    fn year_tenant(&self) -> String {
        let mut id = "demo".to_owned();
        if self.year.users != 1000 {
            id += &format!("-{}-users", self.year.users);
        }
        if self.year.seed != 7 {
            id += &format!("-seed-{}", self.year.seed);
        }
        if let Some(until) = self.year.until {
            id += &format!("-until-{until}");
        }
        if self.year.days != super::year::DAYS {
            id += &format!("-{}-days", self.year.days);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(arguments: &[&str]) -> String {
        let columns = ["--user-column", "u", "--time-column", "t", "--amount-column", "a"];
        let file = arguments.contains(&"--orders");
        let all = ["banyan-demo"].iter().chain(arguments).chain(columns.iter().filter(|_| file));
        Args::try_parse_from(all).expect("good arguments").tenant_id()
    }

    #[test]
    fn tenants_are_named_after_their_input() {
        assert_eq!(tenant(&[]), "demo");
        assert_eq!(tenant(&["--users", "50", "--until", "2026-06-30"]), "demo-50-users-until-2026-06-30");
        assert_eq!(tenant(&["--orders", "some/shop_orders.csv"]), "shop_orders");
        assert_eq!(tenant(&["--orders", "shop.csv", "--tenant", "mine"]), "mine");
    }

    #[test]
    fn names_that_are_no_tenant_ids_get_a_hash() {
        let (zh, other) = (tenant(&["--orders", "订单.csv"]), tenant(&["--orders", "用户.csv"]));
        assert_ne!(zh, other);
        for id in
            [zh, other, tenant(&["--orders", &format!("{}.csv", "x".repeat(90))]), tenant(&["--orders", "A b.csv"])]
        {
            assert!(ids::TenantId::new(id.as_str()).is_ok(), "{id}");
        }
    }

    #[test]
    fn a_bundle_is_written_for_a_file_only() {
        assert!(Args::try_parse_from(["banyan-demo", "--bundle", "b.json"]).is_err());
    }

    #[test]
    fn columns_are_needed_with_a_file_and_refused_without() {
        assert!(Args::try_parse_from(["banyan-demo", "--orders", "a.csv"]).is_err());
        assert!(Args::try_parse_from(["banyan-demo", "--user-column", "u"]).is_err());
    }
}
