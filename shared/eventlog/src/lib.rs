//! The event log of a service, its readers and its consumers.
//!
//! A command makes [`Draft`]s, appends them with [`Log::append`] as the last step before its commit, and wakes readers
//! with [`Log::wake`] after it. `seq` is gapless per partition in commit order, so a reader never skips an event of a
//! slower transaction, and a gap means loss. [`grpc`] serves the log; a [`Consumer`] reads another service's log and
//! moves its cursor in the transaction that applies the events: every event has its effect exactly once.
//!
//! A process runs [`Log::run`] once per log: it keeps the tables of coming days ready, wakes readers, and drops days
//! past their retention.
//!
//! Sources are unordered among each other, so effects commute. Where a reversal may come before what it reverses, the
//! consumer's own tables keep a tombstone that the later grant checks; nothing here does that for it.

mod append;
mod consumer;
mod dead_letters;
mod derive;
mod draft;
mod envelope;
pub mod grpc;
mod kinds;
mod log;
mod marks;
mod outcome;
mod progress;
mod pull;
mod read;
mod readers;
mod settings;
mod upkeep;
mod wait;
mod wake;
mod watch;

pub use append::Position;
pub use consumer::{ApplyError, Consume, Consumer, ConsumerSettings, Consuming, PullSource, Step, StepError};
pub use derive::derive;
pub use draft::{Draft, HOPS_MAX, Link, TooManyHops};
pub use kinds::EventPayload;
pub use log::Log;
pub use pull::PullError;
pub use settings::LogSettings;
pub use upkeep::Upkeep;
pub use wait::NotReached;

/// The tables of the log and of consumers: versions 200 to 299 of a schema.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
