//! What is read of incentives' log.

use eventlog::EventPayload;
use ids::{EventId, UserId};
use proto::events::v1::Event;
use proto::incentives::v1 as incentives;
use units::time::from_proto;

use crate::domain::reward::{Grant, Says, Told};

/// The types that are carried out.
pub const CONSUMED: [&str; 5] =
    ["reward.granted", "reward.revoked", "checkout.confirmed", "checkout.cancelled", "checkout.returned"];

/// Types that there is nothing to do for.
pub const IGNORED: [&str; 12] = [
    "action.changed",
    "campaign.changed",
    "campaign.settings_changed",
    "checkout.reserved",
    "coupon.expired",
    "coupon.granted",
    "coupon.returned",
    "coupon.used",
    "coupon.voided",
    "coupon_template.published",
    "penalty.imposed",
    "penalty.lifted",
];

/// An event as this service looks at it; `None` where there is nothing to do for it. The error says what is wrong with it,
/// without personal data.
pub fn read(event: &Event) -> Result<Option<Told>, String> {
    let Some(says) = says(event)? else { return Ok(None) };
    let time = |at: &Option<prost_types::Timestamp>, name| {
        let at = at.as_ref().ok_or_else(|| format!("{name} is missing"))?;
        from_proto(at).map_err(|fault| format!("{name} {fault}"))
    };
    Ok(Some(Told {
        user: UserId::new(event.user_id.as_str()).map_err(|fault| format!("user_id {fault}"))?,
        occurred_at: time(&event.occurred_at, "occurred_at")?,
        recorded_at: time(&event.recorded_at, "recorded_at")?,
        says,
    }))
}

fn says(event: &Event) -> Result<Option<Says>, String> {
    Ok(match event.r#type.as_str() {
        "reward.granted" => Some(granted(payload(event)?)?),
        "reward.revoked" => {
            let it: incentives::RewardRevoked = payload(event)?;
            Some(Says::Revoked {
                reward_id: reward_id(it.reward_id)?,
                amount: count(it.amount, "amount")?,
                order_id: it.order_id,
            })
        }
        "checkout.confirmed" => {
            let it: incentives::CheckoutConfirmed = payload(event)?;
            let points = count(it.points, "points")?;
            hold_id(&it.hold_id)?.map(|hold_id| Says::Confirmed { hold_id, order_id: it.order_id, points })
        }
        "checkout.cancelled" => {
            let it: incentives::CheckoutCancelled = payload(event)?;
            hold_id(&it.hold_id)?.map(|hold_id| Says::Cancelled { hold_id })
        }
        "checkout.returned" => {
            let it: incentives::CheckoutReturned = payload(event)?;
            let points = count(it.points_returned, "points_returned")?;
            hold_id(&it.hold_id)?.map(|hold_id| Says::Returned { hold_id, order_id: it.order_id, points })
        }
        _ => None,
    })
}

fn granted(it: incentives::RewardGranted) -> Result<Says, String> {
    let grant = Grant {
        point_type: it.point_type_id,
        amount: it.amount,
        reason: it.reason,
        campaign_id: it.campaign_id,
        funder: it.funder,
        cost_centre: it.cost_centre,
        order_id: it.order_id,
    };
    Ok(Says::Granted { reward_id: reward_id(it.reward_id)?, grant })
}

fn payload<P: EventPayload + Default>(event: &Event) -> Result<P, String> {
    P::decode(event.payload.as_slice()).map_err(|_| format!("the payload is no {}", P::NAME))
}

fn reward_id(id: String) -> Result<String, String> {
    EventId::new(id.as_str()).map_err(|fault| format!("reward_id {fault}"))?;
    Ok(id)
}

/// `None`: the checkout used no points.
fn hold_id(id: &str) -> Result<Option<EventId>, String> {
    if id.is_empty() {
        return Ok(None);
    }
    EventId::new(id).map(Some).map_err(|fault| format!("hold_id {fault}"))
}

fn count(points: i64, name: &str) -> Result<i64, String> {
    if points < 0 { Err(format!("{name} is below 0")) } else { Ok(points) }
}
