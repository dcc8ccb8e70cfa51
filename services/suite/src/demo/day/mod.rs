//! A generated year goes by: the sandbox's clock is moved from stop to stop, and at each of them people act.
//!
//! What one sets in motion comes to rest before the next one acts, so that a year has one outcome. Whatever the demo decides
//! on an answer, it decides on the answer of a write, which is the same whenever the write is sent again: a second run, or one
//! after a kill, does what the first one did.

mod cases;
mod clock;
mod desk;
mod facts;
mod till;

use std::collections::BTreeMap;
use std::future::Future;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use proto::profiles::v1::{Profile, UpsertProfileRequest};
use time::OffsetDateTime;

use self::clock::Clock;
use self::desk::Desk;
use self::till::Sold;
use super::calls::{Calls, call, told};
use super::deed::Deed;
use super::figures::{Refused, Replay};
use super::progress::Bar;
use super::year::{Claim, Registration, Saying, Shift, Stop, Till, Year};

/// Calls in flight.
const AT_ONCE: usize = 16;

/// What came of a year.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// Of the events.
    pub replay: Replay,
    /// Those that were not taken.
    pub refused: Vec<Refused>,
    /// What was sold over the till.
    pub sold: Sold,
}

/// Lets a year go by.
pub(crate) async fn pass(
    calls: &Calls,
    (tenant_id, currency): (&str, &str),
    year: &Year,
    words: &'static str,
) -> anyhow::Result<Passed> {
    let days = year.stops.last().map_or(0, |stop| stop.day);
    let bar = Bar::new(days.into(), words);
    let mut days = Days {
        calls,
        currency,
        clock: Clock::new(calls, tenant_id, &year.stops),
        desk: Desk::new(calls, &year.stops),
        todo: Todo::of(year),
        passed: Passed::default(),
    };
    let mut told = 0;
    for (index, stop) in year.stops.iter().enumerate() {
        bar.add((stop.day - told).into());
        told = stop.day;
        days.stop(index, stop).await?;
    }
    // what the last stop set in motion
    days.clock.rest().await?;
    Ok(days.passed)
}

/// A year on its way.
struct Days<'a> {
    calls: &'a Calls,
    currency: &'a str,
    clock: Clock<'a>,
    desk: Desk<'a>,
    todo: Todo<'a>,
    passed: Passed,
}

impl<'a> Days<'a> {
    async fn stop(&mut self, index: usize, stop: &Stop) -> anyhow::Result<()> {
        let last = self.clock.is_last(stop);
        match stop.shift {
            Shift::Users => {
                let (claims, tills) = (self.todo.claims.until(stop.at), self.todo.tills.until(stop.at));
                let sayings = self.todo.sayings.until(stop.at);
                if claims.is_empty() && tills.is_empty() && sayings.is_empty() && self.desk.is_idle(index) {
                    return Ok(());
                }
                self.clock.go(stop.at).await?;
                till::visit(self.calls, self.currency, claims, tills, &mut self.passed.sold).await?;
                self.desk.hear(index, sayings).await?;
                self.desk.act(index).await
            }
            Shift::Staff if self.desk.is_idle(index) => Ok(()),
            Shift::Staff => {
                self.clock.go(stop.at).await?;
                self.desk.act(index).await
            }
            Shift::Facts => {
                let registrations = self.todo.registrations.until(stop.at);
                let deeds = self.todo.deeds.until(stop.at);
                if registrations.is_empty() && deeds.is_empty() && !last {
                    return Ok(());
                }
                self.clock.go(stop.at).await?;
                let calls = self.calls;
                at_once(registrations.iter().map(|registration| register(calls, registration))).await?;
                facts::report(self.calls, self.currency, deeds, &mut self.clock, &mut self.passed).await
            }
        }
    }
}

async fn register(calls: &Calls, registration: &Registration) -> anyhow::Result<()> {
    let request = UpsertProfileRequest {
        request_id: format!("register:{}", registration.user_id),
        profile: Some(Profile {
            user_id: registration.user_id.clone(),
            channel: registration.channel.to_owned(),
            registered_at: Some(units::time::to_proto(registration.at)),
            ..Profile::default()
        }),
    };
    told(call!(calls, profiles, upsert_profile, request), "UpsertProfile").map(drop)
}

/// What is planned and not yet done, by time.
struct Todo<'a> {
    registrations: Pile<'a, Registration>,
    deeds: Pile<'a, Deed>,
    claims: Pile<'a, Claim>,
    tills: Pile<'a, Till>,
    sayings: Pile<'a, Saying>,
}

impl<'a> Todo<'a> {
    fn of(year: &'a Year) -> Self {
        Self {
            registrations: Pile { left: &year.registrations, at: |it| it.at },
            deeds: Pile { left: &year.deeds, at: |it| it.at },
            claims: Pile { left: &year.claims, at: |it| it.at },
            tills: Pile { left: &year.tills, at: |it| it.at },
            sayings: Pile { left: &year.sayings, at: |it| it.at },
        }
    }
}

/// Plans in the order of their times.
struct Pile<'a, T> {
    left: &'a [T],
    at: fn(&T) -> OffsetDateTime,
}

impl<'a, T> Pile<'a, T> {
    /// Takes those up to a time.
    fn until(&mut self, at: OffsetDateTime) -> &'a [T] {
        let (due, left) = self.left.split_at(self.left.partition_point(|it| (self.at)(it) <= at));
        self.left = left;
        due
    }
}

/// Does several things at once and answers what came of each, in their order.
async fn at_once<T, F: Future<Output = anyhow::Result<T>>>(things: impl Iterator<Item = F>) -> anyhow::Result<Vec<T>> {
    stream::iter(things).buffered(AT_ONCE).try_collect().await
}

/// What belongs to each user, in its order: users act side by side, and each does one thing after the other.
fn by_user<'k, T>(things: impl IntoIterator<Item = T>, user: impl Fn(&T) -> &'k str) -> BTreeMap<&'k str, Vec<T>> {
    let mut groups: BTreeMap<&str, Vec<T>> = BTreeMap::new();
    for thing in things {
        groups.entry(user(&thing)).or_default().push(thing);
    }
    groups
}
