//! Registrations before, and the use of points after the events of a generated year.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use proto::levels::v1::SpendRequest;
use proto::profiles::v1::{Profile, UpsertProfileRequest};
use tonic::Code;

use super::calls::{Calls, told};
use super::preset::POINTS;
use super::progress::Bar;
use super::year::{Redemption, Registration};

/// Calls in flight.
const AT_ONCE: usize = 16;

/// Registers the users with the channels by which they came.
pub(crate) async fn register(calls: &Calls, users: &[Registration], words: &'static str) -> anyhow::Result<()> {
    let bar = Bar::new(users.len() as u64, words);
    let one = |user: &Registration| {
        let request = UpsertProfileRequest {
            request_id: format!("register:{}", user.user_id),
            profile: Some(Profile {
                user_id: user.user_id.clone(),
                channel: user.channel.to_owned(),
                registered_at: Some(units::time::to_proto(user.at)),
                ..Profile::default()
            }),
        };
        let bar = &bar;
        async move {
            let upsert = || {
                let (mut client, request) = (calls.profiles(), request.clone());
                async move { client.upsert_profile(request).await }
            };
            told(calls.patiently(upsert).await, "UpsertProfile")?;
            bar.add(1);
            anyhow::Ok(())
        }
    };
    stream::iter(users.iter().map(one)).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
    Ok(())
}

/// Uses points up; returns how many calls were refused for want of balance.
pub(crate) async fn spend(calls: &Calls, redemptions: &[Redemption], words: &'static str) -> anyhow::Result<u64> {
    let bar = Bar::new(redemptions.len() as u64, words);
    let one = |redemption: &Redemption| {
        let request = SpendRequest {
            request_id: format!("redeem:{}", redemption.user_id),
            user_id: redemption.user_id.clone(),
            point_type_id: POINTS.to_owned(),
            amount: redemption.points,
            reason: "gift".to_owned(),
            order_id: String::new(),
        };
        let bar = &bar;
        async move {
            let spend = || {
                let (mut client, request) = (calls.points(), request.clone());
                async move { client.spend(request).await }
            };
            let refused = match calls.patiently(spend).await {
                Err(status) if status.code() == Code::FailedPrecondition => 1,
                result => told(result, "Spend").map(|_| 0)?,
            };
            bar.add(1);
            anyhow::Ok(refused)
        }
    };
    let refused: Vec<u64> = stream::iter(redemptions.iter().map(one)).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(refused.iter().sum())
}
