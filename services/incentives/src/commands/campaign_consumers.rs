use std::sync::Arc;

use eventlog::{ApplyError, Consume, Draft};
use ids::TenantId;
use pg::Tx;
use proto::events::v1::Event;

use crate::Incentives;

/// Meets the events of one log with campaigns. A log has a consumer of its own, so that none waits for another.
#[derive(Clone)]
pub struct CampaignConsumer {
    incentives: Arc<Incentives>,
    source: &'static str,
    types: &'static [&'static str],
    ignores: &'static [&'static str],
}

impl CampaignConsumer {
    /// Of profiles' log: orders, visits, stages, and whom ids mean.
    pub fn of_profiles(incentives: Arc<Incentives>) -> Self {
        let types = &[
            "tenant.changed",
            "profile.alias_linked",
            "order.created",
            "order.paid",
            "order.completed",
            "order.cancelled",
            "order.refunded",
            "user.visited",
            "stage.moved",
        ];
        Self { incentives, source: "profiles", types, ignores: &["profile.changed", "lifecycle.models_changed"] }
    }

    /// Of levels' log: moves, and what became of points that were granted.
    pub fn of_levels(incentives: Arc<Incentives>) -> Self {
        let types = &["level.moved", "reward.fulfilled", "reward.refused"];
        Self {
            incentives,
            source: "levels",
            types,
            ignores: &["points.posted", "programme.published", "earning.capped"],
        }
    }

    /// Of feedback's log: cases.
    pub fn of_feedback(incentives: Arc<Incentives>) -> Self {
        Self { incentives, source: "feedback", types: &["case.resolved", "case.rated"], ignores: &[] }
    }

    /// Of this service's own log: what became of coupons that were granted.
    pub fn of_coupons(incentives: Arc<Incentives>) -> Self {
        let types = &["coupon.used", "coupon.returned", "coupon.voided", "coupon.expired"];
        Self { incentives, source: crate::NAME, types, ignores: &[] }
    }
}

impl Consume for CampaignConsumer {
    fn name(&self) -> &'static str {
        "campaigns"
    }

    fn source(&self) -> &'static str {
        self.source
    }

    fn types(&self) -> &'static [&'static str] {
        self.types
    }

    fn ignores(&self) -> &'static [&'static str] {
        self.ignores
    }

    async fn apply(&self, tx: &mut Tx, tenant: &TenantId, events: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        if self.source == "profiles" {
            mirror::apply(tx, tenant, events).await?;
        }
        self.incentives.meet_events(tx, tenant, self.source, events).await
    }
}
