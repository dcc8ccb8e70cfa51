//! Reads.

use proto::incentives::v1::{CheckRestrictionsRequest, ListCouponsRequest};
use proto::levels::v1::GetBalanceRequest;
use proto::profiles::v1::{GetMemberPageRequest, GetProfileRequest};
use tonic::Status;

use super::{Done, Scene, fresh, right};
use crate::client::Client;
use crate::programme::{COUPONS, HOLDERS, POINTS, RESTRICTION, restricted};

/// A holder.
fn holder(scene: &Scene) -> u64 {
    rand::random_range(0..scene.users.min(HOLDERS))
}

pub(super) async fn profile(client: &Client, scene: &Scene) -> Result<Done, Status> {
    let user_id = format!("u{}", scene.user());
    let request = GetProfileRequest { user_id: user_id.clone(), ..Default::default() };
    let profile = client.profiles().get_profile(fresh(request)).await?.into_inner().profile.unwrap_or_default();
    right(profile.user_id == user_id, "another user's profile")?;
    Ok(Done::All(1))
}

pub(super) async fn balance(client: &Client, scene: &Scene) -> Result<Done, Status> {
    let user_id = format!("u{}", scene.user());
    let request = GetBalanceRequest { user_id, point_type_id: POINTS.to_owned(), ..Default::default() };
    let balance = client.points().get_balance(fresh(request)).await?.into_inner();
    right(balance.available > 0, "a user without points")?;
    Ok(Done::All(1))
}

pub(super) async fn coupons(client: &Client, scene: &Scene) -> Result<Done, Status> {
    let user_id = format!("u{}", holder(scene));
    let request = ListCouponsRequest { user_id, ..Default::default() };
    let coupons = client.coupons().list_coupons(fresh(request)).await?.into_inner().coupons;
    right(coupons.len() == COUPONS, "another number of coupons")?;
    Ok(Done::All(1))
}

pub(super) async fn restrictions(client: &Client, scene: &Scene) -> Result<Done, Status> {
    let number = holder(scene);
    let request = CheckRestrictionsRequest {
        user_id: format!("u{number}"),
        restrictions: vec![RESTRICTION.to_owned()],
        ..Default::default()
    };
    let statuses = client.penalties().check_restrictions(fresh(request)).await?.into_inner().statuses;
    let told = statuses.first().is_some_and(|status| status.restricted);
    right(statuses.len() == 1 && told == restricted(number), "another restriction")?;
    Ok(Done::All(1))
}

pub(super) async fn page(client: &Client, scene: &Scene) -> Result<Done, Status> {
    let user_id = format!("u{}", scene.user());
    let request = GetMemberPageRequest { user_id: user_id.clone(), locale: "en".to_owned(), ..Default::default() };
    let page = client.members().get_member_page(fresh(request)).await?.into_inner();
    if page.statuses.iter().any(|part| part.status.as_ref().is_some_and(|status| status.code != 0)) {
        return Ok(Done::But("a part missing"));
    }
    right(page.profile.is_some_and(|profile| profile.user_id == user_id), "another user's page")?;
    right(page.points.is_some_and(|points| !points.balances.is_empty()), "a page without points")?;
    Ok(Done::All(1))
}
