use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ids::TenantId;
use proto::common::v1::ErrorReason;
use tonic::{Code, Status};

/// The services of the suite as this process reaches them: those that it hosts and those whose addresses it was given.
/// Calls bear the process's own token. Nobody is reached before the process serves.
#[derive(Clone, Default)]
pub struct Peers(Arc<OnceLock<BTreeMap<String, rt::Channel>>>);

impl Peers {
    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.0.get().map(|channels| channels.keys().cloned().collect()).unwrap_or_default()
    }

    /// A channel for calls across tenants.
    pub fn channel(&self, service: &str) -> Result<rt::Channel, Status> {
        self.0.get().and_then(|channels| channels.get(service)).cloned().ok_or_else(|| unknown(service))
    }

    /// A channel for calls on behalf of a tenant.
    pub fn on_behalf(&self, service: &str, tenant: &TenantId) -> Result<rt::Channel, Status> {
        Ok(self.channel(service)?.on_behalf(tenant))
    }

    /// Tells where they are, once.
    pub(crate) fn found(&self, channels: BTreeMap<String, rt::Channel>) {
        let _ = self.0.set(channels); // a process serves once
    }
}

fn unknown(service: &str) -> Status {
    let message = format!("the service {service} cannot be reached from here: set sources.{service}");
    status::refuse(Code::Unavailable, ErrorReason::StoreUnavailable, message).with("service", service).into()
}
