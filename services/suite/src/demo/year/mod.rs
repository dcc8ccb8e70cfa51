//! Generates a shop's year: who came, what they bought, gave back and looked at. `services/suite/README.md` describes
//! the model; equal settings give equal years.

mod person;
mod shelf;

#[cfg(test)]
mod tests;

use jiff::{ToSpan, civil::Date};
use rand::{SeedableRng, rngs::StdRng};
use rand_distr::{Distribution, weighted::WeightedIndex};
use time::OffsetDateTime;

use super::deed::{Act, Deed};
use super::local::Local;

/// Days in a year, whatever the calendar says.
const DAYS: u32 = 365;
/// Days on which more people than usual come, with their factor: an anniversary and a festival.
const FESTIVALS: [(std::ops::Range<u32>, f64); 2] = [(150..164, 2.0), (313..327, 2.5)];
/// Channels by which people come, with their shares in per cent.
const CHANNELS: [(&str, u32); 5] = [("wechat", 35), ("douyin", 25), ("search", 20), ("referral", 12), ("store", 8)];

/// What year to generate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// How many people come in the year.
    pub users: u32,
    /// Decides all that is random.
    pub seed: u64,
    /// The year's last day.
    pub last_day: Date,
}

/// Someone who registered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Registration {
    /// The user.
    pub user_id: String,
    /// When.
    pub at: OffsetDateTime,
    /// By which channel they came.
    pub channel: &'static str,
}

/// Points that a user uses up after the year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redemption {
    /// The user.
    pub user_id: String,
    /// How many points.
    pub points: i64,
}

/// What happened in the year.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Year {
    /// Who registered, by time.
    pub registrations: Vec<Registration>,
    /// What they did, by time.
    pub deeds: Vec<Deed>,
    /// What they will use up, by user. Every one of them has earned more than that in the last 120 days.
    pub redemptions: Vec<Redemption>,
}

/// The instants of a year, and the shop's clock.
pub(crate) struct Frame {
    local: Local,
    first_day: Date,
    end: OffsetDateTime,
}

impl Frame {
    fn new(plan: &Plan, local: &Local) -> Option<Self> {
        let first_day = plan.last_day.checked_sub((i64::from(DAYS) - 1).days()).ok()?;
        let end = local.instant(plan.last_day.tomorrow().ok()?.at(0, 0, 0, 0))?;
        Some(Self { local: local.clone(), first_day, end })
    }

    /// A second of a day of the year, counted from 0.
    fn instant(&self, day: u32, second: u32) -> Option<OffsetDateTime> {
        let date = self.first_day.checked_add(i64::from(day).days()).ok()?;
        let midnight = self.local.instant(date.at(0, 0, 0, 0))?;
        midnight.checked_add(time::Duration::seconds(i64::from(second)))
    }
}

/// Generates a year. Each user has a random sequence of their own, so that a larger year contains the smaller one's
/// users. `None` where the calendar ends before the year does.
#[must_use]
pub(crate) fn generate(plan: &Plan, local: &Local) -> Option<Year> {
    let frame = Frame::new(plan, local)?;
    let arrivals = WeightedIndex::new((0..DAYS).map(arrival_weight)).ok()?;
    let channels = WeightedIndex::new(CHANNELS.map(|(_, share)| share)).ok()?;
    let mut year = Year::default();
    for index in 0..plan.users {
        let mut rng = StdRng::seed_from_u64(plan.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index.into()));
        let day = u32::try_from(arrivals.sample(&mut rng)).unwrap_or(0);
        let user_id = format!("user-{:05}", index + 1);
        let channel = CHANNELS[channels.sample(&mut rng)].0;
        let history = person::live(&user_id, day, &frame, &mut rng);
        year.registrations.push(Registration { user_id: user_id.clone(), at: history.registered_at, channel });
        year.redemptions.extend(redemption(&user_id, &history, frame.end, &mut rng));
        year.deeds.extend(history.deeds);
    }
    year.registrations.sort_by_key(|registration| registration.at);
    year.deeds.sort_by(|a, b| (a.at, &a.event_id).cmp(&(b.at, &b.event_id)));
    Some(year)
}

/// How likely people come on a day, against others: it doubles over the year, and more at festivals.
fn arrival_weight(day: u32) -> f64 {
    let growth = 1.0 + f64::from(day) / f64::from(DAYS);
    FESTIVALS.iter().filter(|(days, _)| days.contains(&day)).fold(growth, |weight, (_, factor)| weight * factor)
}

/// A third of those who have earned 50 points or more lately use a part of them, in tens.
fn redemption(user_id: &str, history: &person::History, end: OffsetDateTime, rng: &mut StdRng) -> Option<Redemption> {
    use rand::RngExt;
    let since = end - time::Duration::days(120);
    let earned: i64 = history
        .deeds
        .iter()
        .filter(|deed| deed.at >= since)
        .map(|deed| match &deed.act {
            Act::Completed(basket) if !history.refunded.contains(&basket.order_id) => basket.total_minor / 100,
            _ => 0,
        })
        .sum();
    let (uses, share) = (rng.random_bool(0.33), rng.random_range(20..=80));
    let points = earned * share / 100 / 10 * 10;
    (uses && earned >= 50 && points > 0).then(|| Redemption { user_id: user_id.to_owned(), points })
}
