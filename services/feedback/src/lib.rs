//! What does this user need? Cases, the desk that handles them, and how well it does.
// With optimisations the compiler lays out a handler's future through the lanes in one go, which is deeper than 128.
#![recursion_limit = "256"]

pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod queries;
pub mod store;
pub mod wire;

use std::sync::Arc;

use host::{Kit, Part};
use pg::Migrations;
use service::{Catalogue, Core};
use sqlx::migrate::Migrator;

use crate::commands::{DeadlineTimers, RankConsumer, ValueConsumer};
use crate::config::Settings;
use crate::domain::rulebook::Rulebook;

/// The name of the service and of its schema.
pub const NAME: &str = "feedback";

/// The service's own tables: versions 1000 and up.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// All that the service's schema needs.
pub fn migrations() -> Migrations {
    Migrations::new(NAME, [&requests::MIGRATOR, &eventlog::MIGRATOR, &mirror::MIGRATOR, &MIGRATOR])
}

/// The service: its writes and reads.
pub struct Feedback {
    core: Core,
    rules: Catalogue<Rulebook>,
    settings: Settings,
}

impl Feedback {
    /// On its database and log.
    pub fn new(core: Core, settings: Settings) -> Self {
        Self { core, rules: Catalogue::default(), settings }
    }
}

/// The service as part of a process: its API, its consumers of profiles' and levels' logs, its timer.
pub fn start(kit: Kit<Settings>) -> Part {
    let feedback = Arc::new(Feedback::new(Core::new(kit.db.clone(), Arc::clone(&kit.log)), kit.settings.clone()));
    let (every, looked_at) = (kit.settings.look_every(), Arc::clone(&feedback));
    let part = grpc::serve(Part::new(kit.db, kit.log), &feedback, kit.pages);
    let part = part.consume(ValueConsumer).consume(RankConsumer).due(Arc::new(DeadlineTimers(feedback)));
    part.timer("deadlines", every, move || {
        let feedback = Arc::clone(&looked_at);
        async move {
            match feedback.look_at_deadlines().await {
                Ok(0) => {}
                Ok(cases) => tracing::debug!(cases, "cases were brought up to date"),
                Err(error) => tracing::warn!(?error, "the look at deadlines failed and will be repeated"),
            }
        }
    })
}
