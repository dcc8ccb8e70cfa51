//! What is checked of a message before a handler sees it.

use prost::Message as _;
use proto::levels::v1::{GetMemberRequest, PeriodEnd};
use status::{metadata_of, reason_of, violations_of};
use tonic::{Code, Status};

use crate::raw::{GET_SCHEME, Raw, encoded, framed};
use crate::server::{Running, get, publish};

const PUBLISH: &str = "/banyan.levels.v1.LevelService/PublishScheme";

fn told(status: &Status) -> (Code, Option<String>) {
    (status.code(), reason_of(status))
}

fn refused(code: Code, reason: &str) -> (Code, Option<String>) {
    (code, Some(reason.to_owned()))
}

#[tokio::test]
async fn what_is_not_an_encoded_message_is_told_so() {
    let running = Running::start().await;
    let mut raw = Raw::connect(&running).await;
    let scheme = get("any").encode_to_vec();
    let bodies = [
        ("no message", vec![]),
        ("half a header", vec![0, 0]),
        ("half a message", encoded(&get("any"))[..7].to_vec()),
        ("two messages", [framed(&scheme), framed(&scheme)].concat()),
        ("not protobuf", framed(&[0xff, 0xff, 0xff])),
        ("not UTF-8", framed(&[0x0a, 2, 0xc3, 0x28])),
        ("another wire type", framed(&[0x08, 1])),
        ("a strange flag", [vec![7], framed(&scheme)[1..].to_vec()].concat()),
    ];
    for (what, body) in bodies {
        let status = raw.status(GET_SCHEME, &[], body).await;
        assert_eq!(told(&status), refused(Code::InvalidArgument, "MESSAGE_MALFORMED"), "{what}: {status:?}");
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_its_header_alone() {
    let running = Running::with(|settings| settings.message_bytes_max = 2048).await;
    let mut raw = Raw::connect(&running).await;
    let announced = vec![0, 0x40, 0, 0, 0];
    for body in [announced, framed(&[0; 2049])] {
        let status = raw.status(GET_SCHEME, &[], body).await;
        assert_eq!(told(&status), refused(Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
        assert_eq!(metadata_of(&status)["limit_bytes"], "2048");
    }
    // At the limit it is read, and has other faults.
    let at_limit = get(&"a".repeat(2048 - 3));
    assert_eq!(at_limit.encoded_len(), 2048);
    let status = raw.status(GET_SCHEME, &[], encoded(&at_limit)).await;
    assert_eq!(told(&status), refused(Code::InvalidArgument, "FIELDS_INVALID"));
}

#[tokio::test]
async fn compressed_messages_are_refused() {
    let running = Running::start().await;
    let mut raw = Raw::connect(&running).await;
    let body = [vec![1], encoded(&get("any"))[1..].to_vec()].concat();
    let status = raw.status(GET_SCHEME, &[("grpc-encoding", "gzip")], body).await;
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_nul_and_an_unknown_enum_number_are_refused_with_their_paths() {
    let running = Running::start().await;
    let mut raw = Raw::connect(&running).await;
    let mut write = publish("r\0", "gold");
    write.scheme.as_mut().unwrap().period_end = 99;
    let status = raw.status(PUBLISH, &[], encoded(&write)).await;
    assert_eq!(told(&status), refused(Code::InvalidArgument, "FIELDS_INVALID"));
    let fields: Vec<_> = violations_of(&status).into_iter().map(|(field, _)| field).collect();
    assert!(fields.contains(&"request_id".to_owned()), "{fields:?}");
    assert!(fields.contains(&"scheme.period_end".to_owned()), "{fields:?}");
    assert!(running.watch.writes.lock().unwrap().is_empty());
    write.scheme.as_mut().unwrap().period_end = PeriodEnd::Keep.into();
    write.request_id = "r".to_owned();
    assert_eq!(raw.status(PUBLISH, &[], encoded(&write)).await.code(), Code::Ok);
}

#[tokio::test]
async fn all_violations_are_told_at_once() {
    let running = Running::start().await;
    let empty = GetMemberRequest::default();
    let status = running.client().get_member(empty).await.unwrap_err();
    let fields: Vec<_> = violations_of(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["user_id", "scheme_id"]);
}

#[tokio::test]
async fn a_message_in_many_pieces_is_one_message() {
    use bytes::Bytes;
    use http_body_util::StreamBody;
    let running = Running::start().await;
    let pieces: Vec<Bytes> = encoded(&get("any")).chunks(1).map(Bytes::copy_from_slice).collect();
    let frames = futures::stream::iter(pieces).map(|piece| Ok::<_, Status>(http_body::Frame::data(piece)));
    use futures::StreamExt as _;
    let request = http::Request::post(format!("{}{GET_SCHEME}", running.uri))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(tonic::body::Body::new(StreamBody::new(frames)))
        .unwrap();
    let response = tower::Service::call(&mut running.channel(), request).await.unwrap();
    assert!(Status::from_header_map(response.headers()).is_none(), "{:?}", response.headers());
}

#[tokio::test]
async fn what_is_not_grpc_is_told_so_in_http() {
    let running = Running::start().await;
    let mut raw = Raw::connect(&running).await;
    let mut other = raw.request(GET_SCHEME, &[], encoded(&get("any")));
    other.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    assert_eq!(raw.send(other).await.status(), http::StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let mut read = raw.request(GET_SCHEME, &[], Vec::new());
    *read.method_mut() = http::Method::GET;
    assert_eq!(raw.send(read).await.status(), http::StatusCode::METHOD_NOT_ALLOWED);
}
