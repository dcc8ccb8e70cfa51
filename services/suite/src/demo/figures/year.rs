//! Figures of a generated year: what campaigns, coupons and the desk did.

use serde::Serialize;

use super::Amount;

/// What only a generated year has.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct YearFigures {
    /// Month by month.
    pub months: Vec<YearMonth>,
    /// What campaigns did.
    pub campaigns: Vec<Campaign>,
    /// What became of coupons.
    pub coupons: Vec<Coupons>,
    /// How cases were handled: all, then by quadrant.
    pub cases: Vec<Cases>,
    /// Penalties imposed.
    pub penalties: i64,
    /// One user's year.
    pub story: Option<Story>,
}

/// What happened in a month, by when it was booked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct YearMonth {
    /// `YYYY-MM`.
    pub month: String,
    /// Points given.
    pub points_issued: i64,
    /// Points used, less those given back.
    pub points_spent: i64,
    /// Points that lapsed.
    pub points_expired: i64,
    /// Points taken back.
    pub points_reversed: i64,
    /// Points that users had at its end.
    pub points_in_circulation: i64,
    /// Coupons given by campaigns.
    pub coupons_granted: i64,
    /// Coupons claimed.
    pub coupons_claimed: i64,
    /// Coupons used, less those given back.
    pub coupons_used: i64,
    /// What coupons took off, as they were used.
    pub discount: Amount,
    /// Cases that came in.
    pub cases_opened: i64,
    /// Resolutions.
    pub cases_resolved: i64,
    /// Ratings.
    pub ratings: i64,
    /// Ratings of 4 and 5 in basis points of all.
    pub satisfied_bp: i64,
}

/// What a campaign did.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Campaign {
    /// Its id.
    pub campaign_id: String,
    /// Name on screen.
    pub label: String,
    /// `points` or `money`: what budget and spending are in; `minor` of the three are points or minor units.
    pub measure: &'static str,
    /// What it may cost.
    pub budget: Amount,
    /// Committed less released.
    pub committed: Amount,
    /// Spent of it.
    pub spent: Amount,
    /// Rewards granted.
    pub granted: i64,
    /// Events that would have been rewarded, had their users not been held out.
    pub held_out: i64,
    /// Coupons used of those granted.
    pub coupons_used: i64,
    /// Those who got it.
    pub treated: Group,
    /// Those who were held out.
    pub control: Group,
}

/// What users did in the 30 days after a campaign first met them.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Group {
    /// How many they are.
    pub users: i64,
    /// Those who paid an order.
    pub buyers: i64,
    /// Their share in basis points.
    pub buyers_bp: i64,
    /// Paid orders.
    pub orders: i64,
    /// What was paid.
    pub spend: Amount,
    /// The same per user.
    pub spend_per_user: Amount,
}

/// What became of the coupons of a template.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Coupons {
    /// The template.
    pub template_id: String,
    /// Name on screen.
    pub label: String,
    /// Given by campaigns.
    pub granted: i64,
    /// Claimed.
    pub claimed: i64,
    /// Used, those given back included.
    pub used: i64,
    /// Given back.
    pub returned: i64,
    /// Lapsed.
    pub expired: i64,
    /// What they took off.
    pub discount: Amount,
}

/// How cases were handled.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cases {
    /// Name in the contract, such as `QUADRANT_URGENT`; empty for all together.
    pub quadrant: String,
    /// Name on screen.
    pub label: String,
    /// Came in.
    pub submitted: i64,
    /// Answered at least once.
    pub answered: i64,
    /// Median of the working seconds to the first answer.
    pub first_answer_median_seconds: i64,
    /// Resolved now.
    pub resolved: i64,
    /// Median of the working seconds to the resolution.
    pub resolution_median_seconds: i64,
    /// Those that kept their targets, of those with an outcome, in basis points.
    pub within_sla_bp: i64,
    /// Ratings.
    pub ratings: i64,
    /// Ratings of 4 and 5 in basis points of all.
    pub satisfied_bp: i64,
    /// Reopened, of those that were ever resolved, in basis points.
    pub reopened_bp: i64,
}

/// One user's year.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Story {
    /// The user.
    pub user_id: String,
    /// What happened, by time.
    pub lines: Vec<StoryLine>,
}

/// One thing that happened to a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct StoryLine {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// `order`, `points`, `level`, `campaign`, `coupon`, `case` or `penalty`.
    pub kind: &'static str,
    /// What, in the language of the page.
    pub text: String,
}
