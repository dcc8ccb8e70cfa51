//! What is told of benefits.

use eventlog::{Draft, derive};
use ids::{EventId, UserId};
use proto::events::v1::{FactValue, Facts, fact_value};
use proto::levels::v1 as pb;
use time::OffsetDateTime;

use crate::domain::benefit::usage::BenefitUse;
use crate::wire;

/// The id of the use that a request makes. `user` as the caller named it.
pub fn use_id(user: &str, request_id: &str) -> EventId {
    derive(user, &format!("benefit_use/{request_id}"), 0)
}

/// A benefit was used, at a level of a scheme or at none.
pub fn used(user: &UserId, it: &BenefitUse, scheme_id: Option<&str>) -> Draft {
    let event_id = derive(user.as_str(), &format!("benefit_use/{}/used", it.id), 0);
    let mut facts = Facts::default();
    let mut fact = |name: &str, value| drop(facts.values.insert(name.to_owned(), FactValue { value: Some(value) }));
    if let (Some(rank), Some(scheme_id)) = (it.rank, scheme_id) {
        fact("level.rank", fact_value::Value::Number(i64::try_from(rank).unwrap_or(i64::MAX)));
        fact("level.scheme", fact_value::Value::Text(scheme_id.to_owned()));
    }
    let payload = pb::BenefitUsed { r#use: Some(wire::benefit::benefit_use(it)) };
    Draft::new(user.as_str(), event_id, &payload, it.used_at).facts(facts)
}

/// Something of a use came back.
pub fn given_back(user: &UserId, it: &BenefitUse, (came_back, reason): (i64, &str), at: OffsetDateTime) -> Draft {
    let event_id = derive(user.as_str(), &format!("benefit_use/{}/given_back/{}", it.id, it.given_back), 0);
    let (count, reason) = (wire::benefit::small(came_back), reason.to_owned());
    let payload = pb::BenefitGivenBack { r#use: Some(wire::benefit::benefit_use(it)), count, reason };
    Draft::new(user.as_str(), event_id, &payload, at)
}
