//! What has this user earned? Points, growth and levels, from calls and from the orders that profiles tells of.

pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
mod peers;
pub mod queries;
pub mod store;
pub mod wire;

use std::sync::Arc;

use futures::future::BoxFuture;
use host::{Kit, Part, Peers, Timers};
use ids::TenantId;
use pg::Migrations;
use service::{Catalogue, Core};
use sqlx::migrate::Migrator;
use time::OffsetDateTime;
use tonic::Status;

use crate::commands::{IncentiveConsumer, OrderConsumer, QuestConsumer, RuleCache};
use crate::config::Settings;
use crate::domain::book::Programme;

/// The name of the service and of its schema.
pub const NAME: &str = "levels";

/// The service's own tables: versions 1000 and up.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// All that the service's schema needs.
pub fn migrations() -> Migrations {
    Migrations::new(NAME, [&requests::MIGRATOR, &eventlog::MIGRATOR, &mirror::MIGRATOR, &MIGRATOR])
}

/// The service: its writes and reads.
pub struct Levels {
    core: Core,
    programme: Catalogue<Programme>,
    rules: RuleCache,
    peers: Peers,
    settings: Settings,
}

impl Levels {
    /// On its database and log.
    pub fn new(core: Core, settings: Settings) -> Self {
        let (programme, rules, peers) = (Catalogue::default(), RuleCache::default(), Peers::default());
        Self { core, programme, rules, peers, settings }
    }

    /// With ways to other services.
    #[must_use]
    pub fn with_peers(self, peers: Peers) -> Self {
        Self { peers, ..self }
    }
}

/// The service as part of a process: its API, its consumers of profiles' log and of incentives', its review.
pub fn start(kit: Kit<Settings>) -> Part {
    let levels = Levels::new(Core::new(kit.db.clone(), Arc::clone(&kit.log)), kit.settings.clone());
    let levels = Arc::new(levels.with_peers(kit.peers));
    let (jobs_every, carried_on) = (kit.settings.jobs_every(), Arc::clone(&levels));
    let (every, reviewed) = (kit.settings.review_every(), Arc::clone(&levels));
    let mut part = grpc::serve(Part::new(kit.db, kit.log), &levels, kit.pages);
    if kit.settings.incentives {
        part = part.consume(IncentiveConsumer::new(Arc::clone(&levels)));
    }
    let (due, quests) = (Arc::clone(&levels), QuestConsumer::new(Arc::clone(&levels)));
    part = part.timer("jobs", jobs_every, move || {
        let levels = Arc::clone(&carried_on);
        async move {
            match levels.run_jobs().await {
                Ok(0) => {}
                Ok(lines) => tracing::debug!(lines, "lines of jobs were carried out"),
                Err(error) => tracing::warn!(?error, "carrying on with jobs failed and will be tried again"),
            }
        }
    });
    part.consume(OrderConsumer::new(levels)).consume(quests).due(due).timer("review", every, move || {
        let levels = Arc::clone(&reviewed);
        async move {
            match levels.review().await {
                Ok(0) => {}
                Ok(accounts) => tracing::debug!(accounts, "lapses, time-outs and level ends were booked"),
                Err(error) => {
                    tracing::warn!(?error, "the review of lapses, holds and levels failed and will be run again")
                }
            }
        }
    })
}

impl Timers for Levels {
    fn next<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Option<OffsetDateTime>, Status>> {
        Box::pin(async move { Ok(self.next_due(tenant).await?) })
    }

    fn run<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<u64, Status>> {
        Box::pin(async move { Ok(self.run_due(tenant).await?) })
    }
}
