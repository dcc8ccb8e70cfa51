//! Tenants.

use time::OffsetDateTime;
use units::zone::Zone;

use super::lifecycle::StageModel;

/// A tenant as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub tenant_id: String,
    /// For operators.
    pub display_name: String,
    /// IANA zone: decides days and months.
    pub zone: String,
    /// ISO 4217 code of all its amounts. Never changes.
    pub currency: String,
    /// For trials. Never changes.
    pub sandbox: bool,
    /// Where a sandbox's manual clock stands; `None`: the real clock decides.
    pub clock: Option<OffsetDateTime>,
    /// Whether writes are refused.
    pub suspended: bool,
    /// Counts changes.
    pub version: i64,
    /// When it was created.
    pub create_time: OffsetDateTime,
    /// When it last changed.
    pub update_time: OffsetDateTime,
}

/// What is to become of a tenant; absent: stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantChange {
    /// The new name.
    pub display_name: Option<String>,
    /// The new zone.
    pub zone: Option<String>,
    /// The new state.
    pub suspended: Option<bool>,
}

impl Tenant {
    /// Applies a change. Returns whether anything is another now.
    pub fn apply(&mut self, change: &TenantChange) -> bool {
        let before = self.clone();
        if let Some(display_name) = &change.display_name {
            self.display_name.clone_from(display_name);
        }
        if let Some(zone) = &change.zone {
            self.zone.clone_from(zone);
        }
        if let Some(suspended) = change.suspended {
            self.suspended = suspended;
        }
        *self != before
    }
}

/// What every write and report needs to know of its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The currency of all amounts.
    pub currency: String,
    /// Decides days and months.
    pub zone: Zone,
    /// Whether writes are refused.
    pub suspended: bool,
    /// The stage model, for facts.
    pub stage: StageModel,
    /// The tenant's clock when they were read.
    pub now: OffsetDateTime,
}
