//! Holds and rewards through a real socket.

use eventlog::Draft;
use ids::EventId;
use proto::incentives::v1 as incentives;
use proto::levels::v1 as pb;
use status::{metadata_of, reason_of, violations_of};
use time::OffsetDateTime;
use tonic::Code;

use crate::api::{earn, point_type};
use crate::consumer::{Server, server};

fn hold(user: &str, amount: i64, id: &str) -> pb::HoldPointsRequest {
    pb::HoldPointsRequest {
        request_id: id.to_owned(),
        user_id: user.to_owned(),
        point_type_id: "points".to_owned(),
        amount,
        ttl_seconds: 900,
        ..Default::default()
    }
}

fn capture(hold_id: &str, amount: i64, id: &str) -> pb::CaptureHoldRequest {
    let (request_id, user_id, hold_id) = (id.to_owned(), "u".to_owned(), hold_id.to_owned());
    pb::CaptureHoldRequest { request_id, user_id, hold_id, amount, ..Default::default() }
}

/// A shop whose user `u` has 100 points.
async fn shop() -> Server {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    server.points().earn(earn("u", 100, "in")).await.unwrap();
    server
}

async fn open(server: &Server, amount: i64, id: &str) -> pb::Hold {
    server.points().hold_points(hold("u", amount, id)).await.unwrap().into_inner().hold.unwrap()
}

#[tokio::test]
async fn a_hold_goes_from_open_to_captured_and_given_back() {
    let server = shop().await;
    let first = server.points().hold_points(hold("u", 60, "h")).await.unwrap();
    assert!(!first.metadata().contains_key(rt::REPLAYED_TRAILER));
    let again = server.points().hold_points(hold("u", 60, "h")).await.unwrap();
    assert_eq!(again.metadata().get(rt::REPLAYED_TRAILER).unwrap(), "true");
    let (first, again) = (first.into_inner(), again.into_inner());
    assert_eq!((first.available_after, &first), (40, &again));
    let position = first.position.unwrap();
    assert_eq!((position.source.as_str(), position.seq > 0), ("levels", true));
    let opened = first.hold.unwrap();
    let ttl = opened.expire_time.unwrap().seconds - opened.create_time.unwrap().seconds;
    assert_eq!((opened.state(), opened.lots[0].amount, ttl), (pb::HoldState::Open, 60, 900));

    let captured = server.points().capture_hold(capture(&opened.hold_id, 0, "c")).await.unwrap().into_inner();
    assert_eq!(captured.hold.as_ref().unwrap().captured, 60);
    let back = pb::GiveBackRequest {
        request_id: "b".into(),
        user_id: "u".into(),
        hold_id: opened.hold_id.clone(),
        amount: 25,
        reason: "returned".into(),
    };
    let back = server.points().give_back(back).await.unwrap().into_inner();
    let read = pb::GetHoldRequest {
        user_id: "u".into(),
        hold_id: opened.hold_id.clone(),
        at_least: vec![back.position.unwrap()],
    };
    let read = server.points().get_hold(read).await.unwrap().into_inner().hold.unwrap();
    assert_eq!((read.state(), read.captured, read.given_back), (pb::HoldState::Captured, 60, 25));
    assert_eq!(Some(read), back.hold);

    let second = open(&server, 10, "h2").await;
    let release =
        pb::ReleaseHoldRequest { request_id: "r".into(), user_id: "u".into(), hold_id: second.hold_id.clone() };
    let released = server.points().release_hold(release).await.unwrap().into_inner();
    assert_eq!((released.hold.unwrap().state(), released.available_after), (pb::HoldState::Released, 65));
    let list = pb::ListHoldsRequest { user_id: "u".into(), page_size: 1, ..Default::default() };
    let page = server.points().list_holds(list.clone()).await.unwrap().into_inner();
    assert_eq!(page.holds[0].hold_id, second.hold_id);
    let next = pb::ListHoldsRequest { page_token: page.next_page_token.clone(), ..list.clone() };
    let page_two = server.points().list_holds(next).await.unwrap().into_inner();
    assert_eq!((page_two.holds[0].hold_id.as_str(), page_two.next_page_token.as_str()), (opened.hold_id.as_str(), ""));
    let foreign = pb::ListHoldsRequest { state: 1, page_token: page.next_page_token, ..list };
    let refused = server.points().list_holds(foreign).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("PAGE_TOKEN_INVALID"));
    let kinds: Vec<_> = server.told().await.into_iter().map(|event| event.r#type).collect();
    let holds: Vec<_> = kinds.iter().filter(|kind| kind.starts_with("hold.")).map(String::as_str).collect();
    assert_eq!(holds, ["hold.opened", "hold.captured", "hold.given_back", "hold.opened", "hold.released"]);
    server.end().await;
}

