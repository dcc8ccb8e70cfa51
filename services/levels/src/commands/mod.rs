//! The writes, one file each. A transaction is visible from its begin to its commit: lock, look up the request id, decide
//! in the domain, write, append to the log, record the answer, commit, wake the log's readers.

mod adjust_points;
mod adjustment;
mod apply_incentives;
mod apply_orders;
mod caps;
mod capture_hold;
mod create_point_type;
mod decide_adjustment;
mod earn;
mod give_back;
mod hold_points;
mod ledger;
mod posting;
mod publish_earning_rule;
mod publish_scheme;
mod release_hold;
mod reverse_entry;
mod review;
mod rules;
mod spend;
mod transfer;
mod update_point_type;

pub use adjust_points::{AdjustPoints, adjustment_id};
pub use apply_incentives::IncentiveConsumer;
pub use apply_orders::OrderConsumer;
pub use capture_hold::CaptureHold;
pub use create_point_type::CreatePointType;
pub use decide_adjustment::{AdjustmentAnswer, DecideAdjustment, Verdict};
pub use earn::Earn;
pub use give_back::GiveBack;
pub use hold_points::{HoldPoints, hold_id};
pub use posting::{AnyPosting, Call, Named, Posting, Reply};
pub use publish_earning_rule::PublishEarningRule;
pub use publish_scheme::PublishScheme;
pub use release_hold::ReleaseHold;
pub use reverse_entry::ReverseEntry;
pub use rules::RuleCache;
pub use spend::Spend;
pub use transfer::Transfer;
pub use update_point_type::UpdatePointType;
