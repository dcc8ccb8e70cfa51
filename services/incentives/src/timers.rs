//! What falls due: for all tenants now and again, and for one tenant when its sandbox clock moves.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use host::{Part, Timers};
use ids::TenantId;
use time::OffsetDateTime;
use tonic::Status;

use crate::Incentives;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Timers for Incentives {
    fn next<'a>(&'a self, tenant: &'a TenantId) -> Boxed<'a, Result<Option<OffsetDateTime>, Status>> {
        Box::pin(async move { Ok(self.next_due(tenant).await?) })
    }

    fn run<'a>(&'a self, tenant: &'a TenantId) -> Boxed<'a, Result<u64, Status>> {
        Box::pin(async move { Ok(self.run_due(tenant).await?) })
    }
}

/// Adds the timers to a process.
pub(crate) fn add(part: Part, incentives: Arc<Incentives>, every: Duration) -> Part {
    let swept = Arc::clone(&incentives);
    part.due(incentives).timer("settle", every, move || {
        let incentives = Arc::clone(&swept);
        async move {
            match incentives.settle().await {
                Ok(0) => {}
                Ok(settled) => tracing::debug!(settled, "coupons and checkouts whose time was over were booked"),
                Err(error) => tracing::warn!(?error, "booking what fell due failed and will be run again"),
            }
        }
    })
}
