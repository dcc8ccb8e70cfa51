//! Models as domain values: the one message that is read outside the handlers too, since programmes hold it.

use proto::profiles::v1 as pb;

use crate::domain::lifecycle::{Models, StageModel};
use crate::domain::programme::violation::Violation;
use crate::domain::rfm::{Cuts, Method, RfmModel};

/// Models out of their message, with all that the contract's annotations can't say against it: fields by their path in
/// the message. Absent models are the defaults.
pub(crate) fn read_models(sent: Option<&pb::Models>) -> (Models, Vec<Violation>) {
    let mut found = Vec::new();
    let Some(sent) = sent else { return (Models::default(), found) };
    let stage = read_stage(&sent.stage.unwrap_or_default(), &mut found);
    let rfm = read_rfm(&sent.rfm.clone().unwrap_or_default(), &mut found);
    (Models { stage, rfm, version: 0 }, found)
}

/// The stages.
pub(crate) fn read_stage(sent: &pb::StageModel, found: &mut Vec<Violation>) -> StageModel {
    if sent.lost_after_days <= sent.dormant_after_days {
        refuse(found, "stage.lost_after_days", "must be more than `dormant_after_days`");
    }
    let pb::StageModel { loyal_orders, dormant_after_days, lost_after_days } = *sent;
    StageModel { loyal_orders, dormant_after_days, lost_after_days }
}

/// RFM.
pub(crate) fn read_rfm(sent: &pb::RfmModel, found: &mut Vec<Violation>) -> RfmModel {
    let cuts = Cuts {
        recency_days: cuts(found, "rfm.recency_days", &sent.recency_days, Order::Falling),
        frequency_orders: cuts(found, "rfm.frequency_orders", &sent.frequency_orders, Order::Rising),
        monetary_minor: cuts(found, "rfm.monetary_minor", &sent.monetary_minor, Order::Rising),
    };
    RfmModel { method: method(sent.method()).unwrap_or_default(), window_days: sent.window_days, cuts }
}

/// A method; absent where none is named.
pub(crate) fn method(sent: pb::RfmMethod) -> Option<Method> {
    match sent {
        pb::RfmMethod::Unspecified => None,
        pb::RfmMethod::Thresholds => Some(Method::Thresholds),
        pb::RfmMethod::Quintiles => Some(Method::Quintiles),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Rising,
    Falling,
}

fn cuts<T: Copy + Default + Ord>(found: &mut Vec<Violation>, field: &str, sent: &[T], order: Order) -> [T; 4] {
    let sorted = match order {
        Order::Rising => sent.is_sorted_by(|a, b| a < b),
        Order::Falling => sent.is_sorted_by(|a, b| a > b),
    };
    if !sorted {
        refuse(found, field, if order == Order::Rising { "must rise" } else { "must fall" });
    }
    sent.try_into().unwrap_or_else(|_| {
        refuse(found, field, "must have 4 limits");
        [T::default(); 4]
    })
}

fn refuse(found: &mut Vec<Violation>, field: &str, why: &str) {
    found.push(Violation { field: field.to_owned(), why: why.to_owned() });
}
