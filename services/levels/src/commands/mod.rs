//! The writes, one file each. A transaction is visible from its begin to its commit: lock, look up the request id, decide
//! in the domain, write, append to the log, record the answer, commit, wake the log's readers.

mod apply_orders;
mod create_point_type;
mod earn;
mod ledger;
mod posting;
mod publish_earning_rule;
mod publish_scheme;
mod review;
mod rules;
mod spend;

pub use apply_orders::OrderConsumer;
pub use create_point_type::CreatePointType;
pub use earn::Earn;
pub use publish_earning_rule::PublishEarningRule;
pub use publish_scheme::PublishScheme;
pub use rules::RuleCache;
pub use spend::Spend;
