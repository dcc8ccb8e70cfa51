use eventlog::Link;
use ids::TenantId;
use proto::common::v1::Position;
use proto::events::v1::event_log_service_server::EventLogService;
use proto::events::v1::{Event, EventMode, GetOutcomeRequest, GetOutcomeResponse, OutcomeState};
use testkit::eventually;

use crate::stage::{Book, Stage, call, visit};

async fn outcome(
    stage: &Stage,
    tenant: &str,
    service: &str,
    event_id: &str,
    position: Option<Position>,
) -> GetOutcomeResponse {
    let logs = eventlog::grpc::Logs::new(vec![stage.profiles.clone(), stage.levels.clone()]);
    let request = GetOutcomeRequest { service: service.to_owned(), event_id: event_id.to_owned(), position };
    logs.get_outcome(call(Some(tenant), request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn the_service_that_owns_an_event_lists_it_and_what_it_led_to() {
    let stage = Stage::new().await;
    let tenant = TenantId::new("shop").unwrap();
    let first = stage.visit("shop", &[("a", 1)]).await[0];
    let cause = Event {
        partition: first.partition.index().into(),
        seq: first.seq,
        root_event_id: "a-1".to_owned(),
        mode: EventMode::Live.into(),
        ..Event::default()
    };
    let follow_up = visit("a", 2).caused_by(&Link::to("profiles", &cause)).unwrap();
    let db = stage.db.db("profiles").await;
    let mut tx = db.begin(&tenant).await.unwrap();
    stage.profiles.append(&mut tx, &tenant, &[follow_up]).await.unwrap();
    tx.commit().await.unwrap();
    let got = outcome(&stage, "shop", "profiles", "a-1", None).await;
    assert_eq!(got.state(), OutcomeState::Applied);
    let ids: Vec<&str> = got.events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(ids, ["a-1", "a-2"]);
    // for another tenant the event does not exist
    let foreign = outcome(&stage, "other", "profiles", "a-1", None).await;
    assert_eq!((foreign.state(), foreign.events.len()), (OutcomeState::Pending, 0));
}

#[tokio::test]
async fn a_consuming_service_tells_pending_then_applied_by_the_position() {
    let stage = Stage::new().await;
    let position = Some(Position::from(stage.visit("shop", &[("a", 1)]).await[0]));
    let before = outcome(&stage, "shop", "levels", "a-1", position.clone()).await;
    // nobody consumes yet in this process, and no cursor was ever left: nothing to wait for is not applied either
    let running = stage.consume(&Book::default());
    eventually(|| stage.quiet()).await;
    let after = outcome(&stage, "shop", "levels", "a-1", position).await;
    running.end().await;
    assert_eq!((before.state(), after.state()), (OutcomeState::Pending, OutcomeState::Applied));
}

#[tokio::test]
async fn an_event_set_aside_says_why() {
    let stage = Stage::new().await;
    let running = stage.consume(&Book::failing_at(2));
    let positions = stage.visit("shop", &[("a", 2), ("a", 3)]).await;
    eventually(|| stage.quiet()).await;
    running.end().await;
    let got = outcome(&stage, "shop", "levels", "a-2", Some(positions[0].into())).await;
    assert_eq!(got.state(), OutcomeState::SetAside);
    assert_eq!(got.set_aside_reason, "number 2 is refused");
    assert_eq!(outcome(&stage, "other", "levels", "a-2", None).await.state(), OutcomeState::Pending);
}
