//! Points.

use proto::levels::v1::{CaptureHoldRequest, EarnRequest, HoldPointsRequest, SpendRequest};
use tonic::Status;

use super::{Done, Scene, fresh, right};
use crate::client::Client;
use crate::programme::POINTS;

const AMOUNT: i64 = 10;

pub(super) async fn earn(client: &Client, scene: &Scene, number: u64) -> Result<Done, Status> {
    let request = EarnRequest {
        request_id: number.to_string(),
        user_id: format!("u{}", scene.user()),
        point_type_id: POINTS.to_owned(),
        amount: AMOUNT,
        ..Default::default()
    };
    let entry = client.points().earn(fresh(request)).await?.into_inner().entry.unwrap_or_default();
    right(entry.amount == AMOUNT, "another amount was earned")?;
    Ok(Done::All(1))
}

pub(super) async fn spend(client: &Client, user_id: String, number: u64) -> Result<Done, Status> {
    let request = SpendRequest {
        request_id: number.to_string(),
        user_id,
        point_type_id: POINTS.to_owned(),
        amount: AMOUNT,
        ..Default::default()
    };
    let entry = client.points().spend(fresh(request)).await?.into_inner().entry.unwrap_or_default();
    right(entry.amount == -AMOUNT, "another amount was spent")?;
    Ok(Done::All(1))
}

pub(super) async fn hold_capture(client: &Client, scene: &Scene, number: u64) -> Result<Done, Status> {
    let user_id = format!("u{}", scene.user());
    let request = HoldPointsRequest {
        request_id: format!("{number}-hold"),
        user_id: user_id.clone(),
        point_type_id: POINTS.to_owned(),
        amount: AMOUNT,
        ttl_seconds: 600,
        ..Default::default()
    };
    let hold = client.points().hold_points(fresh(request)).await?.into_inner().hold.unwrap_or_default();
    let request =
        CaptureHoldRequest { request_id: number.to_string(), user_id, hold_id: hold.hold_id, ..Default::default() };
    let hold = client.points().capture_hold(fresh(request)).await?.into_inner().hold.unwrap_or_default();
    right(hold.captured == AMOUNT, "another amount was captured")?;
    Ok(Done::All(1))
}
