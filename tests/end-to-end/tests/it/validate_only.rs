//! What is only to be validated: every definition can be, and nothing comes of it.

use std::collections::BTreeSet;

use end_to_end::{contract, harness::Suite, samples, samples::Names};
use prost::Message;
use prost_reflect::{DynamicMessage, Value};

const NAMES: Names<'_> = Names { tenant: "shop", user: "u1", ids: "1", canary: "canary" };

#[tokio::test]
async fn a_definition_is_answered_as_it_would_be_stored_and_its_request_id_stays_free() {
    let suite = Suite::start().await;
    let mut tried = BTreeSet::new();
    for (path, json) in samples::writes(&NAMES) {
        let method = contract::methods().into_iter().find(|method| contract::path(method) == path).unwrap();
        let token = suite.token_for(path, NAMES.tenant);
        let real = contract::message(method.input(), &json);
        if method.input().get_field_by_name("validate_only").is_some() {
            let mut asked = real.clone();
            asked.set_field_by_name("validate_only", Value::Bool(true));
            let before = suite.quiet().await; // what the writes before it set in motion has come to rest
            let answer = suite.call(path, Some(&token), asked.encode_to_vec()).await.expect(path);
            assert_eq!(suite.heads().await, before, "{path} told of something");
            let answer = DynamicMessage::decode(method.output(), &answer.message[..]).unwrap();
            assert!(!answer.has_field_by_name("position"), "{path}");
            let told: Vec<_> = answer.fields().map(|(field, _)| field.name().to_owned()).collect();
            // a change says besides what it touches
            assert_eq!(told.iter().filter(|name| *name != "changed").count(), 1, "{path}: {told:?}");
            tried.insert(path);
        }
        suite.call(path, Some(&token), real.encode_to_vec()).await.unwrap_or_else(|err| panic!("{path}: {err:?}"));
    }
    assert_eq!(tried.len(), 16, "{tried:?}");
}
