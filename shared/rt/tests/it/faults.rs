//! Faults of ours: the caller learns that there was one and where to look, and nothing else.

use status::{metadata_of, reason_of};
use tonic::Code;

use crate::server::{Running, get, publish};

#[tokio::test]
async fn a_fault_reaches_the_caller_as_internal_without_its_text() {
    let running = Running::start().await;
    let mut client = running.client();
    let mut faults = vec![client.publish_scheme(publish("p", "panic")).await.unwrap_err()];
    for scheme in ["internal", "unknown", "panic", "large"] {
        faults.push(client.get_scheme(get(scheme)).await.unwrap_err());
    }
    for status in faults {
        assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::Internal, Some("INTERNAL")));
        assert_eq!(status.message(), "the service failed");
        assert!(!String::from_utf8_lossy(status.details()).contains("secret"));
        let metadata = metadata_of(&status);
        assert!(metadata.contains_key("trace_id") && metadata.contains_key("request_id"), "{metadata:?}");
    }
    client.get_scheme(get("any")).await.unwrap();
}

#[tokio::test]
async fn the_callers_request_id_comes_back() {
    let running = Running::start().await;
    let mut request = tonic::Request::new(get("any"));
    request.metadata_mut().insert("x-request-id", "mine-1".parse().unwrap());
    let response = running.client().get_scheme(request).await.unwrap();
    assert_eq!(response.metadata().get("x-request-id").unwrap(), "mine-1");
    let response = running.client().get_scheme(get("any")).await.unwrap();
    assert_eq!(response.metadata().get("x-request-id").unwrap().len(), 36);
}
