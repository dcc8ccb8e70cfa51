//! The shop's system reports what happened: live events of orders and visits, goods that came back at the till.

use std::collections::HashMap;

use anyhow::bail;
use proto::events::v1::EventMode;
use proto::incentives::v1::{LineQuantity, ReturnRequest};
use proto::profiles::v1::{RecordEventsRequest, UserEvent};
use tonic::Code;
use xxhash_rust::xxh3::xxh3_64;

use super::clock::Clock;
use super::till::{Sold, minor};
use super::{Passed, at_once};
use crate::demo::calls::{Calls, call, told, unsettled};
use crate::demo::deed::{Act, Deed};
use crate::demo::figures::{Refused, Replay};

/// Calls side by side; a user's events are in one of them, in order.
const LANES: u64 = 4;
/// Events per call.
const BATCH: usize = 256;
/// How often one event is sent again because its own outcome was not definite.
const ATTEMPTS: u32 = 20;

/// Reports deeds. What gives points comes first and arrives everywhere, then what gives points back, and only then what takes
/// them: where a user has too few, the order decides how many are forgiven. For the same reason orders are paid after the
/// campaigns have met those whose orders were completed: from then on they watch what is bought.
pub(super) async fn report(
    calls: &Calls,
    currency: &str,
    deeds: &[Deed],
    clock: &mut Clock<'_>,
    passed: &mut Passed,
) -> anyhow::Result<()> {
    let known = deeds.iter().filter_map(|deed| as_sold(deed, &passed.sold));
    let (completed, others): (Vec<Deed>, Vec<Deed>) = known.partition(|deed| matches!(deed.act, Act::Completed(_)));
    if !completed.is_empty() {
        send(calls, currency, &completed, passed).await?;
        clock.rest().await?;
    }
    let sold = &passed.sold;
    let told = at_once(others.iter().map(|deed| take_goods(calls, currency, deed, sold))).await?;
    if others.iter().any(|deed| matches!(deed.act, Act::Returned { .. })) {
        clock.rest().await?;
    }
    let told: Vec<Deed> = told.into_iter().flatten().collect();
    send(calls, currency, &told, passed).await
}

/// A deed with what its order came to at the till; `None` where the order was not placed in the end.
fn as_sold(deed: &Deed, sold: &Sold) -> Option<Deed> {
    let basket = |basket: &crate::demo::deed::Basket| {
        if basket.till { sold.basket(&basket.order_id).cloned() } else { Some(basket.clone()) }
    };
    let act = match &deed.act {
        Act::Paid(it) => Act::Paid(basket(it)?),
        Act::Completed(it) => Act::Completed(basket(it)?),
        Act::Cancelled { order_id } if sold.is_declined(order_id) => return None,
        Act::Returned { order_id, .. } if sold.is_declined(order_id) => return None,
        other => other.clone(),
    };
    Some(Deed { act, ..deed.clone() })
}

/// Has the till take goods back, and makes a refund of it; other deeds stay as they are.
async fn take_goods(calls: &Calls, currency: &str, deed: &Deed, sold: &Sold) -> anyhow::Result<Option<Deed>> {
    let Act::Returned { order_id, refund_id, whole } = &deed.act else { return Ok(Some(deed.clone())) };
    let first = sold.basket(order_id).and_then(|basket| basket.lines.first());
    let first = first.map(|line| LineQuantity { line_id: "1".to_owned(), quantity: line.quantity });
    let request = ReturnRequest {
        request_id: format!("return:{}", deed.event_id),
        user_id: deed.user_id.clone(),
        checkout_id: order_id.clone(),
        lines: first.filter(|_| !whole).into_iter().collect(),
        keep_freight: false,
    };
    let outcome = told(call!(calls, checkouts, r#return, request), "Return")?.outcome.unwrap_or_default();
    let amount_minor = minor(outcome.refund.as_ref(), currency)?;
    let act = Act::Refunded { order_id: order_id.clone(), refund_id: refund_id.clone(), amount_minor };
    Ok((amount_minor > 0).then(|| Deed { act, ..deed.clone() }))
}

/// Sends live events.
async fn send(calls: &Calls, currency: &str, deeds: &[Deed], passed: &mut Passed) -> anyhow::Result<()> {
    let mut lanes: HashMap<u64, Vec<&Deed>> = HashMap::new();
    for deed in deeds {
        lanes.entry(xxh3_64(deed.user_id.as_bytes()) % LANES).or_default().push(deed);
    }
    let sent = at_once(lanes.into_values().map(|lane| send_lane(calls, currency, lane))).await?;
    for (replay, refused) in sent {
        passed.replay.events += replay.events;
        passed.replay.taken += replay.taken;
        passed.replay.replayed += replay.replayed;
        passed.replay.refused += replay.refused;
        passed.refused.extend(refused);
    }
    Ok(())
}

async fn send_lane(calls: &Calls, currency: &str, lane: Vec<&Deed>) -> anyhow::Result<(Replay, Vec<Refused>)> {
    let (mut replay, mut refused) = (Replay::default(), Vec::new());
    for batch in lane.chunks(BATCH) {
        let mut left: Vec<UserEvent> = batch.iter().map(|deed| deed.to_proto(currency)).collect();
        replay.events += left.len() as u64;
        for attempt in 0.. {
            let request = RecordEventsRequest { mode: EventMode::Live.into(), events: left.clone() };
            let outcomes = told(call!(calls, events, record_events, request), "RecordEvents")?.outcomes;
            if outcomes.len() != left.len() {
                bail!("RecordEvents answered with more or fewer outcomes than events");
            }
            let mut again = Vec::new();
            for (event, outcome) in left.into_iter().zip(outcomes) {
                match outcome.error {
                    None if outcome.replayed => replay.replayed += 1,
                    None => replay.taken += 1,
                    Some(error) if unsettled(&status::from_rpc(&error)) && attempt < ATTEMPTS => again.push(event),
                    Some(error) => {
                        replay.refused += 1;
                        let reason = format!("{:?}: {}", Code::from(error.code), error.message);
                        refused.push(Refused { line: None, event_id: event.event_id, reason });
                    }
                }
            }
            left = again;
            if left.is_empty() {
                break;
            }
            calls.pause().await;
        }
    }
    Ok((replay, refused))
}
