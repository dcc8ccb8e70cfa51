//! All SQL. Functions work inside the caller's transaction; each statement names the tenant although row-level security
//! would hold it to the tenant anyway.

pub mod account;
pub mod adjustment;
pub mod benefit;
pub mod benefit_use;
pub mod cap;
pub mod earning_rule;
pub mod entry;
pub mod expiring;
pub mod finance;
pub mod hold;
pub mod job;
pub mod job_line;
pub mod job_report;
pub mod leaderboard;
pub mod member;
pub mod opening;
pub mod order;
pub mod point_type;
mod programme;
pub mod reversal;
pub mod reward;
pub mod scheme;
pub mod score;
pub mod season;
pub mod segment;
pub mod total;
