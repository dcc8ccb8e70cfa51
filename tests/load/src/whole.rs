//! The whole loop: orders from their report until every consumer of all four services has applied what came of them.

use std::collections::VecDeque;
use std::time::Instant;

use futures::future::try_join_all;
use proto::profiles::v1::{Order, OrderCompletedReport, OrderPaidReport, UserEvent, user_event::Report};
use time::OffsetDateTime;
use units::time::to_proto;

use crate::client::Client;
use crate::drive::{Meter, Run, Tally, number};
use crate::programme::usd;
use crate::quiet;
use crate::rig::Rig;
use crate::section::{MESSAGE, Scene, Section, send};

/// Sends so many orders, to whole messages, and waits until all is quiet. Each stream has users of its own, so that a user's
/// orders stay in order.
pub(crate) async fn run(rig: &Rig, section: Section, scene: Scene, streams: usize, events: u64) -> anyhow::Result<Run> {
    let messages = events.div_ceil(MESSAGE as u64);
    let mut lanes: Vec<VecDeque<Vec<UserEvent>>> = vec![VecDeque::new(); streams];
    for message in 0..messages as usize {
        let lane = message % streams;
        lanes[lane].push_back((0..MESSAGE).map(|_| order(section, scene, (lane, streams))).collect());
    }
    let mut tally = Tally::new()?;
    let meter = Meter::start(rig);
    let begun = Instant::now();
    let clients: Vec<Client> = (0..streams).map(|lane| rig.client(lane)).collect();
    try_join_all(clients.iter().zip(lanes).map(|(client, lane)| send(client, lane))).await?;
    quiet::wait(rig).await?;
    tally.latency.saturating_record(u64::try_from(begun.elapsed().as_micros())?);
    tally.units = messages * MESSAGE as u64;
    Ok(meter.stop(tally))
}

fn order(section: Section, scene: Scene, (lane, lanes): (usize, usize)) -> UserEvent {
    let id = number();
    let user = rand::random_range(0..scene.users.div_ceil(lanes as u64)) * lanes as u64 + lane as u64;
    let order =
        Order { order_id: format!("loop-{id}"), total: usd(rand::random_range(5_000..20_000)), ..Default::default() };
    let report = match section {
        Section::HotBudget => Report::OrderPaid(OrderPaidReport { order: Some(order) }),
        _ => Report::OrderCompleted(OrderCompletedReport { order: Some(order) }),
    };
    UserEvent {
        event_id: id.to_string(),
        user_id: format!("u{user}"),
        occurred_at: Some(to_proto(OffsetDateTime::now_utc())),
        report: Some(report),
        ..Default::default()
    }
}
