//! Domain values as messages of the contract: for answers, which are recorded with their request ids, and for the
//! payloads of the log. The other way round, with its checks, is `grpc/convert`.

pub mod checkout;
pub mod coupon;
pub mod quote;

use proto::google::r#type::Money;
use time::OffsetDateTime;
use units::time::to_proto;

fn at(time: Option<OffsetDateTime>) -> Option<prost_types::Timestamp> {
    time.map(to_proto)
}

fn money(minor: i64, currency: &str) -> Option<Money> {
    Some(units::money::to_proto(minor, currency))
}

/// An amount that is left out where it is 0.
fn money_if(minor: i64, currency: &str) -> Option<Money> {
    if minor == 0 { None } else { money(minor, currency) }
}

fn small(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
