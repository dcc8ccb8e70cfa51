//! Who is this user? The service that knows every user of a tenant: canonical ids and aliases, orders and refunds, visits,
//! stages and RFM, and the reports over them. Its README says what it owns and which events it tells.

pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
mod events;
mod grpc;
pub mod owners;
mod peers;
mod presets;
pub mod queries;
mod store;
mod wire;

use std::sync::Arc;

use futures::future::BoxFuture;
use host::{Kit, Part, Peers, Timers};
use ids::TenantId;
use pg::Migrations;
use service::Core;
use time::OffsetDateTime;
use tonic::Status;

use crate::config::Settings;
use crate::owners::{Owners, Remote};

/// The name of the service and of its schema.
pub const NAME: &str = "profiles";

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// All that is to be applied to the service's schema.
pub fn migrations() -> Migrations {
    Migrations::new(NAME, [&requests::MIGRATOR, &eventlog::MIGRATOR, &MIGRATOR])
}

/// The service: its commands and queries, over its database and its log.
pub struct Profiles {
    core: Core,
    peers: Peers,
    owners: Arc<dyn Owners>,
    settings: Settings,
}

impl Profiles {
    /// The service over what a process gives it.
    pub fn new(core: Core, peers: Peers, settings: Settings) -> Self {
        let owners = Arc::new(Remote(peers.clone()));
        Self { core, peers, owners, settings }
    }

    /// The same with other owners of the parts of a programme.
    #[must_use]
    pub fn with_owners(self, owners: Arc<dyn Owners>) -> Self {
        Self { owners, ..self }
    }
}

/// The service as a part of a process.
pub async fn start(kit: Kit<Settings>) -> anyhow::Result<Part> {
    let profiles = Profiles::new(Core::new(kit.db.clone(), Arc::clone(&kit.log)), kit.peers, kit.settings);
    let (every, profiles) = (profiles.settings.stages_every(), Arc::new(profiles));
    let (due, reviewed) = (Arc::clone(&profiles), Arc::clone(&profiles));
    let part = grpc::serve(Part::new(kit.db, kit.log), profiles, kit.pages);
    Ok(part.due(due).timer("stages", every, move || {
        let profiles = Arc::clone(&reviewed);
        async move {
            if let Err(error) = profiles.review().await {
                tracing::warn!(?error, "the review of stages failed and will be run again");
            }
        }
    }))
}

impl Timers for Profiles {
    fn next<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Option<OffsetDateTime>, Status>> {
        Box::pin(async move { Ok(self.next_due(tenant).await?) })
    }

    fn run<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<u64, Status>> {
        Box::pin(async move { Ok(self.run_due(tenant).await?) })
    }
}
