//! What is called.

use std::fmt;

use anyhow::bail;
use clap::ValueEnum;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use proto::incentives::v1 as incentives;
use proto::levels::v1 as levels;
use proto::profiles::v1 as profiles;
use time::{Duration, OffsetDateTime};
use tonic::Status;
use units::time::to_proto;

use crate::rig::{Client, POINTS, Rig, TEMPLATE, fresh};

/// Buckets of an account from which points are spent.
const BUCKETS: i64 = 10;
/// Calls under way while a section is prepared.
const PREPARING: usize = 64;

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// A call that does nothing: what transport costs.
    Empty,
    /// Points earned by a random user.
    Earn,
    /// Points spent by a random user who has ten buckets of them.
    Spend,
    /// Points set aside and used: two calls.
    HoldCapture,
    /// A coupon of one template claimed by a new user.
    Claim,
    /// A visit of a random user reported.
    Intake,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Earn => "earn",
            Self::Spend => "spend, 10 buckets",
            Self::HoldCapture => "hold and capture",
            Self::Claim => "claim, one template",
            Self::Intake => "intake, single",
        })
    }
}

impl Section {
    pub(crate) const ALL: [Self; 6] =
        [Self::Empty, Self::Earn, Self::Spend, Self::HoldCapture, Self::Claim, Self::Intake];

    /// Makes what the calls need, once per suite.
    pub(crate) async fn prepare(self, rig: &Rig, users: u64) -> anyhow::Result<()> {
        if !matches!(self, Self::Spend | Self::HoldCapture) {
            return Ok(());
        }
        // midnight, so that a second section asks for the same: known already
        let today = OffsetDateTime::now_utc().replace_time(time::Time::MIDNIGHT);
        let client = rig.client(0);
        let earnings = (0..users).flat_map(|user| (0..BUCKETS).map(move |bucket| (user, bucket)));
        let earned = stream::iter(earnings).map(|(user, bucket)| {
            let client = client.clone();
            async move {
                let request = levels::EarnRequest {
                    request_id: format!("prepare-{bucket}"),
                    user_id: format!("u{user}"),
                    point_type_id: POINTS.to_owned(),
                    amount: 1_000_000,
                    occurred_at: Some(to_proto(today - Duration::days(bucket))),
                    ..Default::default()
                };
                client.points().earn(fresh(request)).await.map(drop)
            }
        });
        earned.buffer_unordered(PREPARING).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// Calls once.
    pub(crate) async fn call(self, client: &Client, number: u64, users: u64) -> Result<(), Status> {
        let user_id = format!("u{}", rand::random_range(0..users));
        let request_id = number.to_string();
        match self {
            Self::Empty => client.health().check(tonic_health::pb::HealthCheckRequest::default()).await.map(drop),
            Self::Earn => {
                let point_type_id = POINTS.to_owned();
                let request =
                    levels::EarnRequest { request_id, user_id, point_type_id, amount: 10, ..Default::default() };
                client.points().earn(fresh(request)).await.map(drop)
            }
            Self::Spend => {
                let point_type_id = POINTS.to_owned();
                let request =
                    levels::SpendRequest { request_id, user_id, point_type_id, amount: 10, ..Default::default() };
                client.points().spend(fresh(request)).await.map(drop)
            }
            Self::HoldCapture => {
                let request = levels::HoldPointsRequest {
                    request_id: format!("{request_id}-hold"),
                    user_id: user_id.clone(),
                    point_type_id: POINTS.to_owned(),
                    amount: 10,
                    ttl_seconds: 600,
                    ..Default::default()
                };
                let held = client.points().hold_points(fresh(request)).await?.into_inner();
                let hold_id = held.hold.unwrap_or_default().hold_id;
                let request = levels::CaptureHoldRequest { request_id, user_id, hold_id, ..Default::default() };
                client.points().capture_hold(fresh(request)).await.map(drop)
            }
            Self::Claim => {
                let (user_id, template_id) = (format!("claimer-{number}"), TEMPLATE.to_owned());
                let request = incentives::ClaimCouponRequest { request_id, user_id, template_id };
                client.coupons().claim_coupon(fresh(request)).await.map(drop)
            }
            Self::Intake => {
                let event = profiles::UserEvent {
                    event_id: request_id,
                    user_id,
                    occurred_at: Some(to_proto(OffsetDateTime::now_utc())),
                    report: Some(profiles::user_event::Report::Visit(profiles::VisitReport::default())),
                    ..Default::default()
                };
                let request = profiles::RecordEventRequest { event: Some(event) };
                client.events().record_event(fresh(request)).await.map(drop)
            }
        }
    }

    /// Whether what was written adds up. A rate without it does not count.
    pub(crate) async fn check(self, rig: &Rig) -> anyhow::Result<()> {
        if !matches!(self, Self::Earn | Self::Spend | Self::HoldCapture) {
            return Ok(());
        }
        let client = rig.client(0);
        let mut page_token = String::new();
        loop {
            let request = levels::VerifyLedgerRequest { page_token, page_size: 10_000, ..Default::default() };
            let page = client.points().verify_ledger(fresh(request)).await?.into_inner();
            if !page.mismatches.is_empty() {
                bail!("{}: the ledger disagrees with itself: {:?}", rig.name(), page.mismatches);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(());
            }
        }
    }
}
