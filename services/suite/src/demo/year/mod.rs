//! Generates a shop's year: who came, what they bought, gave back, looked at and said. `services/suite/README.md` describes
//! the model; equal settings give equal years.

mod person;
mod phrases;
mod shelf;
mod stops;
mod voice;

#[cfg(test)]
mod tests;

use jiff::{ToSpan, civil::Date};
use rand::{SeedableRng, rngs::StdRng};
use rand_distr::{Distribution, weighted::WeightedIndex};
use time::OffsetDateTime;

pub(crate) use self::phrases::{answer, asked, reopening, reply};
pub(crate) use self::stops::{Shift, Stop};
pub(crate) use self::voice::Saying;
use super::deed::{Basket, Deed};
use super::local::Local;
use super::words::Lang;

/// Days in a year, whatever the calendar says.
pub(crate) const DAYS: u32 = 365;
/// Days on which more people than usual come, with their factor: an anniversary and a festival.
pub(crate) const FESTIVALS: [(std::ops::Range<u32>, f64); 2] = [(150..164, 2.0), (313..327, 2.5)];
/// Channels by which people come, with their shares in per cent.
const CHANNELS: [(&str, u32); 5] = [("wechat", 35), ("douyin", 25), ("search", 20), ("referral", 12), ("store", 8)];
/// Share of people who write Chinese.
const CHINESE: f64 = 0.6;

/// What year to generate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// How many people come in the year.
    pub users: u32,
    /// Decides all that is random.
    pub seed: u64,
    /// The year's last day.
    pub last_day: Date,
    /// How many of its days there are, from the first on.
    pub days: u32,
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

/// A user takes a coupon that is offered to everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The user.
    pub user_id: String,
    /// When.
    pub at: OffsetDateTime,
    /// Which.
    pub template_id: &'static str,
    /// Tells it from the user's other claims.
    pub claim_id: String,
}

/// How a visit to the till ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The order is placed.
    Bought,
    /// The order is placed where a coupon of this template took something off, and given up otherwise.
    BoughtWith(&'static str),
    /// The user thinks better of it.
    GivenUp,
    /// The user walks away, and the reservation runs out.
    Forgotten,
}

/// A user goes to the till with a basket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Till {
    /// The user.
    pub user_id: String,
    /// When.
    pub at: OffsetDateTime,
    /// What is in the basket, at list prices; its order's id is also the checkout's.
    pub basket: Basket,
    /// Points that the user wants to pay with; 0: none.
    pub points: i64,
    /// How it ends.
    pub ending: Ending,
}

/// What happened in the year.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Year {
    /// The clock's stops.
    pub stops: Vec<Stop>,
    /// Who registered, by time.
    pub registrations: Vec<Registration>,
    /// What they did, by time.
    pub deeds: Vec<Deed>,
    /// Which coupons they claimed, by time.
    pub claims: Vec<Claim>,
    /// Their visits to the till, by time.
    pub tills: Vec<Till>,
    /// What they said, by time.
    pub sayings: Vec<Saying>,
}

/// The instants of a year, and the shop's clock.
pub(crate) struct Frame {
    local: Local,
    first_day: Date,
    end: OffsetDateTime,
}

impl Frame {
    /// The first instant of a year, which is where its clock begins.
    pub(crate) fn begin(last_day: Date, local: &Local) -> Option<OffsetDateTime> {
        let first_day = last_day.checked_sub((i64::from(DAYS) - 1).days()).ok()?;
        local.instant(first_day.at(0, 0, 0, 0))
    }

    fn new(plan: &Plan, local: &Local) -> Option<Self> {
        let first_day = plan.last_day.checked_sub((i64::from(DAYS) - 1).days()).ok()?;
        let after = first_day.checked_add(i64::from(plan.days).days()).ok()?;
        let end = local.instant(after.at(0, 0, 0, 0))?;
        Some(Self { local: local.clone(), first_day, end })
    }

    /// The day of the year, counted from 0, of an instant in it.
    fn day(&self, at: OffsetDateTime) -> u32 {
        let days = self.local.date(at).since(self.first_day).map_or(0, |span| span.get_days());
        u32::try_from(days).unwrap_or(0)
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
    let mut year = Year { stops: frame.stops(plan.days)?, ..Year::default() };
    for index in 0..plan.users {
        let mut rng = StdRng::seed_from_u64(plan.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index.into()));
        let day = u32::try_from(arrivals.sample(&mut rng)).unwrap_or(0);
        let user_id = format!("user-{:05}", index + 1);
        let channel = CHANNELS[channels.sample(&mut rng)].0;
        let history = person::live(&user_id, day, channel, &frame, &mut rng);
        if history.registered_at >= frame.end {
            continue;
        }
        year.sayings.extend(voice::speak(&user_id, index, language(&mut rng), &history, &frame, &mut rng));
        year.registrations.push(Registration { user_id, at: history.registered_at, channel });
        year.deeds.extend(history.deeds);
        year.claims.extend(history.claims);
        year.tills.extend(history.tills);
    }
    year.registrations.sort_by_key(|registration| registration.at);
    year.deeds.sort_by(|a, b| (a.at, &a.event_id).cmp(&(b.at, &b.event_id)));
    year.claims.sort_by_key(|claim| claim.at);
    year.tills.sort_by_key(|till| till.at);
    year.sayings.sort_by_key(|saying| saying.at);
    Some(year)
}

fn language(rng: &mut StdRng) -> Lang {
    use rand::RngExt;
    if rng.random_bool(CHINESE) { Lang::Zh } else { Lang::En }
}

/// How likely people come on a day, against others: it doubles over the year, and more at festivals.
fn arrival_weight(day: u32) -> f64 {
    let growth = 1.0 + f64::from(day) / f64::from(DAYS);
    FESTIVALS.iter().filter(|(days, _)| days.contains(&day)).fold(growth, |weight, (_, factor)| weight * factor)
}
