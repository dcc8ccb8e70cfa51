//! Request ids: every write repeated, with the same body and with another.

use end_to_end::{
    contract,
    harness::{Suite, reason},
    samples::Names,
};
use prost::Message;
use prost_reflect::Value;
use tonic::Code;

const NAMES: Names<'_> = Names { tenant: "shop", user: "u1", ids: "1", canary: "canary" };

#[tokio::test]
async fn a_repeated_write_returns_its_first_answer_and_changes_nothing() {
    let suite = Suite::start().await;
    let first = suite.fill(&NAMES).await;
    let before = suite.quiet().await;
    for (path, body, answer) in first {
        let token = suite.token_for(path, "shop");
        let again = suite.call(path, Some(&token), body).await.unwrap_or_else(|err| panic!("{path}: {err:?}"));
        if suite.has_request_id(path) {
            assert_eq!(again.message, answer, "{path} answered a repeat differently");
            assert_eq!(again.trailers.get("banyan-replayed").map(|v| v.as_bytes()), Some(&b"true"[..]), "{path}");
        }
    }
    assert_eq!(suite.quiet().await, before, "a repeat was logged again");
}

#[tokio::test]
async fn a_request_id_with_another_body_is_refused_by_every_write() {
    let suite = Suite::start().await;
    suite.fill(&NAMES).await;
    let before = suite.quiet().await;
    let other = Names { canary: "other", ..NAMES };
    let mut tried = 0;
    for method in contract::methods() {
        let path = contract::path(&method);
        if !suite.has_request_id(&path) {
            continue;
        }
        let id = suite.sample(&method, &NAMES).get_field_by_name("request_id").unwrap().into_owned();
        let Value::String(id) = id else { panic!("a request id is a text") };
        let mut request = suite.sample(&method, &other);
        request.set_field_by_name("request_id", Value::String(id));
        let token = suite.token_for(&path, "shop");
        if request.encode_to_vec() == suite.sample(&method, &NAMES).encode_to_vec() {
            continue;
        }
        let status = suite.call(&path, Some(&token), request.encode_to_vec()).await.expect_err(&path);
        assert_eq!((status.code(), reason(&status)), (Code::AlreadyExists, "REQUEST_ID_REUSED".into()), "{path}");
        tried += 1;
    }
    assert!(tried >= 5, "only {tried} writes were tried");
    assert_eq!(suite.quiet().await, before);
}

#[tokio::test]
async fn another_tenants_request_id_is_another_id() {
    let suite = Suite::start().await;
    suite.fill(&NAMES).await;
    // Same ids, same bodies, another tenant: every write happens for it too.
    suite.fill(&Names { tenant: "shop2", ..NAMES }).await;
}
