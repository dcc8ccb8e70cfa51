//! What is called. Each call has an id of its own, and its answer is looked at.

mod intake;
mod points;
mod read;
mod shop;

use std::fmt;

use clap::ValueEnum;
use tonic::Status;

use crate::client::{Client, fresh};
use crate::drive::Load;
use crate::rig::CONNECTIONS;

pub(crate) use self::intake::{MESSAGE, send};

/// Buckets of the points of a user from which [`Section::Spend`] takes.
pub(crate) const BUCKETS: u64 = 10;
/// The same of [`Section::SpendMany`], and how many users have so many.
pub(crate) const BUCKETS_MANY: u64 = 1_000;
pub(crate) const USERS_MANY: u64 = 500;
/// Callers that send hundreds of events with a call: more would wait for each other's users.
pub(crate) const BULK_CALLERS_MAX: usize = 4;

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Section {
    /// A call that does nothing: what transport costs.
    Empty,
    /// Points earned by a random user.
    Earn,
    /// Points spent by a random user who has ten buckets of them.
    Spend,
    /// Points spent by one of 500 users who have a thousand buckets each.
    SpendMany,
    /// Points set aside and used: two calls.
    HoldCapture,
    /// Coupons of one template, of which there are enough: one hot row.
    Claim,
    /// Coupons of which there are few; once they are gone, claims are refused.
    Scarce,
    /// A basket of two lines reserved and confirmed, with a promotion and no coupon: two calls.
    Checkout,
    /// A complaint in Chinese.
    Case,
    /// A visit of a random user reported.
    Intake,
    /// 256 visits in a call.
    IntakeBatch,
    /// 16 messages of 256 visits over a stream, up to eight ahead of their answers.
    IntakeStream,
    /// A user's profile read by id.
    Profile,
    /// A balance.
    Balance,
    /// The coupons that a user holds: three.
    Coupons,
    /// Whether a user may do something.
    Restrictions,
    /// A user's page, from all four services.
    MemberPage,
    /// Completed orders from their report until every consumer of all four services has applied what came of them.
    Loop,
    /// The same for paid orders that a campaign rewards out of one budget.
    HotBudget,
}

/// For whom and for what is called in a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene {
    /// Users that are called for.
    pub(crate) users: u64,
    /// Number of the run, unique in the process.
    pub(crate) run: u64,
}

impl Scene {
    fn user(&self) -> u64 {
        rand::random_range(0..self.users)
    }

    /// The template of the run's scarce coupons.
    pub(crate) fn scarce(&self) -> String {
        format!("scarce-{}", self.run)
    }
}

/// An answer that counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Done {
    /// So many things were done: one, or the events of a batch.
    All(u64),
    /// Something else that an answer may say in this section.
    But(&'static str),
}

/// What [`Section::Scarce`] is answered when all are gone.
pub(crate) const GONE: &str = "out of stock";

impl Section {
    /// The name in tables, with what a rate counts where that is not calls.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Earn => "earn",
            Self::Spend => "spend, 10 buckets",
            Self::SpendMany => "spend, 1,000 buckets",
            Self::HoldCapture => "hold and capture",
            Self::Claim => "claim, one template",
            Self::Scarce => "claim, scarce",
            Self::Checkout => "reserve and confirm",
            Self::Case => "submit a case",
            Self::Intake => "intake, single",
            Self::IntakeBatch => "intake, batches (events)",
            Self::IntakeStream => "intake, streams (events)",
            Self::Profile => "profile by id",
            Self::Balance => "balance",
            Self::Coupons => "coupons of a user",
            Self::Restrictions => "restrictions",
            Self::MemberPage => "member page",
            Self::Loop => "whole loop (events)",
            Self::HotBudget => "loop, one budget (events)",
        }
    }

    /// Whether a run is a number of events rather than a time.
    pub(crate) fn until_quiet(self) -> bool {
        matches!(self, Self::Loop | Self::HotBudget)
    }

    /// Whether a call brings hundreds of events.
    fn bulk(self) -> bool {
        matches!(self, Self::IntakeBatch | Self::IntakeStream)
    }

    /// How it is called, of the loads that are asked for.
    pub(crate) fn loads(self, asked: &[Load]) -> Vec<Load> {
        if self.until_quiet() {
            return vec![Load::Streams(CONNECTIONS)];
        }
        if !self.bulk() {
            return asked.to_vec();
        }
        let few = |load: &Load| match load {
            Load::Callers(callers) => Some(Load::Callers(*callers.min(&BULK_CALLERS_MAX))),
            Load::PerSecond(_) | Load::Streams(_) => None,
        };
        let mut loads: Vec<Load> = asked.iter().filter_map(few).collect();
        loads.dedup();
        loads
    }

    /// Whether it reads what holders hold.
    pub(crate) fn needs_holders(self) -> bool {
        matches!(self, Self::Coupons | Self::Restrictions | Self::MemberPage)
    }

    /// Whether it writes to accounts of points.
    pub(crate) fn keeps_ledger(self) -> bool {
        matches!(self, Self::Earn | Self::Spend | Self::SpendMany | Self::HoldCapture) || self.until_quiet()
    }

    /// Calls once.
    pub(crate) async fn call(self, client: &Client, scene: &Scene, number: u64) -> Result<Done, Status> {
        match self {
            Self::Empty => {
                client.health().check(tonic_health::pb::HealthCheckRequest::default()).await?;
                Ok(Done::All(1))
            }
            Self::Earn => points::earn(client, scene, number).await,
            Self::Spend => points::spend(client, format!("u{}", scene.user()), number).await,
            Self::SpendMany => points::spend(client, format!("b{}", rand::random_range(0..USERS_MANY)), number).await,
            Self::HoldCapture => points::hold_capture(client, scene, number).await,
            Self::Claim => shop::claim(client, crate::programme::TEMPLATE.to_owned(), number).await,
            Self::Scarce => shop::claim(client, scene.scarce(), number).await,
            Self::Checkout => shop::checkout(client, scene, number).await,
            Self::Case => shop::submit(client, scene, number).await,
            Self::Intake => intake::single(client, scene, number).await,
            Self::IntakeBatch => intake::batch(client, scene, number).await,
            Self::IntakeStream => intake::stream(client, scene, number).await,
            Self::Profile => read::profile(client, scene).await,
            Self::Balance => read::balance(client, scene).await,
            Self::Coupons => read::coupons(client, scene).await,
            Self::Restrictions => read::restrictions(client, scene).await,
            Self::MemberPage => read::page(client, scene).await,
            Self::Loop | Self::HotBudget => Err(Status::unimplemented("not a call: see whole.rs")),
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// An answer that says something else than what was asked for.
fn wrong(what: &'static str) -> Status {
    Status::data_loss(what)
}

fn right(holds: bool, what: &'static str) -> Result<(), Status> {
    if holds { Ok(()) } else { Err(wrong(what)) }
}
