//! The writes, one file each. A transaction is visible from its begin to its commit: lock, look up the request id, decide
//! in the domain, write, append to the log, record the answer, commit, wake the log's readers.

mod apply_incentives;
mod apply_orders;
mod capture_hold;
mod close_season;
mod create_point_type;
mod earn;
mod give_back;
mod give_back_benefit;
mod hold_points;
mod ledger;
mod posting;
mod publish_benefit;
mod publish_earning_rule;
mod publish_leaderboard;
mod publish_scheme;
mod release_hold;
mod review;
mod rules;
mod spend;
mod submit_score;
mod use_benefit;

pub use apply_incentives::IncentiveConsumer;
pub use apply_orders::OrderConsumer;
pub use capture_hold::CaptureHold;
pub use create_point_type::CreatePointType;
pub use earn::Earn;
pub use give_back::GiveBack;
pub use give_back_benefit::GiveBackBenefit;
pub use hold_points::{HoldPoints, hold_id};
pub use posting::{AnyPosting, Call, Named, Posting, Reply};
pub use publish_benefit::PublishBenefit;
pub use publish_earning_rule::PublishEarningRule;
pub use publish_leaderboard::PublishLeaderboard;
pub use publish_scheme::PublishScheme;
pub use release_hold::ReleaseHold;
pub use rules::RuleCache;
pub use spend::Spend;
pub use submit_score::SubmitScore;
pub use use_benefit::UseBenefit;
