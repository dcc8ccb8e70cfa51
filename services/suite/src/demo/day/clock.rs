//! The tenant's clock.

use anyhow::bail;
use proto::admin::v1::AdvanceClockRequest;
use time::OffsetDateTime;

use crate::demo::calls::{Calls, call, told};
use crate::demo::year::Stop;

/// Most calls for one move: each works for seconds, and a move takes no minutes.
const CALLS_MAX: u32 = 1000;

/// Moves a sandbox's clock, and waits until all has come to rest.
pub(super) struct Clock<'a> {
    calls: &'a Calls,
    tenant_id: &'a str,
    at: OffsetDateTime,
    end: OffsetDateTime,
    /// How often rest was waited for since the clock stands where it does.
    rests: u32,
}

impl<'a> Clock<'a> {
    pub(super) fn new(calls: &'a Calls, tenant_id: &'a str, stops: &[Stop]) -> Self {
        let end = stops.last().map_or(OffsetDateTime::UNIX_EPOCH, |stop| stop.at);
        Self { calls, tenant_id, at: OffsetDateTime::UNIX_EPOCH, end, rests: 0 }
    }

    /// Whether a stop is the year's end.
    pub(super) fn is_last(&self, stop: &Stop) -> bool {
        stop.at >= self.end
    }

    /// Moves it to a stop. All has come to rest before and after.
    pub(super) async fn go(&mut self, at: OffsetDateTime) -> anyhow::Result<()> {
        (self.at, self.rests) = (at, 0);
        self.advance().await
    }

    /// Waits until all has come to rest, with the clock where it stands.
    pub(super) async fn rest(&mut self) -> anyhow::Result<()> {
        self.rests += 1;
        self.advance().await
    }

    async fn advance(&self) -> anyhow::Result<()> {
        let (at, rests) = (self.at.unix_timestamp(), self.rests);
        for n in 0..CALLS_MAX {
            let request = AdvanceClockRequest {
                request_id: format!("clock:{at}:{rests}:{n}"),
                tenant_id: self.tenant_id.to_owned(),
                to: Some(units::time::to_proto(self.at)),
            };
            if told(call!(self.calls, tenants, advance_clock, request), "AdvanceClock")?.done {
                return Ok(());
            }
        }
        bail!("the clock does not come to {}", self.at)
    }
}
