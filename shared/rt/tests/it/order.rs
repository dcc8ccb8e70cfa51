//! The order of the layers, seen from outside: what comes first decides what a call with several faults is told, and
//! everything is counted.

use status::reason_of;
use tonic::Code;

use crate::raw::{GET_SCHEME, Raw, encoded};
use crate::server::{Running, counted, eventually, get};

const METHOD: &str = "banyan.levels.v1.LevelService/GetScheme";

/// Sends a call with faults for the layers from `first` on and says which one answers.
async fn answer(running: &Running, first: usize) -> Option<String> {
    let mut raw = Raw::connect(running).await;
    let timeout: &[(&str, &str)] = if first == 0 { &[("grpc-timeout", "soon")] } else { &[] };
    let mut request = raw.request(GET_SCHEME, timeout, encoded(&get("")));
    let headers = request.headers_mut();
    if first <= 1 {
        headers.remove("authorization");
    } else if first == 2 {
        let token = running.mint(|grant| grant.scope("nothing"));
        headers.insert("authorization", format!("Bearer {token}").try_into().unwrap());
    }
    let response = raw.send(request).await;
    reason_of(&tonic::Status::from_header_map(response.headers()).unwrap())
}

#[tokio::test]
async fn each_layer_refuses_before_the_next_one_looks() {
    let running = Running::start().await;
    let expected = ["TIMEOUT_MALFORMED", "TOKEN_INVALID", "SCOPE_MISSING", "FIELDS_INVALID"];
    for (first, reason) in expected.iter().enumerate() {
        assert_eq!(answer(&running, first).await.as_deref(), Some(*reason));
    }
}

#[tokio::test]
async fn shedding_comes_before_all_that_costs_more_and_is_counted() {
    let running = Running::with(|settings| settings.calls_max = 0).await;
    let before = counted(METHOD, "RESOURCE_EXHAUSTED");
    assert_eq!(answer(&running, 0).await.as_deref(), Some("OVERLOADED"));
    eventually("the shed call is counted", || counted(METHOD, "RESOURCE_EXHAUSTED") > before).await;
}

#[tokio::test]
async fn refused_calls_are_counted() {
    let running = Running::start().await;
    let codes = ["INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT"];
    for (first, code) in codes.iter().enumerate() {
        let before = counted(METHOD, code);
        answer(&running, first).await;
        eventually("the refused call is counted", || counted(METHOD, code) > before).await;
    }
}

#[tokio::test]
async fn one_call_more_than_the_limit_is_shed_and_told_when_to_come_back() {
    let running = Running::with(|settings| settings.calls_max = 3).await;
    let client = running.client();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { client.get_scheme(get("wait")).await })
        })
        .collect();
    running.watch.arrived(3).await;
    // Another connection: the limit is the server's, not a connection's.
    let shed = running.client().get_scheme(get("any")).await.unwrap_err();
    assert_eq!((shed.code(), reason_of(&shed).as_deref()), (Code::ResourceExhausted, Some("OVERLOADED")));
    let rpc = status::to_rpc(&shed);
    assert!(rpc.details.iter().any(|detail| detail.type_url.ends_with("google.rpc.RetryInfo")));
    running.watch.open(3);
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    running.client().get_scheme(get("any")).await.unwrap();
}

#[tokio::test]
async fn an_abandoned_write_keeps_its_place_until_it_ends() {
    let running = Running::with(|settings| settings.calls_max = 1).await;
    let mut client = running.client();
    let write = tokio::spawn(async move { client.publish_scheme(crate::server::publish("a", "wait")).await });
    running.watch.arrived(1).await;
    write.abort();
    let _ = write.await;
    let shed = running.client().get_scheme(get("any")).await.unwrap_err();
    assert_eq!(shed.code(), Code::ResourceExhausted);
    running.watch.open(1);
    eventually("the write ends", || running.watch.writes.lock().unwrap()["a"] == (1, 1)).await;
    let mut client = running.client();
    while client.get_scheme(get("any")).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_users_token_touches_only_that_user() {
    use proto::levels::v1::GetMemberRequest;
    let running = Running::start().await;
    let token = running.mint(|grant| grant.user(&ids::UserId::new("u1").unwrap()).scope("points.read"));
    let mut client =
        proto::levels::v1::level_service_client::LevelServiceClient::new(running.anonymous().with_token(token));
    let of = |user: &str| GetMemberRequest {
        user_id: user.to_owned(),
        scheme_id: "s".to_owned(),
        ..GetMemberRequest::default()
    };
    client.get_member(of("u1")).await.unwrap();
    let refused = client.get_member(of("u2")).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::PermissionDenied, Some("USER_NOT_ALLOWED")));
}

#[tokio::test]
async fn an_unknown_method_is_told_so_with_and_without_a_token() {
    let running = Running::start().await;
    let mut raw = Raw::connect(&running).await;
    let before = counted("_OTHER", "UNIMPLEMENTED");
    for path in ["/banyan.levels.v1.LevelService/Nothing", "/no.Such/Service", "/", "/a/b/c"] {
        let mut request = raw.request(path, &[], encoded(&get("any")));
        request.headers_mut().remove("authorization");
        let anonymous = raw.send(request).await;
        let anonymous = tonic::Status::from_header_map(anonymous.headers()).unwrap();
        let known = raw.status(path, &[], encoded(&get("any"))).await;
        assert_eq!((anonymous.code(), known.code()), (Code::Unimplemented, Code::Unimplemented), "{path}");
        assert_eq!(anonymous.message(), known.message());
    }
    eventually("they share one label", || counted("_OTHER", "UNIMPLEMENTED") >= before + 8).await;
}
