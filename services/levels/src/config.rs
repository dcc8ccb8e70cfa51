//! Settings of levels.

use std::time::Duration;

use serde::Deserialize;

/// Defaults of the keys under `[service]`.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// Settings of levels.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How often lapsed lots are booked and levels whose validity ended are reviewed, in seconds. Reads are right without
    /// it; it decides how late entries, moves and their events come for users who do nothing.
    pub review_every_s: u64,
    /// Accounts settled in one transaction of the review.
    pub review_batch_max: i64,
    /// Transactions of one run of the review; what is left waits for the next run.
    pub review_batches_max: u32,
    /// How often the users of a tenant are counted, and how their growth is spread, in seconds of its clock: what result cards
    /// and the rarity of badges compare with.
    pub growth_count_every_s: u64,
    /// How often jobs are carried on with, in seconds.
    pub jobs_every_s: u64,
    /// Lines of a job carried out in one transaction.
    pub job_batch_max: i64,
    /// Transactions of one job in one run; what is left waits for the next run.
    pub job_batches_max: u32,
    /// Whether a service `incentives` runs too: rewards are carried out and holds are resolved as its log tells.
    pub incentives: bool,
    /// How calls that change accounts share transactions.
    pub lanes: lanes::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            review_every_s: 60,
            review_batch_max: 200,
            review_batches_max: 50,
            growth_count_every_s: 21_600,
            jobs_every_s: 1,
            job_batch_max: 200,
            job_batches_max: 20,
            incentives: false,
            lanes: lanes::Settings::default(),
        }
    }
}

impl Settings {
    /// The pause between two reviews.
    pub fn review_every(&self) -> Duration {
        Duration::from_secs(self.review_every_s.max(1))
    }

    /// The least pause between two counts of a tenant's users.
    pub fn growth_count_every(&self) -> Duration {
        Duration::from_secs(self.growth_count_every_s.max(1))
    }

    /// The pause between two runs of jobs.
    pub fn jobs_every(&self) -> Duration {
        Duration::from_secs(self.jobs_every_s.max(1))
    }
}
