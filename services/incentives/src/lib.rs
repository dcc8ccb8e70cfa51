//! What should this user get, or lose? Coupons, and what baskets cost with them; campaigns, and penalties.

pub mod campaign_events;
pub mod campaign_wire;
pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod points;
pub mod queries;
pub mod store;
mod timers;
pub mod wire;

use std::sync::Arc;

use host::{Kit, Part};
use pg::Migrations;
use service::Core;
use sqlx::migrate::Migrator;

use crate::commands::{CampaignCache, CampaignConsumer, CheckoutConsumer};
use crate::config::Settings;
use crate::points::{PeerPoints, Points};

/// The name of the service and of its schema.
pub const NAME: &str = "incentives";

/// The service's own tables: versions 1000 and up.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// All that the service's schema needs.
pub fn migrations() -> Migrations {
    Migrations::new(NAME, [&requests::MIGRATOR, &eventlog::MIGRATOR, &mirror::MIGRATOR, &MIGRATOR])
}

/// The service: its writes and reads.
pub struct Incentives {
    core: Core,
    points: Arc<dyn Points>,
    campaigns: CampaignCache,
    settings: Settings,
}

impl Incentives {
    /// On its database and log, with the points that levels keeps.
    pub fn new(core: Core, points: Arc<dyn Points>, settings: Settings) -> Self {
        Self { core, points, campaigns: CampaignCache::default(), settings }
    }
}

/// The service as part of a process: its API, its consumers, its timers.
pub fn start(kit: Kit<Settings>) -> Part {
    let points = Arc::new(PeerPoints::new(kit.peers.clone()));
    let core = Core::new(kit.db.clone(), Arc::clone(&kit.log));
    let incentives = Arc::new(Incentives::new(core, points, kit.settings.clone()));
    let part = grpc::serve(Part::new(kit.db, kit.log), &incentives, kit.pages);
    let part = part
        .consume(CheckoutConsumer)
        .consume(CampaignConsumer::of_profiles(Arc::clone(&incentives)))
        .consume(CampaignConsumer::of_levels(Arc::clone(&incentives)))
        .consume(CampaignConsumer::of_coupons(Arc::clone(&incentives)));
    let part = match kit.settings.feedback {
        true => part.consume(CampaignConsumer::of_feedback(Arc::clone(&incentives))),
        false => part,
    };
    timers::add(part, incentives, kit.settings.settle_every())
}
