//! All SQL. Functions work inside the caller's transaction; each statement names the tenant although row-level security
//! would hold it to the tenant anyway.

pub mod account;
pub mod adjustment;
pub mod badge;
pub mod benefit;
pub mod benefit_use;
mod bonus;
pub mod cap;
pub mod check_in;
pub mod earning_rule;
pub mod entry;
pub mod expiring;
pub mod finance;
pub mod growth;
pub mod held_badge;
pub mod hold;
pub mod holding;
pub mod leaderboard;
pub mod level_act;
pub mod level_move;
pub mod member;
pub mod order;
pub mod point_type;
mod programme;
pub mod quest;
pub mod quest_progress;
pub mod result_card;
pub mod reversal;
pub mod reward;
pub mod scheme;
pub mod score;
pub mod season;
pub mod streak;
pub mod total;
