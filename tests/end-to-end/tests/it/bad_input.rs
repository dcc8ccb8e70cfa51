//! Bad input by every RPC: a precise refusal, nothing changed, never INTERNAL or UNKNOWN.

use end_to_end::{
    contract,
    harness::{Suite, reason, violations},
    samples::Names,
};
use prost_reflect::{Kind, Value};
use tonic::Code;

const NAMES: Names<'_> = Names { tenant: "shop", user: "u1", ids: "1", canary: "canary" };

/// Whether the calls of a test may write.
#[derive(PartialEq)]
enum Effect {
    None,
    Some,
}

/// Sends every mutation of every sample that `change` makes and hands path, field and answer to `expect`; then nothing
/// may have been logged.
async fn every_mutation(
    change: impl Fn(&Kind) -> Option<Value>,
    expect: impl Fn(&str, &str, Result<(), tonic::Status>),
    effect: Effect,
) {
    let suite = Suite::start().await;
    suite.fill(&NAMES).await;
    let before = suite.quiet().await;
    let mut seen = 0;
    for method in contract::methods() {
        let path = contract::path(&method);
        let token = suite.token_for(&path, "shop");
        for mutation in contract::mutations(&suite.sample(&method, &NAMES), &change) {
            let answer = suite.call_whole(&path, &token, mutation.request).await;
            expect(&path, &mutation.field, answer);
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen} requests were tried");
    if effect == Effect::None {
        assert_eq!(suite.heads().await, before, "a refused call left something in a log");
    }
}

#[tokio::test]
async fn a_nul_character_is_refused_in_every_text_of_every_rpc() {
    let nul = |kind: &Kind| matches!(kind, Kind::String).then(|| Value::String("a\0b".into()));
    let expect = |path: &str, field: &str, answer: Result<(), tonic::Status>| {
        let status = answer.expect_err(&format!("{path} took NUL in {field}"));
        assert_eq!(status.code(), Code::InvalidArgument, "{path} {field}");
        assert_eq!(reason(&status), "FIELDS_INVALID", "{path} {field}");
        let named = violations(&status);
        assert!(named.iter().any(|name| name.starts_with(field)), "{path}: {named:?} does not name {field}");
    };
    every_mutation(nul, expect, Effect::None).await;
}

#[tokio::test]
async fn an_unknown_enum_number_is_refused_by_every_rpc() {
    let unknown = |kind: &Kind| matches!(kind, Kind::Enum(_)).then_some(Value::EnumNumber(9999));
    let expect = |path: &str, field: &str, answer: Result<(), tonic::Status>| {
        let status = answer.expect_err(&format!("{path} took an unknown value in {field}"));
        assert_eq!(
            (status.code(), reason(&status)),
            (Code::InvalidArgument, "FIELDS_INVALID".into()),
            "{path} {field}"
        );
    };
    every_mutation(unknown, expect, Effect::None).await;
}

#[tokio::test]
async fn numbers_at_the_edges_never_break_an_rpc() {
    for edge in [i64::MIN, -1, i64::MAX] {
        let extreme = move |kind: &Kind| match kind {
            Kind::Int64 => Some(Value::I64(edge)),
            Kind::Int32 => Some(Value::I32(edge.clamp(i32::MIN.into(), i32::MAX.into()) as i32)),
            _ => None,
        };
        let expect = move |path: &str, field: &str, answer: Result<(), tonic::Status>| {
            if let Err(status) = answer {
                let code = status.code();
                assert!(
                    !matches!(code, Code::Internal | Code::Unknown | Code::Unavailable | Code::DeadlineExceeded),
                    "{path} with {field} = {edge}: {status:?}"
                );
                assert_ne!(reason(&status), "", "{path} {field}");
            } else {
                assert!(
                    edge > 0 || field.contains("seconds") || field.contains("nanos"),
                    "{path} took {field} = {edge}"
                );
            }
        };
        every_mutation(extreme, expect, Effect::Some).await;
    }
}

#[tokio::test]
async fn an_oversized_text_is_refused_in_every_field_of_every_rpc() {
    let long = |kind: &Kind| matches!(kind, Kind::String).then(|| Value::String("长".repeat(10_001)));
    let expect = |path: &str, field: &str, answer: Result<(), tonic::Status>| {
        let status = answer.expect_err(&format!("{path} took 30,003 bytes in {field}"));
        assert_eq!(status.code(), Code::InvalidArgument, "{path} {field}: {status:?}");
    };
    every_mutation(long, expect, Effect::None).await;
}

#[tokio::test]
async fn bytes_that_are_no_message_are_refused_by_every_rpc() {
    let suite = Suite::start().await;
    for (path, _) in suite.requests(&NAMES) {
        let token = suite.token_for(path, "shop");
        for garbage in [vec![0xff; 7], vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], vec![0x0f], b"{\"json\": 1}".to_vec()]
        {
            let status = suite.call(path, Some(&token), garbage.clone()).await.expect_err(path);
            assert_eq!(status.code(), Code::InvalidArgument, "{path} {garbage:?}: {status:?}");
        }
    }
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_by_every_rpc() {
    let suite = Suite::start().await;
    for (path, _) in suite.requests(&NAMES) {
        let token = suite.token_for(path, "shop");
        let status = suite.call(path, Some(&token), vec![0; 5 << 20]).await.expect_err(path);
        assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE".into()), "{path}");
    }
}

#[tokio::test]
async fn a_page_token_of_another_list_is_refused_by_every_list() {
    let suite = Suite::start().await;
    suite.fill(&NAMES).await;
    suite.fill(&Names { user: "u2", ids: "2", ..NAMES }).await;
    let mut tokens = vec![("nowhere".to_owned(), "bm90LWEtdG9rZW4".to_owned())];
    let lists: Vec<_> = contract::methods()
        .into_iter()
        .filter(|method| method.input().get_field_by_name("page_token").is_some())
        .collect();
    for method in &lists {
        let path = contract::path(method);
        let mut first = suite.sample(method, &NAMES);
        first.set_field_by_name("page_size", Value::I32(1));
        let page = suite.json(method, "shop", &first).await.unwrap_or_else(|err| panic!("{path}: {err:?}"));
        if let Some(next) = page.get("nextPageToken").and_then(|token| token.as_str()) {
            tokens.push((path, next.to_owned()));
        }
    }
    assert!(tokens.len() > 2, "only {} lists had a second page", tokens.len());
    for method in &lists {
        let path = contract::path(method);
        for (_, token) in tokens.iter().filter(|(list, _)| *list != path) {
            let mut request = suite.sample(method, &NAMES);
            request.set_field_by_name("page_token", Value::String(token.clone()));
            let status = suite.json(method, "shop", &request).await.expect_err(&path);
            assert_eq!(
                (status.code(), reason(&status)),
                (Code::InvalidArgument, "PAGE_TOKEN_INVALID".into()),
                "{path}"
            );
        }
    }
}
