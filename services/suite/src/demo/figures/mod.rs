//! Every figure that the demo prints: the form of `--report`. `services/suite/README.md` documents the keys.

mod measured;
mod year;

use serde::Serialize;

pub(crate) use self::measured::{Measured, Replay};
pub(crate) use self::year::{Campaign, Cases, Coupons, Group, Story, StoryLine, YearFigures, YearMonth};
use super::amount;

/// The whole report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// Form of the report: grows when a key changes its meaning or goes away.
    pub report_version: u32,
    /// What was replayed.
    pub input: Input,
    /// For whom.
    pub tenant: Tenant,
    /// The whole span.
    pub sales: Sales,
    /// The same by month of payment.
    pub months: Vec<Month>,
    /// Users by month of their first order, and how many came back.
    pub cohorts: Vec<Cohort>,
    /// Users by stage at the end of the data.
    pub stages: Vec<Stage>,
    /// Payers by RFM cell at the end of the data.
    pub rfm: Rfm,
    /// Points at the end of the data.
    pub points: Vec<Points>,
    /// Members by level.
    pub levels: Vec<Level>,
    /// What the comparison of entries and lots found.
    pub ledger: Ledger,
    /// Campaigns, coupons and cases; absent for a file.
    pub year: Option<YearFigures>,
    /// Lines of the file that hold no order.
    pub bad_lines: Vec<super::orders_file::BadLine>,
    /// Events that the suite refused.
    pub refused: Vec<Refused>,
    /// What the orders propose; absent for a generated year.
    pub proposals: Option<super::proposals::Proposals>,
}

/// What was replayed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Input {
    /// `file` or `generated`.
    pub kind: &'static str,
    /// The file's name, or the settings of the generator.
    pub name: String,
    /// Rows of the file after its header; 0 for a generated year.
    pub rows: u64,
    /// Events made of it.
    pub events: u64,
    /// The instant after the last day that has events, RFC 3339: figures "at the end of the data" are as of it.
    pub data_end: String,
}

/// The sandbox tenant.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Tenant {
    /// Its id.
    pub tenant_id: String,
    /// IANA time zone.
    pub zone: String,
    /// ISO 4217 code.
    pub currency: String,
}

/// An amount of money.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Amount {
    /// In minor units of the tenant's currency.
    pub minor: i64,
    /// As printed, such as `2,500,315.63 USD`.
    pub text: String,
}

impl Amount {
    /// An amount with its text.
    #[must_use]
    pub(crate) fn new(minor: i64, currency: &str, decimals: u32) -> Self {
        Self { minor, text: amount::write(minor, currency, decimals) }
    }
}

/// Sales of a span.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Sales {
    /// Paid orders.
    pub orders: i64,
    /// Users known, buyers or not.
    pub users: i64,
    /// Users who paid at least one order.
    pub buyers: i64,
    /// Users who paid more than one.
    pub repeat_buyers: i64,
    /// Their share of the buyers in basis points (4948 is 49.48 %).
    pub repurchase_rate_bp: i64,
    /// What was paid.
    pub revenue: Amount,
    /// What was given back of it.
    pub refunded: Amount,
    /// Pieces sold, where orders have lines.
    pub pieces: i64,
}

/// Sales of a month.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Month {
    /// `YYYY-MM`.
    pub month: String,
    /// Paid orders.
    pub orders: i64,
    /// Users who paid one or more of them.
    pub buyers: i64,
    /// What was paid.
    pub revenue: Amount,
    /// What was given back of it.
    pub refunded: Amount,
}

/// Users who paid for the first time in one month.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cohort {
    /// `YYYY-MM`.
    pub month: String,
    /// How many they are.
    pub users: i64,
    /// How many of them paid again in the 1st, 2nd, ... month after.
    pub returned: Vec<i64>,
    /// The same as shares of `users` in basis points.
    pub returned_bp: Vec<i64>,
}

/// Users in one stage.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Stage {
    /// Name in the contract, such as `STAGE_REPEAT`.
    pub stage: String,
    /// Name on screen.
    pub label: String,
    /// How many.
    pub users: i64,
    /// Their share of all users in basis points.
    pub share_bp: i64,
}

/// Payers by RFM cell.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Rfm {
    /// All eight cells.
    pub cells: Vec<RfmCell>,
    /// Orders of this many days count.
    pub window_days: i32,
    /// Days since the last order up to which the recency score is 2, 3, 4, 5.
    pub recency_days: Vec<i32>,
    /// Orders from which the frequency score is 2, 3, 4, 5.
    pub frequency_orders: Vec<i32>,
    /// Net spend from which the monetary score is 2, 3, 4, 5, in minor units.
    pub monetary_minor: Vec<i64>,
}

/// Payers in one cell.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RfmCell {
    /// Name in the contract, such as `RFM_CELL_CHAMPION`.
    pub cell: String,
    /// Name on screen.
    pub label: String,
    /// How many.
    pub users: i64,
    /// What they spent in the window, net of refunds.
    pub net_spend: Amount,
}

/// Totals of a point type.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Points {
    /// Its id.
    pub point_type_id: String,
    /// Name on screen.
    pub label: String,
    /// Ever given.
    pub issued: i64,
    /// Ever used.
    pub redeemed: i64,
    /// Lapsed.
    pub expired: i64,
    /// Taken back after refunds.
    pub reversed: i64,
    /// Taken off at level ends.
    pub adjusted: i64,
    /// What users can still use.
    pub in_circulation: i64,
    /// Users with at least one entry.
    pub accounts: i64,
}

/// Members on one level.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Level {
    /// 0 for the lowest.
    pub rank: i32,
    /// Name on screen.
    pub label: String,
    /// Growth from which it is reached.
    pub threshold: i64,
    /// How many.
    pub members: i64,
}

/// What the comparison of entries and lots found, account by account.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Ledger {
    /// Accounts compared.
    pub accounts: i64,
    /// Entries in them.
    pub entries: i64,
    /// Accounts whose sums disagree, at most 100 per page of the check; empty is what it must be.
    pub mismatches: Vec<Mismatch>,
}

/// An account whose sums disagree.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Mismatch {
    /// The user.
    pub user_id: String,
    /// The point type.
    pub point_type_id: String,
    /// Sum of entries.
    pub entries_sum: i64,
    /// Sum of what remains in lots, less debt.
    pub lots_sum: i64,
    /// Balance after the last entry.
    pub last_balance: i64,
}

/// An event that the suite refused.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Refused {
    /// Its line in the file; absent for a generated event.
    pub line: Option<u64>,
    /// Its id.
    pub event_id: String,
    /// Code and message.
    pub reason: String,
}

/// `part` of `whole` in basis points, rounded half up; 0 of nothing.
#[must_use]
pub(crate) fn share_bp(part: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    let (part, whole) = (i128::from(part), i128::from(whole));
    i64::try_from((part * 20_000 + whole) / (2 * whole)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_half_up() {
        assert_eq!(share_bp(11_662, 23_570), 4948);
        assert_eq!(share_bp(1, 20_000), 1);
        assert_eq!(share_bp(1, 20_001), 0);
        assert_eq!(share_bp(5, 0), 0);
        assert_eq!(share_bp(i64::MAX, i64::MAX), 10_000);
    }
}