#[tokio::test]
async fn refusals_name_their_reason_and_figures() {
    let server = shop().await;
    let opened = open(&server, 60, "h").await;
    let refused = server.points().hold_points(hold("u", 41, "h2")).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::FailedPrecondition, Some("BALANCE_SHORT")));
    let refused = server.points().capture_hold(capture(&opened.hold_id, 61, "c1")).await.unwrap_err();
    let metadata = metadata_of(&refused);
    assert_eq!(reason_of(&refused).as_deref(), Some("HOLD_EXCEEDED"));
    assert_eq!((metadata["held"].as_str(), metadata["amount"].as_str()), ("60", "61"));
    let back = |id: &str, amount| pb::GiveBackRequest {
        request_id: id.to_owned(),
        user_id: "u".into(),
        hold_id: opened.hold_id.clone(),
        amount,
        ..Default::default()
    };
    let refused = server.points().give_back(back("b1", 1)).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("HOLD_OPEN"));
    server.points().capture_hold(capture(&opened.hold_id, 10, "c2")).await.unwrap();
    let refused = server.points().capture_hold(capture(&opened.hold_id, 10, "c3")).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::FailedPrecondition, Some("HOLD_CAPTURED")));
    assert_eq!(metadata_of(&refused)["hold_id"], opened.hold_id);
    let refused = server.points().give_back(back("b2", 11)).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("GIVE_BACK_EXCEEDED"));
    let refused = server.points().capture_hold(capture("nothing", 1, "c4")).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::NotFound, Some("HOLD_NOT_FOUND")));
    let other = pb::GetHoldRequest { user_id: "u".into(), hold_id: opened.hold_id.clone(), ..Default::default() };
    let refused = server.points_of("other").get_hold(other.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::NotFound, Some("HOLD_NOT_FOUND")));
    let mut own = server.points_of_user("v", "points.read");
    assert_eq!(own.get_hold(other).await.unwrap_err().code(), Code::PermissionDenied);
    server.end().await;
}

#[tokio::test]
async fn malformed_holds_name_every_field() {
    let server = shop().await;
    let cases: Vec<(pb::HoldPointsRequest, Vec<&str>)> = vec![
        (pb::HoldPointsRequest { ttl_seconds: 0, ..hold("u", 1, "1") }, vec!["ttl_seconds"]),
        (pb::HoldPointsRequest { ttl_seconds: 2_592_001, ..hold("u", 0, "1") }, vec!["amount", "ttl_seconds"]),
        (hold("", -1, ""), vec!["request_id", "user_id", "amount"]),
    ];
    for (request, want) in cases {
        let status = server.points().hold_points(request.clone()).await.unwrap_err();
        let fields: Vec<_> = violations_of(&status).iter().map(|violation| violation.0.clone()).collect();
        assert_eq!(fields, want, "{request:?}");
    }
    let list = pb::ListHoldsRequest { user_id: "u".into(), state: 9, ..Default::default() };
    assert_eq!(server.points().list_holds(list).await.unwrap_err().code(), Code::InvalidArgument);
    server.end().await;
}

#[tokio::test]
async fn rewards_and_checkouts_in_incentives_log_become_points_that_a_read_with_their_position_shows() {
    let server = shop().await;
    let opened = open(&server, 60, "h").await;
    let granted = incentives::RewardGranted {
        reward_id: "r".into(),
        campaign_id: "spring".into(),
        point_type_id: "points".into(),
        amount: 30,
        ..Default::default()
    };
    let confirmed = incentives::CheckoutConfirmed {
        checkout_id: "c".into(),
        order_id: "o".into(),
        hold_id: opened.hold_id,
        points: 50,
    };
    let now = OffsetDateTime::now_utc();
    let id = |id: &str| EventId::new(id).unwrap();
    let drafts =
        [Draft::new("u", id("1"), &granted, now).site("app"), Draft::new("u", id("2"), &confirmed, now).site("app")];
    let position = server.tell_as_incentives(&drafts).await;
    let request = pb::GetBalanceRequest {
        user_id: "u".into(),
        point_type_id: "points".into(),
        at_least: vec![position.clone()],
        ..Default::default()
    };
    let balance = server.points().get_balance(request).await.unwrap().into_inner();
    assert_eq!((balance.available, balance.held), (80, 0));
    let told = server.told().await;
    let follow_ups: Vec<_> = told.iter().filter(|event| event.hops == 1).collect();
    let kinds: Vec<_> = follow_ups.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(kinds, ["points.posted", "reward.fulfilled", "points.posted", "hold.captured"]);
    let cause = follow_ups[3].cause.as_ref().unwrap();
    assert_eq!((cause.source.as_str(), cause.partition, cause.seq), ("incentives", position.partition, position.seq));
    assert_eq!((follow_ups[3].root_event_id.as_str(), follow_ups[3].site.as_str()), ("2", "app"));
    server.end().await;
}
